//! Queues and tickets without shards or commands around them.

use std::sync::atomic::Ordering::Relaxed;

use store::Key;

use super::*;
use crate::clients::Card;
use crate::commands::CommandId;
use crate::session::Client;

fn ticket(tally: &Arc<Tally>, keys: &[&str], awaited: Awaited) -> Arc<Ticket> {
    let keys: Vec<Key<'_>> = keys
        .iter()
        .map(|key| Key {
            bytes: key.as_bytes(),
            hash: 0,
        })
        .collect();
    let wish = Wish {
        request: resp::OwnedArgv::new(["BLPOP"]),
        keys: &keys,
        touches: &[],
        awaited,
        deadline_us: Some(1),
        serve: |_, _, _, _| unreachable!("nobody serves here"),
    };
    let session = Client::new(Card::internal(), true).session;
    Arc::new(Ticket::new(
        wish,
        &session,
        CommandId(0),
        Box::new([]),
        tally,
    ))
}

fn list(tally: &Arc<Tally>) -> Arc<Ticket> {
    ticket(tally, &["k"], Awaited::Value(Kind::List))
}

/// The arrivals of those in the line of `k` whom this content may be for.
fn line(waits: &Waits, holds: Option<Kind>) -> Vec<u64> {
    let mut after = 0;
    let next = || {
        let ticket = waits.next(0, b"k", after, holds)?;
        after = ticket.arrival;
        Some(after)
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn a_queue_is_in_the_order_of_arrival_and_each_kind_is_for_its_own() {
    let tally = Arc::default();
    let mut waits = Waits::new(Arc::clone(&tally));
    let tickets = [
        list(&tally),
        ticket(&tally, &["k"], Awaited::Value(Kind::SortedSet)),
        list(&tally),
        ticket(&tally, &["k"], Awaited::Whatever(Kind::Stream)),
    ];
    for ticket in tickets.iter().rev() {
        waits.add(b"k", ticket);
    }
    assert_eq!(line(&waits, Some(Kind::List)), [1, 3, 4]);
    assert_eq!(line(&waits, Some(Kind::SortedSet)), [2, 4]);
    assert_eq!(line(&waits, None), [4]);
    assert_eq!(tally.keys_on_no_key.load(Relaxed), 1);
    waits.remove(b"k", &tickets[3]);
    assert_eq!(line(&waits, None), []);
    assert_eq!(tally.keys_on_no_key.load(Relaxed), 0);
    for ticket in &tickets {
        waits.remove(b"k", ticket);
    }
    assert!(waits.is_empty());
    assert_eq!(tally.keys.load(Relaxed), 0);
}

#[test]
fn a_key_is_signaled_once_until_it_is_served_and_only_in_its_database() {
    let tally = Arc::default();
    let mut waits = Waits::new(Arc::clone(&tally));
    waits.add(b"k", &list(&tally));
    assert!(!waits.signal(0, b"other") && !waits.signal(1, b"k"));
    assert!(waits.signal(0, b"k"));
    assert!(waits.is_promised(0, b"k") && !waits.is_promised(1, b"k"));
    assert!(!waits.signal(0, b"k"));
    waits.signal_all(0, |_| panic!("somebody is at it"));
    waits.was_served(0, b"k");
    let mut signaled = Vec::new();
    waits.signal_all(1, |key| signaled.push(key.to_vec()));
    waits.signal_all(0, |key| signaled.push(key.to_vec()));
    assert_eq!(signaled, [b"k"]);
}

#[test]
fn a_ticket_ends_once_and_is_counted_out_then() {
    let tally = Arc::default();
    let [served, late] = [list(&tally), list(&tally)];
    assert_eq!(tally.clients.load(Relaxed), 2);
    assert_eq!(served.try_serve(|| Served::NotYet), Some(Served::NotYet));
    assert_eq!(served.try_serve(|| Served::Yes), Some(Served::Yes));
    assert!(!served.end(Outcome::TimedOut) && served.take_outcome().is_none());
    assert_eq!(served.try_serve(|| unreachable!("it is taken")), None);
    served.deliver(resp::Outbox::default(), crate::host::Lsn(7));
    let outcome = served.take_outcome();
    assert!(matches!(outcome, Some(Outcome::Served { gate, .. }) if gate.0 == 7));
    assert!(served.take_outcome().is_none());

    assert!(late.end(Outcome::Refused) && !late.end(Outcome::TimedOut));
    assert_eq!(late.try_serve(|| unreachable!("it is over")), None);
    assert!(matches!(late.take_outcome(), Some(Outcome::Refused)));
    assert_eq!(tally.clients.load(Relaxed), 0);
    assert_eq!(tally.timed_clients.load(Relaxed), 0);
}
