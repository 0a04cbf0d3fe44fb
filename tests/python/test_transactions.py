"""Pipelines, MULTI and WATCH through redis-py."""

import threading

import redis
from server import Case


class Transactions(Case):
    def test_pipeline(self):
        for transaction in (True, False):
            self.r.delete("k", "n")
            with self.r.pipeline(transaction=transaction) as pipe:
                pipe.set("k", "v").get("k").get("none").incr("n", 3).exists("k")
                pipe.ttl("k").expire("k", 10).config_get("timeout").mget("k", "none")
                self.assertEqual(
                    pipe.execute(),
                    [True, b"v", None, 3, 1, -1, True, {"timeout": "0"}, [b"v", None]],
                )

    def test_long_pipeline(self):
        for transaction in (True, False):
            with self.r.pipeline(transaction=transaction) as pipe:
                for n in range(10_000):
                    pipe.set(f"k{n}", n)
                    pipe.get(f"k{n}")
                replies = pipe.execute()
            self.assertEqual(replies[1::2], [b"%d" % n for n in range(10_000)])

    def test_error_while_running(self):
        self.r.set("k", "word")
        with self.r.pipeline() as pipe:
            pipe.set("a", 1).incr("k").set("b", 2)
            with self.refused("value is not an integer"):
                pipe.execute()
            pipe.set("a", 3).incr("k")
            replies = pipe.execute(raise_on_error=False)
        self.assertIs(replies[0], True)
        self.assertIsInstance(replies[1], redis.ResponseError)
        self.assertEqual(self.r.mget("a", "b"), [b"3", b"2"])

    def test_error_while_queuing(self):
        with self.r.pipeline() as pipe:
            pipe.set("a", 1).execute_command("NONESUCH")
            with self.assertRaisesRegex(redis.ResponseError, "unknown command"):
                pipe.execute()
        self.assertFalse(self.r.exists("a"))

    def test_watch(self):
        self.r.set("k", 1)
        with self.r.pipeline() as pipe:
            pipe.watch("k")
            self.assertEqual(pipe.get("k"), b"1")
            self.r.set("k", 2)
            pipe.multi()
            pipe.set("k", 3)
            with self.assertRaises(redis.WatchError):
                pipe.execute()
            pipe.watch("k")
            self.assertIs(pipe.unwatch(), True)
            self.r.set("k", 4)
            pipe.multi()
            pipe.incr("k")
            self.assertEqual(pipe.execute(), [5])

    def test_watched_key_runs_out(self):
        self.r.set("k", 1, px=20)
        with self.r.pipeline() as pipe:
            pipe.watch("k")
            while self.r.exists("k"):
                pass
            pipe.multi()
            pipe.ping()
            with self.assertRaises(redis.WatchError):
                pipe.execute()

    def test_retries_lose_no_increment(self):
        self.r.set("n", 0)

        def increment(pipe):
            value = int(pipe.get("n"))
            pipe.multi()
            pipe.set("n", value + 1)

        def work():
            with self.client() as r:
                for _ in range(25):
                    r.transaction(increment, "n")

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.r.get("n"), b"200")

    def test_value_of_a_transaction(self):
        def double(pipe):
            value = int(pipe.get("n"))
            pipe.multi()
            pipe.set("n", value * 2)
            return value

        self.r.set("n", 21)
        self.assertEqual(self.r.transaction(double, "n", value_from_callable=True), 21)
        self.assertEqual(self.r.transaction(double, "n"), [True])
        self.assertEqual(self.r.get("n"), b"84")

    def test_select_inside(self):
        with self.client(single_connection_client=True) as r:
            with r.pipeline() as pipe:
                pipe.select(2)
                pipe.set("k", "there")
                pipe.select(0)
                pipe.execute()
        self.assertEqual(self.client(db=2).get("k"), b"there")
