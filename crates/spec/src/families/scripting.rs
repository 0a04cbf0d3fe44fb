//! Scripting: what clients and test suites send to clear scripts and functions between runs.

use super::{ALL_NODES, ALL_SHARDS, help};
use crate::arg::{Arg, one_of, pure};
use crate::category::Categories;
use crate::flags::Flags;
use crate::spec::{Group, Spec, at_least};

pub static FUNCTION: Spec = Spec::holding("function")
    .subcommands(&[&FUNCTION_FLUSH, &FUNCTION_HELP])
    .group(Group::Scripting)
    .since("7.0.0")
    .summary("Keeps libraries of functions.");

pub static FUNCTION_FLUSH: Spec = Spec::write("flush", at_least(2))
    .of("function")
    .group(Group::Scripting)
    .category(Categories::SCRIPTING)
    .flags(Flags::NOSCRIPT)
    .since("7.0.0")
    .summary("Deletes all libraries.")
    .complexity("O(N), N the number of functions.")
    .tips(ALL_SHARDS)
    .args(&[FLUSH_TYPE]);

pub static FUNCTION_HELP: Spec = help("function", Group::Scripting, Categories::SCRIPTING, "7.0.0");

pub static SCRIPT: Spec = Spec::holding("script")
    .subcommands(&[&SCRIPT_FLUSH, &SCRIPT_HELP])
    .group(Group::Scripting)
    .since("2.6.0")
    .summary("Keeps the scripts that EVALSHA calls by their digest.");

pub static SCRIPT_FLUSH: Spec = Spec::new("flush", at_least(2))
    .of("script")
    .group(Group::Scripting)
    .category(Categories::SCRIPTING)
    .flags(Flags::NOSCRIPT)
    .since("2.6.0")
    .summary("Forgets all scripts.")
    .complexity("O(N), N the number of scripts.")
    .history(&[("6.2.0", "Options `ASYNC` and `SYNC`.")])
    .tips(ALL_NODES)
    .args(&[FLUSH_TYPE.since("6.2.0")]);

pub static SCRIPT_HELP: Spec = help("script", Group::Scripting, Categories::SCRIPTING, "5.0.0");

/// Free the memory in the background, or before the answer.
const FLUSH_TYPE: Arg = one_of(&[pure("async", "ASYNC"), pure("sync", "SYNC")])
    .named("flush-type")
    .optional();
