//! COMMAND: the spec table, told to clients.
//!
//! ```text
//!   entry      COMMAND, INFO               what a client library routes and checks by
//!   docs       DOCS                        what a shell completes and hints from
//!   getkeys    GETKEYS, GETKEYSANDFLAGS    the keys of a line
//!   here       COUNT, LIST                 names
//! ```
//!
//! Nothing is said here that is not in `spec`. Only commands that have a
//! handler are told of. Clients ask for the whole table when they connect, so
//! the answers to that are encoded once per protocol and sent by reference.

mod docs;
mod entry;
mod getkeys;

use std::sync::OnceLock;

use resp::{Block, Outbox, Protocol, Reply};
use spec::{Categories, Spec};

use super::help::help;
use super::{Command, Commands, Row, cmd, container};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) static TABLE: &[Row] = &[container(
    &spec::server::COMMAND,
    entry::all,
    &[
        cmd(&spec::server::COMMAND_COUNT, count),
        cmd(&spec::server::COMMAND_DOCS, docs::docs),
        cmd(&spec::server::COMMAND_GETKEYS, getkeys::getkeys),
        cmd(
            &spec::server::COMMAND_GETKEYSANDFLAGS,
            getkeys::getkeysandflags,
        ),
        cmd(&spec::server::COMMAND_HELP, help),
        cmd(&spec::server::COMMAND_INFO, entry::info),
        cmd(&spec::server::COMMAND_LIST, list),
    ],
)];

/// The replies about all commands, as far as somebody has asked for them.
#[derive(Default)]
pub(super) struct Descriptions {
    entries: Encoded,
    docs: Encoded,
}

/// One reply, in RESP2 and in RESP3.
#[derive(Default)]
struct Encoded([OnceLock<Block>; 2]);

impl Encoded {
    /// Send this reply, which `write` makes when it is asked for first.
    fn send(&self, reply: &mut Reply, write: impl FnOnce(&mut Reply)) {
        let protocol = reply.protocol();
        let Encoded([two, three]) = self;
        let kept = match protocol {
            Protocol::Resp2 => two,
            Protocol::Resp3 => three,
        };
        let block = kept.get_or_init(|| {
            let mut encoded = Outbox::default();
            write(&mut Reply::new(&mut encoded, protocol));
            Block::new(encoded.take_bytes())
        });
        let mut shared = Outbox::default();
        shared.push_block(block);
        reply.append(shared);
    }
}

fn count(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    reply.count(ctx.engine.commands.top_level().count());
    Ok(())
}

fn list(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let filter = Filter::parse(args)?;
    let names: Vec<_> = ctx
        .engine
        .commands
        .all()
        .iter()
        .filter(|command| filter.passes(command.spec))
        .map(|command| command.spec.full_name())
        .collect();
    reply.array(names.len());
    for name in &names {
        reply.bulk(name.as_bytes());
    }
    Ok(())
}

/// Which names COMMAND LIST is to tell.
enum Filter<'a> {
    All,
    /// A module's; there are no modules.
    OfNone,
    Category(Categories),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Filter<'a>, CommandError> {
        if args.is_done() {
            return Ok(Filter::All);
        }
        if args.left() != 3 || !args.word("filterby") {
            return Err(CommandError::Syntax);
        }
        if args.word("module") {
            args.bytes()?;
            Ok(Filter::OfNone)
        } else if args.word("aclcat") {
            let category = Categories::find(args.bytes()?);
            Ok(category.map_or(Filter::OfNone, Filter::Category))
        } else if args.word("pattern") {
            Ok(Filter::Pattern(args.bytes()?))
        } else {
            Err(CommandError::Syntax)
        }
    }

    fn passes(&self, spec: &Spec) -> bool {
        match self {
            Filter::All => true,
            Filter::OfNone => false,
            Filter::Category(category) => spec.implied().contains(*category),
            Filter::Pattern(pattern) => {
                base::glob_match(pattern, spec.full_name().as_bytes(), true)
            }
        }
    }
}

/// The table as COMMAND sees it.
impl Commands {
    /// All commands that are nobody's subcommand, by their names.
    fn top_level(&self) -> impl Iterator<Item = &Command> {
        self.by_position.iter().flatten().map(|&id| self.get(id))
    }

    fn subcommands(&self, command: &Command) -> impl ExactSizeIterator<Item = &Command> {
        command.subcommands.iter().map(|&id| self.get(id))
    }

    /// The command called `get`, or `client|getname`, in any letter case.
    fn find(&self, name: &[u8]) -> Option<&Command> {
        let mut words = name.splitn(2, |&byte| byte == b'|');
        let position = spec::table::position(words.next()?)?;
        let command = self.get(self.by_position[position]?);
        match words.next() {
            None => Some(command),
            Some(word) => self
                .subcommands(command)
                .find(|sub| base::eq_ignore_case(sub.spec.name.as_bytes(), word)),
        }
    }
}
