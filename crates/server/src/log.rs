//! The server's own log, in the format of Redis, which tools read.
//!
//! ```text
//!   4711:M 20 Nov 2026 14:30:00.123 * Ready to accept connections tcp
//!   pid  │ time                     │ message
//!        role                       level: . debug, - verbose, * notice, # warning
//! ```
//!
//! A line is written with one write, so lines of several threads never mix.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use base::Now;
use engine::config::LogLevel;
use parking_lot::Mutex;

use crate::os;

/// Where log lines go.
pub(crate) struct Log {
    state: Mutex<State>,
}

struct State {
    level: LogLevel,
    file: Option<File>,
}

impl Log {
    /// A log on standard output.
    pub(crate) fn new(level: LogLevel) -> Log {
        Log {
            state: Mutex::new(State { level, file: None }),
        }
    }

    pub(crate) fn set_level(&self, level: LogLevel) {
        self.state.lock().level = level;
    }

    /// Append to this file from now on, or go back to standard output.
    pub(crate) fn set_file(&self, path: Option<&Path>) -> io::Result<()> {
        let file = match path {
            Some(path) => Some(OpenOptions::new().create(true).append(true).open(path)?),
            None => None,
        };
        self.state.lock().file = file;
        Ok(())
    }

    pub(crate) fn verbose(&self, line: &str) {
        self.write(LogLevel::Verbose, '-', line);
    }

    pub(crate) fn notice(&self, line: &str) {
        self.write(LogLevel::Notice, '*', line);
    }

    pub(crate) fn warning(&self, line: &str) {
        self.write(LogLevel::Warning, '#', line);
    }

    fn write(&self, level: LogLevel, mark: char, line: &str) {
        let mut state = self.state.lock();
        if rank(level) < rank(state.level) {
            return;
        }
        let text = format!("{} {mark} {line}\n", prefix(Now::read()));
        // A log that cannot be written to must not stop the server.
        let _ = match &mut state.file {
            Some(file) => file.write_all(text.as_bytes()),
            None => io::stdout().lock().write_all(text.as_bytes()),
        };
    }
}

fn rank(level: LogLevel) -> u8 {
    match level {
        LogLevel::Debug => 0,
        LogLevel::Verbose => 1,
        LogLevel::Notice => 2,
        LogLevel::Warning => 3,
        LogLevel::Nothing => 4,
    }
}

fn prefix(now: Now) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let time = os::local_time(now.unix_secs());
    format!(
        "{}:M {:02} {} {} {:02}:{:02}:{:02}.{:03}",
        std::process::id(),
        time.day,
        MONTHS[time.month],
        time.year,
        time.hour,
        time.minute,
        time.second,
        now.unix_ms() % 1000,
    )
}
