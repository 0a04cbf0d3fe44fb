//! Random command lines that a grammar allows, for tests and fuzzers.
//!
//! A draw walks the tree of [`Arg`]s: it flips a coin for what is optional, picks one form of a
//! choice, repeats what may repeat, and takes numbers from within their bounds. Options in a row
//! come in any order and in either letter case, as handlers must accept them.
//!
//! Values are tame on purpose: few keys, so that commands meet; numbers near their lower bound, so
//! that no draw asks for a gigabyte; words that can never be taken for an option. A draw is valid
//! in its form. Whether it makes sense (that client exists, that password is right) is another
//! matter, and what the grammar cannot say (see [`crate::arg`]) a draw does not know.

use crate::arg::{Arg, ArgKind};
use crate::spec::Spec;

/// A random command line of `spec`, names included. `below(n)` returns a random number in `0..n`.
///
/// A container that answers nothing by itself yields a line of one of its subcommands.
pub fn sample(spec: &Spec, below: &mut dyn FnMut(u64) -> u64) -> Vec<Vec<u8>> {
    let mut draw = Draw {
        below,
        line: Vec::new(),
    };
    if spec.is_container() {
        let sub = draw.pick(spec.subcommands);
        return sample(sub, draw.below);
    }
    if let Some(container) = spec.container {
        draw.name(container);
    }
    draw.name(spec.name);
    draw.list(spec.args);
    draw.line
}

/// One line in the making.
struct Draw<'a> {
    below: &'a mut dyn FnMut(u64) -> u64,
    line: Vec<Vec<u8>>,
}

impl Draw<'_> {
    fn list(&mut self, args: &[Arg]) {
        let mut rest = args;
        while let Some((arg, after)) = rest.split_first() {
            let options = rest.iter().take_while(|arg| is_movable(arg)).count();
            if options > 1 {
                self.shuffled(&rest[..options]);
                rest = &rest[options..];
            } else if arg.counts_next {
                let (counted, after) = after
                    .split_first()
                    .expect("a count is followed by what it counts");
                let times = 1 + (self.below)(3);
                self.push(times.to_string());
                (0..times).for_each(|_| self.once(counted, true));
                rest = after;
            } else if let Some((other, after)) = after.split_first()
                && are_pairs(arg, other)
            {
                let times = 1 + (self.below)(3);
                for arg in [arg, other] {
                    (0..times).for_each(|_| self.once(arg, true));
                }
                rest = after;
            } else {
                self.maybe(arg);
                rest = after;
            }
        }
    }

    /// Options in any order.
    fn shuffled(&mut self, options: &[Arg]) {
        let mut order: Vec<&Arg> = options.iter().collect();
        while !order.is_empty() {
            let at = (self.below)(order.len() as u64) as usize;
            let option = order.swap_remove(at);
            self.maybe(option);
        }
    }

    fn maybe(&mut self, arg: &Arg) {
        if arg.optional && (self.below)(2) == 0 {
            return;
        }
        let times = if arg.multiple { 1 + (self.below)(3) } else { 1 };
        for time in 0..times {
            self.once(arg, time == 0 || arg.multiple_token);
        }
    }

    fn once(&mut self, arg: &Arg, with_token: bool) {
        if let Some(token) = arg.token.filter(|_| with_token) {
            self.name(token);
        }
        match arg.kind {
            ArgKind::PureToken => {}
            ArgKind::OneOf(forms) => {
                let form = self.pick(forms);
                self.maybe(form);
            }
            ArgKind::Block(parts) => self.list(parts),
            kind => {
                let value = self.value(arg, kind);
                self.push(value);
            }
        }
    }

    fn value(&mut self, arg: &Arg, kind: ArgKind) -> String {
        if !arg.examples.is_empty() {
            return self.pick(arg.examples).to_string();
        }
        match kind {
            ArgKind::Integer => self.integer(arg.bounds).to_string(),
            // Far enough ahead to be in the future as seconds; as milliseconds it is long past.
            ArgKind::UnixTime => (4_000_000_000 + (self.below)(100_000_000)).to_string(),
            ArgKind::Double => format!("{}.{}", self.integer((-99, 99)), (self.below)(1000)),
            ArgKind::Key => format!("k{}", (self.below)(16)),
            ArgKind::Pattern => self.pick(&["*", "k*", "k?", "k[0-4]", "no\\*"]).to_string(),
            _ if (self.below)(4) == 0 => self.integer((-1000, 1000)).to_string(),
            _ => format!("w{:x}", (self.below)(1 << 20)),
        }
    }

    /// A number within bounds, at most a thousand above the lower one (-20 if that is lower still).
    fn integer(&mut self, (min, max): (i64, i64)) -> i64 {
        let low = min.max(max.min(-20));
        let high = max.min(low.saturating_add(1000));
        let span = high.abs_diff(low);
        low + (self.below)(span + 1) as i64
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[(self.below)(from.len() as u64) as usize]
    }

    /// A name or token as declared, or in the other letter case.
    fn name(&mut self, word: &str) {
        let word = match (self.below)(3) {
            0 => word.to_ascii_uppercase(),
            1 => word.to_ascii_lowercase(),
            _ => word.to_owned(),
        };
        self.push(word);
    }

    fn push(&mut self, word: String) {
        self.line.push(word.into_bytes());
    }
}

/// Two lists side by side are of one length, as else nobody could tell where the first one ends.
fn are_pairs(one: &Arg, next: &Arg) -> bool {
    let is_list = |arg: &Arg| arg.multiple && !arg.optional && arg.token.is_none();
    is_list(one) && is_list(next)
}

/// True for an option that can change places with its neighbours: it begins with a token, and does
/// not go on for an unknown number of words.
fn is_movable(arg: &Arg) -> bool {
    arg.optional && !arg.multiple && begins_with_token(arg)
}

fn begins_with_token(arg: &Arg) -> bool {
    match arg.kind {
        _ if arg.token.is_some() => true,
        ArgKind::OneOf(forms) => forms.iter().all(begins_with_token),
        ArgKind::Block([first, ..]) => !first.optional && begins_with_token(first),
        _ => false,
    }
}
