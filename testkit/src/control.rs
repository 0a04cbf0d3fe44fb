//! The session outside every case: it clears the server between cases and sets the
//! parameters that a case asks for.

use std::io;

use crate::outline::Conditions;
use crate::reply::Reply;
use crate::target::{SessionId, Target};

/// The control session of a target. It hands out the numbers of all other sessions.
pub struct Control {
    session: SessionId,
    next: SessionId,
}

/// Parameters as they were before a case.
pub struct Before(Vec<(String, String)>);

impl Default for Control {
    fn default() -> Control {
        Control {
            session: 0,
            next: 1,
        }
    }
}

impl Control {
    /// A number for a session that was never used.
    pub fn new_session(&mut self) -> SessionId {
        self.next += 1;
        self.next - 1
    }

    /// Empties the server, whatever the case before did to it, and sets the parameters
    /// of this one.
    pub fn begin(
        &mut self,
        target: &mut dyn Target,
        conditions: &Conditions,
    ) -> io::Result<Before> {
        self.clear(target)?;
        let mut before = Before(Vec::new());
        match self.configure(target, conditions, &mut before) {
            Ok(()) => Ok(before),
            Err(error) => {
                self.end(target, before)?;
                Err(error)
            }
        }
    }

    /// Empties the server again and takes back the parameters.
    pub fn end(&mut self, target: &mut dyn Target, before: Before) -> io::Result<()> {
        self.clear(target)?;
        before
            .0
            .iter()
            .try_for_each(|(name, value)| self.set_parameter(target, name, value))
    }

    fn configure(
        &mut self,
        target: &mut dyn Target,
        conditions: &Conditions,
        before: &mut Before,
    ) -> io::Result<()> {
        for (name, value) in &conditions.config {
            before.0.push((name.clone(), self.parameter(target, name)?));
            if let Some(value) = value {
                self.set_parameter(target, name, value)?;
            }
        }
        Ok(())
    }

    /// A paused server would not take FLUSHALL, so pauses end first.
    fn clear(&mut self, target: &mut dyn Target) -> io::Result<()> {
        self.ask(target, &["CLIENT", "UNPAUSE"])?;
        self.ask(target, &["FLUSHALL"])?;
        Ok(())
    }

    fn parameter(&mut self, target: &mut dyn Target, name: &str) -> io::Result<String> {
        let reply = self.ask(target, &["CONFIG", "GET", name])?;
        if let Reply::Array(pair) = &reply
            && let [_, Reply::Bulk(value)] = pair.as_slice()
        {
            return Ok(String::from_utf8_lossy(value).into_owned());
        }
        Err(refused(format!(
            "CONFIG GET {name} was answered by {reply}"
        )))
    }

    fn set_parameter(
        &mut self,
        target: &mut dyn Target,
        name: &str,
        value: &str,
    ) -> io::Result<()> {
        match self.ask(target, &["CONFIG", "SET", name, value])? {
            Reply::Simple(_) => Ok(()),
            other => Err(refused(format!(
                "CONFIG SET {name} {value} was answered by {other}"
            ))),
        }
    }

    /// A case may have killed the control session, in which case a new one is opened.
    fn ask(&mut self, target: &mut dyn Target, words: &[&str]) -> io::Result<Reply> {
        if let Ok(reply) = target.ask(self.session, words) {
            return Ok(reply);
        }
        target.close(self.session);
        self.session = self.new_session();
        target.ask(self.session, words)
    }
}

/// A parameter that the target will not give or take: the case fails, but the target is
/// there.
fn refused(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// Whether an error of [`Control`] means that the target does not answer any more.
pub fn is_lost(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::InvalidInput
}
