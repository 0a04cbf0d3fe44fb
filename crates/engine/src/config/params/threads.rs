//! How connections are driven and by how many threads. `mode` and `threads` are ours.

use super::Kind::*;
use super::Meaning::{Accepted, Live};
use crate::config::words::Mode;

rows! {
    "mode", Choice(Mode::WORDS), "eventloop", Immutable, Live;
    "threads", Integer(0, 128), "0", Immutable, Live;
    "io-threads", Integer(1, 128), "1", Immutable, Accepted("every loop reads, runs and writes by itself; see threads");
    "io-threads-do-reads", Bool, "no", Immutable, Accepted("every loop reads, runs and writes by itself; see threads");
}
