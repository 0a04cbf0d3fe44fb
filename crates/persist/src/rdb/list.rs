//! Lists in a stream, in every form that they were ever written in.
//!
//! ```text
//!   plain        a count, element, element ...               built as it arrives
//!   ziplist      one string, Redis 2.6 to 3.0                rebuilt
//!   quicklist    a count, ziplist, ziplist ...  to 6.2       rebuilt
//!   quicklist 2  a count of nodes, and for each              kept node by node
//!                1, an element, or 2, a listpack
//! ```
//!
//! Written is the last. A node without an element is passed over, as Redis does; a list
//! without one is a fault. A node that is larger than any server makes them is divided.

use std::io::Read;

use store::{NewList, NewValue};
use structs::deque::{Deque, Node};
use structs::listpack::Listpack;

use super::Build;
use super::fault::FaultKind;
use super::hash::with_bytes;
use super::input::{Input, Piece, Result};
use super::types::ValueType;
use super::writer::{write_length, write_string};
use super::ziplist;

/// What a node is.
const PLAIN: u64 = 1;
const PACKED: u64 = 2;

/// The most that `list-max-listpack-size` can let into a node.
const NODE_BYTES_MAX: usize = 64 << 10;

const EMPTY: &str = "a list has no elements";

/// A list of this type, which must be one of the four.
pub(super) fn read<R: Read>(
    value_type: ValueType,
    input: &mut Input<R>,
    build: &Build,
) -> Result<NewValue<'static>> {
    input.expect("a list");
    let at = input.offset();
    let mut list = NewList::new(build.list);
    match value_type {
        ValueType::ListZiplist => read_ziplist(input, &mut list)?,
        ValueType::ListQuicklist => {
            for _ in 0..input.count()? {
                read_ziplist(input, &mut list)?;
            }
        }
        ValueType::ListQuicklist2 => {
            for _ in 0..input.count()? {
                read_node(input, &mut list)?;
            }
        }
        _ => {
            for _ in 0..input.count()? {
                input.set_mark();
                let element = input.string()?;
                with_bytes(input, &element, |text| list.push(text));
            }
        }
    }
    if list.is_empty() {
        return input.fault(at, FaultKind::Inside { what: EMPTY });
    }
    Ok(list.finish())
}

fn read_ziplist<R: Read>(input: &mut Input<R>, list: &mut NewList) -> Result<()> {
    let at = input.offset();
    let bytes = read_packed(input)?;
    match ziplist::items(&bytes) {
        Ok(items) => {
            items.into_iter().for_each(|item| list.push_item(item));
            Ok(())
        }
        Err(what) => input.fault(at, FaultKind::Inside { what }),
    }
}

fn read_node<R: Read>(input: &mut Input<R>, list: &mut NewList) -> Result<()> {
    input.expect("a list's node");
    let at = input.offset();
    match input.number()? {
        PLAIN => {
            input.set_mark();
            let element = input.string()?;
            with_bytes(input, &element, |text| list.push(text));
            return Ok(());
        }
        PACKED => {}
        other => {
            let expected = "the kind of a list's node";
            let byte = other as u8;
            return input.fault(at, FaultKind::Malformed { expected, byte });
        }
    }
    let at = input.offset();
    let bytes = read_packed(input)?;
    match Listpack::check_deep(&bytes) {
        Ok(packed) if bytes.len() > NODE_BYTES_MAX => {
            packed.iter().for_each(|item| list.push_item(item));
        }
        Ok(_) => list.push_packed(bytes),
        Err(flaw) => return input.fault(at, FaultKind::Inside { what: flaw.what }),
    }
    Ok(())
}

/// A string that something is packed into.
fn read_packed<R: Read>(input: &mut Input<R>) -> Result<Vec<u8>> {
    let at = input.offset();
    input.set_mark();
    match input.string()? {
        Piece::Here { from, len } => Ok(input.lend(from, len).to_vec()),
        Piece::Own(bytes) => Ok(bytes),
        Piece::Int(_) => {
            let what = "no packed list";
            input.fault(at, FaultKind::Inside { what })
        }
    }
}

/// A small list: the listpack is the only node.
pub(super) fn write_small(out: &mut Vec<u8>, bytes: &[u8], compress: bool) {
    write_length(out, 1);
    write_length(out, PACKED);
    write_string(out, bytes, compress);
}

/// A large list. `drain` is called after each node.
pub(super) fn write_large<E>(
    out: &mut Vec<u8>,
    list: &Deque,
    compress: bool,
    drain: &mut dyn FnMut(&mut Vec<u8>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let nodes = list.nodes();
    write_length(out, nodes.len() as u64);
    for node in nodes {
        match node {
            Node::Plain(text) => {
                write_length(out, PLAIN);
                write_string(out, text, compress);
            }
            Node::Packed(bytes) => {
                write_length(out, PACKED);
                write_string(out, bytes, compress);
            }
        }
        drain(out)?;
    }
    Ok(())
}
