"""The server commands of redis-py."""

from server import Case


class ServerCommands(Case):
    def test_config(self):
        self.assertEqual(self.r.config_get("maxmemory"), {"maxmemory": "0"})
        both = self.r.config_get("maxmemory", "timeout")
        self.assertEqual(both, {"maxmemory": "0", "timeout": "0"})
        self.assertGreater(len(self.r.config_get()), 100)
        self.addCleanup(self.r.config_set, "timeout", 0)
        self.assertIs(self.r.config_set("timeout", 77), True)
        self.assertEqual(self.r.config_get("timeout"), {"timeout": "77"})
        self.assertIs(self.r.config_set("timeout", 0, "tcp-keepalive", 200), True)
        with self.refused("Unknown option or number of arguments for CONFIG SET"):
            self.r.config_set("none", 1)
        with self.refused("can't set immutable config"):
            self.r.config_set("databases", 3)
        with self.refused("without a config file"):
            self.r.config_rewrite()
        self.assertIs(self.r.config_resetstat(), True)

    def test_info(self):
        self.r.set("k", "v", ex=100)
        about = self.r.info()
        self.assertEqual(about["redis_mode"], "standalone")
        self.assertEqual(about["role"], "master")
        self.assertEqual(about["tcp_port"], self.server.port)
        self.assertEqual(about["db0"]["keys"], 1)
        self.assertEqual(about["db0"]["expires"], 1)
        self.assertGreater(about["used_memory"], 0)
        self.assertGreater(about["connected_clients"], 0)
        self.assertNotIn("used_memory", self.r.info("server"))
        self.assertEqual(set(self.r.info("keyspace")), {"db0"})
        self.r.config_resetstat()
        self.r.get("k")
        self.assertEqual(self.r.info("commandstats")["cmdstat_get"]["calls"], 1)
        self.assertEqual(self.r.info("stats")["keyspace_hits"], 1)
        self.assertIn("cmdstat_get", self.r.info("everything"))

    def test_command(self):
        commands = self.r.command()
        self.assertEqual(len(commands), self.r.command_count())
        get = commands["get"]
        self.assertEqual(get["arity"], 2)
        self.assertEqual(
            (get["first_key_pos"], get["last_key_pos"], get["step_count"]), (1, 1, 1)
        )
        self.assertIn("readonly", {str(text(flag)) for flag in get["flags"]})
        names = {text(name) for name in self.r.command_list()}
        self.assertTrue({"get", "set"} <= names)
        bitmap = self.r.command_list(category="bitmap")
        self.assertIn("setbit", {text(name) for name in bitmap})
        strs = self.r.command_list(pattern="str*")
        self.assertEqual({text(name) for name in strs}, {"strlen"})
        keys = self.r.command_getkeys("MSET", "a", "1", "b", "2")
        self.assertEqual([text(key) for key in keys], ["a", "b"])
        flagged = self.r.command_getkeysandflags("SET", "a", "1")
        self.assertEqual(text(flagged[0][0]), "a")
        self.assertEqual({text(flag) for flag in flagged[0][1]}, {"OW", "update"})

    def test_command_docs(self):
        # redis-py refuses to ask by a method of its own.
        docs = self.r.execute_command("COMMAND DOCS", "get")
        self.assertIn(b"get", docs)

    def test_debug_object(self):
        with self.refused("DEBUG command not allowed"):
            self.r.debug_object("k")
        r = self.client(port=self.own_server("--enable-debug-command", "yes").port)
        r.set("k", "v")
        self.assertIn("encoding:embstr", str(r.execute_command("DEBUG", "OBJECT", "k")))

    def test_lolwut(self):
        self.assertTrue(self.r.lolwut())
        self.assertTrue(self.r.lolwut(5, 1))

    def test_shutdown(self):
        with self.refused("No shutdown in progress"):
            self.r.execute_command("SHUTDOWN", "ABORT")
        server = self.own_server()
        self.client(port=server.port).shutdown(nosave=True)
        self.assertEqual(server.process.wait(20), 0)

    def test_later_commands_are_unknown(self):
        # What is not there says so in the words that clients look for.
        with self.refused("unknown command"):
            self.r.publish("c", "m")
        with self.refused("unknown subcommand"):
            self.r.memory_stats()
        with self.refused("unknown subcommand"):
            self.r.client_getredir()


def text(word):
    return word.decode() if isinstance(word, bytes) else word
