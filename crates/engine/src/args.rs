//! A typed cursor over a request's arguments, with one wording for each mistake.
//!
//! ```text
//!   SET   key   value   EX   10
//!          ▲     ▲      ▲    ▲
//!       key()  value()  word() i64()
//! ```

use resp::{Argv, Block};
use store::{Key, KeyHasher, NewValue};

use crate::error::CommandError;

/// The arguments behind a command's name, read from left to right. A clone looks
/// ahead.
#[derive(Clone)]
pub struct Args<'a> {
    argv: Argv<'a>,
    at: usize,
    hasher: &'a KeyHasher,
    /// Hashes of the keys in the order of their appearance, as far as the
    /// resolve stage needed them.
    hashes: &'a [u64],
}

impl<'a> Args<'a> {
    /// `skip` words belong to the name: one, or two for a subcommand.
    pub(crate) fn new(
        argv: Argv<'a>,
        skip: usize,
        hasher: &'a KeyHasher,
        hashes: &'a [u64],
    ) -> Args<'a> {
        Args {
            argv,
            at: skip,
            hasher,
            hashes,
        }
    }

    /// How many arguments are left.
    #[inline]
    pub fn left(&self) -> usize {
        self.argv.len() - self.at
    }

    #[inline]
    pub fn is_done(&self) -> bool {
        self.left() == 0
    }

    /// The whole request, its name included.
    pub fn argv(&self) -> Argv<'a> {
        self.argv
    }

    /// The next argument without taking it.
    pub fn peek(&self) -> Option<&'a [u8]> {
        (self.at < self.argv.len()).then(|| self.argv.get(self.at))
    }

    /// The next argument; that there is none is a syntax error.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], CommandError> {
        if self.at == self.argv.len() {
            return Err(CommandError::Syntax);
        }
        self.at += 1;
        Ok(self.argv.get(self.at - 1))
    }

    /// Pass over so many arguments, none of them a key.
    pub fn skip(&mut self, count: usize) {
        debug_assert!(count <= self.left());
        self.at += count;
    }

    /// The next argument as a key.
    #[inline]
    pub fn key(&mut self) -> Result<Key<'a>, CommandError> {
        let bytes = self.bytes()?;
        let hash = match self.hashes {
            [first, rest @ ..] => {
                self.hashes = rest;
                debug_assert_eq!(*first, self.hasher.hash(bytes), "keys in order");
                *first
            }
            [] => self.hasher.hash(bytes),
        };
        Ok(Key { bytes, hash })
    }

    /// The next argument as a string to be kept: a large one by reference.
    #[inline]
    pub fn value(&mut self) -> Result<NewValue<'a>, CommandError> {
        let bytes = self.bytes()?;
        Ok(match self.argv.block(self.at - 1) {
            Some(block) => NewValue::Block(block.clone()),
            None => NewValue::String(bytes),
        })
    }

    /// The block of the argument taken last, if it is a large one.
    pub fn last_block(&self) -> Option<&'a Block> {
        self.argv.block(self.at - 1)
    }

    pub fn i64(&mut self) -> Result<i64, CommandError> {
        base::parse_i64(self.bytes()?).ok_or(CommandError::NotInteger)
    }

    /// A number of 32 bits, as Redis reads the index of a database.
    pub fn i32(&mut self) -> Result<i32, CommandError> {
        let text = "value is out of range, value must between -2147483648 and 2147483647";
        i32::try_from(self.i64()?).map_err(|_| CommandError::err(text))
    }

    pub fn f64(&mut self) -> Result<f64, CommandError> {
        base::parse_f64(self.bytes()?).ok_or(CommandError::NotFloat)
    }

    /// Take the next argument if it is this word, in any case.
    #[inline]
    pub fn word(&mut self, word: &str) -> bool {
        let found = self
            .peek()
            .is_some_and(|next| base::eq_ignore_case(next, word.as_bytes()));
        self.at += usize::from(found);
        found
    }

    /// Nothing may be left.
    pub fn end(&self) -> Result<(), CommandError> {
        if self.is_done() {
            Ok(())
        } else {
            Err(CommandError::Syntax)
        }
    }

    /// The hash of a key that is not next in line.
    pub fn key_of(&self, bytes: &'a [u8]) -> Key<'a> {
        Key {
            bytes,
            hash: self.hasher.hash(bytes),
        }
    }

    /// All arguments that are left.
    pub fn rest(&mut self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let from = self.at;
        self.at = self.argv.len();
        self.argv.iter_from(from)
    }
}
