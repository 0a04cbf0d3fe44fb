"""The bitmap commands of redis-py."""

from server import Case


class Bitmaps(Case):
    def test_single_bits(self):
        self.assertEqual(self.r.setbit("b", 7, 1), 0)
        self.assertEqual(self.r.setbit("b", 7, 0), 1)
        self.assertEqual(self.r.setbit("b", 6, True), 0)
        self.assertEqual(self.r.get("b"), b"\x02")
        self.assertEqual(self.r.getbit("b", 6), 1)
        self.assertEqual(self.r.getbit("b", 600), 0)
        with self.refused("bit offset is not an integer or out of range"):
            self.r.setbit("b", -1, 1)
        with self.refused("bit is not an integer or out of range"):
            self.r.execute_command("SETBIT", "b", 1, 2)

    def test_counts(self):
        self.r.set("b", "foobar")
        self.assertEqual(self.r.bitcount("b"), 26)
        self.assertEqual(self.r.bitcount("b", 0, 0), 4)
        self.assertEqual(self.r.bitcount("b", 1, 1, "BYTE"), 6)
        self.assertEqual(self.r.bitcount("b", 5, 30, "BIT"), 17)
        self.assertEqual(self.r.bitcount("none"), 0)

    def test_positions(self):
        self.r.set("b", b"\xff\xf0\x00")
        self.assertEqual(self.r.bitpos("b", 0), 12)
        self.assertEqual(self.r.bitpos("b", 1, 2), -1)
        self.assertEqual(self.r.bitpos("b", 1, 1, 2), 8)
        self.assertEqual(self.r.bitpos("b", 0, 9, 15, "BIT"), 12)
        self.assertEqual(self.r.bitpos("none", 1), -1)
        self.assertEqual(self.r.bitpos("none", 0), 0)

    def test_operations(self):
        self.r.set("a", b"\x0f\xff")
        self.r.set("b", b"\x3c")
        for operation, value in (
            ("AND", b"\x0c\x00"),
            ("OR", b"\x3f\xff"),
            ("XOR", b"\x33\xff"),
        ):
            self.assertEqual(self.r.bitop(operation, "to", "a", "b"), 2)
            self.assertEqual(self.r.get("to"), value, operation)
        self.assertEqual(self.r.bitop("NOT", "to", "a"), 2)
        self.assertEqual(self.r.get("to"), b"\xf0\x00")
        self.assertEqual(self.r.bitop("AND", "to", "none"), 0)
        self.assertFalse(self.r.exists("to"))
        with self.refused("BITOP NOT must be called with a single source key"):
            self.r.bitop("NOT", "to", "a", "b")

    def test_fields(self):
        fields = self.r.bitfield("f")
        fields.set("u8", 0, 255).get("u8", 0).incrby("u8", 0, 10).get("u4", "#1")
        self.assertEqual(fields.execute(), [0, 255, 9, 9])
        fields = self.r.bitfield("f", "SAT").incrby("u8", 0, 250)
        self.assertEqual(fields.execute(), [255])
        fields = self.r.bitfield("f").incrby("u8", 0, 1, "FAIL")
        self.assertEqual(fields.execute(), [None])
        fields = self.r.bitfield("f").overflow("SAT").set("i8", 8, -300)
        self.assertEqual(fields.execute(), [0])
        self.assertEqual(self.r.bitfield("f").get("i8", 8).execute(), [-128])
        self.assertEqual(self.r.bitfield_ro("f", "u8", 0), [255])
        self.assertEqual(self.r.bitfield_ro("f", "u8", 0, [("i8", 8)]), [255, -128])
        with self.refused("BITFIELD_RO only supports the GET subcommand"):
            self.r.execute_command("BITFIELD_RO", "f", "SET", "u8", 0, 1)
