//! Who may do what, and what may be written down about it.

use super::Kind::*;
use super::LONG_MAX;
use super::Meaning::{Accepted, Later, Live};
use crate::config::value::rules;
use crate::config::words::Permission;

rows! {
    "requirepass", Text(rules::secret), "", Modifiable + sensitive, Live;
    "enable-debug-command", Choice(Permission::WORDS), "no", Immutable, Live;
    "enable-protected-configs", Choice(Permission::WORDS), "no", Immutable, Live;
    "hide-user-data-from-log", Bool, "yes", Modifiable, Accepted("keys, values and arguments are never written to the log");
    "enable-module-command", Choice(Permission::WORDS), "no", Immutable, Accepted("native modules cannot be loaded");
    "aclfile", Text(rules::any), "", Immutable, Later;
    "acllog-max-len", Integer(0, LONG_MAX), "128", Modifiable, Later;
    "acl-pubsub-default", Choice(&["allchannels", "resetchannels"]), "resetchannels", Modifiable, Later;
    "sanitize-dump-payload", Choice(&["no", "yes", "clients"]), "no", Modifiable, Accepted("a payload is always checked in full before it becomes a key");
}
