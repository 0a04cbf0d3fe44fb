//! The raw numbers as JSON, to be read from the page by programs.
//!
//! Written, never read, so a small tree and a writer are all there is. Every
//! `<` is escaped: the text stands inside a script element and must not end it.

use std::fmt::Write;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Integer(u64),
    /// What is not finite is written as null.
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    pub fn text(text: impl Into<String>) -> Json {
        Json::Text(text.into())
    }

    /// A value that may be missing.
    pub fn maybe<T>(value: Option<T>, some: impl FnOnce(T) -> Json) -> Json {
        value.map_or(Json::Null, some)
    }

    pub fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Integer(value) => out.push_str(&value.to_string()),
            Json::Number(value) if value.is_finite() => out.push_str(&short(*value)),
            Json::Number(_) => out.push_str("null"),
            Json::Text(text) => write_text(out, text),
            Json::List(values) => {
                out.push('[');
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    value.write(out);
                }
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                for (i, (name, value)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    write_text(out, name);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// Six decimals are more than any clock here deserves.
fn short(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '<' => out.push_str("\\u003c"),
            c if (c as u32) < 0x20 => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_and_cannot_leave_their_element() {
        let value = Json::Object(vec![
            (
                "a",
                Json::List(vec![
                    Json::Integer(1),
                    Json::Number(2.5),
                    Json::Number(f64::NAN),
                ]),
            ),
            ("b", Json::text("</script>\"\\\n\u{1}µ")),
            ("d", Json::maybe(None::<u64>, Json::Integer)),
            ("e", Json::Number(3.0)),
        ]);
        let mut out = String::new();
        value.write(&mut out);
        let want = r#"{"a":[1,2.5,null],"b":"\u003c/script>\"\\\n\u0001µ","d":null,"e":3}"#;
        assert_eq!(out, want);
    }
}
