//! Keys that are named by elements: `weight_*`, `object:*->price`, `#`.
//!
//! ```text
//!   user:  *  :data  ->  name          element 7
//!   prefix    suffix     field         HGET user:7:data name
//! ```
//!
//! The first star is the element, and the first arrow behind it goes to a field. A lone `#` is the
//! element itself; what has no star names no key, and so nothing.

use resp::Reply;
use store::{Item, Key, StringView, ValueView};

use crate::commands::answer_item;
use crate::ctx::Ctx;

pub(super) enum Pattern<'a> {
    Element,
    Nothing,
    Key {
        prefix: &'a [u8],
        suffix: &'a [u8],
        field: Option<&'a [u8]>,
    },
}

/// What was found: a string, or the value of a field.
pub(super) enum Looked<'v> {
    Element(&'v [u8]),
    String(StringView<'v>),
    Field(Item<'v>),
}

impl<'a> Pattern<'a> {
    pub(super) fn of(text: &'a [u8]) -> Pattern<'a> {
        if text == b"#" {
            return Pattern::Element;
        }
        let Some(star) = text.iter().position(|byte| *byte == b'*') else {
            return Pattern::Nothing;
        };
        let (prefix, behind) = (&text[..star], &text[star + 1..]);
        let arrow = behind.windows(2).position(|two| two == b"->");
        let (suffix, field) = match arrow {
            // An arrow that leads nowhere is part of the name.
            Some(at) if at + 2 < behind.len() => (&behind[..at], Some(&behind[at + 2..])),
            _ => (behind, None),
        };
        Pattern::Key {
            prefix,
            suffix,
            field,
        }
    }

    pub(super) fn names_keys(&self) -> bool {
        matches!(self, Pattern::Key { .. })
    }

    /// What there is for an element. `name` is room for the key's name.
    pub(super) fn look<'v>(
        &self,
        ctx: &'v mut Ctx<'_>,
        element: &'v [u8],
        name: &mut Vec<u8>,
    ) -> Option<Looked<'v>> {
        let (prefix, suffix, field) = match self {
            Pattern::Element => return Some(Looked::Element(element)),
            Pattern::Nothing => return None,
            Pattern::Key {
                prefix,
                suffix,
                field,
            } => (prefix, suffix, field),
        };
        name.clear();
        name.extend_from_slice(prefix);
        name.extend_from_slice(element);
        name.extend_from_slice(suffix);
        let hash = ctx.engine.hasher.hash(name);
        let entry = ctx.read(&Key { bytes: name, hash })?;
        match (field, entry.value()) {
            (None, ValueView::String(string)) => Some(Looked::String(string)),
            (Some(field), _) => Some(Looked::Field(entry.hash()?.get(field)?)),
            _ => None,
        }
    }
}

impl Looked<'_> {
    /// As a weight; `None` if it is no number.
    pub(super) fn number(self) -> Option<f64> {
        match self {
            Looked::String(StringView::Int(number)) | Looked::Field(Item::Int(number)) => {
                Some(number as f64)
            }
            Looked::Element(text)
            | Looked::String(StringView::Bytes(text))
            | Looked::Field(Item::Bytes(text)) => super::number(text),
            Looked::String(StringView::Block(block)) => super::number(block.bytes()),
        }
    }

    pub(super) fn append_to(self, text: &mut Vec<u8>) {
        match self {
            Looked::String(StringView::Int(number)) | Looked::Field(Item::Int(number)) => {
                base::write_i64(text, number);
            }
            Looked::Element(bytes)
            | Looked::String(StringView::Bytes(bytes))
            | Looked::Field(Item::Bytes(bytes)) => text.extend_from_slice(bytes),
            Looked::String(StringView::Block(block)) => text.extend_from_slice(block.bytes()),
        }
    }

    pub(super) fn answer(self, reply: &mut Reply) {
        match self {
            Looked::Element(bytes) | Looked::String(StringView::Bytes(bytes)) => reply.bulk(bytes),
            Looked::String(StringView::Int(number)) => reply.bulk_int(number),
            Looked::String(StringView::Block(block)) => reply.block(&block.share()),
            Looked::Field(item) => answer_item(item, reply),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_arrows() {
        let parts = |text: &'static [u8]| match Pattern::of(text) {
            Pattern::Key {
                prefix,
                suffix,
                field,
            } => (prefix, suffix, field),
            _ => panic!("it names keys"),
        };
        assert_eq!(parts(b"w_*"), (&b"w_"[..], &b""[..], None));
        assert_eq!(parts(b"*"), (&b""[..], &b""[..], None));
        assert_eq!(parts(b"a*b*c"), (&b"a"[..], &b"b*c"[..], None));
        assert_eq!(parts(b"a*b->f"), (&b"a"[..], &b"b"[..], Some(&b"f"[..])));
        assert_eq!(
            parts(b"a->*->f->g"),
            (&b"a->"[..], &b""[..], Some(&b"f->g"[..]))
        );
        assert_eq!(parts(b"a*->"), (&b"a"[..], &b"->"[..], None));
        assert!(matches!(Pattern::of(b"#"), Pattern::Element));
        for text in [&b"nosort"[..], b"", b"##", b"a->b"] {
            assert!(matches!(Pattern::of(text), Pattern::Nothing));
        }
    }
}
