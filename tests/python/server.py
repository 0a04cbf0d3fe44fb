"""A server process, and the test case that talks to one."""

import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import redis

MODES = ("eventloop", "threaded")
BINARY = os.environ.get("OCHRE_SERVER", "target/release/ochre")


class Server:
    """A server on a free port of the loopback device, or on a Unix socket alone.

    Port 0 means a free port, and no port at all once there is a Unix socket.
    """

    def __init__(self, mode, *settings, unix=False):
        self.mode = mode
        self.directory = tempfile.mkdtemp(prefix="ochre-python-")
        self.unix_path = os.path.join(self.directory, "socket")
        self.log_path = os.path.join(self.directory, "log")
        line = [BINARY, "server", "--mode", mode, "--port", "0", "--bind", "127.0.0.1"]
        line += ["--dir", self.directory, *settings]
        if unix:
            line += ["--unixsocket", self.unix_path]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(line, stdout=log, stderr=log)
        try:
            self.port = self._announced_port()
        except BaseException:
            self.stop()
            raise

    def _announced_port(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            log = self.log()
            if "Ready to accept connections" in log:
                return int(re.search(r"port=(\d+)", log).group(1))
            self.must_be_alive()
            time.sleep(0.02)
        raise AssertionError("the server does not become ready:\n" + self.log())

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def must_be_alive(self):
        if self.process.poll() is not None:
            raise AssertionError(
                f"the server ended with {self.process.returncode}:\n" + self.log()
            )

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Case(unittest.TestCase):
    """A case with an empty server and a client `r` of the protocol under test."""

    # Filled in for each variant.
    server = None
    protocol = None

    protocols = (2, 3)
    maxDiff = None

    def setUp(self):
        self.r = self.client()
        self.r.flushall()

    def client(self, **options):
        options.setdefault("port", self.server.port)
        options.setdefault("protocol", self.protocol)
        client = redis.Redis(**options)
        self.addCleanup(client.close)
        return client

    def own_server(self, *settings, unix=False):
        """Another server of the same mode, with settings of its own."""
        server = Server(self.server.mode, *settings, unix=unix)
        self.addCleanup(server.stop)
        return server

    def refused(self, pattern):
        """Expects an error reply."""
        return self.assertRaisesRegex(redis.ResponseError, pattern)

    def between(self, low, value, high):
        self.assertLessEqual(low, value)
        self.assertLessEqual(value, high)
