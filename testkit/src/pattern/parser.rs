//! Reads the notation of patterns: recursive descent over one line.

use super::{Items, Pairs, Pattern, Separator, Text};
use crate::quote;

/// Reads the whole of `text` as one pattern.
pub(super) fn read(text: &str) -> Result<Pattern, String> {
    let mut parser = Parser { rest: text };
    let pattern = parser.pattern()?;
    match parser.rest.trim_start() {
        "" => Ok(pattern),
        rest => Err(format!("unexpected text after the reply: {rest}")),
    }
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
        let mut pattern = if options.len() == 1 {
            options.remove(0)
        } else {
            Pattern::OneOf(options)
        };
        if self.take("as ") {
            pattern = Pattern::Named {
                pattern: Box::new(pattern),
                name: self.word()?.to_string(),
            };
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
                Ok(Pattern::Integer {
                    least: value,
                    most: value,
                })
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
                let bounded = blanks_skipped
                    .starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
                if !bounded || blanks_skipped.starts_with("...") {
                    return Ok(Pattern::Integer {
                        least: i64::MIN,
                        most: i64::MAX,
                    });
                }
                let least = if blanks_skipped.starts_with('.') {
                    i64::MIN
                } else {
                    self.integer()?
                };
                if !self.take("..") {
                    return Err("bounds are written least..most".into());
                }
                let open = !self
                    .rest
                    .starts_with(|c: char| c.is_ascii_digit() || c == '-');
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
                Ok(Pattern::Verbatim {
                    format: self.word()?.to_string(),
                    text: self.text()?,
                })
            }
            "push" => Ok(Pattern::Push(self.items("[", "]")?)),
            "attribute" => match self.braces()? {
                Pattern::Map(pairs) => Ok(Pattern::Attribute {
                    pairs,
                    reply: Box::new(self.primary()?),
                }),
                _ => Err("an attribute is a map".into()),
            },
            other => Err(format!("unknown reply {other}")),
        }
    }

    fn items(&mut self, open: &str, close: &str) -> Result<Items, String> {
        let unordered = self.take("~");
        self.expect(open)?;
        let mut list = Items {
            items: Vec::new(),
            rest: false,
            unordered,
        };
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
            return Ok(Pattern::Map(Pairs {
                pairs: Vec::new(),
                rest: false,
                unordered,
            }));
        }
        let mut set = Items {
            items: Vec::new(),
            rest: false,
            unordered,
        };
        let mut map = Pairs {
            pairs: Vec::new(),
            rest: false,
            unordered,
        };
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
        Ok(if glob {
            Text::Glob(bytes)
        } else {
            Text::Exact(bytes)
        })
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
        let separator = if self.word()? == "lines" {
            Separator::Line
        } else {
            Separator::Blank
        };
        self.expect("[")?;
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        while !self.take("]") {
            let list = if self.take("!") {
                &mut unwanted
            } else {
                &mut wanted
            };
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
        Ok(Text::Parts {
            separator,
            wanted,
            unwanted,
        })
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
        let digits = self.rest[sign..]
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(self.rest.len() - sign);
        let (number, rest) = self.rest.split_at(sign + digits);
        self.rest = rest;
        number
            .parse()
            .map_err(|_| format!("not an integer: {number}"))
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
        if self.take(token) {
            Ok(())
        } else {
            Err(format!("{token} is wanted at: {}", self.rest))
        }
    }
}
