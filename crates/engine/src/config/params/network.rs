//! Where the server listens, and how its sockets behave.

use super::Meaning::{Later, Live};
use super::{INT_MAX, Kind::*};
use crate::config::value::rules;

rows! {
    "port", Integer(0, 65535), "6379", Modifiable, Live;
    "bind", Addresses, "* -::*", Modifiable, Live;
    "unixsocket", Text(rules::any), "", Immutable, Live;
    "unixsocketperm", Octal(0o777), "0", Immutable, Live;
    "tcp-backlog", Integer(0, INT_MAX), "511", Immutable, Live;
    "tcp-keepalive", Integer(0, INT_MAX), "300", Modifiable, Live;
    "timeout", Integer(0, INT_MAX), "0", Modifiable, Live;
    "protected-mode", Bool, "yes", Modifiable, Live;
    "bind-source-addr", Text(rules::any), "", Modifiable, Later;
    "socket-mark-id", Integer(0, u32::MAX as i64), "0", Immutable, Later;
}
