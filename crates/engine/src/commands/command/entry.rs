//! COMMAND and COMMAND INFO: a command in ten elements.
//!
//! ```text
//!   name · arity · flags · first key · last key · step · categories · tips · key specs · subcommands
//! ```
//!
//! The key triple is what clients before 7.0 know; the key specs say all.

use resp::Reply;
use spec::{Begin, Find, KeyFlags, KeySpec};

use crate::args::Args;
use crate::commands::{Command, Commands};
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn all(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let commands = &ctx.engine.commands;
    commands.descriptions.entries.send(reply, |reply| {
        reply.array(commands.top_level().count());
        for command in commands.top_level() {
            write_entry(reply, commands, command);
        }
    });
    Ok(())
}

pub(super) fn info(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    if args.is_done() {
        return all(ctx, args, reply);
    }
    let commands = &ctx.engine.commands;
    reply.array(args.left());
    for name in args.rest() {
        match commands.find(name) {
            Some(command) => write_entry(reply, commands, command),
            None => reply.null(),
        }
    }
    Ok(())
}

fn write_entry(reply: &mut Reply, commands: &Commands, command: &Command) {
    let spec = command.spec;
    reply.array(10);
    reply.bulk(spec.full_name().as_bytes());
    reply.int(spec.arity.into());
    write_words(reply, spec.flags.names());
    let (first, last, step) = spec.first_last_step();
    reply.int(first.into());
    reply.int(last.into());
    reply.int(step.into());
    write_words(reply, spec.implied().names().map(|name| format!("@{name}")));
    reply.set(spec.tips.len());
    for tip in spec.tips {
        reply.bulk(tip.as_bytes());
    }
    reply.set(spec.keys.len());
    for key in spec.keys {
        write_key_spec(reply, key);
    }
    let subcommands = commands.subcommands(command);
    match subcommands.len() {
        0 => reply.set(0),
        len => reply.array(len),
    }
    for subcommand in subcommands {
        write_entry(reply, commands, subcommand);
    }
}

/// A set of words, simple strings each.
pub(super) fn write_words<W: AsRef<str>>(reply: &mut Reply, words: impl Iterator<Item = W>) {
    let words: Vec<W> = words.collect();
    reply.set(words.len());
    for word in &words {
        reply.simple(word.as_ref());
    }
}

pub(super) fn write_access(reply: &mut Reply, access: KeyFlags) {
    write_words(reply, access.names());
}

fn write_key_spec(reply: &mut Reply, key: &KeySpec) {
    reply.map(3 + usize::from(key.notes.is_some()));
    if let Some(notes) = key.notes {
        reply.bulk(b"notes");
        reply.bulk(notes.as_bytes());
    }
    reply.bulk(b"flags");
    write_access(reply, key.access);
    reply.bulk(b"begin_search");
    write_begin(reply, key.begin);
    reply.bulk(b"find_keys");
    write_find(reply, key.find);
}

fn write_begin(reply: &mut Reply, begin: Begin) {
    match begin {
        Begin::Index(index) => write_search(reply, "index", &[("index", index)]),
        Begin::Keyword { word, start_from } => {
            write_kind(reply, "keyword");
            reply.map(2);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            reply.bulk(b"startfrom");
            reply.int(start_from.into());
        }
        Begin::Unknown => write_search(reply, "unknown", &[]),
    }
}

fn write_find(reply: &mut Reply, find: Find) {
    match find {
        Find::Range { last, step, limit } => {
            let fields = [("lastkey", last), ("keystep", step), ("limit", limit)];
            write_search(reply, "range", &fields);
        }
        Find::KeyNum {
            keynum_index,
            first,
            step,
        } => {
            let fields = [
                ("keynumidx", keynum_index),
                ("firstkey", first),
                ("keystep", step),
            ];
            write_search(reply, "keynum", &fields);
        }
        Find::Unknown => write_search(reply, "unknown", &[]),
    }
}

/// One half of a key spec, whose fields are numbers.
fn write_search(reply: &mut Reply, kind: &str, fields: &[(&str, i16)]) {
    write_kind(reply, kind);
    reply.map(fields.len());
    for &(name, number) in fields {
        reply.bulk(name.as_bytes());
        reply.int(number.into());
    }
}

/// The kind of a half; the map of its fields is to follow.
fn write_kind(reply: &mut Reply, kind: &str) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
}
