//! A configuration in the making: values that change one by one until they are [finished](Draft::finish).

use super::error::Reason;
use super::params::{PARAMS, Param};
use super::value::{Kind, Value};
use super::{Config, Live};
use std::collections::BTreeSet;

/// Values on their way to a [`Config`].
#[derive(Clone, Debug)]
pub(super) struct Draft {
    values: Box<[Value]>,
    /// The parameters that a directive has set, by index.
    directed: BTreeSet<usize>,
}

impl Default for Draft {
    /// The default of every parameter.
    fn default() -> Draft {
        let default = |param: &Param| {
            let words = words_of(param.kind, param.default.as_bytes());
            param
                .kind
                .parse(&words, None)
                .expect("the default is a legal value")
        };
        Draft {
            values: PARAMS.iter().map(default).collect(),
            directed: BTreeSet::new(),
        }
    }
}

impl Draft {
    /// The values of a configuration, none of them set by a directive.
    pub fn of(config: &Config) -> Draft {
        Draft {
            values: config.values.clone(),
            directed: BTreeSet::new(),
        }
    }

    /// Replaces a value by the one that CONFIG SET was given.
    pub fn replace(&mut self, index: usize, text: &[u8]) -> Result<(), Reason> {
        let kind = PARAMS[index].kind;
        let words = words_of(kind, text);
        self.values[index] = kind.parse(&words, Some(&self.values[index]))?;
        Ok(())
    }

    /// Follows a directive of a file or a command line. Save points add up over the directives, after the first has
    /// done away with the default; one without save points does away with those before it.
    pub fn direct(&mut self, index: usize, words: &[Vec<u8>]) -> Result<(), Reason> {
        let kind = PARAMS[index].kind;
        // A list may come as one quoted word.
        let split = match words {
            [list] if kind.takes_words() && !list.is_empty() => {
                Some(base::split_args(list).ok_or("Unbalanced quotes in configuration line")?)
            }
            _ => None,
        };
        let words: Vec<&[u8]> = split
            .as_deref()
            .unwrap_or(words)
            .iter()
            .map(Vec::as_slice)
            .collect();
        let mut value = kind.parse(&words, Some(&self.values[index]))?;
        let is_first = self.directed.insert(index);
        if let (Value::SavePoints(points), Value::SavePoints(earlier)) =
            (&mut value, &self.values[index])
            && !is_first
            && !points.is_empty()
        {
            *points = earlier.iter().chain(points.iter()).copied().collect();
        }
        self.values[index] = value;
        Ok(())
    }

    /// The parameters that directives have set, by index.
    pub fn directed(&self) -> impl Iterator<Item = usize> {
        self.directed.iter().copied()
    }

    /// The value at an index as it is now.
    pub fn value(&self, index: usize) -> &Value {
        &self.values[index]
    }

    /// The configuration with these values.
    pub fn finish(mut self) -> Config {
        for (param, value) in PARAMS.iter().zip(&mut self.values) {
            // Wishes, not demands: what is out of range is brought into it, as Redis does.
            match (param.name, value) {
                ("hz", Value::Integer(hz)) => *hz = (*hz).clamp(1, 500),
                ("repl-backlog-size", Value::Bytes(bytes)) => *bytes = (*bytes).max(16 << 10),
                _ => {}
            }
        }
        Config {
            live: Live::derive(&self.values),
            values: self.values,
        }
    }
}

/// A value in one text, as CONFIG GET and SET have it: lists are divided at each single blank.
fn words_of(kind: Kind, text: &[u8]) -> Vec<&[u8]> {
    if kind.takes_words() {
        text.split(|b| *b == b' ').collect()
    } else {
        vec![text]
    }
}
