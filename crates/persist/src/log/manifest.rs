//! The list of a log's files, as Redis keeps it, under a checksum of ours.
//!
//! ```text
//!   #OCH1 base=4096 crc=5a0b77e1              ours; stock servers skip it
//!   file appendonly.aof.2.base.rdb seq 2 type b
//!   file appendonly.aof.1.incr.aof seq 1 type h
//!   file appendonly.aof.2.incr.aof seq 2 type i
//! ```
//!
//! `b` is the base, `i` are the incremental files in order, `h` are files no longer needed: those
//! of an older [`Generation`] that is kept, or those to be removed. The
//! first line says at which LSN the base was taken; its checksum is over the words before it and
//! everything after the line. A manifest without the line was written by another server and is
//! accepted as it is; a damaged one is refused.
//!
//! It is replaced in one step: a temporary file, its sync, a rename, the directory's sync.

use std::path::Path;

use base::split_args::{quote_repr, split_args};
use base::{parse_u64, write_u64};

use super::frame::{hex, unhex};
use super::{Generation, Lsn, Place};
use crate::error::{Kind, Trouble};
use crate::storage::{Access, Storage, read_full, write_all};
use base::Crc32c;

/// No line is longer: Redis reads no longer one.
const LINE_BYTES_MAX: usize = 1024;
/// A thousand files and more; what is larger is no manifest.
const BYTES_MAX: u64 = 1 << 20;

/// Which files make up a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub base: Option<Entry>,
    /// Where in the stream the base was taken; unknown if another server wrote the manifest.
    pub base_lsn: Option<Lsn>,
    /// Older generations, the oldest first.
    pub kept: Vec<Generation>,
    /// Not needed any more, to be removed.
    pub history: Vec<Entry>,
    /// In order.
    pub incrs: Vec<Entry>,
}

/// A file in the log's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub seq: u64,
}

/// How far saving came before it failed.
#[derive(Debug)]
pub(crate) enum SaveTrouble {
    /// The old manifest is in force.
    Before(Trouble),
    /// Nobody can say which of the two is in force after a crash.
    Between(Trouble),
}

impl Manifest {
    /// Reads a manifest's text; `path` is for errors.
    pub fn parse(text: &[u8], path: &Path) -> Result<Manifest, Trouble> {
        let mut manifest = Manifest::default();
        let damaged = |offset: usize, what: &str| {
            Err(Trouble::new(Kind::Damaged, path, what).at(offset as u64))
        };
        if text.is_empty() {
            return damaged(0, "the manifest is empty");
        }
        let mut at = 0;
        while at < text.len() {
            let Some(len) = memchr::memchr(b'\n', &text[at..]) else {
                return damaged(at, "the last line has no end");
            };
            let line = &text[at..at + len];
            let rest = &text[at + len + 1..];
            if line.len() >= LINE_BYTES_MAX {
                return damaged(at, "the line is too long");
            }
            let outcome = match line.first() {
                Some(b'#') if at == 0 => read_seal(line, rest).map(|lsn| {
                    manifest.base_lsn = Some(lsn);
                }),
                Some(b'#') => Err("a remark that no server writes"),
                _ => manifest.read_line(line),
            };
            if let Err(what) = outcome {
                return damaged(at, what);
            }
            at += len + 1;
        }
        Ok(manifest)
    }

    /// The text, our line first. Without a base LSN (a foreign manifest) it is left out.
    pub fn encode(&self) -> Vec<u8> {
        let mut files = Vec::new();
        let mut write = |entry: &Entry, kind, words: &[u8]| {
            write_line(&mut files, entry, kind);
            files.extend_from_slice(words);
            files.push(b'\n');
        };
        self.base.iter().for_each(|base| write(base, b'b', b""));
        for generation in &self.kept {
            let words = kept_words(generation);
            generation
                .entries()
                .for_each(|entry| write(entry, b'h', &words));
        }
        self.history
            .iter()
            .for_each(|entry| write(entry, b'h', b""));
        self.incrs.iter().for_each(|entry| write(entry, b'i', b""));
        let mut out = Vec::new();
        if let Some(lsn) = self.base_lsn {
            let words = seal_words(lsn);
            out.extend_from_slice(b"#OCH1 ");
            out.extend_from_slice(&words);
            out.extend_from_slice(b" crc=");
            out.extend_from_slice(&hex(seal_crc(&words, &files)));
            out.push(b'\n');
        }
        out.extend(files);
        out
    }

    /// Reads the manifest of a log; `None` if there is none.
    pub(crate) fn load(storage: &dyn Storage, place: &Place) -> Result<Option<Manifest>, Trouble> {
        let path = place.file(&place.manifest_name());
        let file = match storage.open(&path, Access::Read) {
            Ok(file) => file,
            Err(trouble) if trouble.kind == Kind::Missing => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        let len = file.len()?;
        if len > BYTES_MAX {
            let what = format!("{len} bytes are too many for a manifest");
            return Err(Trouble::new(Kind::Damaged, &path, what));
        }
        let mut text = vec![0; len as usize];
        let read = read_full(&*file, 0, &mut text)?;
        text.truncate(read);
        Manifest::parse(&text, &path).map(Some)
    }

    /// Puts this manifest in force.
    pub(crate) fn save(&self, storage: &dyn Storage, place: &Place) -> Result<(), SaveTrouble> {
        let temporary = place.file(&place.manifest_temporary_name());
        let prepare = || {
            let file = storage.open(&temporary, Access::Create)?;
            write_all(&*file, 0, &self.encode())?;
            file.sync_data()
        };
        if let Err(trouble) = prepare() {
            // What is left of it is overwritten the next time.
            let _ = storage.remove(&temporary);
            return Err(SaveTrouble::Before(trouble));
        }
        match storage.rename(&temporary, &place.file(&place.manifest_name())) {
            Ok(()) => {}
            // Refused before anything was touched.
            Err(trouble) if matches!(trouble.kind, Kind::Full | Kind::Denied) => {
                return Err(SaveTrouble::Before(trouble));
            }
            Err(trouble) => return Err(SaveTrouble::Between(trouble)),
        }
        storage
            .sync_dir(&place.log_dir())
            .map_err(SaveTrouble::Between)
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let words = split_args(line).ok_or("unbalanced quotes")?;
        if words.len() < 6 || words.len() % 2 != 0 {
            return Err("this is no line of a manifest");
        }
        let (mut name, mut seq, mut kind) = (None, None, None);
        let (mut lsn, mut end_lsn, mut until_secs) = (None, None, None);
        for pair in words.chunks_exact(2) {
            let [key, value] = pair else {
                unreachable!("chunks of two")
            };
            match key.to_ascii_lowercase().as_slice() {
                b"file" => name = Some(file_name(value)?),
                b"seq" => seq = parse_u64(value).filter(|seq| *seq > 0),
                b"type" => kind = Some(value.as_slice()),
                b"lsn" => lsn = parse_u64(value),
                b"end" => end_lsn = parse_u64(value),
                b"until" => until_secs = parse_u64(value),
                // Later servers may say more.
                _ => {}
            }
        }
        let name = name.ok_or("no file is named")?;
        let seq = seq.ok_or("the number of the file is missing or no number")?;
        let entry = Entry { name, seq };
        match kind {
            Some(b"b") if self.base.is_some() => return Err("there are two base files"),
            Some(b"b") => self.base = Some(entry),
            Some(b"h") => match (lsn, end_lsn, until_secs) {
                (Some(lsn), Some(end), Some(until)) => self.keep_entry(entry, lsn, end, until),
                _ => self.history.push(entry),
            },
            Some(b"i") if self.incrs.last().is_some_and(|last| last.seq >= seq) => {
                return Err("the numbers of the files do not rise");
            }
            Some(b"i") => self.incrs.push(entry),
            _ => return Err("the type of the file is unknown"),
        }
        Ok(())
    }
}

impl SaveTrouble {
    pub(crate) fn into_trouble(self) -> Trouble {
        match self {
            SaveTrouble::Before(trouble) | SaveTrouble::Between(trouble) => trouble,
        }
    }
}

fn file_name(value: &[u8]) -> Result<String, &'static str> {
    let name = std::str::from_utf8(value).map_err(|_| "the file's name is not UTF-8")?;
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err("a file is named by a path or not at all");
    }
    Ok(name.to_owned())
}

fn write_line(out: &mut Vec<u8>, entry: &Entry, kind: u8) {
    out.extend_from_slice(b"file ");
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if entry.name.bytes().all(is_plain) {
        out.extend_from_slice(entry.name.as_bytes());
    } else {
        quote_repr(out, entry.name.as_bytes());
    }
    out.extend_from_slice(b" seq ");
    write_u64(out, entry.seq);
    out.extend_from_slice(b" type ");
    out.push(kind);
}

/// What is behind the file's type if it belongs to a generation that is kept.
fn kept_words(generation: &Generation) -> Vec<u8> {
    let mut words = Vec::new();
    for (name, number) in [
        (&b" lsn "[..], generation.base_lsn),
        (b" end ", generation.end_lsn),
        (b" until ", generation.until_secs),
    ] {
        words.extend_from_slice(name);
        write_u64(&mut words, number);
    }
    words
}

/// Our first line: the LSN of the base, if its checksum of the rest is right.
fn read_seal(line: &[u8], rest: &[u8]) -> Result<Lsn, &'static str> {
    const MALFORMED: &str = "the first line is damaged or of a newer version";
    let words = line.strip_prefix(b"#OCH1 ").ok_or(MALFORMED)?;
    let (words, crc) = words
        .split_at_checked(words.len().saturating_sub(13))
        .ok_or(MALFORMED)?;
    let crc = crc
        .strip_prefix(b" crc=")
        .and_then(unhex)
        .ok_or(MALFORMED)?;
    let lsn = words
        .strip_prefix(b"base=")
        .and_then(parse_u64)
        .ok_or(MALFORMED)?;
    if seal_crc(words, rest) != crc {
        return Err("the checksum of the manifest is wrong");
    }
    Ok(lsn)
}

fn seal_words(lsn: Lsn) -> Vec<u8> {
    let mut words = b"base=".to_vec();
    write_u64(&mut words, lsn);
    words
}

fn seal_crc(words: &[u8], rest: &[u8]) -> u32 {
    let mut crc = Crc32c::new();
    crc.update(words);
    crc.update(rest);
    crc.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<Manifest, Trouble> {
        Manifest::parse(text, Path::new("m"))
    }

    fn some() -> Manifest {
        let entry = |name: &str, seq| Entry {
            name: name.into(),
            seq,
        };
        Manifest {
            base: Some(entry("a.2.base.rdb", 2)),
            base_lsn: Some(4096),
            kept: vec![
                Generation {
                    base: None,
                    base_lsn: 0,
                    incrs: vec![entry("a.1.incr.aof", 1), entry("a.2.incr.aof", 2)],
                    end_lsn: 700,
                    until_secs: 1_700_000_000,
                },
                Generation {
                    base: Some(entry("a.1.base.rdb", 1)),
                    base_lsn: 710,
                    incrs: Vec::new(),
                    end_lsn: 710,
                    until_secs: 1_700_000_000,
                },
            ],
            history: vec![entry("a.1.incr.aof", 1)],
            incrs: vec![entry("a b\".2.incr.aof", 2), entry("a.3.incr.aof", 3)],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(parse(&some().encode()), Ok(some()));
        let mut foreign = some();
        foreign.base_lsn = None;
        assert_eq!(parse(&foreign.encode()), Ok(foreign));
        let text = String::from_utf8(some().encode()).expect("ASCII");
        let line = "\nfile a.2.incr.aof seq 2 type h lsn 0 end 700 until 1700000000\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn history_without_our_words_is_to_be_removed() {
        let text = b"file a.1.incr.aof seq 1 type h\nfile a.2.incr.aof seq 2 type h lsn 5 end 9\n";
        let manifest = parse(text).expect("a manifest");
        assert_eq!((manifest.kept.len(), manifest.history.len()), (0, 2));
    }

    #[test]
    fn what_redis_writes_is_read() {
        let text = b"file appendonly.aof.1.base.rdb seq 1 type b\n\
                     file \"append only.aof.1.incr.aof\" seq 1 type i extra 5\n";
        let manifest = parse(text).expect("a manifest");
        assert_eq!(
            manifest.base.expect("a base").name,
            "appendonly.aof.1.base.rdb"
        );
        assert_eq!(manifest.incrs[0].name, "append only.aof.1.incr.aof");
        assert_eq!(manifest.base_lsn, None);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "\n",
            "file a seq 1 type b",
            "file a seq 1 type x\n",
            "file a seq 0 type i\n",
            "file ../a seq 1 type i\n",
            "file a seq 1 type b\nfile b seq 2 type b\n",
            "file a seq 2 type i\nfile b seq 2 type i\n",
            "file a seq 1 type i\n# a remark\n",
            "#OCH2 base=1 crc=00000000\nfile a seq 1 type i\n",
        ] {
            let trouble = parse(text.as_bytes()).expect_err(text);
            assert_eq!(trouble.kind, Kind::Damaged, "{text}");
        }
    }

    #[test]
    fn every_flip_and_every_cut_is_noticed() {
        let text = some().encode();
        for bit in 0..8 * text.len() {
            let mut flipped = text.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(parse(&flipped).is_err(), "bit {bit}");
        }
        for cut in 0..text.len() {
            assert!(parse(&text[..cut]).is_err(), "cut at {cut}");
        }
    }
}
