//! `ochre import`: a new data directory from a file.
//!
//! Keys are put into an engine first: a file that has a key twice, or half of one, is refused
//! before anything is written.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use persist::rdb::Build;
use store::{Block, NewHash, NewList, NewSet, NewValue, NewZSet, ScoreOutcome};

use crate::args::{Flag, Tool, Words};
use crate::dataset::{DataSet, Origin, Target, Wanted};
use crate::json_line::{self, Field, Value};
use crate::place::{self, Names, trouble};
use crate::reading::Reading;
use crate::tool;

const TOOL: Tool = Tool {
    head: "\
ochre import: a new data directory from a file

  ochre import [flags] FILE --into DIR     JSON lines, a snapshot (.rdb) or commands (.aof)
  ochre import [flags] - --into DIR        JSON lines from standard input
",
    flags: &[
        Flag {
            name: "--into",
            value: Some("DIR"),
            help: "a directory that is empty or not there yet",
        },
        Flag {
            name: "--rdb",
            value: None,
            help: "write a snapshot instead of a log with its base",
        },
        place::FOLDER,
        place::LOG,
        place::SNAPSHOT,
    ],
    tail: "
What kind of file it is, is seen by how it begins. docs/formats/json.md describes the JSON; a
key that comes twice is an error. A server with appendonly yes starts on the directory; with
--rdb it is one with appendonly no.

Example
  ochre export OLD --format json | sed 's/old-name/new-name/' | ochre import - --into NEW
",
};

/// The longest value may be written with six characters for each byte.
const LINE_BYTES_MAX: u64 = 4 << 30;
const VALUE_BYTES_MAX: usize = 512 << 20;
/// Longer values are handed over without a copy.
const BLOCK_BYTES_MIN: usize = 64 << 10;

/// Runs `ochre import` with the words behind it.
pub fn import(args: &[OsString]) -> ExitCode {
    tool::main("import", &TOOL, args, run)
}

fn run(words: &Words) -> tool::Outcome {
    let from = words.only("FILE")?;
    let into = words.value("--into").ok_or("--into DIR is missing")?;
    let into = PathBuf::from(into);
    let names = Names::of(words)?;
    let target = Target::new(&into, &names, words.has("--rdb"))?;
    let path = Path::new(from);
    let mut data = if from == "-" {
        json(std::io::stdin().lock(), Path::new("standard input"))?
    } else if is_json(path)? {
        let file = File::open(path).map_err(|error| trouble(&error, path, "open"))?;
        json(BufReader::new(file), path)?
    } else {
        let reading = Arc::new(Reading::new());
        let found = place::find(path, &names)?;
        let origin = Origin::find(&*reading, found, &names, Wanted::AsServed)?;
        let (data, loaded) = DataSet::load(reading, origin.into_source()?)?;
        if loaded.expired > 0 {
            eprintln!("{} keys whose time is over were left out", loaded.expired);
        }
        data
    };
    let keys = data.write_directory(&target, 0)?;
    eprintln!("{keys} keys are in {}", into.display());
    Ok(())
}

/// Does the file begin as JSON lines do, or is there nothing in it?
fn is_json(path: &Path) -> Result<bool, tool::Failure> {
    if path.is_dir() {
        return Ok(false);
    }
    let mut front = [0; 64];
    let read = File::open(path).and_then(|mut file| file.read(&mut front));
    let read = read.map_err(|error| trouble(&error, path, "read"))?;
    let first = front[..read]
        .iter()
        .find(|byte| !byte.is_ascii_whitespace());
    Ok(matches!(first, Some(b'{') | None))
}

fn json(mut from: impl BufRead, path: &Path) -> Result<DataSet, tool::Failure> {
    let mut data = DataSet::empty();
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        let read = from
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line);
        if read.map_err(|error| trouble(&error, path, "read"))? == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        put(&mut data, &line).map_err(|why| {
            let path = path.display();
            tool::Failure::Refused(format!("{path}, line {number}: {why}; nothing was written"))
        })?;
    }
    Ok(data)
}

fn put(data: &mut DataSet, line: &[u8]) -> Result<(), String> {
    let key = json_line::read(line)?;
    let longest = match &key.value {
        Value::String(bytes) => bytes.len(),
        Value::List(elements) => {
            let lens = elements.iter().map(Vec::len);
            lens.max().ok_or("a list has at least one element")?
        }
        Value::Set(members) => {
            let lens = members.iter().map(Vec::len);
            lens.max().ok_or("a set has at least one member")?
        }
        Value::SortedSet(pairs) => {
            let lens = pairs.iter().map(|(member, _)| member.len());
            lens.max().ok_or("a sorted set has at least one member")?
        }
        // Its words come from one line.
        Value::Stream(_) => 0,
        Value::Hash(pairs) => {
            let lens = pairs
                .iter()
                .map(|(field, value, _)| field.len().max(value.len()));
            lens.max().ok_or("a hash has at least one field")?
        }
    };
    if longest.max(key.key.len()) > VALUE_BYTES_MAX {
        return Err("more than the 512 MiB that a string may have".into());
    }
    let too_large = || format!("there can be no database {}", key.database);
    let database = usize::try_from(key.database).map_err(|_| too_large())?;
    if database >= DataSet::DATABASES {
        return Err(too_large());
    }
    let value = match &key.value {
        Value::String(bytes) if bytes.len() >= BLOCK_BYTES_MIN => {
            NewValue::Block(Block::new(bytes.to_vec()))
        }
        Value::String(bytes) => NewValue::String(bytes),
        Value::List(elements) => list_of(elements),
        Value::Set(members) => set_of(members)?,
        Value::SortedSet(pairs) => zset_of(pairs)?,
        Value::Hash(pairs) => hash_of(pairs)?,
        Value::Stream(stream) => stream.build()?,
    };
    match data.put(database, &key.key, value, key.deadline_ms) {
        true => Ok(()),
        false => Err("the key has been there before".into()),
    }
}

fn list_of(elements: &[Vec<u8>]) -> NewValue<'static> {
    let mut list = NewList::new(Build::plainly().list);
    elements.iter().for_each(|element| list.push(element));
    list.finish()
}

fn set_of(members: &[Vec<u8>]) -> Result<NewValue<'static>, String> {
    let build = Build::plainly();
    let mut set = NewSet::new(build.set, build.hasher);
    match members.iter().all(|member| set.add(member)) {
        true => Ok(set.finish()),
        false => Err("a member comes twice".into()),
    }
}

fn zset_of(pairs: &[(Vec<u8>, Vec<u8>)]) -> Result<NewValue<'static>, String> {
    let build = Build::plainly();
    let mut zset = NewZSet::new(build.zset, build.hasher);
    for (member, score) in pairs {
        let score = base::parse_f64(score).ok_or("a score is no number")?;
        if zset.set(member, score) != ScoreOutcome::Added {
            return Err("a member comes twice".into());
        }
    }
    Ok(zset.finish())
}

fn hash_of(fields: &[Field]) -> Result<NewValue<'static>, String> {
    let build = Build::plainly();
    let mut hash = NewHash::new(build.hash, build.hasher);
    let mut each = fields.iter();
    match each.all(|(field, value, deadline_ms)| hash.put_until(field, value, *deadline_ms)) {
        true => Ok(hash.finish()),
        false => Err("a field comes twice".into()),
    }
}
