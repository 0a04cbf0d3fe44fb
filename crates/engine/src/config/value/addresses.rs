//! `bind`: the addresses to listen on.

use crate::config::error::Reason;
use std::fmt;

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindAddress {
    /// A host name or an address; `*` is every IPv4 address, `::*` every IPv6 address.
    pub host: String,
    /// Written with a leading `-`: if this machine has no such address, the server starts without it.
    pub optional: bool,
}

/// As many as Redis takes.
const ADDRESSES_MAX: usize = 16;

/// Addresses; one empty word, or none at all, is nowhere.
pub fn parse(words: &[&[u8]]) -> Result<Box<[BindAddress]>, Reason> {
    if words.len() > ADDRESSES_MAX {
        return Err("Too many bind addresses specified.".into());
    }
    if words == [b""] {
        return Ok(Box::default());
    }
    words.iter().map(|word| address(word)).collect()
}

fn address(word: &[u8]) -> Result<BindAddress, Reason> {
    let cannot_bind = || Reason::from("Failed to bind to specified addresses.");
    let text = std::str::from_utf8(word).map_err(|_| cannot_bind())?;
    let (host, optional) = match text.strip_prefix('-') {
        Some(host) => (host, true),
        None => (text, false),
    };
    // No address has blanks or zeros in it, and a list of addresses is divided by blanks.
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(cannot_bind());
    }
    Ok(BindAddress {
        host: host.to_owned(),
        optional,
    })
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.optional {
            f.write_str("-")?;
        }
        f.write_str(&self.host)
    }
}
