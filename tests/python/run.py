"""Runs every case on every kind of server.

    OCHRE_SERVER=target/release/ochre python tests/python/run.py [word ...]

With words, only the cases whose name contains one of them. A case is run once for each
pair of mode and protocol, on one server per mode:

    eventloop ─┬─ RESP2 ─┬─ strings, keys, bitmaps, connection, ...
    threaded  ─┴─ RESP3 ─┘

Cases of the stock tools choose their own protocol and are run once per mode.
"""

import sys

sys.dont_write_bytecode = True

import unittest

import test_async
import test_bitmaps
import test_connection
import test_keys
import test_server
import test_strings
import test_tools
import test_transactions
from server import MODES, Server

MODULES = [
    test_strings,
    test_bitmaps,
    test_keys,
    test_connection,
    test_server,
    test_transactions,
    test_async,
    test_tools,
]


def main(words):
    servers = {mode: Server(mode) for mode in MODES}
    try:
        suite = unittest.TestSuite()
        for mode, server in servers.items():
            for module in MODULES:
                for case in cases(module):
                    for protocol in case.protocols:
                        suite.addTests(variant(case, server, mode, protocol, words))
        result = unittest.TextTestRunner(verbosity=1).run(suite)
        if suite.countTestCases() == 0:
            sys.exit("no case has such a name")
        for server in servers.values():
            server.must_be_alive()
    finally:
        for server in servers.values():
            server.stop()
    sys.exit(not result.wasSuccessful())


def cases(module):
    """The test cases that a module defines itself."""
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == module.__name__:
            if issubclass(value, unittest.TestCase):
                yield value


def variant(case, server, mode, protocol, words):
    """The tests of a case, on one server with one protocol."""
    name = f"{case.__name__}[{mode},{protocol}]"
    made = type(name, (case,), {"server": server, "protocol": protocol})
    for test in unittest.defaultTestLoader.loadTestsFromTestCase(made):
        if not words or any(word in test.id() for word in words):
            yield test


if __name__ == "__main__":
    main(sys.argv[1:])
