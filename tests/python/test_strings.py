"""The string commands of redis-py."""

import datetime
import time
import warnings

import redis
from redis.commands.core import DataPersistOptions
from server import Case


class Strings(Case):
    def test_set_and_get(self):
        self.assertIs(self.r.set("k", "v"), True)
        self.assertEqual(self.r.get("k"), b"v")
        self.assertIsNone(self.r.get("none"))
        self.assertEqual(self.r["k"], b"v")
        self.r["k"] = b"\x00\xff\r\n"
        self.assertEqual(self.r["k"], b"\x00\xff\r\n")
        with self.assertRaises(KeyError):
            self.r["none"]
        del self.r["k"]
        self.assertNotIn("k", self.r)

    def test_values_are_written_as_text(self):
        for value, text in ((7, b"7"), (-1.5, b"-1.5"), ("é", "é".encode()), (b"", b"")):
            self.r.set("k", value)
            self.assertEqual(self.r.get("k"), text)

    def test_set_only_if(self):
        self.assertIsNone(self.r.set("k", "1", xx=True))
        self.assertIs(self.r.set("k", "1", nx=True), True)
        self.assertIsNone(self.r.set("k", "2", nx=True))
        self.assertIs(self.r.set("k", "3", xx=True), True)
        self.assertEqual(self.r.get("k"), b"3")

    def test_set_if_equal(self):
        self.r.set("k", "old")
        with warnings.catch_warnings():
            # The client calls the option an experiment.
            warnings.simplefilter("ignore")
            self.assertIsNone(self.r.set("k", "new", ifeq="other"))
            self.assertIs(self.r.set("k", "new", ifeq="old"), True)
        self.assertEqual(self.r.get("k"), b"new")

    def test_set_for_a_time(self):
        now = int(time.time())
        self.r.set("k", "v", ex=10)
        self.between(9, self.r.ttl("k"), 10)
        self.r.set("k", "v", ex=datetime.timedelta(minutes=1))
        self.between(59, self.r.ttl("k"), 60)
        self.r.set("k", "v", px=10_500)
        self.between(9_000, self.r.pttl("k"), 10_500)
        self.r.set("k", "v", px=datetime.timedelta(seconds=5))
        self.between(4_000, self.r.pttl("k"), 5_000)
        self.r.set("k", "v", exat=now + 100)
        self.assertEqual(self.r.expiretime("k"), now + 100)
        self.r.set("k", "v", pxat=(now + 100) * 1000 + 7)
        self.assertEqual(self.r.pexpiretime("k"), (now + 100) * 1000 + 7)
        self.r.set("k", "w", keepttl=True)
        self.assertEqual(self.r.pexpiretime("k"), (now + 100) * 1000 + 7)
        self.r.set("k", "w")
        self.assertEqual(self.r.ttl("k"), -1)
        with self.refused("invalid expire time in 'set' command"):
            self.r.set("k", "v", ex=0)

    def test_set_returning_the_old_value(self):
        self.assertIsNone(self.r.set("k", "1", get=True))
        self.assertEqual(self.r.set("k", "2", get=True), b"1")
        self.assertEqual(self.r.set("k", "3", get=True, nx=True), b"2")
        self.assertEqual(self.r.get("k"), b"2")
        self.assertEqual(self.r.set("k", "4", get=True, xx=True, ex=10), b"2")
        self.between(9, self.r.ttl("k"), 10)

    def test_older_forms_of_set(self):
        self.assertIs(self.r.setnx("k", "1"), True)
        self.assertIs(self.r.setnx("k", "2"), False)
        self.assertIs(self.r.setex("k", 10, "3"), True)
        self.between(9, self.r.ttl("k"), 10)
        self.assertIs(self.r.psetex("k", 10_000, "4"), True)
        self.between(9_000, self.r.pttl("k"), 10_000)
        self.assertEqual(self.r.getset("k", "5"), b"4")
        self.assertEqual(self.r.ttl("k"), -1)

    def test_getdel_and_getex(self):
        now = int(time.time())
        self.r.set("k", "v")
        self.assertEqual(self.r.getex("k"), b"v")
        self.assertEqual(self.r.ttl("k"), -1)
        self.r.getex("k", ex=10)
        self.between(9, self.r.ttl("k"), 10)
        self.r.getex("k", px=10_000)
        self.between(9_000, self.r.pttl("k"), 10_000)
        self.r.getex("k", exat=now + 50)
        self.assertEqual(self.r.expiretime("k"), now + 50)
        self.r.getex("k", pxat=(now + 50) * 1000)
        self.assertEqual(self.r.pexpiretime("k"), (now + 50) * 1000)
        self.assertEqual(self.r.getex("k", persist=True), b"v")
        self.assertEqual(self.r.ttl("k"), -1)
        self.assertEqual(self.r.getdel("k"), b"v")
        self.assertIsNone(self.r.getdel("k"))
        self.assertIsNone(self.r.getex("k"))

    def test_many_at_once(self):
        self.assertIs(self.r.mset({"a": 1, "b": "2"}), True)
        self.assertEqual(self.r.mget("a", "none", "b"), [b"1", None, b"2"])
        self.assertEqual(self.r.mget(["a", "b"]), [b"1", b"2"])
        self.assertIs(self.r.msetnx({"b": 3, "c": 3}), False)
        self.assertIs(self.r.msetnx({"c": 3, "d": 4}), True)
        self.assertEqual(self.r.mget("b", "c", "d"), [b"2", b"3", b"4"])

    def test_many_at_once_with_options(self):
        both = {"a": 1, "b": 2}
        only_new, only_old = DataPersistOptions.NX, DataPersistOptions.XX
        self.assertEqual(self.r.msetex(both, only_old), 0)
        self.assertEqual(self.r.msetex(both, only_new, ex=10), 1)
        self.assertEqual(self.r.msetex(both, only_new), 0)
        self.between(9, self.r.ttl("b"), 10)
        self.assertEqual(self.r.msetex(both, keepttl=True), 1)
        self.between(9, self.r.ttl("a"), 10)
        self.assertEqual(self.r.msetex(both, px=60_000), 1)
        self.between(59_000, self.r.pttl("a"), 60_000)

    def test_parts(self):
        self.assertEqual(self.r.append("k", "Hello"), 5)
        self.assertEqual(self.r.append("k", " World"), 11)
        self.assertEqual(self.r.strlen("k"), 11)
        self.assertEqual(self.r.strlen("none"), 0)
        self.assertEqual(self.r.getrange("k", 0, 4), b"Hello")
        self.assertEqual(self.r.getrange("k", -5, -1), b"World")
        self.assertEqual(self.r.getrange("k", 5, 1), b"")
        self.assertEqual(self.r.substr("k", 6), b"World")
        self.assertEqual(self.r.setrange("k", 6, "Redis"), 11)
        self.assertEqual(self.r.get("k"), b"Hello Redis")
        self.assertEqual(self.r.setrange("new", 3, "x"), 4)
        self.assertEqual(self.r.get("new"), b"\0\0\0x")
        with self.refused("offset is out of range"):
            self.r.setrange("k", -1, "x")

    def test_counters(self):
        self.assertEqual(self.r.incr("n"), 1)
        self.assertEqual(self.r.incr("n", 9), 10)
        self.assertEqual(self.r.incrby("n", 5), 15)
        self.assertEqual(self.r.decr("n"), 14)
        self.assertEqual(self.r.decr("n", 4), 10)
        self.assertEqual(self.r.decrby("n", 20), -10)
        self.r.set("n", 2**63 - 1)
        with self.refused("increment or decrement would overflow"):
            self.r.incr("n")
        self.r.set("n", "word")
        with self.refused("value is not an integer or out of range"):
            self.r.incr("n")

    def test_fractions(self):
        self.assertEqual(self.r.incrbyfloat("f"), 1.0)
        self.assertEqual(self.r.incrbyfloat("f", 0.1), 1.1)
        self.assertEqual(self.r.get("f"), b"1.1")
        self.assertEqual(self.r.incrbyfloat("f", -3.1), -2.0)
        self.assertEqual(self.r.get("f"), b"-2")
        with self.refused("not a valid float"):
            self.r.incrbyfloat("f", "word")

    def test_longest_common_subsequence(self):
        self.r.mset({"a": "ohmytext", "b": "mynewtext"})
        self.assertEqual(self.r.lcs("a", "b"), b"mytext")
        self.assertEqual(self.r.lcs("a", "b", len=True), 6)
        found = self.r.lcs("a", "b", idx=True)
        matches = [[[4, 7], [5, 8]], [[2, 3], [0, 1]]]
        self.assertEqual(pairs(found), {b"matches": matches, b"len": 6})
        found = self.r.lcs("a", "b", idx=True, minmatchlen=4, withmatchlen=True)
        self.assertEqual(pairs(found)[b"matches"], [[[4, 7], [5, 8], 4]])

    def test_decoded_replies(self):
        r = self.client(decode_responses=True)
        r.set("schlüssel", "wert ☂")
        self.assertEqual(r.get("schlüssel"), "wert ☂")
        self.assertEqual(r.keys(), ["schlüssel"])
        self.assertEqual(r.type("schlüssel"), "string")
        self.assertIsNone(r.get("none"))

    def test_big_values(self):
        value = bytes(range(256)) * (5 * 1024 * 1024 // 256)
        self.assertIs(self.r.set("big", value), True)
        self.assertEqual(self.r.strlen("big"), len(value))
        self.assertEqual(self.r.get("big"), value)
        self.assertEqual(self.r.mget("big", "big"), [value, value])
        self.assertEqual(self.r.getrange("big", 1_000_000, 1_000_255), value[64:320])
        self.assertEqual(self.r.append("big", value), 2 * len(value))
        self.assertEqual(self.r.getdel("big"), value + value)
        self.assertEqual(self.r.echo(value), value)

    def test_wrong_number_of_words(self):
        with self.refused("wrong number of arguments for 'get' command"):
            self.r.execute_command("GET")
        with self.refused("syntax error"):
            self.r.execute_command("SET", "k", "v", "NX", "XX")
        with self.refused("unknown command 'NONESUCH'"):
            self.r.execute_command("NONESUCH", "x")


def pairs(reply):
    """A map, which RESP2 shows as a flat list."""
    if isinstance(reply, dict):
        return reply
    return dict(zip(reply[::2], reply[1::2]))
