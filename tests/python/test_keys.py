"""The commands of redis-py about keys, whatever their values."""

import datetime
import time

from server import Case


class Keys(Case):
    def test_existence(self):
        self.r.mset({"a": 1, "b": 2, "c": 3})
        self.assertEqual(self.r.exists("a", "b", "none", "a"), 3)
        self.assertIn("a", self.r)
        self.assertEqual(self.r.touch("a", "none"), 1)
        self.assertEqual(self.r.delete("a", "none"), 1)
        self.assertEqual(self.r.unlink("b", "c"), 2)
        self.assertEqual(self.r.exists("a", "b", "c"), 0)
        self.assertEqual(self.r.type("a"), b"none")

    def test_deadlines(self):
        now = int(time.time())
        later = datetime.datetime.fromtimestamp(now + 1000)
        self.assertIs(self.r.expire("none", 10), False)
        self.assertEqual(self.r.ttl("none"), -2)
        self.assertEqual(self.r.pttl("none"), -2)
        self.assertEqual(self.r.expiretime("none"), -2)
        self.r.set("k", "v")
        self.assertEqual(self.r.ttl("k"), -1)
        self.assertEqual(self.r.pexpiretime("k"), -1)
        self.assertIs(self.r.expire("k", 10), True)
        self.between(9, self.r.ttl("k"), 10)
        self.assertIs(self.r.expire("k", datetime.timedelta(seconds=20)), True)
        self.between(19, self.r.ttl("k"), 20)
        self.assertIs(self.r.pexpire("k", 30_000), True)
        self.between(29_000, self.r.pttl("k"), 30_000)
        self.assertIs(self.r.expireat("k", later), True)
        self.assertEqual(self.r.expiretime("k"), now + 1000)
        self.assertIs(self.r.pexpireat("k", (now + 9) * 1000 + 1), True)
        self.assertEqual(self.r.pexpiretime("k"), (now + 9) * 1000 + 1)
        self.assertIs(self.r.persist("k"), True)
        self.assertIs(self.r.persist("k"), False)
        self.assertIs(self.r.expireat("k", now - 10), True)
        self.assertFalse(self.r.exists("k"))

    def test_deadlines_with_conditions(self):
        for method, far, near in ((self.r.expire, 100, 10), (self.r.pexpire, 100_000, 9_000)):
            self.r.set("k", "v")
            self.assertIs(method("k", near, xx=True), False)
            self.assertIs(method("k", near, gt=True), False)
            self.assertIs(method("k", near, nx=True), True)
            self.assertIs(method("k", far, nx=True), False)
            self.assertIs(method("k", far, lt=True), False)
            self.assertIs(method("k", far, gt=True), True)
            self.assertIs(method("k", near, lt=True), True)
            self.assertIs(method("k", near, xx=True), True)
        with self.refused("NX and XX, GT or LT options at the same time"):
            self.r.expire("k", 10, nx=True, xx=True)

    def test_keys_go_when_their_time_has_come(self):
        self.r.set("k", "v", px=30)
        time.sleep(0.05)
        self.assertIsNone(self.r.get("k"))
        for n in range(100):
            self.r.set(f"k{n}", "v", px=20)
        deadline = time.monotonic() + 5
        while self.r.dbsize() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(self.r.dbsize(), 0)

    def test_new_names(self):
        self.r.set("a", 1, ex=100)
        self.assertIs(self.r.rename("a", "b"), True)
        self.assertEqual(self.r.get("b"), b"1")
        self.between(99, self.r.ttl("b"), 100)
        self.r.set("c", 3)
        self.assertIs(self.r.renamenx("b", "c"), False)
        self.assertIs(self.r.renamenx("b", "d"), True)
        with self.refused("no such key"):
            self.r.rename("none", "a")

    def test_copies(self):
        self.r.set("a", 1)
        self.assertIs(self.r.copy("a", "b"), True)
        self.assertIs(self.r.copy("a", "b"), False)
        self.r.set("a", 2)
        self.assertIs(self.r.copy("a", "b", replace=True), True)
        self.assertEqual(self.r.get("b"), b"2")
        self.assertIs(self.r.copy("a", "c", destination_db=3), True)
        self.assertEqual(self.client(db=3).get("c"), b"2")
        self.assertIs(self.r.copy("none", "d"), False)

    def test_databases(self):
        third = self.client(db=3)
        self.r.set("k", "0")
        self.assertIs(self.r.move("k", 3), True)
        self.assertIs(self.r.move("k", 3), False)
        self.assertEqual(third.get("k"), b"0")
        self.assertEqual((self.r.dbsize(), third.dbsize()), (0, 1))
        self.assertIs(self.r.swapdb(0, 3), True)
        self.assertEqual((self.r.dbsize(), third.dbsize()), (1, 0))
        third.set("other", 1)
        self.assertIs(third.flushdb(), True)
        self.assertIs(third.flushdb(asynchronous=True), True)
        self.assertEqual((self.r.dbsize(), third.dbsize()), (1, 0))
        self.assertIs(self.r.flushall(asynchronous=True), True)
        self.assertEqual(self.r.dbsize(), 0)

    def test_select(self):
        with self.client(single_connection_client=True) as r:
            self.assertIs(r.select(5), True)
            r.set("k", "v")
            self.assertIs(r.select(0), True)
            self.assertIsNone(r.get("k"))
            with self.refused("DB index is out of range"):
                r.select(10_000)

    def test_listing(self):
        self.r.mset({f"user:{n}": n for n in range(20)} | {"other": "x"})
        self.assertEqual(len(self.r.keys()), 21)
        self.assertEqual(sorted(self.r.keys("user:1?")), [b"user:1%d" % n for n in range(10)])
        self.assertEqual(self.r.keys("[^u]*"), [b"other"])
        self.assertIn(self.r.randomkey(), self.r.keys())
        self.r.flushdb()
        self.assertIsNone(self.r.randomkey())
        self.assertEqual(self.r.keys(), [])

    def test_scan(self):
        names = [f"key:{n}".encode() for n in range(1000)]
        self.r.mset({name: 1 for name in names})
        self.assertEqual(sorted(self.r.scan_iter()), sorted(names))
        self.assertEqual(sorted(self.r.scan_iter(count=100)), sorted(names))
        self.assertEqual(len(list(self.r.scan_iter(match="key:99*"))), 11)
        self.assertEqual(len(list(self.r.scan_iter(_type="string"))), 1000)
        self.assertEqual(list(self.r.scan_iter(_type="list")), [])
        cursor, found = self.r.scan(count=10)
        self.assertIsInstance(cursor, int)
        self.assertIsInstance(found, list)
        self.assertNotEqual(cursor, 0)
        cursor, found = self.r.scan(count=100_000)
        self.assertEqual((cursor, len(found)), (0, 1000))

    def test_objects(self):
        self.r.mset({"n": 12, "short": "word", "long": "x" * 100})
        self.assertEqual(self.r.object("encoding", "n"), b"int")
        self.assertEqual(self.r.object("encoding", "short"), b"embstr")
        self.assertEqual(self.r.object("encoding", "long"), b"raw")
        self.assertIsNone(self.r.object("encoding", "none"))
        self.assertEqual(self.r.object("refcount", "short"), 1)
        self.between(0, self.r.object("idletime", "short"), 5)
        with self.refused("LFU"):
            self.r.object("freq", "short")
        self.assertEqual(self.r.type("n"), b"string")

    def test_memory(self):
        self.r.set("k", "x" * 1000)
        self.between(1000, self.r.memory_usage("k"), 2000)
        self.between(1000, self.r.memory_usage("k", samples=0), 2000)
        self.assertIsNone(self.r.memory_usage("none"))
