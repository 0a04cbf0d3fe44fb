//! Bad input over real sockets: nonsense, excess, rudeness, numbers past their ends.
//!
//! ```text
//!   scenario ──── many bad clients ───────► server process ◄──── witness: PING, PING, ...
//!   (a function of this folder)             memory and descriptors read from /proc
//! ```
//!
//! Every scenario runs on its own server in each mode (one event loop, two, a thread per
//! client). It says what the bad clients get to see: a Redis error or a closed
//! connection. [`Victim`] sees to what holds in all of them: a well-behaved client is
//! answered throughout, memory stays within a bound, nothing panics, and the server ends
//! with status 0 when asked to.
//!
//! Each run prints its seed; `OCHRE_SEED` repeats the choices. `OCHRE_HOSTILE_FULL=1`
//! runs the numbers of a release: 10,000 connections, many times the random inputs.

mod bytes;
mod client;
mod connections;
mod long;
mod memory;
mod numbers;
mod victim;

use victim::Victim;

/// The modes that every scenario meets.
const ONE_LOOP: &[&str] = &["--mode", "eventloop", "--threads", "1"];
const TWO_LOOPS: &[&str] = &["--mode", "eventloop", "--threads", "2"];
const THREADED: &[&str] = &["--mode", "threaded"];

/// Makes a module of three tests out of each scenario, one for each mode.
macro_rules! in_every_mode {
    ($($file:ident::$scenario:ident),* $(,)?) => {$(
        mod $scenario {
            use super::{ONE_LOOP, THREADED, TWO_LOOPS, Victim, $file::$scenario};

            #[test]
            fn on_one_event_loop() {
                Victim::suffers(ONE_LOOP, $scenario);
            }

            #[test]
            fn on_two_event_loops() {
                Victim::suffers(TWO_LOOPS, $scenario);
            }

            #[test]
            fn with_a_thread_for_each_client() {
                Victim::suffers(THREADED, $scenario);
            }
        }
    )*};
}

in_every_mode! {
    bytes::random_bytes,
    bytes::headers_that_lie,
    bytes::a_million_arguments,
    bytes::names_and_keys_of_any_bytes,
    bytes::other_protocols,
    bytes::patterns_of_stars,
    numbers::extreme_numbers,
    numbers::any_number_of_arguments,
    numbers::extreme_parameters,
    numbers::the_longest_strings,
    memory::clients_that_never_read,
    memory::one_enormous_reply,
    memory::requests_that_never_end,
    memory::endless_transactions,
    memory::strangers,
    long::replies_of_large_values,
    long::replies_that_outlive_their_value,
    long::strings_that_outlive_their_key,
    connections::very_many,
    connections::slow_senders,
    connections::half_closed,
    connections::resets,
    connections::storms,
    connections::killed_while_deaf,
    connections::paused,
    connections::quit_in_the_middle,
    connections::stopped_among_them,
}

/// Is this the long run?
fn is_full() -> bool {
    std::env::var("OCHRE_HOSTILE_FULL").is_ok_and(|value| value != "0")
}
