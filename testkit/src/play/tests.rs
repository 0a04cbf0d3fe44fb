//! The player on a target that says what it is told to.

use std::collections::VecDeque;
use std::path::Path;

use super::*;
use crate::target::Flavor;
use crate::transcript;

/// Answers each command by the next line of a script; an empty line is silence.
#[derive(Default)]
struct Scripted {
    replies: VecDeque<&'static [u8]>,
    inbox: Vec<u8>,
    sent: Vec<String>,
    unix_ms: u64,
}

impl Target for Scripted {
    fn name(&self) -> String {
        "scripted".into()
    }

    fn flavor(&self) -> &Flavor {
        &Flavor::Ochre
    }

    fn offers(&self, feature: &str) -> bool {
        self.flavor().offers(feature)
    }

    fn send(&mut self, _session: SessionId, argv: &[Vec<u8>]) -> io::Result<()> {
        let line = argv
            .iter()
            .map(|word| String::from_utf8_lossy(word))
            .collect::<Vec<_>>()
            .join(" ");
        match line.as_str() {
            "CLIENT UNPAUSE" | "FLUSHALL" => self.inbox.extend(b"+OK\r\n"),
            "HELLO 3" => self.inbox.extend(b"%0\r\n"),
            _ => self
                .inbox
                .extend(self.replies.pop_front().unwrap_or_default()),
        }
        self.sent.push(line);
        Ok(())
    }

    fn receive(&mut self, _session: SessionId, _wait: Duration) -> io::Result<Received> {
        match Reply::decode(&self.inbox).map_err(io::Error::other)? {
            Some((reply, length)) => {
                self.inbox.drain(..length);
                Ok(Received::Reply(reply))
            }
            None => Ok(Received::Nothing),
        }
    }

    fn close(&mut self, _session: SessionId) {
        self.inbox.clear();
    }

    fn sleep(&mut self, time: Duration) {
        self.unix_ms += time.as_millis() as u64;
    }

    fn unix_time_ms(&self) -> u64 {
        self.unix_ms
    }
}

/// Plays a case under RESP2 with these replies.
fn play(steps: &str, replies: &[&'static [u8]]) -> (Tally, Vec<String>) {
    let text = format!("# title\n! protocol 2\n{steps}");
    let transcript = transcript::parse(Path::new("x.txt"), &text).unwrap();
    let mut target = Scripted {
        replies: replies.iter().copied().collect(),
        ..Scripted::default()
    };
    let tally = Player::new(&mut target).play(&transcript);
    (tally, target.sent)
}

#[track_caller]
fn fails(steps: &str, replies: &[&'static [u8]], line: usize, got: &str) {
    let (tally, _) = play(steps, replies);
    assert_eq!((tally.passed, tally.failed.len()), (0, 1));
    assert_eq!(
        (tally.failed[0].line, tally.failed[0].got.as_str()),
        (line, got)
    );
}

#[test]
fn right_replies_pass_and_wrong_ones_are_located() {
    let steps = "> SET k v\n< +OK\n> GET k\n< \"v\"\n";
    assert_eq!(play(steps, &[b"+OK\r\n", b"$1\r\nv\r\n"]).0.passed, 1);
    fails(steps, &[b"+OK\r\n", b"$1\r\nw\r\n"], 6, "\"w\"");
    fails(steps, &[b"+QUEUED\r\n"], 4, "+QUEUED");
    fails(steps, &[b"+OK\r\n"], 6, "(nothing)");
}

#[test]
fn a_reply_too_many_is_noticed() {
    fails("> PING\n< +PONG\n", &[b"+PONG\r\n:1\r\n"], 3, "1");
    fails("> PING\n< (nothing)\n", &[b"+PONG\r\n"], 4, "+PONG");
}

#[test]
fn silence_can_be_what_is_expected() {
    let steps = "> CLIENT REPLY OFF\n< (nothing)\na> BLPOP k 0\na< (blocked)\n> PING\n< +PONG\n";
    assert_eq!(play(steps, &[b"", b"", b"+PONG\r\n"]).0.passed, 1);
}

#[test]
fn captured_values_go_into_commands_and_patterns() {
    let steps = "> CLIENT ID\n< ~int as id\n> CLIENT KILL ID $id\n< ~\"id=$id *\"\n> ECHO \"$id\"\n< \"$id\"\n";
    let (tally, sent) = play(steps, &[b":42\r\n", b"$7\r\nid=42 x\r\n", b"$2\r\n42\r\n"]);
    assert_eq!(tally.passed, 1, "{:?}", tally.failed);
    assert_eq!(
        sent[3..5],
        ["CLIENT KILL ID 42", "ECHO $id"],
        "quotes keep a name as it is"
    );
}

#[test]
fn a_retry_goes_on_until_the_reply_fits_or_time_is_up() {
    let steps = "@ retry 20ms\n> DBSIZE\n< 0\n";
    assert_eq!(play(steps, &[b":2\r\n", b":1\r\n", b":0\r\n"]).0.passed, 1);
    let (tally, sent) = play(steps, &[&b":2\r\n"[..]; 9]);
    assert_eq!(tally.failed.len(), 1);
    assert_eq!(sent.iter().filter(|line| *line == "DBSIZE").count(), 5);
}

#[test]
fn what_the_target_lacks_is_skipped() {
    let (tally, sent) = play("! needs wings\n> FLY\n< +OK\n", &[]);
    assert_eq!((tally.passed, tally.skipped.len()), (0, 1));
    assert_eq!(tally.skipped[0].reason, "needs wings");
    assert!(sent.is_empty());
}

#[test]
fn one_line_serves_both_protocols_if_it_can() {
    let got = |bytes: &[u8]| Received::Reply(Reply::decode(bytes).unwrap().unwrap().0);
    let lines = |old: &[u8], new: &[u8]| {
        reply_lines(&[(Protocol::Resp2, got(old)), (Protocol::Resp3, got(new))])
    };
    assert_eq!(lines(b"+OK\r\n", b"+OK\r\n"), ["< +OK"]);
    assert_eq!(lines(b"*-1\r\n", b"_\r\n"), ["< nil-array"]);
    assert_eq!(
        lines(b"*2\r\n+a\r\n:1\r\n", b"%1\r\n+a\r\n:1\r\n"),
        ["< {+a: 1}"]
    );
    assert_eq!(lines(b":1\r\n", b":2\r\n"), ["<2 1", "<3 2"]);
}
