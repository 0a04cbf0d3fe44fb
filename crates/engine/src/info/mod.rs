//! INFO: what a server tells about itself, section by section.
//!
//! ```text
//!   # Clients                    a Section of the table below: title and writer
//!   connected_clients:1          fields, in the order that its file writes them
//!   cluster_connections:0
//!                                an empty line between sections
//!   # Memory
//! ```
//!
//! Sections, fields and their order are those of Redis 7.2, since dashboards
//! and libraries read them by name; a few fields of 7.4 that have something to
//! tell here stand where 7.4 has them. What is only ours stands at the end of
//! its section and is called `ochre_...`. A field about something that does not
//! exist here (forks, Lua, replicas, defragmentation) says so with the value
//! that an idle Redis shows.
//!
//! Nothing here is counted for INFO's sake: counters come from [`crate::stats`],
//! sizes from the shards' accounts, one shard after the other, and facts about
//! the process from the host. The work grows with the number of shards, clients
//! and commands, never with the number of keys.

mod clients;
mod cluster;
mod commandstats;
mod cpu;
mod debug;
mod errorstats;
mod keyspace;
mod latencystats;
mod memory;
mod modules;
mod page;
mod persistence;
mod rates;
mod replication;
mod server;
mod stats;

pub(crate) use memory::MemoryUse;
pub(crate) use rates::Rates;

use page::Page;

use crate::ctx::Ctx;
use crate::engine::Engine;

/// The text of the sections that are asked for by name, in the table's order,
/// whatever order they are named in. Without a name it is those of `default`.
/// Nothing may be held, or everything.
pub(crate) fn text<'a>(ctx: &mut Ctx<'_>, names: impl Iterator<Item = &'a [u8]>) -> String {
    let wanted = Wanted::read(names);
    let mut page = Page::default();
    for section in SECTIONS.iter().filter(|section| wanted.includes(section)) {
        page.begin(section.title);
        (section.write)(ctx, &mut page);
    }
    page.into_text()
}

/// A part of the report.
struct Section {
    /// What it is called, in any case.
    name: &'static str,
    alias: Option<&'static str>,
    title: &'static str,
    shown: Shown,
    write: fn(&mut Ctx<'_>, &mut Page),
}

/// What shows a section, other than its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Nothing.
    Never,
    /// `all`.
    All,
    /// `all`, `default`, and no name whatever.
    Default,
}

const SECTIONS: [Section; 14] = {
    use Shown::{All, Default, Never};
    [
        row("server", "Server", Default, server::write),
        row("clients", "Clients", Default, clients::write),
        row("memory", "Memory", Default, memory::write),
        row("persistence", "Persistence", Default, persistence::write),
        row("stats", "Stats", Default, stats::write),
        row("replication", "Replication", Default, replication::write),
        row("cpu", "CPU", Default, cpu::write),
        row("modules", "Modules", Default, modules::write).alias("module_list"),
        row("commandstats", "Commandstats", All, commandstats::write),
        row("errorstats", "Errorstats", Default, errorstats::write),
        row("latencystats", "Latencystats", All, latencystats::write),
        row("cluster", "Cluster", Default, cluster::write),
        row("keyspace", "Keyspace", Default, keyspace::write),
        row("debug", "Debug", Never, debug::write),
    ]
};

const fn row(
    name: &'static str,
    title: &'static str,
    shown: Shown,
    write: fn(&mut Ctx<'_>, &mut Page),
) -> Section {
    Section {
        name,
        alias: None,
        title,
        shown,
        write,
    }
}

/// Which sections a client asked for.
struct Wanted<'a> {
    default: bool,
    all: bool,
    names: Vec<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    fn read(names: impl Iterator<Item = &'a [u8]>) -> Wanted<'a> {
        let mut wanted = Wanted {
            default: false,
            all: false,
            names: Vec::new(),
        };
        let mut any = false;
        for name in names {
            any = true;
            let is = |word: &str| base::eq_ignore_case(name, word.as_bytes());
            if is("default") {
                wanted.default = true;
            } else if is("all") || is("everything") {
                // "everything" adds the sections of modules, of which there are none.
                wanted.all = true;
            } else if SECTIONS.iter().any(|section| section.is_called(name)) {
                wanted.names.push(name);
            }
        }
        wanted.default |= !any;
        wanted
    }

    fn includes(&self, section: &Section) -> bool {
        let by_set = match section.shown {
            Shown::Default => self.default || self.all,
            Shown::All => self.all,
            Shown::Never => false,
        };
        by_set || self.names.iter().any(|name| section.is_called(name))
    }
}

impl Section {
    const fn alias(mut self, alias: &'static str) -> Section {
        self.alias = Some(alias);
        self
    }

    fn is_called(&self, name: &[u8]) -> bool {
        let mut names = std::iter::once(self.name).chain(self.alias);
        names.any(|known| base::eq_ignore_case(known.as_bytes(), name))
    }
}

/// Forty hexadecimal digits that follow from the engine's seed and this
/// purpose. The keyed hash gives nothing of the seed away.
fn identity(engine: &Engine, purpose: &str) -> String {
    let mut digits = String::with_capacity(48);
    for part in 0..3 {
        let hash = engine.hasher.hash(format!("{purpose} {part}").as_bytes());
        digits.push_str(&format!("{hash:016x}"));
    }
    digits.truncate(40);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(names: &[&str]) -> Vec<&'static str> {
        let wanted = Wanted::read(names.iter().map(|name| name.as_bytes()));
        let sections = SECTIONS.iter().filter(|section| wanted.includes(section));
        sections.map(|section| section.title).collect()
    }

    #[test]
    fn sections_by_name_and_by_set() {
        assert_eq!(titles(&["CPU", "server", "cpu"]), ["Server", "CPU"]);
        assert_eq!(titles(&["module_list"]), ["Modules"]);
        assert_eq!(titles(&["bogus"]), [""; 0]);
        assert_eq!(titles(&[]), titles(&["default"]));
        assert_eq!(titles(&["all"]), titles(&["Everything"]));
        assert_eq!((titles(&[]).len(), titles(&["all"]).len()), (11, 13));
        assert_eq!(titles(&["default", "commandstats"]).len(), 12);
        assert_eq!(titles(&["all", "debug"]).len(), 14);
    }
}
