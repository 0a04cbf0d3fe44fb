//! A typed line becomes arguments or is refused, and what is quoted comes back as it was.

use base::{quote_repr, split_args, split_args_in_place};

use crate::tape::Tape;

pub fn run(bytes: &[u8]) {
    split_any(bytes);
    quote_and_split(&mut Tape::new(bytes));
}

fn split_any(line: &[u8]) {
    let split = split_args(line);
    let mut place = line.to_vec();
    let mut spans = vec![(usize::MAX, usize::MAX)];
    let done = split_args_in_place(&mut place, &mut spans);
    assert_eq!(
        spans.remove(0),
        (usize::MAX, usize::MAX),
        "spans are appended"
    );
    assert_eq!(done.is_ok(), split.is_some());
    let Some(args) = split else {
        assert!(spans.is_empty(), "an error leaves no spans behind");
        return;
    };
    let mut end = 0;
    let mut taken = 0;
    for (arg, (start, len)) in args.iter().zip(&spans) {
        assert!(end <= *start, "arguments are in order and do not overlap");
        end = start + len;
        taken += len;
        assert_eq!(&place[*start..end], arg);
    }
    assert_eq!(args.len(), spans.len());
    assert!(
        end <= line.len() && taken <= line.len(),
        "text only shrinks"
    );
    // A NUL byte ends the line.
    let before_nul = line.split(|byte| *byte == 0).next().unwrap_or_default();
    assert_eq!(split_args(before_nul), Some(args));
}

fn quote_and_split(tape: &mut Tape<'_>) {
    let mut args = Vec::new();
    let mut line = Vec::new();
    while !tape.is_over() {
        let arg = tape.bytes(40).to_vec();
        if !line.is_empty() {
            line.push(*tape.pick(b" \t\n\r"));
        }
        quote_repr(&mut line, &arg);
        args.push(arg);
    }
    assert!(line.is_ascii());
    assert_eq!(
        split_args(&line),
        Some(args),
        "quoting is undone by splitting"
    );
}
