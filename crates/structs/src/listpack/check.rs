//! Foreign bytes: is this a list?
//!
//! Every entry is walked once. What is accepted is what Redis accepts: an integer in more bytes
//! than it needs, or a string of digits, is not what we would write and reads all the same.

use super::{COUNT_UNKNOWN, EMPTY, END, HEADER_BYTES, Listpack, code, count, total_bytes};
use crate::flaw::Flaw;

impl<'a> Listpack<'a> {
    /// The list, if all its lengths, its count and its end are right.
    pub fn check_deep(bytes: &'a [u8]) -> Result<Listpack<'a>, Flaw> {
        if bytes.len() < EMPTY.len() {
            return Err(Flaw::new(0, "a listpack that is shorter than an empty one"));
        }
        if total_bytes(bytes) != bytes.len() {
            return Err(Flaw::new(0, "a listpack's length that is not its length"));
        }
        let end = bytes.len() - 1;
        if bytes[end] != END {
            return Err(Flaw::new(end, "a listpack without an end"));
        }
        let (mut at, mut entries) = (HEADER_BYTES, 0);
        while at < end {
            at += entry_len(&bytes[at..end]).map_err(|what| Flaw::new(at, what))?;
            entries += 1;
        }
        let count = count(bytes);
        if count != COUNT_UNKNOWN && usize::from(count) != entries {
            return Err(Flaw::new(4, "a listpack's count that is not its count"));
        }
        Ok(Listpack { bytes })
    }
}

/// The length of the entry at the beginning of these bytes.
fn entry_len(bytes: &[u8]) -> Result<usize, &'static str> {
    let (head, text) = code::lengths(bytes).ok_or("no listpack entry")?;
    let len = head + text;
    let (length, length_len) = code::length(len);
    match bytes.get(len..len + length_len) {
        None => Err("a listpack entry that is cut off"),
        Some(found) if *found != length[..length_len] => {
            Err("a listpack entry whose two lengths differ")
        }
        Some(_) => Ok(len + length_len),
    }
}
