//! COMMAND DOCS: what a person wants to know of a command.
//!
//! A map of maps. The grammar of the arguments comes as a tree, from which
//! shells show hints and check what is typed:
//!
//! ```text
//!   "set": { summary, since, group, complexity, history?, ...,
//!            arguments: [ {name, type: key, ...},
//!                         {name, type: oneof, flags: optional, arguments: [ {token: NX}, {token: XX} ]} ] }
//! ```

use resp::Reply;
use spec::{Arg, Spec};

use super::entry::write_words;
use crate::args::Args;
use crate::commands::{Command, Commands};
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn docs(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let commands = &ctx.engine.commands;
    if args.is_done() {
        commands.descriptions.docs.send(reply, |reply| {
            reply.map(commands.top_level().count());
            for command in commands.top_level() {
                write_named(reply, commands, command);
            }
        });
        return Ok(());
    }
    // Names that nobody knows are left out.
    let found: Vec<_> = args.rest().filter_map(|name| commands.find(name)).collect();
    reply.map(found.len());
    for command in found {
        write_named(reply, commands, command);
    }
    Ok(())
}

fn write_named(reply: &mut Reply, commands: &Commands, command: &Command) {
    reply.bulk(command.spec.full_name().as_bytes());
    let spec = command.spec;
    let subcommands = commands.subcommands(command);
    let [has_history, has_args, has_subcommands] = [
        !spec.history.is_empty(),
        !spec.args.is_empty(),
        subcommands.len() > 0,
    ];
    let fields = 4
        + usize::from(spec.doc_flag_names().next().is_some())
        + 2 * usize::from(spec.deprecated.is_some())
        + usize::from(has_history)
        + usize::from(has_args)
        + usize::from(has_subcommands);
    reply.map(fields);
    write_field(reply, "summary", spec.summary);
    write_field(reply, "since", spec.since);
    write_field(reply, "group", spec.group.name());
    write_field(reply, "complexity", spec.complexity);
    write_standing(reply, spec);
    if has_history {
        reply.bulk(b"history");
        write_history(reply, spec);
    }
    if has_args {
        reply.bulk(b"arguments");
        write_args(reply, spec.args);
    }
    if has_subcommands {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        for subcommand in subcommands {
            write_named(reply, commands, subcommand);
        }
    }
}

fn write_field(reply: &mut Reply, name: &str, text: &str) {
    reply.bulk(name.as_bytes());
    reply.bulk(text.as_bytes());
}

/// Is it for everybody, and still the way to do it?
fn write_standing(reply: &mut Reply, spec: &Spec) {
    if spec.doc_flag_names().next().is_some() {
        reply.bulk(b"doc_flags");
        write_words(reply, spec.doc_flag_names());
    }
    if let Some(deprecated) = spec.deprecated {
        write_field(reply, "deprecated_since", deprecated.since);
        write_field(reply, "replaced_by", deprecated.replaced_by);
    }
}

fn write_history(reply: &mut Reply, spec: &Spec) {
    reply.set(spec.history.len());
    for (version, change) in spec.history {
        reply.array(2);
        reply.bulk(version.as_bytes());
        reply.bulk(change.as_bytes());
    }
}

fn write_args(reply: &mut Reply, args: &[Arg]) {
    reply.array(args.len());
    for arg in args {
        write_arg(reply, arg);
    }
}

fn write_arg(reply: &mut Reply, arg: &Arg) {
    let parts = arg.children();
    let flagged = arg.flag_names().next().is_some();
    // A choice or a block has its parts, all else a text to show.
    let fields = 3
        + usize::from(arg.key_spec_index.is_some())
        + usize::from(arg.token.is_some())
        + usize::from(arg.since.is_some())
        + usize::from(arg.deprecated_since.is_some())
        + usize::from(flagged);
    reply.map(fields);
    write_field(reply, "name", arg.name);
    write_field(reply, "type", arg.kind.name());
    if parts.is_empty() {
        write_field(reply, "display_text", arg.display_text());
    }
    if let Some(index) = arg.key_spec_index {
        reply.bulk(b"key_spec_index");
        reply.int(index.into());
    }
    let texts = [
        ("token", arg.token),
        ("since", arg.since),
        ("deprecated_since", arg.deprecated_since),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            write_field(reply, name, text);
        }
    }
    if flagged {
        reply.bulk(b"flags");
        write_words(reply, arg.flag_names());
    }
    if !parts.is_empty() {
        reply.bulk(b"arguments");
        write_args(reply, parts);
    }
}
