//! The grammar of arguments, as a tree: what `COMMAND DOCS` answers under `arguments`.
//!
//! ```text
//!   SET key value [NX | XX] [EX seconds | KEEPTTL]
//!
//!   key("key")  text("value")
//!   one_of([pure("nx", "NX"), pure("xx", "XX")]).named("condition").optional()
//!   one_of([int("seconds").token("EX"), pure("keepttl", "KEEPTTL")]).named("expiration").optional()
//! ```
//!
//! The tree documents; handlers parse by hand. `bounds`, `examples` and `counts_next` are ours:
//! they are not on the wire, and let [`crate::sample()`] draw values that the handler accepts.
//! What a tree cannot say, it does not: `BITOP NOT` takes one source only, and `SELECT` no number
//! beyond the configured databases.

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    String,
    Integer,
    Double,
    Key,
    /// A glob.
    Pattern,
    UnixTime,
    /// Just its token, no value.
    PureToken,
    /// Exactly one of these.
    OneOf(&'static [Arg]),
    /// All of these, in this order.
    Block(&'static [Arg]),
}

impl ArgKind {
    /// The name of the kind in `COMMAND DOCS`.
    pub const fn name(self) -> &'static str {
        match self {
            ArgKind::String => "string",
            ArgKind::Integer => "integer",
            ArgKind::Double => "double",
            ArgKind::Key => "key",
            ArgKind::Pattern => "pattern",
            ArgKind::UnixTime => "unix-time",
            ArgKind::PureToken => "pure-token",
            ArgKind::OneOf(_) => "oneof",
            ArgKind::Block(_) => "block",
        }
    }
}

/// One node of the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg {
    /// What to call the value, in documents.
    pub name: &'static str,
    pub kind: ArgKind,
    /// The word before the value (or the whole argument, for a pure token).
    pub token: Option<&'static str>,
    /// May be left out.
    pub optional: bool,
    /// May come several times: the value, and with `multiple_token` the token before each.
    pub multiple: bool,
    pub multiple_token: bool,
    /// First version with this argument, where that is later than the command's own.
    pub since: Option<&'static str>,
    /// Discouraged since this version.
    pub deprecated_since: Option<&'static str>,
    /// For keys: which of the command's key specs finds this one.
    pub key_spec_index: Option<u8>,
    /// What to show instead of the name.
    pub display: Option<&'static str>,
    /// For numbers: the smallest and the largest that the command accepts.
    pub bounds: (i64, i64),
    /// Typical values, where not any text will do. Empty: any.
    pub examples: &'static [&'static str],
    /// The value is the number of times that the next argument comes.
    pub counts_next: bool,
}

/// Any text.
pub const fn text(name: &'static str) -> Arg {
    Arg::new(name, ArgKind::String)
}

/// A whole number; any that 64 bits hold unless `.within(...)` says less.
pub const fn int(name: &'static str) -> Arg {
    Arg::new(name, ArgKind::Integer)
}

/// A number with a fraction.
pub const fn double(name: &'static str) -> Arg {
    Arg::new(name, ArgKind::Double)
}

/// A key, found by the command's first key spec unless `.key_spec(...)` says another.
pub const fn key(name: &'static str) -> Arg {
    let mut arg = Arg::new(name, ArgKind::Key);
    arg.key_spec_index = Some(0);
    arg
}

/// A glob.
pub const fn pattern(name: &'static str) -> Arg {
    Arg::new(name, ArgKind::Pattern)
}

/// A point in time, in seconds or milliseconds since 1970 as the name tells.
pub const fn unix_time(name: &'static str) -> Arg {
    Arg::new(name, ArgKind::UnixTime)
}

/// A bare word.
pub const fn pure(name: &'static str, token: &'static str) -> Arg {
    Arg::new(name, ArgKind::PureToken).token(token)
}

/// One of several forms; `.named(...)` labels it.
pub const fn one_of(forms: &'static [Arg]) -> Arg {
    Arg::new("", ArgKind::OneOf(forms))
}

/// Several arguments that come and go together; `.named(...)` labels it.
pub const fn block(parts: &'static [Arg]) -> Arg {
    Arg::new("", ArgKind::Block(parts))
}

impl Arg {
    const fn new(name: &'static str, kind: ArgKind) -> Arg {
        Arg {
            name,
            kind,
            token: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            since: None,
            deprecated_since: None,
            key_spec_index: None,
            display: None,
            bounds: (i64::MIN, i64::MAX),
            examples: &[],
            counts_next: false,
        }
    }

    /// The name of a choice or block, or another name for an argument that several commands share.
    pub const fn named(mut self, name: &'static str) -> Arg {
        self.name = name;
        self
    }

    pub const fn token(mut self, token: &'static str) -> Arg {
        self.token = Some(token);
        self
    }

    pub const fn optional(mut self) -> Arg {
        self.optional = true;
        self
    }

    /// Several values after one token.
    pub const fn multiple(mut self) -> Arg {
        self.multiple = true;
        self
    }

    /// Several values, the token repeated before each.
    pub const fn multiple_token(mut self) -> Arg {
        self.multiple = true;
        self.multiple_token = true;
        self
    }

    pub const fn since(mut self, version: &'static str) -> Arg {
        self.since = Some(version);
        self
    }

    pub const fn deprecated(mut self, since: &'static str) -> Arg {
        self.deprecated_since = Some(since);
        self
    }

    pub const fn key_spec(mut self, index: u8) -> Arg {
        self.key_spec_index = Some(index);
        self
    }

    pub const fn display(mut self, shown: &'static str) -> Arg {
        self.display = Some(shown);
        self
    }

    pub const fn within(mut self, min: i64, max: i64) -> Arg {
        self.bounds = (min, max);
        self
    }

    pub const fn like(mut self, examples: &'static [&'static str]) -> Arg {
        self.examples = examples;
        self
    }

    pub const fn counts_next(mut self) -> Arg {
        self.counts_next = true;
        self.within(1, i64::MAX)
    }

    /// The parts of a block or the forms of a choice; empty for everything else.
    pub const fn children(&self) -> &'static [Arg] {
        match self.kind {
            ArgKind::OneOf(children) | ArgKind::Block(children) => children,
            _ => &[],
        }
    }

    /// What stands for the value in documents.
    pub const fn display_text(&self) -> &'static str {
        match self.display {
            Some(shown) => shown,
            None => self.name,
        }
    }

    /// Names of the set markers, as `COMMAND DOCS` lists them under `flags`.
    pub fn flag_names(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.optional, "optional"),
            (self.multiple, "multiple"),
            (self.multiple_token, "multiple_token"),
        ]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
    }

    /// The fewest words that this argument takes on a line.
    pub fn words_min(&self) -> usize {
        if self.optional { 0 } else { self.words_once() }
    }

    /// The fewest words when it is there.
    fn words_once(&self) -> usize {
        let value = match self.kind {
            ArgKind::PureToken => return 1,
            ArgKind::OneOf(forms) => forms.iter().map(Arg::words_once).min().unwrap_or(0),
            ArgKind::Block(parts) => parts.iter().map(Arg::words_min).sum(),
            _ => 1,
        };
        usize::from(self.token.is_some()) + value
    }

    /// True when the number of words is always the same.
    pub fn is_fixed(&self) -> bool {
        let even = |words: &[Arg]| {
            words
                .windows(2)
                .all(|two| two[0].words_min() == two[1].words_min())
        };
        let inner = self.children().iter().all(Arg::is_fixed);
        let forms = !matches!(self.kind, ArgKind::OneOf(forms) if !even(forms));
        !self.optional && !self.multiple && inner && forms
    }
}
