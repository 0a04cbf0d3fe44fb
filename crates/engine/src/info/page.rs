//! The text that INFO is written to: titles and lines of `name:value`.

use std::fmt::{Display, Write};

/// Sections written so far.
#[derive(Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// The headline of the next section.
    pub(super) fn begin(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push_str("\r\n");
        }
        self.line("# ", title);
    }

    pub(super) fn field(&mut self, name: &str, value: impl Display) {
        self.text.push_str(name);
        self.line(":", value);
    }

    /// Several fields that are zero, as there is nothing to count.
    pub(super) fn zeros(&mut self, names: &[&str]) {
        for name in names {
            self.field(name, 0);
        }
    }

    /// A number of bytes.
    pub(super) fn bytes(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
    }

    /// A number of bytes, and once more for people in `name_human`.
    pub(super) fn bytes_human(&mut self, name: &str, bytes: u64) {
        self.bytes(name, bytes);
        self.field(&format!("{name}_human"), base::human_bytes(bytes));
    }

    /// A duration, to the microsecond, in seconds.
    pub(super) fn seconds(&mut self, name: &str, us: u64) {
        let (secs, rest) = (us / 1_000_000, us % 1_000_000);
        self.field(name, format_args!("{secs}.{rest:06}"));
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, before: &str, rest: impl Display) {
        self.text.push_str(before);
        write!(self.text, "{rest}\r\n").expect("a string takes everything");
    }
}

/// A part of a field's name or value that comes from elsewhere: what would be
/// read as the end of a field or line becomes an underscore.
pub(super) fn safe(text: &str) -> String {
    text.replace(['#', ':', '\r', '\n'], "_")
}
