//! What DEBUG OBJECT says of lists: what they take in a file, and their nodes.

use store::{Entry, Large, ValueView};
use structs::deque::{Deque, Node};

use super::{length_bytes, string_bytes};

/// A count of one, the kind of the node, the listpack.
pub(super) fn small_bytes(listpack: &[u8], compressing: bool) -> usize {
    2 + string_bytes(listpack, compressing)
}

pub(super) fn large_bytes(list: &Deque, compressing: bool) -> usize {
    let node_bytes = |node: &Node| match node {
        Node::Plain(text) => 1 + string_bytes(text, compressing),
        Node::Packed(bytes) => 1 + string_bytes(bytes, compressing),
    };
    length_bytes(list.nodes().len()) + list.nodes().map(node_bytes).sum::<usize>()
}

/// The end of the line for a large list, nothing for all else. `ql_compressed` says, as in Redis,
/// whether `list-compress-depth` asks for it; nothing is compressed here.
pub(super) fn nodes_of(entry: Entry<'_>, listpack_max: i64, compress_depth: i64) -> String {
    let ValueView::Large(large) = entry.value() else {
        return String::new();
    };
    let Large::List(list) = large.get() else {
        return String::new();
    };
    let nodes = list.nodes().len();
    let bytes: usize = list.nodes().map(Node::bytes_len).sum();
    let average = list.len() as f64 / nodes as f64;
    let compressed = u8::from(compress_depth != 0);
    format!(
        " ql_nodes:{nodes} ql_avg_node:{average:.2} ql_listpack_max:{listpack_max} \
         ql_compressed:{compressed} ql_uncompressed_size:{bytes}"
    )
}
