//! A list from some element on, forwards and backwards. The node of the first is found from the
//! nearer end; what is not asked for is not walked.

use std::collections::vec_deque;
use std::iter::Rev;

use super::{Deque, Node, Slot};
use crate::listpack::{Entries, Item, Listpack};

/// Elements towards the back.
#[derive(Clone)]
pub struct Forward<'a> {
    rest: vec_deque::Iter<'a, Slot>,
    current: Within<'a>,
}

/// Elements towards the front.
#[derive(Clone)]
pub struct Backward<'a> {
    rest: Rev<vec_deque::Iter<'a, Slot>>,
    current: Within<'a>,
}

/// What is left of a node.
#[derive(Clone)]
enum Within<'a> {
    Nothing,
    Packed(Entries<'a>),
    Plain(&'a [u8]),
}

impl<'a> Forward<'a> {
    pub(super) fn new(deque: &'a Deque, index: usize) -> Forward<'a> {
        let Some((at, inner)) = deque.locate(index) else {
            let (rest, current) = (deque.nodes.range(..0), Within::Nothing);
            return Forward { rest, current };
        };
        let current = match &*deque.nodes[at].node {
            Node::Plain(text) => Within::Plain(text),
            Node::Packed(bytes) => {
                let list = Listpack::new(bytes);
                let place = list.place(inner).expect("an element");
                Within::Packed(list.entries_from(place))
            }
        };
        let rest = deque.nodes.range(at + 1..);
        Forward { rest, current }
    }
}

impl<'a> Backward<'a> {
    pub(super) fn new(deque: &'a Deque, index: usize) -> Backward<'a> {
        let Some((at, inner)) = deque.locate(index) else {
            let (rest, current) = (deque.nodes.range(..0).rev(), Within::Nothing);
            return Backward { rest, current };
        };
        let current = match &*deque.nodes[at].node {
            Node::Plain(text) => Within::Plain(text),
            Node::Packed(bytes) => {
                let list = Listpack::new(bytes);
                Within::Packed(match list.place(inner + 1) {
                    Some(place) => list.entries_before(place),
                    None => list.entries(),
                })
            }
        };
        let rest = deque.nodes.range(..at).rev();
        Backward { rest, current }
    }
}

impl<'a> Iterator for Forward<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            if let Some(item) = self.current.step(Iterator::next) {
                return Some(item);
            }
            self.current = Within::all(&self.rest.next()?.node);
        }
    }
}

impl<'a> Iterator for Backward<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            if let Some(item) = self.current.step(DoubleEndedIterator::next_back) {
                return Some(item);
            }
            self.current = Within::all(&self.rest.next()?.node);
        }
    }
}

impl<'a> Within<'a> {
    fn all(node: &'a Node) -> Within<'a> {
        match node {
            Node::Packed(bytes) => Within::Packed(Listpack::new(bytes).entries()),
            Node::Plain(text) => Within::Plain(text),
        }
    }

    #[inline]
    fn step(
        &mut self,
        step: impl FnOnce(&mut Entries<'a>) -> Option<<Entries<'a> as Iterator>::Item>,
    ) -> Option<Item<'a>> {
        match self {
            Within::Packed(entries) => Some(step(entries)?.1),
            Within::Plain(text) => {
                let item = Item::Bytes(text);
                *self = Within::Nothing;
                Some(item)
            }
            Within::Nothing => None,
        }
    }
}
