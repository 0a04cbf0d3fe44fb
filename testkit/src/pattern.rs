//! What a transcript expects of a reply.
//!
//! A pattern is written in the notation of [`crate::reply`], plus:
//!
//! | pattern | fits |
//! |---|---|
//! | `~any` | any reply |
//! | `~int`, `~int 9..10` | an integer, within bounds that count as inside; either may be left out |
//! | `~"glob*"` | a bulk string that fits the glob; likewise `+~"…"`, `-~"…"`, `double ~"…"`, `verbatim txt ~"…"` |
//! | `~lines ["glob", !"glob"]` | text that has a line for each glob, and none for a glob after `!` |
//! | `~fields ["glob"]` | the same for words between blanks |
//! | `~[a, b]`, `~{k: v}`, `~{a, b}` | the elements in any order |
//! | `[a, ...]`, `{k: v, ...}` | these elements and perhaps more: behind them, or with `~` anywhere |
//! | `a \| b` | one of them |
//! | `a as name` | what `a` fits, remembered: `$name` stands for it in later lines of the case |
//!
//! Under RESP2 a pattern for a richer type fits the plain type that is sent instead of it: a map is a flat array, a
//! double a bulk string. That is the servers' own rule, so a transcript states each reply once.

use std::collections::BTreeMap;

use crate::glob;
use crate::quote;
use crate::reply::{Protocol, Reply};

/// A condition on one reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    Any,
    Simple(Text),
    Error(Text),
    Integer { least: i64, most: i64 },
    Bulk(Text),
    Nil,
    NilArray,
    Boolean(bool),
    Double(Text),
    BigNumber(Text),
    BulkError(Text),
    Verbatim { format: String, text: Text },
    Array(Items),
    Set(Items),
    Push(Items),
    Map(Pairs),
    Attribute { pairs: Pairs, reply: Box<Pattern> },
    OneOf(Vec<Pattern>),
    Named { pattern: Box<Pattern>, name: String },
    /// `$name` before anything has been captured under that name.
    Hole(String),
}

/// A condition on a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    Exact(Vec<u8>),
    Glob(Vec<u8>),
    Parts { separator: Separator, wanted: Vec<Vec<u8>>, unwanted: Vec<Vec<u8>> },
}

/// What `~lines` and `~fields` split a text at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    Line,
    Blank,
}

/// The elements of a container. `rest`: further elements may follow. `unordered`: any order will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items {
    pub items: Vec<Pattern>,
    pub rest: bool,
    pub unordered: bool,
}

/// The pairs of a map; see [`Items`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs {
    pub pairs: Vec<(Pattern, Pattern)>,
    pub rest: bool,
    pub unordered: bool,
}

/// What `as name` has remembered, ready to be put in place of `$name`.
pub type Captures = BTreeMap<String, String>;

impl Pattern {
    /// Reads a pattern. Simple strings and errors may stand bare to the end of the text.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let text = text.trim();
        let after_sign = text.as_bytes().get(1).copied();
        let bare = !matches!(after_sign, None | Some(b'"' | b'~' | b'0'..=b'9'));
        match text.as_bytes().first() {
            Some(b'+') if bare => return Ok(Pattern::Simple(Text::Exact(quote::unescape(&text[1..])?))),
            Some(b'-') if bare => return Ok(Pattern::Error(Text::Exact(quote::unescape(&text[1..])?))),
            _ => {}
        }
        let mut parser = Parser { rest: text };
        let pattern = parser.pattern()?;
        match parser.rest.trim_start() {
            "" => Ok(pattern),
            rest => Err(format!("unexpected text after the reply: {rest}")),
        }
    }

    /// Whether `reply` fits under `protocol`. On success the captures of the pattern are added to `captures`.
    pub fn matches(&self, reply: &Reply, protocol: Protocol, captures: &mut Captures) -> bool {
        let old = protocol == Protocol::Resp2;
        match (self, reply) {
            (Pattern::Any, _) => true,
            (Pattern::OneOf(options), _) => options.iter().any(|option| option.matches(reply, protocol, captures)),
            (Pattern::Named { pattern, name }, _) => {
                let fits = pattern.matches(reply, protocol, captures);
                if fits {
                    captures.insert(name.clone(), captured(reply));
                }
                fits
            }
            (Pattern::Simple(text), Reply::Simple(got)) => text.matches(got),
            (Pattern::Error(text), Reply::Error(got)) => text.matches(got),
            (Pattern::Integer { least, most }, Reply::Integer(got)) => (least..=most).contains(&got),
            (Pattern::Bulk(text), Reply::Bulk(got)) => text.matches(got),
            (Pattern::Nil, Reply::NullBulk) | (Pattern::NilArray, Reply::NullArray) => old,
            (Pattern::Nil | Pattern::NilArray, Reply::Null) => !old,
            (Pattern::Boolean(value), Reply::Boolean(got)) => value == got,
            (Pattern::Boolean(value), Reply::Integer(got)) => old && i64::from(*value) == *got,
            (Pattern::Double(text), Reply::Double(got)) | (Pattern::BigNumber(text), Reply::BigNumber(got)) => {
                text.matches(got)
            }
            (Pattern::BulkError(text), Reply::BulkError(got)) => text.matches(got),
            (Pattern::Verbatim { format, text }, Reply::Verbatim { format: got_format, text: got }) => {
                format.as_bytes() == got_format && text.matches(got)
            }
            (Pattern::Double(text) | Pattern::BigNumber(text) | Pattern::Verbatim { text, .. }, Reply::Bulk(got)) => {
                old && text.matches(got)
            }
            (Pattern::Array(items), Reply::Array(got))
            | (Pattern::Set(items), Reply::Set(got))
            | (Pattern::Push(items), Reply::Push(got)) => items.matches(got, protocol, captures),
            (Pattern::Set(items) | Pattern::Push(items), Reply::Array(got)) => {
                old && items.matches(got, protocol, captures)
            }
            (Pattern::Map(pairs), Reply::Map(got)) => {
                let got: Vec<_> = got.iter().map(|(key, value)| (key, value)).collect();
                pairs.matches(&got, protocol, captures)
            }
            (Pattern::Map(pairs), Reply::Array(got)) => {
                let flat: Vec<_> = got.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect();
                old && got.len().is_multiple_of(2) && pairs.matches(&flat, protocol, captures)
            }
            (Pattern::Attribute { pairs, reply }, Reply::Attribute { pairs: got_pairs, reply: got }) => {
                let got_pairs: Vec<_> = got_pairs.iter().map(|(key, value)| (key, value)).collect();
                pairs.matches(&got_pairs, protocol, captures) && reply.matches(got, protocol, captures)
            }
            (Pattern::Attribute { reply, .. }, got) => old && reply.matches(got, protocol, captures),
            _ => false,
        }
    }
}

/// What `$name` is replaced by: the content without quotes, so that it can stand inside a quoted text as well.
fn captured(reply: &Reply) -> String {
    match reply {
        Reply::Bulk(text) | Reply::Simple(text) | Reply::Error(text) | Reply::Verbatim { text, .. } => {
            quote::escaped(text)
        }
        other => other.to_string(),
    }
}

impl Text {
    fn matches(&self, got: &[u8]) -> bool {
        match self {
            Text::Exact(text) => text == got,
            Text::Glob(pattern) => glob::matches(pattern, got),
            Text::Parts { separator, wanted, unwanted } => {
                let parts: Vec<&[u8]> = match separator {
                    Separator::Line => got.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect(),
                    Separator::Blank => got.split(u8::is_ascii_whitespace).collect(),
                };
                let has = |pattern: &Vec<u8>| parts.iter().any(|part| glob::matches(pattern, part));
                wanted.iter().all(has) && !unwanted.iter().any(has)
            }
        }
    }
}

impl Items {
    fn matches(&self, got: &[Reply], protocol: Protocol, captures: &mut Captures) -> bool {
        let fits = |index: usize, at: usize, captures: &mut Captures| {
            self.items[index].matches(&got[at], protocol, captures)
        };
        assign(self.items.len(), got.len(), self.rest, self.unordered, captures, fits)
    }
}

impl Pairs {
    fn matches(&self, got: &[(&Reply, &Reply)], protocol: Protocol, captures: &mut Captures) -> bool {
        let fits = |index: usize, at: usize, captures: &mut Captures| {
            let (key, value) = &self.pairs[index];
            key.matches(got[at].0, protocol, captures) && value.matches(got[at].1, protocol, captures)
        };
        assign(self.pairs.len(), got.len(), self.rest, self.unordered, captures, fits)
    }
}

/// Gives each of `wanted` patterns its own of `got` elements: in order, or by bipartite matching (augmenting paths).
fn assign(
    wanted: usize,
    got: usize,
    rest: bool,
    unordered: bool,
    captures: &mut Captures,
    fits: impl Fn(usize, usize, &mut Captures) -> bool,
) -> bool {
    if got < wanted || (got > wanted && !rest) {
        return false;
    }
    if !unordered {
        return (0..wanted).all(|index| fits(index, index, captures));
    }
    let mut owner: Vec<Option<usize>> = vec![None; got];
    let edge = |index: usize, at: usize| fits(index, at, &mut Captures::new());
    let complete = (0..wanted).all(|index| augment(index, &mut owner, &mut vec![false; got], &edge));
    complete && owner.iter().enumerate().all(|(at, index)| index.is_none_or(|index| fits(index, at, captures)))
}

fn augment(
    index: usize,
    owner: &mut [Option<usize>],
    seen: &mut [bool],
    edge: &impl Fn(usize, usize) -> bool,
) -> bool {
    for at in 0..owner.len() {
        if seen[at] || !edge(index, at) {
            continue;
        }
        seen[at] = true;
        if owner[at].is_none_or(|previous| augment(previous, owner, seen, edge)) {
            owner[at] = Some(index);
            return true;
        }
    }
    false
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn pattern(&mut self) -> Result<Pattern, String> {
        let mut options = vec![self.primary()?];
        while self.take("|") {
            options.push(self.primary()?);
        }
        let mut pattern = if options.len() == 1 { options.remove(0) } else { Pattern::OneOf(options) };
        if self.take("as ") {
            pattern = Pattern::Named { pattern: Box::new(pattern), name: self.word()?.to_string() };
        }
        Ok(pattern)
    }

    fn primary(&mut self) -> Result<Pattern, String> {
        self.rest = self.rest.trim_start();
        let mut bytes = self.rest.bytes();
        let (first, second) = (bytes.next(), bytes.next());
        match (first, second) {
            (Some(b'-'), Some(b'0'..=b'9')) | (Some(b'0'..=b'9'), _) => {
                let value = self.integer()?;
                Ok(Pattern::Integer { least: value, most: value })
            }
            (Some(b'+'), _) => {
                self.rest = &self.rest[1..];
                Ok(Pattern::Simple(self.text_or_word()?))
            }
            (Some(b'-'), _) => {
                self.rest = &self.rest[1..];
                Ok(Pattern::Error(self.text()?))
            }
            (Some(b'!'), _) => {
                self.rest = &self.rest[1..];
                Ok(Pattern::BulkError(self.text()?))
            }
            (Some(b'"'), _) | (Some(b'~'), Some(b'"')) => Ok(Pattern::Bulk(self.text()?)),
            (Some(b'['), _) | (Some(b'~'), Some(b'[')) => Ok(Pattern::Array(self.items("[", "]")?)),
            (Some(b'{'), _) | (Some(b'~'), Some(b'{')) => self.braces(),
            (Some(b'~'), _) => self.matcher(),
            (Some(b'$'), _) => {
                self.rest = &self.rest[1..];
                Ok(Pattern::Hole(self.word()?.to_string()))
            }
            _ => self.keyword(),
        }
    }

    /// `~any`, `~int`, `~lines` and the like.
    fn matcher(&mut self) -> Result<Pattern, String> {
        if self.starts_with_parts() {
            return Ok(Pattern::Bulk(self.text()?));
        }
        self.rest = &self.rest[1..];
        match self.word()? {
            "any" => Ok(Pattern::Any),
            "int" => {
                let blanks_skipped = self.rest.trim_start();
                let bounded = blanks_skipped.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
                if !bounded || blanks_skipped.starts_with("...") {
                    return Ok(Pattern::Integer { least: i64::MIN, most: i64::MAX });
                }
                let least = if blanks_skipped.starts_with('.') { i64::MIN } else { self.integer()? };
                if !self.take("..") {
                    return Err("bounds are written least..most".into());
                }
                let open = !self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '-');
                let most = if open { i64::MAX } else { self.integer()? };
                Ok(Pattern::Integer { least, most })
            }
            other => Err(format!("unknown matcher ~{other}")),
        }
    }

    fn keyword(&mut self) -> Result<Pattern, String> {
        match self.word()? {
            "nil" => Ok(Pattern::Nil),
            "nil-array" => Ok(Pattern::NilArray),
            "true" => Ok(Pattern::Boolean(true)),
            "false" => Ok(Pattern::Boolean(false)),
            "double" => Ok(Pattern::Double(self.text_or_word()?)),
            "big" => Ok(Pattern::BigNumber(self.text_or_word()?)),
            "verbatim" => {
                self.rest = self.rest.trim_start();
                Ok(Pattern::Verbatim { format: self.word()?.to_string(), text: self.text()? })
            }
            "push" => Ok(Pattern::Push(self.items("[", "]")?)),
            "attribute" => match self.braces()? {
                Pattern::Map(pairs) => Ok(Pattern::Attribute { pairs, reply: Box::new(self.primary()?) }),
                _ => Err("an attribute is a map".into()),
            },
            other => Err(format!("unknown reply {other}")),
        }
    }

    fn items(&mut self, open: &str, close: &str) -> Result<Items, String> {
        let unordered = self.take("~");
        self.expect(open)?;
        let mut list = Items { items: Vec::new(), rest: false, unordered };
        while !self.take(close) {
            if self.take("...") {
                list.rest = true;
                self.expect(close)?;
                break;
            }
            list.items.push(self.pattern()?);
            if !self.take(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(list)
    }

    /// A map or a set: the first separator tells.
    fn braces(&mut self) -> Result<Pattern, String> {
        let unordered = self.take("~");
        self.expect("{")?;
        if self.take(":") {
            self.expect("}")?;
            return Ok(Pattern::Map(Pairs { pairs: Vec::new(), rest: false, unordered }));
        }
        let mut set = Items { items: Vec::new(), rest: false, unordered };
        let mut map = Pairs { pairs: Vec::new(), rest: false, unordered };
        let mut rest = false;
        while !self.take("}") {
            if self.take("...") {
                rest = true;
                self.expect("}")?;
                break;
            }
            let item = self.pattern()?;
            if self.take(":") {
                map.pairs.push((item, self.pattern()?));
            } else {
                set.items.push(item);
            }
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        match (map.pairs.is_empty(), set.items.is_empty()) {
            (false, true) => Ok(Pattern::Map(Pairs { rest, ..map })),
            (true, _) => Ok(Pattern::Set(Items { rest, ..set })),
            (false, false) => Err("a map and a set are mixed".into()),
        }
    }

    fn starts_with_parts(&self) -> bool {
        let rest = self.rest.trim_start();
        rest.starts_with("~lines") || rest.starts_with("~fields")
    }

    /// A quoted text, a glob, or parts.
    fn text(&mut self) -> Result<Text, String> {
        if self.starts_with_parts() {
            return self.parts();
        }
        let glob = self.take("~");
        self.rest = self.rest.trim_start();
        if !self.rest.starts_with('"') {
            return Err(format!("a quoted text is wanted at: {}", self.rest));
        }
        let bytes = self.quoted()?;
        Ok(if glob { Text::Glob(bytes) } else { Text::Exact(bytes) })
    }

    fn text_or_word(&mut self) -> Result<Text, String> {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with(['"', '~']) {
            return self.text();
        }
        Ok(Text::Exact(self.word()?.as_bytes().to_vec()))
    }

    fn parts(&mut self) -> Result<Text, String> {
        self.expect("~")?;
        let separator = if self.word()? == "lines" { Separator::Line } else { Separator::Blank };
        self.expect("[")?;
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        while !self.take("]") {
            let list = if self.take("!") { &mut unwanted } else { &mut wanted };
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('"') {
                return Err(format!("a quoted glob is wanted at: {}", self.rest));
            }
            list.push(self.quoted()?);
            if !self.take(",") {
                self.expect("]")?;
                break;
            }
        }
        Ok(Text::Parts { separator, wanted, unwanted })
    }

    fn quoted(&mut self) -> Result<Vec<u8>, String> {
        let mut bytes = self.rest.as_bytes();
        let text = quote::double_quoted(&mut bytes)?;
        self.rest = &self.rest[self.rest.len() - bytes.len()..];
        Ok(text)
    }

    fn integer(&mut self) -> Result<i64, String> {
        self.rest = self.rest.trim_start();
        let sign = usize::from(self.rest.starts_with('-'));
        let digits = self.rest[sign..].find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len() - sign);
        let (number, rest) = self.rest.split_at(sign + digits);
        self.rest = rest;
        number.parse().map_err(|_| format!("not an integer: {number}"))
    }

    fn word(&mut self) -> Result<&'a str, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
        let end = self.rest.trim_start().find(|c| !plain(c));
        self.rest = self.rest.trim_start();
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if word.is_empty() {
            return Err(format!("a reply is wanted at: {}", self.rest));
        }
        self.rest = rest;
        Ok(word)
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("{token} is wanted at: {}", self.rest)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, reply: &[u8], protocol: Protocol) -> bool {
        let reply = Reply::decode(reply).unwrap().unwrap().0;
        Pattern::parse(pattern).unwrap().matches(&reply, protocol, &mut Captures::new())
    }

    #[track_caller]
    fn check(pattern: &str, good: &[&[u8]], bad: &[&[u8]], protocol: Protocol) {
        for reply in good {
            assert!(fits(pattern, reply, protocol), "{pattern} should fit {}", quote::quoted(reply));
        }
        for reply in bad {
            assert!(!fits(pattern, reply, protocol), "{pattern} should not fit {}", quote::quoted(reply));
        }
    }

    #[test]
    fn types_are_kept_apart() {
        use Protocol::*;
        check("+OK", &[b"+OK\r\n"], &[b"$2\r\nOK\r\n", b"+OKK\r\n", b"-OK\r\n"], Resp2);
        check("-ERR a, b", &[b"-ERR a, b\r\n"], &[b"+ERR a, b\r\n"], Resp2);
        check("1", &[b":1\r\n"], &[b"$1\r\n1\r\n", b":2\r\n", b"+1\r\n"], Resp2);
        check("-1", &[b":-1\r\n"], &[b":1\r\n"], Resp2);
        check("\"1\"", &[b"$1\r\n1\r\n"], &[b":1\r\n", b"+1\r\n"], Resp2);
        check("nil", &[b"$-1\r\n"], &[b"*-1\r\n", b"_\r\n", b"$0\r\n\r\n"], Resp2);
        check("nil-array", &[b"*-1\r\n"], &[b"$-1\r\n", b"*0\r\n"], Resp2);
        check("nil", &[b"_\r\n"], &[b"$-1\r\n"], Resp3);
        check("nil-array", &[b"_\r\n"], &[b"*-1\r\n"], Resp3);
        check("[]", &[b"*0\r\n"], &[b"*1\r\n:1\r\n", b"~0\r\n"], Resp3);
    }

    #[test]
    fn rich_types_become_plain_ones_under_resp2_only() {
        use Protocol::*;
        let flat: &[u8] = b"*2\r\n$1\r\nk\r\n:1\r\n";
        let map: &[u8] = b"%1\r\n$1\r\nk\r\n:1\r\n";
        check("{\"k\": 1}", &[flat], &[b"*1\r\n:1\r\n", b"*2\r\n:1\r\n:1\r\n"], Resp2);
        check("{\"k\": 1}", &[map], &[flat], Resp3);
        check("{:}", &[b"%0\r\n"], &[b"~0\r\n"], Resp3);
        check("{}", &[b"~0\r\n"], &[b"%0\r\n"], Resp3);
        check("double 1.5", &[b"$3\r\n1.5\r\n"], &[b"$3\r\n1.6\r\n"], Resp2);
        check("double 1.5", &[b",1.5\r\n"], &[b"$3\r\n1.5\r\n", b",1.50\r\n"], Resp3);
        check("true", &[b":1\r\n"], &[b":0\r\n"], Resp2);
        check("true", &[b"#t\r\n"], &[b":1\r\n"], Resp3);
        check("verbatim txt \"a\"", &[b"$1\r\na\r\n"], &[], Resp2);
        check("verbatim txt \"a\"", &[b"=5\r\ntxt:a\r\n"], &[b"=5\r\nmkd:a\r\n", b"$1\r\na\r\n"], Resp3);
        check("push [1]", &[b"*1\r\n:1\r\n"], &[], Resp2);
        check("push [1]", &[b">1\r\n:1\r\n"], &[b"*1\r\n:1\r\n"], Resp3);
        check("attribute {+a: 1} 7", &[b":7\r\n"], &[], Resp2);
        check("attribute {+a: 1} 7", &[b"|1\r\n+a\r\n:1\r\n:7\r\n"], &[b":7\r\n"], Resp3);
    }

    #[test]
    fn matchers() {
        use Protocol::*;
        check("~int 9..10", &[b":9\r\n", b":10\r\n"], &[b":8\r\n", b":11\r\n"], Resp2);
        check("~int -5..", &[b":-5\r\n", b":10\r\n"], &[b":-6\r\n"], Resp2);
        check("~int ..-2", &[b":-5\r\n"], &[b":-1\r\n"], Resp2);
        check("[~int, ...]", &[b"*1\r\n:9\r\n", b"*2\r\n:9\r\n+a\r\n"], &[b"*0\r\n"], Resp2);
        check("~\"a*\"", &[b"$2\r\nab\r\n"], &[b"$2\r\nba\r\n", b"+ab\r\n"], Resp2);
        check("-~\"ERR *\"", &[b"-ERR x\r\n"], &[b"-WRONGTYPE x\r\n"], Resp2);
        check("\"a\" | nil", &[b"$1\r\na\r\n", b"$-1\r\n"], &[b"$1\r\nb\r\n"], Resp2);
        check("~[1, ~int, 3]", &[b"*3\r\n:3\r\n:1\r\n:2\r\n"], &[b"*3\r\n:3\r\n:2\r\n:2\r\n"], Resp2);
        check("~{\"b\": 2, ...}", &[b"*4\r\n+a\r\n:1\r\n$1\r\nb\r\n:2\r\n"], &[b"*2\r\n+a\r\n:1\r\n"], Resp2);
        check("~lines [\"a:*\", !\"b:*\"]", &[b"$8\r\nx\r\na:1\r\n\r\n"], &[b"$6\r\na:\r\nb:\r\n"], Resp2);
        check("verbatim txt ~fields [\"id=*\"]", &[b"=12\r\ntxt:a=1 id=3\r\n"], &[b"=7\r\ntxt:a=1\r\n"], Resp3);
    }

    #[test]
    fn captures_are_remembered() {
        let mut captures = Captures::new();
        let reply = Reply::decode(b"*2\r\n:7\r\n$2\r\n\"x\r\n").unwrap().unwrap().0;
        let pattern = Pattern::parse("~[~\"*\" as text, ~int as id]").unwrap();
        assert!(pattern.matches(&reply, Protocol::Resp2, &mut captures));
        assert_eq!(captures["id"], "7");
        assert_eq!(captures["text"], "\\\"x");
    }

    #[test]
    fn bad_patterns_are_refused() {
        for text in ["", "[", "[1 2]", "{1: 2, 3}", "~foo", "\"a", "foo", "1 2", "~int 3", "{\"a\": }", "+"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
