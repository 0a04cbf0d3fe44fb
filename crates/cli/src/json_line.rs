//! A key as a line of JSON, there and back. `docs/formats/json.md` describes it.
//!
//! ```text
//!   {"db":0,"key":"run","type":"string","value":"aaa","deadline":1700000000000}
//!   {"db":0,"key":{"base64":"/w=="},"type":"string","value":"1"}
//!   {"db":0,"key":"queue","type":"list","value":["first","second"]}
//!   {"db":0,"key":"tags","type":"set","value":["red","7"]}
//!   {"db":0,"key":"best","type":"zset","value":[["ada","3"],["bob","inf"]]}
//!   {"db":0,"key":"user:1","type":"hash","value":[["name","Ada"],["age","36"]],
//!    "field_deadlines":[["age",1700000000000]]}
//! ```
//!
//! Bytes that are UTF-8 are a JSON string, all others an object with their base64.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use store::HashView;

use crate::stream::StreamText;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    db: u64,
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    value: Option<Content<'a>>,
    /// Of a hash: fields with their deadlines, in Unix time in ms.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    field_deadlines: Vec<(Text<'a>, i64)>,
    /// Unix time in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Content<'a> {
    #[serde(borrow)]
    Text(Text<'a>),
    #[serde(borrow)]
    Texts(Vec<Text<'a>>),
    #[serde(borrow)]
    Pairs(Vec<(Text<'a>, Text<'a>)>),
    Stream(Cow<'a, StreamText>),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Text<'a> {
    Utf8(#[serde(borrow)] Cow<'a, str>),
    Other(Base64),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Base64 {
    base64: String,
}

/// A key that was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    pub database: u64,
    pub key: Vec<u8>,
    pub value: Value<'static>,
    pub deadline_ms: Option<i64>,
}

/// What it holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Value<'a> {
    String(Cow<'a, [u8]>),
    List(Vec<Vec<u8>>),
    Set(Vec<Vec<u8>>),
    /// Members with the texts of their scores.
    SortedSet(Vec<(Vec<u8>, Vec<u8>)>),
    Hash(Vec<Field>),
    Stream(StreamText),
}

/// A name, a value, and perhaps a deadline.
pub type Field = (Vec<u8>, Vec<u8>, Option<i64>);

/// Writes a line with its end.
pub fn write(
    mut to: impl Write,
    database: u64,
    key: &[u8],
    value: &Value<'_>,
    deadline_ms: Option<i64>,
) -> io::Result<()> {
    let mut field_deadlines = Vec::new();
    let (kind, content) = match value {
        Value::String(bytes) => ("string", Content::Text(Text::of(bytes))),
        Value::List(elements) => {
            let texts = elements.iter().map(|element| Text::of(element));
            ("list", Content::Texts(texts.collect()))
        }
        Value::Set(members) => {
            let members = members.iter().map(|member| Text::of(member));
            ("set", Content::Texts(members.collect()))
        }
        Value::SortedSet(pairs) => {
            let pairs = pairs.iter().map(|(m, s)| (Text::of(m), Text::of(s)));
            ("zset", Content::Pairs(pairs.collect()))
        }
        Value::Hash(fields) => {
            let deadlines = fields
                .iter()
                .filter_map(|(f, _, ms)| Some((Text::of(f), (*ms)?)));
            field_deadlines = deadlines.collect();
            let pairs = fields.iter().map(|(f, v, _)| (Text::of(f), Text::of(v)));
            ("hash", Content::Pairs(pairs.collect()))
        }
        Value::Stream(stream) => ("stream", Content::Stream(Cow::Borrowed(stream))),
    };
    let line = Line {
        db: database,
        key: Text::of(key),
        kind: kind.into(),
        value: Some(content),
        field_deadlines,
        deadline: deadline_ms,
    };
    serde_json::to_writer(&mut to, &line)?;
    to.write_all(b"\n")
}

/// Reads a line; the error says what is wrong with it.
pub fn read(line: &[u8]) -> Result<Key, String> {
    /// Looks at the type before the value, whose form depends on it.
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
    }
    let kind: Kind<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if !matches!(
        &*kind.kind,
        "string" | "list" | "set" | "zset" | "hash" | "stream"
    ) {
        return Err(format!(
            "the type is {:?}, which this version does not keep",
            kind.kind
        ));
    }
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let deadlines = line.field_deadlines;
    if !deadlines.is_empty() && line.kind != "hash" {
        return Err(format!("a {} has no fields with deadlines", line.kind));
    }
    let value = match (&*line.kind, line.value.ok_or("the value is missing")?) {
        ("string", Content::Text(text)) => Value::String(text.into_bytes("value")?.into()),
        ("zset", Content::Pairs(pairs)) => {
            let pairs = pairs.into_iter();
            let pairs = pairs.map(|(m, s)| Ok((m.into_bytes("member")?, s.into_bytes("score")?)));
            Value::SortedSet(pairs.collect::<Result<_, String>>()?)
        }
        ("list", Content::Texts(texts)) => {
            let texts = texts.into_iter().map(|text| text.into_bytes("element"));
            Value::List(texts.collect::<Result<_, String>>()?)
        }
        ("set", Content::Texts(members)) => {
            let members = members.into_iter().map(|text| text.into_bytes("member"));
            Value::Set(members.collect::<Result<_, String>>()?)
        }
        // Nothing tells an empty array of pairs from another one.
        ("zset", Content::Texts(none)) if none.is_empty() => Value::SortedSet(Vec::new()),
        ("hash", Content::Texts(none)) if none.is_empty() => Value::Hash(Vec::new()),
        ("hash", Content::Pairs(pairs)) => {
            let pairs = pairs.into_iter();
            let fields =
                pairs.map(|(f, v)| Ok((f.into_bytes("field")?, v.into_bytes("value")?, None)));
            let mut fields = fields.collect::<Result<Vec<Field>, String>>()?;
            set_deadlines(&mut fields, deadlines)?;
            Value::Hash(fields)
        }
        ("stream", Content::Stream(stream)) => Value::Stream(stream.into_owned()),
        (kind, _) => return Err(format!("the value is not that of a {kind}")),
    };
    Ok(Key {
        database: line.db,
        key: line.key.into_bytes("key")?,
        value,
        deadline_ms: line.deadline,
    })
}

fn set_deadlines(fields: &mut [Field], deadlines: Vec<(Text<'_>, i64)>) -> Result<(), String> {
    if deadlines.is_empty() {
        return Ok(());
    }
    let places = fields.iter().enumerate();
    let places: HashMap<Vec<u8>, usize> = places.map(|(at, (f, ..))| (f.clone(), at)).collect();
    for (field, ms) in deadlines {
        let at = places.get(&field.into_bytes("field")?);
        let at = *at.ok_or("a deadline is that of a field which is not there")?;
        if !(1..=HashView::DEADLINE_MS_MAX).contains(&ms) {
            return Err(format!("no field can have the deadline {ms}"));
        }
        if fields[at].2.replace(ms).is_some() {
            return Err("a field has two deadlines".into());
        }
    }
    Ok(())
}

impl<'a> Text<'a> {
    fn of(bytes: &'a [u8]) -> Text<'a> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Text::Utf8(text.into()),
            Err(_) => Text::Other(Base64 {
                base64: STANDARD.encode(bytes),
            }),
        }
    }

    fn into_bytes(self, name: &str) -> Result<Vec<u8>, String> {
        match self {
            Text::Utf8(text) => Ok(text.into_owned().into_bytes()),
            Text::Other(Base64 { base64 }) => {
                let bytes = STANDARD.decode(base64);
                bytes.map_err(|error| format!("the {name} is no base64: {error}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        let ascii: Vec<u8> = (0..128).collect();
        for bytes in [
            &b""[..],
            b"plain",
            "täglich ☕".as_bytes(),
            &ascii,
            &all,
            b"\xff",
        ] {
            for deadline_ms in [None, Some(-1), Some(i64::MAX)] {
                let mut line = Vec::new();
                write(
                    &mut line,
                    7,
                    bytes,
                    &Value::String(bytes.into()),
                    deadline_ms,
                )
                .expect("a vector takes it");
                assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
                let key = Key {
                    database: 7,
                    key: bytes.to_vec(),
                    value: Value::String(bytes.to_vec().into()),
                    deadline_ms,
                };
                assert_eq!(read(&line), Ok(key));
            }
        }
    }

    #[test]
    fn a_line_reads_well() {
        let mut line = Vec::new();
        write(
            &mut line,
            0,
            b"a\"b",
            &Value::String(b"\xff"[..].into()),
            Some(5),
        )
        .expect("a vector takes it");
        let text =
            r#"{"db":0,"key":"a\"b","type":"string","value":{"base64":"/w=="},"deadline":5}"#;
        assert_eq!(String::from_utf8(line), Ok(format!("{text}\n")));
    }

    #[test]
    fn a_list_comes_back() {
        let elements = vec![b"a".to_vec(), b"\xff".to_vec(), vec![], b"12".to_vec()];
        let mut line = Vec::new();
        let value = Value::List(elements);
        write(&mut line, 0, b"l", &value, None).expect("a vector takes it");
        let text = r#"{"db":0,"key":"l","type":"list","value":["a",{"base64":"/w=="},"","12"]}"#;
        assert_eq!(std::str::from_utf8(&line), Ok(&*format!("{text}\n")));
        assert_eq!(read(&line).map(|key| key.value), Ok(value));
    }

    #[test]
    fn a_hash_comes_back() {
        let pairs = vec![
            (b"f".to_vec(), b"1".to_vec(), None),
            (b"\xff".to_vec(), vec![], None),
        ];
        let mut line = Vec::new();
        write(&mut line, 0, b"h", &Value::Hash(pairs.clone()), None).expect("a vector takes it");
        let text = r#"{"db":0,"key":"h","type":"hash","value":[["f","1"],[{"base64":"/w=="},""]]}"#;
        assert_eq!(std::str::from_utf8(&line), Ok(&*format!("{text}\n")));
        assert_eq!(read(&line).map(|key| key.value), Ok(Value::Hash(pairs)));
    }

    #[test]
    fn a_set_comes_back() {
        let members = vec![b"red".to_vec(), b"7".to_vec(), b"\xff".to_vec()];
        let mut line = Vec::new();
        write(&mut line, 0, b"s", &Value::Set(members.clone()), None).expect("a vector takes it");
        let text = r#"{"db":0,"key":"s","type":"set","value":["red","7",{"base64":"/w=="}]}"#;
        assert_eq!(std::str::from_utf8(&line), Ok(&*format!("{text}\n")));
        assert_eq!(read(&line).map(|key| key.value), Ok(Value::Set(members)));
    }

    #[test]
    fn a_sorted_set_comes_back() {
        let pairs = vec![
            (b"a".to_vec(), b"-inf".to_vec()),
            (b"b".to_vec(), b"0.5".to_vec()),
        ];
        let mut line = Vec::new();
        let value = Value::SortedSet(pairs.clone());
        write(&mut line, 0, b"z", &value, None).expect("a vector takes it");
        let text = r#"{"db":0,"key":"z","type":"zset","value":[["a","-inf"],["b","0.5"]]}"#;
        assert_eq!(std::str::from_utf8(&line), Ok(&*format!("{text}\n")));
        assert_eq!(
            read(&line).map(|key| key.value),
            Ok(Value::SortedSet(pairs))
        );
    }

    #[test]
    fn deadlines_of_fields_come_back() {
        let fields = vec![
            (b"f".to_vec(), b"1".to_vec(), None),
            (b"\xff".to_vec(), vec![], Some(1_700_000_000_000)),
        ];
        let mut line = Vec::new();
        write(&mut line, 0, b"h", &Value::Hash(fields.clone()), None).expect("a vector takes it");
        let end = r#","field_deadlines":[[{"base64":"/w=="},1700000000000]]}"#;
        assert!(
            std::str::from_utf8(&line)
                .unwrap()
                .trim_end()
                .ends_with(end)
        );
        assert_eq!(read(&line).map(|key| key.value), Ok(Value::Hash(fields)));
        let hash = r#"{"db":0,"key":"k","type":"hash","value":[["f","v"]],"field_deadlines":"#;
        for (deadlines, part) in [
            (r#"[["g",5]]}"#, "not there"),
            (r#"[["f",0]]}"#, "deadline 0"),
            (r#"[["f",5],["f",6]]}"#, "two deadlines"),
        ] {
            let line = format!("{hash}{deadlines}");
            let why = read(line.as_bytes()).expect_err(&line);
            assert!(why.contains(part), "{line}: {why}");
        }
    }

    #[test]
    fn what_is_not_a_line_is_refused() {
        for (line, part) in [
            ("", "EOF"),
            ("[]", "invalid"),
            (r#"{"db":0,"key":"k","type":"tree","value":[]}"#, "tree"),
            (
                r#"{"db":0,"key":"k","type":"list","value":[["a","b"]]}"#,
                "not that",
            ),
            (r#"{"db":0,"key":"k","type":"string"}"#, "value"),
            (
                r#"{"db":0,"key":"k","type":"string","value":[]}"#,
                "not that",
            ),
            (
                r#"{"db":0,"key":"k","type":"hash","value":"v"}"#,
                "not that",
            ),
            (
                r#"{"db":0,"key":"k","type":"set","value":[["f","v"]]}"#,
                "not that",
            ),
            (r#"{"db":-1,"key":"k","type":"string","value":"v"}"#, "u64"),
            (
                r#"{"db":0,"key":{"base64":"?"},"type":"string","value":"v"}"#,
                "base64",
            ),
            (
                r#"{"db":0,"key":"k","type":"string","value":"v","ttl":5}"#,
                "ttl",
            ),
            (
                r#"{"db":0,"key":"k","type":"string","value":"v"} x"#,
                "trailing",
            ),
        ] {
            let why = read(line.as_bytes()).expect_err(line);
            assert!(why.contains(part), "{line}: {why}");
        }
    }
}
