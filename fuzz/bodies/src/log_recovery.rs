//! A log directory of any bytes is refused or served, the same way each time.
//!
//! The input is a manifest or a file under one, or edits of a log that was written here. What is
//! served of such a log is a prefix of what was written, in whole groups. What is served at all is
//! served again after the writer has opened it and gone on; an offset in a refusal lies in the file.

use std::path::Path;
use std::sync::Arc;

use persist::log::{FsyncPolicy, Log, Manifest, Options, Recovery, Role, Settings};
use persist::{Place, Storage, Trouble};
use testkit::disk::SimDisk;

use crate::tape::Tape;

const DIR: &str = "/data";
const FILE: &str = "/data/appendonlydir/appendonly.aof.1.incr.aof";
const MANIFEST: &str = "/data/appendonlydir/appendonly.aof.manifest";

type Words = Vec<Vec<u8>>;

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    match tape.below(5) {
        0 => any_manifest(tape.rest()),
        1 => {
            let disk = written(&mut Tape::new(b"")).0;
            disk.put(Path::new(FILE), tape.rest());
            check(&disk);
        }
        2 => {
            let disk = written(&mut Tape::new(b"")).0;
            let manifest = b"file appendonly.aof.1.incr.aof seq 1 type i\n";
            disk.put(Path::new(MANIFEST), manifest);
            disk.put(Path::new(FILE), tape.rest());
            check(&disk);
        }
        3 => {
            let disk = SimDisk::new(Path::new(DIR));
            disk.put(Path::new("/data/appendonly.aof"), tape.rest());
            check(&disk);
        }
        _ => edited(&mut tape),
    }
}

fn any_manifest(bytes: &[u8]) {
    let path = Path::new(MANIFEST);
    match Manifest::parse(bytes, path) {
        Ok(manifest) => assert_eq!(Manifest::parse(&manifest.encode(), path), Ok(manifest)),
        Err(trouble) => assert!(trouble.offset.is_some_and(|at| at <= bytes.len() as u64)),
    }
    let disk = written(&mut Tape::new(b"")).0;
    disk.put(path, bytes);
    check(&disk);
}

fn edited(tape: &mut Tape<'_>) {
    let (disk, history) = written(tape);
    let mut bytes = disk.contents(Path::new(FILE)).expect("a log");
    for _ in 0..1 + tape.below(3) {
        let at = tape.below(bytes.len() as u64 + 1) as usize;
        let len = tape.below(bytes.len() as u64 + 1) as usize;
        let end = (at + len).min(bytes.len());
        match tape.below(5) {
            0 => bytes.truncate(at),
            1 => bytes[at..end].fill(tape.byte()),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.extend_from_within(at..end),
            _ => drop(bytes.splice(at..at, tape.text(300))),
        }
    }
    disk.put(Path::new(FILE), &bytes);
    if let Some(served) = check(&disk) {
        assert!(served.len() <= history.len());
        assert_eq!(served, history[..served.len()]);
    }
}

/// A log of as many groups as the tape has, closed or not.
fn written(tape: &mut Tape<'_>) -> (SimDisk, Vec<Words>) {
    let disk = SimDisk::new(Path::new(DIR));
    let policy = *tape.pick(&[FsyncPolicy::Always, FsyncPolicy::EverySec, FsyncPolicy::No]);
    let log = open(&disk, &survey(&disk).expect("nothing there"), policy);
    let mut history = Vec::new();
    for number in 0..tape.below(12) {
        let key = number.to_string().into_bytes();
        let effects: Vec<Words> = (0..1 + tape.below(3))
            .map(|_| vec![b"SET".to_vec(), key.clone(), tape.text(200)])
            .collect();
        let encoded: Vec<Vec<u8>> = effects.iter().map(|words| resp(words)).collect();
        log.append(encoded.iter().map(|bytes| (0, bytes.as_slice())));
        history.push(effects.concat());
        if tape.bool() {
            log.tell_time(1_700_000_000 + number / 2);
            log.commit(number * 400, &|| 0).expect("commits");
        }
    }
    if tape.bool() {
        log.close(0, &|| 0).expect("closes");
    } else {
        log.commit(0, &|| 0).expect("commits");
    }
    (disk, history)
}

/// The words of each group, if the directory is not refused.
fn check(disk: &SimDisk) -> Option<Vec<Words>> {
    let served = serve(disk);
    assert_eq!(served, serve(disk), "twice the same");
    let served = match served {
        Ok(served) => served,
        Err(trouble) => {
            if let (Some(at), Some(bytes)) = (trouble.offset, disk.contents(&trouble.path)) {
                assert!(at <= bytes.len() as u64, "{trouble}");
            }
            return None;
        }
    };
    // A server that serves it goes on with it.
    let log = open(disk, &survey(disk).expect("as before"), FsyncPolicy::Always);
    assert_eq!(serve(disk).as_ref(), Ok(&served), "opening changes nothing");
    let last = resp(&[b"DEL".to_vec(), b"last".to_vec()]);
    log.append([(7, last.as_slice())]);
    log.close(0, &|| 0).expect("closes");
    let mut more = serve(disk).expect("what we wrote");
    assert_eq!(more.pop(), Some(vec![b"DEL".to_vec(), b"last".to_vec()]));
    assert_eq!(more, served);
    Some(served)
}

fn survey(disk: &SimDisk) -> Result<Recovery, Trouble> {
    let options = Options {
        load_truncated: true,
    };
    // As if five letters were a whole RDB.
    Recovery::survey(disk, &Place::usual(DIR), options, &mut |_, _| Ok(5))
}

fn open(disk: &SimDisk, recovery: &Recovery, policy: FsyncPolicy) -> Log {
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let settings = Settings {
        // Some logs have times in them.
        timestamps: policy == FsyncPolicy::EverySec,
        ..Settings::new(policy)
    };
    Log::open(storage, recovery, settings).expect("a disk without faults")
}

fn serve(disk: &SimDisk) -> Result<Vec<Words>, Trouble> {
    let recovery = survey(disk)?;
    let mut commands = recovery.commands(disk);
    let mut groups = Vec::new();
    let mut open: Words = Vec::new();
    while let Some(command) = commands.advance()? {
        let words = command.argv.iter().map(<[u8]>::to_vec);
        match command.role {
            Role::Single => groups.push(words.collect()),
            Role::Member => open.extend(words),
            Role::Exec => groups.push(std::mem::take(&mut open)),
            Role::Multi | Role::Select => {}
        }
    }
    Ok(groups)
}

fn resp(words: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}
