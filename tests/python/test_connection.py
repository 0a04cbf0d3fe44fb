"""The connection commands of redis-py, and the ways to connect."""

import threading
import time

import redis
from redis.backoff import NoBackoff
from redis.connection import UnixDomainSocketConnection
from redis.retry import Retry
from server import Case


class Connection(Case):
    def test_ping_and_echo(self):
        self.assertIs(self.r.ping(), True)
        self.assertEqual(self.r.echo("hello"), b"hello")

    def test_time(self):
        seconds, microseconds = self.r.time()
        self.between(time.time() - 5, seconds, time.time() + 5)
        self.between(0, microseconds, 999_999)

    def test_hello(self):
        said = self.r.execute_command("HELLO", self.protocol)
        said = said if isinstance(said, dict) else dict(zip(said[::2], said[1::2]))
        self.assertEqual(said[b"server"], b"redis")
        self.assertEqual(said[b"proto"], self.protocol)
        self.assertEqual(said[b"mode"], b"standalone")
        self.assertEqual(said[b"role"], b"master")
        self.assertEqual(said[b"modules"], [])
        self.assertIsInstance(said[b"id"], int)

    def test_shapes_on_the_wire(self):
        three = self.protocol == 3
        connection = self.r.connection_pool.get_connection()
        self.addCleanup(self.r.connection_pool.release, connection)

        def ask(*words):
            connection.send_command(*words)
            return connection.read_response()

        self.assertEqual(ask("PING", "hello"), b"hello")
        self.assertIsNone(ask("GET", "none"))
        self.assertEqual(ask("MGET", "none"), [None])
        maxmemory = [b"maxmemory", b"0"]
        shape = {b"maxmemory": b"0"} if three else maxmemory
        self.assertEqual(ask("CONFIG", "GET", "maxmemory"), shape)
        self.assertIsInstance(ask("COMMAND", "DOCS", "get"), dict if three else list)
        self.assertEqual(ask("INCRBYFLOAT", "f", "1.5"), b"1.5")
        self.assertEqual(ask("SET", "k", "v"), b"OK")
        self.assertEqual(ask("COPY", "k", "l"), 1)
        self.assertIsInstance(ask("INFO", "server"), bytes)

    def test_the_other_protocol(self):
        other = 5 - self.protocol
        with self.client(single_connection_client=True, protocol=other) as r:
            self.assertIs(r.ping(), True)
            self.assertEqual(str(r.client_info()["resp"]), str(other))

    def test_names_of_clients(self):
        with self.client(client_name="first", single_connection_client=True) as r:
            self.assertIn(r.client_getname(), (b"first", "first"))
            self.assertIs(r.client_setname("second"), True)
            self.assertIn(r.client_getname(), (b"second", "second"))
            self.assertEqual(r.client_info()["name"], "second")
            self.assertIs(r.client_setinfo("LIB-NAME", "thelib"), True)
            self.assertEqual(r.client_info()["lib-name"], "thelib")
            with self.refused("cannot contain spaces"):
                r.client_setname("two words")

    def test_clients_of_themselves(self):
        with self.client(single_connection_client=True) as r:
            about = r.client_info()
            self.assertEqual(int(about["id"]), r.client_id())
            self.assertEqual(about["lib-name"], "redis-py")
            self.assertEqual(about["lib-ver"], redis.__version__)
            self.assertEqual(str(about["resp"]), str(self.protocol))
            self.assertEqual(about["user"], "default")
            self.assertEqual(r.client_no_evict("ON"), b"OK")
            self.assertEqual(r.client_no_evict("OFF"), b"OK")
            self.assertEqual(r.client_no_touch("ON"), b"OK")
            self.assertEqual(r.client_no_touch("OFF"), b"OK")

    def test_clients_of_each_other(self):
        with self.client(client_name="other", single_connection_client=True) as other:
            number = other.client_id()
            names = [client["name"] for client in self.r.client_list()]
            self.assertIn("other", names)
            listed = self.r.client_list(client_id=[number])
            self.assertEqual([client["name"] for client in listed], ["other"])
            self.assertIn("other", [c["name"] for c in self.r.client_list(_type="normal")])
            self.assertEqual(self.r.client_list(_type="pubsub"), [])
            self.assertIs(bool(self.r.client_unblock(number)), False)
            self.assertEqual(self.r.client_kill_filter(_id=number), 1)
            self.assertEqual(self.r.client_kill_filter(_id=number), 0)
            # The killed one comes back as somebody else.
            self.assertNotEqual(other.client_id(), number)
            address = other.client_info()["addr"]
            self.assertTrue(self.r.client_kill(address))
            with self.refused("No such client"):
                self.r.client_kill(address)

    def test_replies_off(self):
        connection = self.r.connection_pool.get_connection()
        self.addCleanup(self.r.connection_pool.release, connection)
        connection.send_command("CLIENT", "REPLY", "OFF")
        connection.send_command("SET", "k", "v")
        connection.send_command("CLIENT", "REPLY", "ON")
        self.assertEqual(connection.read_response(), b"OK")
        connection.send_command("CLIENT", "REPLY", "SKIP")
        connection.send_command("PING")
        connection.send_command("GET", "k")
        self.assertEqual(connection.read_response(), b"v")

    def test_pause(self):
        self.assertTrue(self.r.client_pause(5_000, all=False))
        self.addCleanup(self.r.client_unpause)
        self.assertIsNone(self.r.get("k"))
        done = threading.Event()
        writer = self.client()
        thread = threading.Thread(target=lambda: (writer.set("k", "v"), done.set()))
        thread.start()
        self.assertFalse(done.wait(0.1))
        self.assertTrue(self.r.client_unpause())
        self.assertTrue(done.wait(5))
        thread.join()

    def test_quit_and_reset(self):
        # RESET goes back to RESP2, which redis-py does not notice.
        with self.client(single_connection_client=True, protocol=2) as r:
            r.client_setname("named")
            self.assertIn(r.reset(), (b"RESET", "RESET"))
            self.assertFalse(r.client_getname())
        connection = self.r.connection_pool.get_connection()
        self.addCleanup(self.r.connection_pool.release, connection)
        connection.send_command("QUIT")
        self.assertEqual(connection.read_response(), b"OK")
        with self.assertRaises(redis.ConnectionError):
            connection.read_response()
        connection.disconnect()

    def test_unix_socket(self):
        path = self.own_server(unix=True).unix_path
        r = self.client(unix_socket_path=path)
        self.assertIs(r.connection_pool.connection_class, UnixDomainSocketConnection)
        self.assertIs(r.set("k", "v"), True)
        self.assertEqual(r.get("k"), b"v")
        self.assertEqual(r.client_info()["addr"], path + ":0")

    def test_password(self):
        server = self.own_server("--requirepass", "secret")
        # Or it would try ten times, ever more slowly.
        at = {"port": server.port, "retry": Retry(NoBackoff(), 0)}
        with self.assertRaises(redis.AuthenticationError):
            self.client(**at).ping()
        with self.assertRaises(redis.AuthenticationError):
            self.client(password="wrong", **at).ping()
        self.assertIs(self.client(password="secret", **at).ping(), True)
        named = self.client(username="default", password="secret", **at)
        self.assertIs(named.ping(), True)
        with self.client(password="secret", single_connection_client=True, **at) as r:
            self.assertIs(r.auth("secret"), True)
            self.assertIs(r.auth("secret", "default"), True)
            with self.assertRaises(redis.AuthenticationError):
                r.auth("wrong")
            r.config_set("requirepass", "changed")
        self.assertIs(self.client(password="changed", **at).ping(), True)

    def test_url(self):
        url = f"redis://127.0.0.1:{self.server.port}/7?protocol={self.protocol}"
        with redis.Redis.from_url(url) as r:
            r.set("k", "v")
        self.assertEqual(self.client(db=7).get("k"), b"v")

    def test_pool_of_fifty(self):
        pool = redis.BlockingConnectionPool(
            port=self.server.port, protocol=self.protocol, max_connections=50, timeout=20
        )
        self.addCleanup(pool.disconnect)
        failures = []

        def work(number):
            try:
                r = redis.Redis(connection_pool=pool)
                for turn in range(50):
                    r.set(f"{number}", turn)
                    assert r.get(f"{number}") == b"%d" % turn
                    r.incr("total")
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.r.get("total"), b"2500")
