//! Streams: entries by ascending ids, and the groups that read them.
//!
//! ```text
//!   add        XADD                            id          ids as text
//!   range      XLEN XRANGE XREVRANGE           delivery    what the log is told of deliveries
//!   read       XREAD XREADGROUP                reference   KEEPREF DELREF ACKED
//!   remove     XDEL XDELEX XACKDEL
//!   trim       XTRIM
//!   group      XGROUP
//!   pending    XACK XPENDING
//!   claim      XCLAIM XAUTOCLAIM
//!   info       XINFO XSETID
//! ```
//!
//! The log is told ids that were given, cuts that are exact, and deliveries with their times.

mod add;
mod claim;
mod delivery;
mod group;
mod id;
mod info;
mod pending;
mod range;
mod read;
mod reference;
mod remove;
mod trim;

use spec::stream;
use store::Key;

use super::{Row, bare_container, cmd, container, help};
use crate::error::CommandError;

pub(super) static TABLE: &[Row] = &[
    cmd(&stream::XACK, pending::xack),
    cmd(&stream::XACKDEL, remove::xackdel),
    cmd(&stream::XADD, add::xadd),
    cmd(&stream::XAUTOCLAIM, claim::xautoclaim),
    cmd(&stream::XCLAIM, claim::xclaim),
    cmd(&stream::XDEL, remove::xdel),
    cmd(&stream::XDELEX, remove::xdelex),
    container(
        &stream::XGROUP,
        bare_container,
        &[
            cmd(&stream::XGROUP_CREATE, group::create),
            cmd(&stream::XGROUP_CREATECONSUMER, group::createconsumer),
            cmd(&stream::XGROUP_DELCONSUMER, group::delconsumer),
            cmd(&stream::XGROUP_DESTROY, group::destroy),
            cmd(&stream::XGROUP_HELP, help::help),
            cmd(&stream::XGROUP_SETID, group::setid),
        ],
    ),
    container(
        &stream::XINFO,
        bare_container,
        &[
            cmd(&stream::XINFO_CONSUMERS, info::consumers),
            cmd(&stream::XINFO_GROUPS, info::groups),
            cmd(&stream::XINFO_HELP, help::help),
            cmd(&stream::XINFO_STREAM, info::stream),
        ],
    ),
    cmd(&stream::XLEN, range::xlen),
    cmd(&stream::XPENDING, pending::xpending),
    cmd(&stream::XRANGE, range::xrange),
    cmd(&stream::XREAD, read::xread),
    cmd(&stream::XREADGROUP, read::xreadgroup),
    cmd(&stream::XREVRANGE, range::xrevrange),
    cmd(&stream::XSETID, info::xsetid),
    cmd(&stream::XTRIM, trim::xtrim),
];

/// The key or the group is missing, and the command does not say which.
fn no_group(key: &Key<'_>, group: &[u8], whence: &str) -> CommandError {
    let (key, group) = (shown(key.bytes), shown(group));
    let line = format!("NOGROUP No such key '{key}' or consumer group '{group}'{whence}");
    CommandError::Line(line.into())
}

/// The stream is there, and has no such group.
fn no_group_of(key: &Key<'_>, group: &[u8]) -> CommandError {
    let (key, group) = (shown(key.bytes), shown(group));
    let line = format!("NOGROUP No such consumer group '{group}' for key name '{key}'");
    CommandError::Line(line.into())
}

fn shown(name: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(name)
}

/// A subcommand with words that it does not take.
fn bad_subcommand(own: &str, container: &str) -> CommandError {
    let own: String = own.chars().take(128).collect();
    CommandError::err(format_args!(
        "unknown subcommand or wrong number of arguments for '{own}'. Try {container} HELP."
    ))
}
