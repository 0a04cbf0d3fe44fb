//! Every command: its spec joined to its handler.
//!
//! A handler is a plain function, thin over the typed operations of `store`
//! and the view of the keyspace that [`Ctx`] gives. It reads its arguments
//! with [`Args`], answers through [`Reply`], and returns an error *before* it
//! has changed or written anything.
//!
//! To add a command: a spec in `spec`, a handler in its family's file here, a
//! row in that family's `TABLE`, and a transcript under `tests/transcripts`.

use resp::{Argv, Reply};
use spec::{Begin, Find, Spec};
use store::Item;

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

mod bitmap;
mod client;
mod command;
mod config;
mod connection;
mod debug;
mod dump;
mod expire;
mod first;
mod generic;
mod geo;
mod hash;
mod help;
mod hll;
mod info;
mod latency;
mod list;
mod memory;
mod object;
mod save;
mod scan;
mod scripting;
mod server;
mod set;
mod sort;
mod stream;
mod string;
mod transaction;
mod zset;

/// What runs a command.
pub type Handler = fn(&mut Ctx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result<(), CommandError>;

/// Which shards a command is inside of while its handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of its keys.
    Keys,
    /// None; the handler visits one after the other ([`Ctx::each_shard`]).
    Each,
    /// All: what it does must look like one moment.
    All,
    /// Those of its keys; but all if there is a star behind them, which may mean any key.
    KeysOrPatterns,
}

impl Scope {
    /// What it comes to for one request.
    #[inline]
    pub(crate) fn of(self, argv: Argv<'_>) -> Scope {
        let has_star = |argv: Argv<'_>| argv.iter_from(2).any(|word| word.contains(&b'*'));
        match self {
            Scope::KeysOrPatterns if has_star(argv) => Scope::All,
            Scope::KeysOrPatterns => Scope::Keys,
            scope => scope,
        }
    }
}

/// One line of a family's table.
pub struct Row {
    spec: &'static Spec,
    handler: Handler,
    scope: Scope,
    members: MemberShape,
    subcommands: &'static [Row],
}

/// A command that locks its keys.
const fn cmd(spec: &'static Spec, handler: Handler) -> Row {
    Row {
        spec,
        handler,
        scope: Scope::Keys,
        members: MemberShape::None,
        subcommands: &[],
    }
}

/// A command that looks for members in the collection at its one key.
const fn looking(spec: &'static Spec, members: MemberShape, handler: Handler) -> Row {
    Row {
        members,
        ..cmd(spec, handler)
    }
}

/// A command with another scope.
const fn scoped(spec: &'static Spec, scope: Scope, handler: Handler) -> Row {
    Row {
        scope,
        ..cmd(spec, handler)
    }
}

/// A container and its subcommands; `handler` runs when none is named.
const fn container(spec: &'static Spec, handler: Handler, subcommands: &'static [Row]) -> Row {
    Row {
        subcommands,
        ..cmd(spec, handler)
    }
}

/// What a container runs when it is called without a subcommand and has nothing
/// to do then. Its arity makes the gate refuse such a call first.
fn bare_container(_ctx: &mut Ctx, args: &mut Args, _reply: &mut Reply) -> Result<(), CommandError> {
    let name = String::from_utf8_lossy(args.argv().get(0)).to_ascii_lowercase();
    Err(CommandError::Arity(name.into()))
}

/// The request is the effect where its outcome depends on the keys alone.
fn effect_as_asked(ctx: &mut Ctx, args: &Args) {
    if ctx.effects_wanted() {
        let words: Vec<&[u8]> = args.argv().iter_from(0).collect();
        ctx.effect(&words);
    } else {
        ctx.effect(&[]);
    }
}

/// An effect of many words behind its first two, as several: no line of a log gets very long. So
/// many words belong `together`, and are one change.
fn effect_in_parts(ctx: &mut Ctx, head: &[&[u8]; 2], words: &[&[u8]], together: usize) {
    const PART: usize = 1_000;
    if ctx.effects_wanted() {
        for part in words.chunks(PART * together) {
            ctx.effect(&[head, part].concat());
        }
    } else {
        ctx.effect(&[]);
    }
    let (changes, told) = (
        words.len() / together,
        words.len().div_ceil(PART * together),
    );
    ctx.count_changes(changes.saturating_sub(told.max(1)));
}

/// An element of a collection as a reply.
#[inline]
fn answer_item(item: Item<'_>, reply: &mut Reply) {
    match item {
        Item::Bytes(bytes) => reply.bulk(bytes),
        Item::Int(value) => reply.bulk_int(value),
    }
}

#[inline]
fn answer_item_or_null(item: Option<Item<'_>>, reply: &mut Reply) {
    match item {
        Some(item) => answer_item(item, reply),
        None => reply.null(),
    }
}

/// The families.
static FAMILIES: &[&[Row]] = &[
    bitmap::TABLE,
    client::TABLE,
    command::TABLE,
    config::TABLE,
    connection::TABLE,
    debug::TABLE,
    dump::TABLE,
    expire::TABLE,
    generic::TABLE,
    geo::TABLE,
    hash::TABLE,
    hll::TABLE,
    info::TABLE,
    latency::TABLE,
    list::TABLE,
    memory::TABLE,
    object::TABLE,
    save::TABLE,
    scan::TABLE,
    scripting::TABLE,
    server::TABLE,
    set::TABLE,
    stream::TABLE,
    sort::TABLE,
    string::TABLE,
    transaction::TABLE,
    zset::TABLE,
];

/// Index of a command in [`Commands`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandId(pub(crate) u16);

impl CommandId {
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A command as the pipeline uses it.
pub struct Command {
    pub id: CommandId,
    pub spec: &'static Spec,
    pub(crate) handler: Handler,
    pub(crate) scope: Scope,
    pub(crate) keys: KeyShape,
    pub(crate) members: MemberShape,
    /// How many words its name has.
    pub(crate) words: usize,
    subcommands: Vec<CommandId>,
}

/// Where the keys of a command are, boiled down for speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyShape {
    None,
    /// One key, at this word.
    One(usize),
    /// From `first` on every `step` words, to the end or to `last`.
    Range {
        first: usize,
        last: i16,
        step: usize,
    },
    /// Ask [`spec::keys_of`].
    Spec,
}

/// Which words behind the key a command will look for in the collection there: what the prefetch
/// stage should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberShape {
    None,
    Each,
    /// Every other one: each with a value.
    Pairs,
}

impl MemberShape {
    /// The first of those words; name and key are before it.
    pub(crate) const FIRST: usize = 2;

    /// How many words there are from one to the next.
    #[inline]
    pub(crate) fn step(self) -> Option<usize> {
        match self {
            MemberShape::None => None,
            MemberShape::Each => Some(1),
            MemberShape::Pairs => Some(2),
        }
    }
}

/// All commands of an engine.
pub struct Commands {
    all: Vec<Command>,
    /// Beside [`spec::COMMANDS`].
    by_position: Vec<Option<CommandId>>,
    descriptions: command::Descriptions,
}

/// What a request's first words lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Command(CommandId),
    Unknown,
    /// A known container, an unknown subcommand.
    UnknownIn(CommandId),
}

impl Commands {
    pub(crate) fn new() -> Commands {
        let mut commands = Commands {
            all: Vec::new(),
            by_position: vec![None; spec::COMMANDS.len()],
            descriptions: command::Descriptions::default(),
        };
        for row in FAMILIES.iter().copied().flatten() {
            let id = commands.add(row, 1);
            let position = spec::table::position(row.spec.name.as_bytes());
            let position = position.expect("every handler has its spec in the table");
            commands.by_position[position] = Some(id);
        }
        commands
    }

    fn add(&mut self, row: &'static Row, words: usize) -> CommandId {
        let id = CommandId(self.all.len() as u16);
        self.all.push(Command {
            id,
            spec: row.spec,
            handler: row.handler,
            scope: row.scope,
            keys: KeyShape::of(row.spec),
            members: row.members,
            words,
            subcommands: Vec::new(),
        });
        let subcommands = row.subcommands.iter();
        let subcommands = subcommands.map(|sub| self.add(sub, 2)).collect();
        self.all[id.index()].subcommands = subcommands;
        id
    }

    #[inline]
    pub fn get(&self, id: CommandId) -> &Command {
        &self.all[id.index()]
    }

    /// Every command, subcommands included, by their ids.
    pub fn all(&self) -> &[Command] {
        &self.all
    }

    /// Which command a request names.
    #[inline]
    pub(crate) fn named(&self, argv: Argv<'_>) -> Named {
        let id = spec::table::position(argv.get(0)).and_then(|at| self.by_position[at]);
        let Some(id) = id else {
            return Named::Unknown;
        };
        let command = self.get(id);
        if command.subcommands.is_empty() || argv.len() == 1 {
            return Named::Command(id);
        }
        let wanted = argv.get(1);
        let called =
            |sub: &&CommandId| base::eq_ignore_case(self.get(**sub).spec.name.as_bytes(), wanted);
        match command.subcommands.iter().find(called) {
            Some(sub) => Named::Command(*sub),
            None => Named::UnknownIn(id),
        }
    }
}

impl KeyShape {
    fn of(spec: &Spec) -> KeyShape {
        match spec.keys {
            [] => KeyShape::None,
            [only] => match (only.begin, only.find) {
                (Begin::Index(first), Find::Range { last: 0, .. }) => KeyShape::One(first as usize),
                (Begin::Index(first), Find::Range { last, step, limit }) if limit <= 1 => {
                    KeyShape::Range {
                        first: first as usize,
                        last,
                        step: step as usize,
                    }
                }
                _ => KeyShape::Spec,
            },
            _ => KeyShape::Spec,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spec_has_exactly_one_handler() {
        let commands = Commands::new();
        let missing: Vec<_> = spec::every()
            .filter(|spec| {
                let with = commands.all.iter().filter(|c| std::ptr::eq(c.spec, *spec));
                with.count() != 1
            })
            .map(|spec| spec.full_name())
            .collect();
        assert!(
            missing.is_empty(),
            "without a handler, or with two: {missing:?}"
        );
        assert_eq!(commands.all.len(), spec::every().count());
    }
}
