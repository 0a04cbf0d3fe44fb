//! `ochre bench --help`, made from the table of flags and the table of tests.

use crate::bench::flags::{FLAGS, Flag, Group};
use crate::bench::workload::TESTS;

const NAMES_WIDTH: usize = 28;
const LINE_WIDTH: usize = 92;

const HEAD: &str = "\
ochre bench: load a server and measure throughput, latency and what it costs

  ochre bench [flags]                        built-in tests, as redis-benchmark runs them
  ochre bench [flags] COMMAND [WORD…]        a command of your own
  ochre bench --compare COMMAND [flags]      two servers in interleaved pairs

In a command of your own, __rand_int__ becomes twelve digits below --keys, drawn
anew each time, and __data__ becomes -d bytes of data.
";

const TAIL: &str = "\
Closed and open loop
  Without --rate every connection waits for its reply before it sends again. This finds the
  highest throughput, but a server that stalls also stops the load, and hardly any request
  is seen to be late. With --rate requests leave by the clock, and a reply's latency counts
  from the moment at which its request was due: that is what users of a busy server feel.

Reading the numbers
  A generator on one core is often slower than the server. When the summary says so,
  throughput is a lower bound: compare CPU per request instead, or offer both sides the same
  load with --throttle. Comparisons print the ratio A/B of each pair, the median and its
  bootstrap 95 % interval; when that contains 1, no difference has been shown.
  CPU and memory are read from /proc and appear only for servers on this machine.

Examples
  Fifty clients, GET and SET, a million keys that exist:
    ochre bench -t get,set --keys 1m --fill -n 1m -d 64

  How pipelining pays off, as one table and as a page to keep:
    ochre bench -t get --keys 1m --fill --time 3 -P 1,4,16,64 --report pipeline.html

  Latency at three offered rates:
    ochre bench -t mixed --keys 1m --fill --rate 20k,40k,60k --time 30 --report rates.html

  A command of your own:
    ochre bench -r 100k -n 1m setex session:__rand_int__ 60 __data__

  This server against another one, each on its own core:
    ochre bench --compare 'redis-server --save \"\" --appendonly no' --pin -d 64 -P 1,16,64

  CPU per request at the same offered rate:
    ochre bench --compare 'redis-server --save \"\"' --throttle 50k --pin --ours '--threads 1'

  Event loop against a thread per client:
    ochre bench --compare-modes -c 1,50,500
";

/// The whole text.
pub fn text() -> String {
    let mut text = String::from(HEAD);
    for (group, title) in Group::ALL {
        text.push_str(&format!("\n{title}\n"));
        for flag in FLAGS.iter().filter(|flag| flag.group == group) {
            text.push_str(&flag_lines(flag));
        }
    }
    text.push_str("\nTests for -t (those in brackets only run when named)\n");
    let names: Vec<String> = TESTS
        .iter()
        .map(|test| match test.runs_by_default() {
            true => test.name.to_string(),
            false => format!("[{}]", test.name),
        })
        .collect();
    text.push_str(&wrapped(&names.join(" "), 2));
    text.push_str("  ping and lrange stand for their families.\n\n");
    text.push_str(TAIL);
    text
}

fn flag_lines(flag: &Flag) -> String {
    let mut names = flag.names.join(", ");
    match flag.value {
        Some(value) if value.starts_with('[') => names.push_str(value),
        Some(value) => names.push_str(&format!(" {value}")),
        None => {}
    }
    let help = wrapped(flag.help, NAMES_WIDTH);
    let gap = NAMES_WIDTH.checked_sub(names.chars().count() + 3);
    match gap {
        Some(gap) => format!("  {names}{} {}", " ".repeat(gap), help.trim_start()),
        None => format!("  {names}\n{help}"),
    }
}

/// Lines no longer than the page, indented.
fn wrapped(words: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut text = margin.clone();
    let mut used = indent;
    for word in words.split(' ') {
        let length = word.chars().count();
        if used > indent && used + 1 + length > LINE_WIDTH {
            text.push('\n');
            text.push_str(&margin);
            used = indent;
        } else if used > indent {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += length;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_flag_and_test_on_lines_that_fit() {
        let text = text();
        for flag in FLAGS {
            assert!(
                flag.names.iter().all(|name| text.contains(name)),
                "{:?}",
                flag.names
            );
        }
        assert!(TESTS.iter().all(|test| text.contains(test.name)));
        for line in text.lines() {
            assert!(line.chars().count() <= LINE_WIDTH, "{line}");
        }
    }
}
