"""redis-cli and redis-benchmark as packaged: they work, and warn of nothing."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from server import Case


class Tools(Case):
    # They speak what they speak.
    protocols = ("tools",)

    def setUp(self):
        self.protocol = 2
        super().setUp()

    def tool(self, *line, input=None, seconds=60):
        """What a tool writes; it must end well and be content."""
        name, *words = line
        done = subprocess.run(
            [name, "-p", str(self.server.port), *words],
            capture_output=True,
            text=True,
            input=input,
            stdin=None if input is not None else subprocess.DEVNULL,
            timeout=seconds,
        )
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said)
        self.assertNotRegex(said, "WARNING|ERR|(?i:error:)")
        return done.stdout

    def for_a_moment(self, *words, seconds=1.3):
        """What redis-cli writes until it is stopped."""
        # To a pipe it would write nothing before its buffer is full.
        ours, its = pty.openpty()
        self.addCleanup(os.close, ours)
        with subprocess.Popen(
            ["redis-cli", "-p", str(self.server.port), *words],
            stdin=subprocess.DEVNULL,
            stdout=its,
            stderr=its,
        ) as process:
            os.close(its)
            time.sleep(seconds)
            self.assertIsNone(process.poll(), "it ended by itself")
            process.terminate()
        said = os.read(ours, 65536).decode()
        self.assertNotRegex(said, "WARNING|ERR|(?i:error:)")
        return said

    def test_single_commands(self):
        self.assertEqual(self.tool("redis-cli", "set", "k", "v"), "OK\n")
        self.assertEqual(self.tool("redis-cli", "get", "k"), "v\n")
        self.assertEqual(self.tool("redis-cli", "-n", "3", "dbsize"), "0\n")
        self.assertEqual(self.tool("redis-cli", "-x", "set", "k", input="abc"), "OK\n")
        self.assertEqual(self.tool("redis-cli", "-r", "3", "incr", "n"), "1\n2\n3\n")
        lines = "set a 1\nget a\nmulti\nincr a\nexec\n"
        self.assertEqual(self.tool("redis-cli", input=lines), "OK\n1\nOK\nQUEUED\n2\n")

    def test_protocol_3(self):
        self.assertEqual(self.tool("redis-cli", "-3", "set", "k", "v"), "OK\n")
        said = self.tool("redis-cli", "-3", "--no-raw", "config", "get", "timeout")
        self.assertEqual(said, '1# "timeout" => "0"\n')
        said = self.tool("redis-cli", "-3", "--json", "config", "get", "timeout")
        self.assertEqual(said, '{"timeout":"0"}\n')

    def test_scan_and_survey(self):
        self.r.mset({f"key:{n}": "x" * n for n in range(500)})
        self.assertEqual(len(self.tool("redis-cli", "--scan").splitlines()), 500)
        said = self.tool("redis-cli", "--scan", "--pattern", "key:4??")
        self.assertEqual(len(said.splitlines()), 100)
        said = self.tool("redis-cli", "--bigkeys")
        self.assertIn("Sampled 500 keys in the keyspace", said)
        self.assertRegex(said, r"Biggest string found '?.key:499.*has 499 bytes")
        said = self.tool("redis-cli", "--memkeys")
        self.assertIn("Sampled 500 keys in the keyspace", said)

    def test_pipe(self):
        lines = "".join(f"SET key:{n} {n}\r\n" for n in range(1000))
        said = self.tool("redis-cli", "--pipe", input=lines)
        self.assertIn("errors: 0, replies: 1000", said)
        self.assertEqual(self.r.dbsize(), 1000)

    def test_watching(self):
        self.r.set("k", "v")
        said = self.for_a_moment("--stat", "-i", "0.2")
        self.assertRegex(said, r"keys +mem +clients")
        self.assertRegex(said, r"(?m)^1 +\d+\.\d+[KM] +\d+")
        said = self.for_a_moment("--latency", seconds=0.5)
        self.assertIn("avg:", said)
        said = self.for_a_moment("--latency-history", "-i", "1", seconds=1.5)
        self.assertIn("avg:", said)

    def test_hints_while_typing(self):
        process, terminal = pty.fork()
        if process == 0:
            size = struct.pack("HHHH", 24, 120, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            environment = dict(os.environ, TERM="xterm", REDISCLI_HISTFILE="/dev/null")
            line = ["redis-cli", "-p", str(self.server.port)]
            os.execvpe("redis-cli", line, environment)
        try:
            self.read_until(terminal, r"> ")
            os.write(terminal, b"SET ")
            self.read_until(terminal, r"SET \S*key value .*\[EX seconds")
            os.write(terminal, b"greeting hello\r")
            # Typed before the prompt is there, it would be no typing to redis-cli.
            self.read_until(terminal, r"OK[\s\S]*\d> ")
            os.write(terminal, b"CONFIG GE")
            os.write(terminal, b"T ")
            self.read_until(terminal, r"CONFIG GET\S* *\S*parameter")
            os.write(terminal, b"\x15HELP getbit\r")
            # It comes in pieces, whose ends are not the lines'.
            self.read_until(terminal, r"since: *\S*2\.2\.0[\s\S]*group: *\S*bitmap")
        finally:
            os.close(terminal)
            os.waitpid(process, 0)
        self.assertEqual(self.r.get("greeting"), b"hello")

    def read_until(self, terminal, pattern):
        said, deadline = "", time.monotonic() + 10
        while not re.search(pattern, plain(said)):
            self.assertLess(time.monotonic(), deadline, f"no {pattern!r} in {said!r}")
            if select.select([terminal], [], [], 0.1)[0]:
                said += os.read(terminal, 65536).decode(errors="replace")
        return said

    def test_benchmark(self):
        tests = ("ping,set,get,incr,mset", 6)
        said = self.tool("redis-benchmark", "-n", "1000", "-q", "-t", tests[0])
        self.assertEqual(len(re.findall(r"requests per second", said)), tests[1], said)
        more = ["-P", "16", "-r", "1000", "-d", "100", "--threads", "2"]
        said = self.tool("redis-benchmark", "-n", "2000", "-q", "-t", "set,get", *more)
        self.assertIn("GET:", said)
        said = self.tool("redis-benchmark", "-n", "500", "--csv", "-t", "set")
        self.assertIn('"SET"', said)
        said = self.tool("redis-benchmark", "-n", "500", "-q", "setrange", "k", "7", "x")
        self.assertIn("requests per second", said)


def plain(said):
    """Text without the colours and movements of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", said)
