//! What a check has found, for programs (JSON, by field names) and for people (text).

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

/// All of it. `docs/formats/json.md` lists the fields.
#[derive(Debug, Serialize)]
pub struct Report {
    pub path: String,
    pub verdict: Verdict,
    /// The process that has the directory open, if one has.
    pub server: Option<String>,
    /// Is the log marked as older than the snapshot? A server reads the snapshot then.
    pub outdated: bool,
    /// In the order in which a server reads them.
    pub files: Vec<FileReport>,
    pub torn: Option<Torn>,
    /// The first of each file that has some.
    pub damage: Vec<Damage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Valid,
    /// Whole but for an unfinished end of the last file.
    Torn,
    Damaged,
}

#[derive(Debug, Serialize)]
pub struct FileReport {
    pub path: String,
    pub bytes: u64,
    /// Of an older generation: when it was replaced, in unix seconds. A server does not read it.
    pub kept_until: Option<u64>,
    #[serde(flatten)]
    pub content: Content,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Content {
    Manifest {
        /// Does it have our line with a checksum?
        sealed: bool,
        base_lsn: Option<u64>,
        listed: u64,
        /// Older generations that are kept.
        generations: u64,
    },
    Snapshot(Keys),
    Log(Log),
}

/// What a snapshot holds.
#[derive(Debug, Default, Serialize)]
pub struct Keys {
    pub format: String,
    /// Is it the base of a log?
    pub base: bool,
    pub keys: u64,
    pub types: BTreeMap<&'static str, u64>,
    pub databases: BTreeMap<u64, u64>,
    pub deadlines: u64,
    pub functions: u64,
    /// Keys of types that this version cannot load.
    pub not_loadable: u64,
    pub checksum: &'static str,
}

/// What a file with commands holds.
#[derive(Debug, Serialize)]
pub struct Log {
    pub first_lsn: u64,
    pub end_lsn: u64,
    /// Groups with a right checksum.
    pub groups: u64,
    pub commands: u64,
    /// Bytes of commands that have no checksum: another server's.
    pub unchecked_bytes: u64,
    /// Unix seconds on the first and last `#TS:` line.
    pub times: Option<(i64, i64)>,
    pub end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    Clean,
    /// Zeros up to the end: room that was not used.
    Reserved,
    Torn,
    Damaged,
}

/// An unfinished end.
#[derive(Debug, Serialize)]
pub struct Torn {
    pub file: String,
    pub offset: u64,
    pub bytes: u64,
    pub commands: u64,
    pub what: &'static str,
}

#[derive(Debug, Serialize)]
pub struct Damage {
    pub file: String,
    pub offset: Option<u64>,
    pub what: String,
    /// All of the log before this place can be read; none for a snapshot.
    pub sound_lsn: Option<u64>,
    /// Is it in an older generation, which a server does not need?
    pub kept: bool,
}

impl Report {
    /// 0, 1 or 2, as the shell sees it.
    pub fn status(&self) -> u8 {
        match self.verdict {
            Verdict::Valid => 0,
            Verdict::Torn => 1,
            Verdict::Damaged => 2,
        }
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("names and numbers")
    }

    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for file in &self.files {
            // Writing to a string cannot fail.
            let kept = file.kept_until.and_then(|secs| i64::try_from(secs).ok());
            let kept = kept.map(|secs| format!(" (kept, replaced {})", instant(secs)));
            let _ = writeln!(text, "{}{}", file.path, kept.unwrap_or_default());
            let bytes = file.bytes;
            match &file.content {
                Content::Manifest {
                    sealed,
                    base_lsn,
                    listed,
                    generations,
                } => {
                    let seal = match sealed {
                        true => "checksum right",
                        false => "no checksum: another server's",
                    };
                    let at = base_lsn.map_or(String::new(), |lsn| format!(", base at LSN {lsn}"));
                    let kept = match generations {
                        0 => String::new(),
                        1 => ", an older generation".to_owned(),
                        more => format!(", {more} older generations"),
                    };
                    let _ = writeln!(text, "    manifest of {listed} files{kept}{at}; {seal}");
                }
                Content::Snapshot(keys) => keys.write(bytes, &mut text),
                Content::Log(log) => log.write(bytes, &mut text),
            }
        }
        if self.outdated {
            text.push_str(
                "The log is marked as older than the snapshot, which was written while the log was \
                 off:\n  a server reads the snapshot and begins a new log with it.\n",
            );
        }
        if let Some(process) = &self.server {
            let _ = writeln!(text, "Process {process} has the directory open.");
        }
        self.write_verdict(&mut text);
        text
    }

    fn write_verdict(&self, text: &mut String) {
        for damage in &self.damage {
            let place = damage.offset.map(|at| format!(" at byte {at}"));
            let place = place.unwrap_or_default();
            let _ = writeln!(text, "Damage in {}{place}: {}", damage.file, damage.what);
        }
        if let Some(torn) = &self.torn {
            let Torn {
                file,
                offset,
                bytes,
                commands,
                what,
            } = torn;
            let _ = writeln!(
                text,
                "Unfinished end of {file}: {what} at byte {offset}; {bytes} bytes with {commands} \
                 whole commands would be cut."
            );
        }
        let _ = match (self.verdict, &self.server) {
            (Verdict::Valid, _) => writeln!(text, "Valid."),
            (Verdict::Torn, Some(_)) => writeln!(
                text,
                "Torn: perhaps the server was writing just then. Check again when it is at rest."
            ),
            (Verdict::Torn, None) => writeln!(
                text,
                "Torn: a server cuts this off when it starts (aof-load-truncated yes), and so \
                 does --fix."
            ),
            (Verdict::Damaged, _) => writeln!(text, "Damaged.{}", self.advice()),
        };
    }

    /// What to do about damage.
    fn advice(&self) -> String {
        if self.damage.iter().all(|damage| damage.kept) {
            return "\n  The log itself is sound, and a server starts with it: only older \
                    generations are damaged,\n  which are kept for ochre restore."
                .into();
        }
        let sound = self.damage.iter().find_map(|damage| damage.sound_lsn);
        let backup = "\n  Keep a copy of the directory and restore from a backup if there is one.";
        match sound {
            Some(lsn) => format!(
                "{backup}\n  The log is sound up to LSN {lsn}; to save that much:\n    ochre \
                 restore {} --to {lsn} --into NEW_DIRECTORY",
                self.path
            ),
            None => backup.to_owned(),
        }
    }
}

impl Keys {
    fn write(&self, bytes: u64, text: &mut String) {
        let role = if self.base { "base" } else { "snapshot" };
        let _ = writeln!(
            text,
            "    {role}, RDB of {}, {bytes} bytes; checksum {}",
            self.format, self.checksum
        );
        let types: Vec<String> = self
            .types
            .iter()
            .map(|(name, keys)| format!("{keys} {name}"))
            .collect();
        let types = match types.is_empty() {
            true => String::new(),
            false => format!(" ({})", types.join(", ")),
        };
        let _ = writeln!(
            text,
            "    {} keys{types} in {} databases, {} with a deadline, {} function libraries",
            self.keys,
            self.databases.len(),
            self.deadlines,
            self.functions
        );
        if self.databases.len() > 1 {
            for (database, keys) in &self.databases {
                let _ = writeln!(text, "      database {database}: {keys} keys");
            }
        }
        if self.not_loadable > 0 {
            let _ = writeln!(
                text,
                "    {} of the keys are of types that this version cannot load",
                self.not_loadable
            );
        }
    }
}

impl Log {
    fn write(&self, bytes: u64, text: &mut String) {
        let _ = writeln!(
            text,
            "    log, LSN {} to {}, {bytes} bytes: {} groups with right checksums, {} commands",
            self.first_lsn, self.end_lsn, self.groups, self.commands
        );
        if self.unchecked_bytes > 0 {
            let _ = writeln!(
                text,
                "    {} bytes of commands have no checksum: another server wrote them",
                self.unchecked_bytes
            );
        }
        if let Some((first, last)) = self.times {
            let _ = writeln!(
                text,
                "    commands from {} to {}",
                instant(first),
                instant(last)
            );
        }
        let end = match self.end {
            End::Clean => "ends clean",
            End::Reserved => "ends clean, reserved room behind it",
            End::Torn => "ends unfinished",
            End::Damaged => "damaged behind that",
        };
        let _ = writeln!(text, "    {end}");
    }
}

/// A time in the form that `--to` takes.
pub fn instant(unix_secs: i64) -> String {
    let secs = u64::try_from(unix_secs).unwrap_or(0);
    let time = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(secs));
    match time.filter(|_| secs < 253_402_300_800) {
        Some(time) => humantime::format_rfc3339_seconds(time).to_string(),
        None => format!("@{unix_secs}"),
    }
}
