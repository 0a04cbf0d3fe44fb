//! Which version this is, in our own numbers and in Redis'.
//!
//! Clients read a version to decide which commands and options they may send,
//! so HELLO, INFO and LOLWUT name the version of Redis that we behave like.
//! Our own number is told beside it, never in its place.

/// The version of Redis whose commands and replies these are.
pub const REDIS_VERSION: &str = "7.2.4";

/// The version of Ochre.
pub const OCHRE_VERSION: &str = env!("CARGO_PKG_VERSION");
