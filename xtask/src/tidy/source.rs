//! A Rust file as the checks see it: its code, its comments and its quotations apart.
//!
//! ```text
//!   text      let s = "unsafe"; // a word
//!   code      let s = "      ";
//!   quoted             unsafe
//!   comments                    // a word
//! ```
//!
//! Blanked bytes are spaces and line ends stay, so a line of one view is the same line of all.
//! Strings, raw strings, bytes, characters, lifetimes and nested comments are told apart; nothing
//! else of the grammar is needed.

use std::ops::Range;

/// The views of one file.
pub(super) struct Source {
    /// Everything but comments and what stands between quotes.
    pub code: String,
    /// Comments only.
    pub comments: String,
    /// What stands between quotes only.
    pub quoted: String,
    /// Lines of items under `#[cfg(test)]`, counted from zero.
    tests: Vec<Range<usize>>,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function<'a> {
    pub name: &'a str,
    /// Where `fn` stands, counted from one.
    pub line: usize,
    /// From `fn` to the closing brace.
    pub lines: usize,
}

impl Source {
    pub fn of(text: &str) -> Source {
        let mut views = Views {
            text: text.as_bytes(),
            code: blank(text),
            comments: blank(text),
            quoted: blank(text),
        };
        views.separate();
        let [code, comments, quoted] = [views.code, views.comments, views.quoted]
            .map(|view| String::from_utf8(view).expect("whole characters are copied"));
        Source {
            tests: test_lines(&code),
            code,
            comments,
            quoted,
        }
    }

    /// Is a line (from one) part of the tests at the bottom of the file?
    pub fn is_test(&self, line: usize) -> bool {
        self.tests.iter().any(|lines| lines.contains(&(line - 1)))
    }

    /// The lines of code outside of tests, counted from one.
    pub fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.lines().enumerate();
        lines
            .map(|(at, line)| (at + 1, line))
            .filter(|(line, _)| !self.is_test(*line))
    }

    pub fn functions(&self) -> Vec<Function<'_>> {
        words(&self.code)
            .filter(|(_, word)| *word == "fn")
            .filter_map(|(at, _)| function_at(&self.code, at))
            .collect()
    }
}

/// The identifiers and keywords of some code, and where they stand.
pub(super) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_of_word = |c: char| c == '_' || c.is_alphanumeric();
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + code[rest..].find(is_of_word)?;
        let len = code[start..].find(|c| !is_of_word(c));
        rest = len.map_or(code.len(), |len| start + len);
        Some((start, &code[start..rest]))
    })
}

/// The line, from one, of a byte.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
}

/// The end of a block that opens at `open`: behind its closing brace.
fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// The `{` of an item's body or the `;` that it has instead, from `at` on.
fn body(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0i32;
    for (offset, byte) in code[at..].bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' | b';' if depth == 0 => return Some(at + offset),
            _ => {}
        }
    }
    None
}

fn function_at(code: &str, at: usize) -> Option<Function<'_>> {
    let (name_at, name) = words(&code[at + 2..]).next()?;
    // In the type of a pointer a parenthesis follows at once.
    if !code[at + 2..at + 2 + name_at].trim().is_empty() {
        return None;
    }
    let open = body(code, at)?;
    if code.as_bytes()[open] == b';' {
        return None;
    }
    let (first, last) = (line_of(code, at), line_of(code, block_end(code, open)));
    Some(Function {
        name,
        line: first,
        lines: last - first + 1,
    })
}

fn test_lines(code: &str) -> Vec<Range<usize>> {
    let attributes = code.match_indices("#[cfg(test)]");
    attributes
        .filter_map(|(at, attribute)| {
            let open = body(code, at + attribute.len())?;
            let end = if code.as_bytes()[open] == b'{' {
                block_end(code, open)
            } else {
                open
            };
            Some(line_of(code, at) - 1..line_of(code, end))
        })
        .collect()
}

/// As many blanks as the text has bytes, its line ends kept.
fn blank(text: &str) -> Vec<u8> {
    let blank = |byte| if byte == b'\n' { byte } else { b' ' };
    text.bytes().map(blank).collect()
}

struct Views<'a> {
    text: &'a [u8],
    code: Vec<u8>,
    comments: Vec<u8>,
    quoted: Vec<u8>,
}

impl Views<'_> {
    fn separate(&mut self) {
        let mut at = 0;
        while at < self.text.len() {
            at = match self.text[at..] {
                [b'/', b'/', ..] => self.comment(at, self.line_end(at)),
                [b'/', b'*', ..] => self.comment(at, self.nested_end(at)),
                [b'"', ..] => self.literal(at, self.quoted_end(at, b'"')),
                [b'\'', ..] => self.apostrophe(at),
                [b'r', ..] if self.opens_raw(at) => self.raw(at),
                _ => self.keep(at, at + 1),
            };
        }
    }

    fn keep(&mut self, from: usize, to: usize) -> usize {
        self.code[from..to].copy_from_slice(&self.text[from..to]);
        to
    }

    fn comment(&mut self, from: usize, to: usize) -> usize {
        self.comments[from..to].copy_from_slice(&self.text[from..to]);
        to
    }

    /// Keep the two quotes as code, and what they hold as a quotation.
    fn literal(&mut self, from: usize, to: usize) -> usize {
        let inside = from + 1..(to - 1).max(from + 1);
        self.quoted[inside.clone()].copy_from_slice(&self.text[inside]);
        self.keep(from, from + 1);
        self.keep(to - 1, to)
    }

    fn line_end(&self, at: usize) -> usize {
        let rest = self.text[at..].iter();
        at + rest.take_while(|byte| **byte != b'\n').count()
    }

    fn nested_end(&self, mut at: usize) -> usize {
        let mut depth = 0usize;
        while at < self.text.len() {
            match self.text[at..] {
                [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
                [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
                _ => at += 1,
            }
            if depth == 0 {
                break;
            }
        }
        at
    }

    fn quoted_end(&self, start: usize, quote: u8) -> usize {
        let mut at = start + 1;
        while at < self.text.len() {
            match self.text[at] {
                b'\\' => at += 2,
                byte if byte == quote => return at + 1,
                _ => at += 1,
            }
        }
        self.text.len()
    }

    /// A character, or the name of a lifetime.
    fn apostrophe(&mut self, at: usize) -> usize {
        let first = self.text.get(at + 1).copied().unwrap_or(b'\n');
        let width = match first {
            b'\\' => return self.literal(at, self.quoted_end(at, b'\'')),
            0xf0.. => 4,
            0xe0.. => 3,
            0xc0.. => 2,
            _ => 1,
        };
        if self.text.get(at + 1 + width) == Some(&b'\'') {
            self.literal(at, at + width + 2)
        } else {
            self.keep(at, at + 1)
        }
    }

    /// Does an `r` begin a raw string? In an identifier, or before one, it does not.
    fn opens_raw(&self, at: usize) -> bool {
        let is_of_word = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
        let before = match self.text[..at] {
            [.., earlier, b'b' | b'c'] => Some(earlier),
            [b'b' | b'c'] => None,
            [.., earlier] => Some(earlier),
            [] => None,
        };
        let behind = &self.text[at + 1 + self.hashes(at + 1)..];
        !before.is_some_and(is_of_word) && behind.first() == Some(&b'"')
    }

    fn raw(&mut self, at: usize) -> usize {
        let hashes = self.hashes(at + 1);
        let open = self.keep(at, at + 1 + hashes);
        let mut end = open + 1;
        while end < self.text.len() && !(self.text[end] == b'"' && self.hashes(end + 1) >= hashes) {
            end += 1;
        }
        let close = self.literal(open, (end + 1).min(self.text.len()));
        self.keep(close, (close + hashes).min(self.text.len()))
    }

    fn hashes(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        rest.iter().take_while(|byte| **byte == b'#').count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Source::of(text).code
    }

    #[test]
    fn comments_and_literals_are_blanked() {
        assert_eq!(code("a // b\nc"), "a     \nc");
        assert_eq!(code("a /* b /* c */ d */ e"), "a                   e");
        assert_eq!(code(r#"f("x\"y", b"z")"#), r#"f("    ", b" ")"#);
        assert_eq!(code("r#\"a\"b\"# r\"\\\" b"), "r#\"   \"# r\" \" b");
        assert_eq!(code("'x' '\\'' '\u{e9}' &'a str"), "' ' '  ' '  ' &'a str");
        assert_eq!(code("for_r\"x\" br#\"y\"#"), "for_r\" \" br#\" \"#");
        assert_eq!(code("\"// no\" // yes"), "\"     \"       ");
        assert_eq!(Source::of("a // b\n\"// c\"").comments, "  // b\n      ");
    }

    #[test]
    fn functions_are_measured() {
        let text = "fn a() {\n}\nimpl X {\n    fn b<T>(\n    ) -> [u8; 2] {\n        { }\n    }\n}\n\
                    trait T { fn c(); }\ntype F = fn(u8) -> u8;\n";
        let source = Source::of(text);
        let found = source.functions();
        let found: Vec<_> = found.iter().map(|f| (f.name, f.line, f.lines)).collect();
        assert_eq!(found, [("a", 1, 2), ("b", 4, 4)]);
    }

    #[test]
    fn tests_are_told_from_the_product() {
        let source = Source::of("a\n#[cfg(test)]\nmod t {\n}\nb\n#[cfg(test)]\nmod u;\nc");
        let lines: Vec<_> = source.product_lines().map(|(_, line)| line).collect();
        assert_eq!(lines, ["a", "b", "c"]);
    }
}
