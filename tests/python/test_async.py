"""The asynchronous client of redis-py."""

import asyncio

import redis
from redis import asyncio as aredis
from server import Case


class Async(Case):
    def run_with(self, work, **options):
        async def run():
            client = aredis.Redis(
                port=self.server.port, protocol=self.protocol, **options
            )
            async with client as r:
                return await work(r)

        return asyncio.run(run())

    def test_commands(self):
        async def work(r):
            self.assertIs(await r.ping(), True)
            self.assertIs(await r.set("k", "v", ex=100), True)
            self.assertEqual(await r.get("k"), b"v")
            self.assertIsNone(await r.get("none"))
            self.assertIs(await r.mset({"a": 1, "b": 2}), True)
            self.assertEqual(await r.mget("a", "none"), [b"1", None])
            self.assertEqual(await r.bitfield("f").set("u8", 0, 3).execute(), [0])
            self.assertEqual(len([key async for key in r.scan_iter()]), 4)
            self.assertEqual((await r.info("server"))["redis_mode"], "standalone")
            self.assertEqual(await r.config_get("timeout"), {"timeout": "0"})
            with self.refused("not an integer"):
                await r.incr("k")

        self.run_with(work)

    def test_many_at_once(self):
        async def one(r, number):
            for turn in range(20):
                await r.set(f"k{number}", turn)
                assert await r.get(f"k{number}") == str(turn)
                await r.incr("total")

        async def work(r):
            await asyncio.gather(*(one(r, number) for number in range(50)))
            return await r.get("total")

        self.assertEqual(self.run_with(work, decode_responses=True), "1000")

    def test_pipeline_and_watch(self):
        async def increment(pipe):
            value = int(await pipe.get("n"))
            pipe.multi()
            pipe.set("n", value + 1)

        async def work(r):
            async with r.pipeline(transaction=True) as pipe:
                self.assertEqual(await pipe.set("n", 0).get("n").execute(), [True, b"0"])
                await pipe.watch("n")
                await r.set("n", 0)
                pipe.multi()
                pipe.ping()
                with self.assertRaises(redis.WatchError):
                    await pipe.execute()
            await asyncio.gather(*(r.transaction(increment, "n") for _ in range(10)))
            return await r.get("n")

        self.assertEqual(self.run_with(work), b"10")

    def test_big_value(self):
        value = b"0123456789" * 500_000

        async def work(r):
            await r.set("big", value)
            return await r.get("big")

        self.assertEqual(self.run_with(work), value)

    def test_unix_socket(self):
        path = self.own_server(unix=True).unix_path

        async def work():
            async with aredis.Redis(unix_socket_path=path, protocol=self.protocol) as r:
                await r.set("k", "v")
                return await r.get("k")

        self.assertEqual(asyncio.run(work()), b"v")
