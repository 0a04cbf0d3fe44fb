//! The two ways to drive clients, side by side.
//!
//! *Event*: a few loops, each with many clients, executing the requests of all
//! that are ready as one batch. *Threaded*: a thread for each client, waiting
//! in its socket. Same engine, same connections; `--mode` chooses.

mod blocked;
pub(crate) mod event;
mod keep;
mod poll;
pub(crate) mod threaded;
mod token;

use engine::config::Config;
use engine::{Client, Session};
use resp::{Limits, Reply};

use crate::connection::Connection;
use crate::listener::{self, Accepted};
use crate::world::World;

/// Tools wait for this very line.
pub(crate) fn ready_line(world: &World) -> &'static str {
    if world.port() == 0 {
        "Ready to accept connections unix"
    } else {
        "Ready to accept connections tcp"
    }
}

/// What a client may send, by the configuration and whether it has logged in.
fn limits(config: &Config, session: &Session) -> Limits {
    let live = &config.live;
    let query_bytes_max = live.client_query_buffer_limit_bytes as usize;
    Limits {
        bulk_bytes_max: live.proto_max_bulk_len_bytes as usize,
        query_bytes_max: if session.authenticated {
            query_bytes_max
        } else {
            query_bytes_max.min(UNAUTHENTICATED_QUERY_BYTES)
        },
        authenticated: session.authenticated,
    }
}

/// Enough for the ten arguments of 16 KiB that the decoder takes before login.
const UNAUTHENTICATED_QUERY_BYTES: usize = 256 * 1024;

/// May this client stay? If not, it is told why and closed.
fn screen(world: &World, config: &Config, accepted: Accepted) -> Option<Accepted> {
    let live = &config.live;
    let open = live.requirepass.is_none();
    if live.protected_mode && open && !accepted.origin.is_local {
        listener::turn_away(accepted, listener::PROTECTED);
        return None;
    }
    if !world.admit() {
        listener::turn_away(accepted, "ERR max number of clients reached");
        return None;
    }
    Some(accepted)
}

/// If what the client sent makes no sense, say so. Returns whether it did.
fn answer_protocol_error(world: &World, connection: &Connection, client: &mut Client) -> bool {
    let Some(error) = connection.query.broken() else {
        return false;
    };
    if *error == resp::ProtocolError::QueryTooLarge {
        let line = format!(
            "Closing client that reached max query buffer length: {}",
            client.session.card.origin.peer
        );
        world.log.warning(&line);
    } else {
        let line = format!("ERR {error}");
        Reply::new(&mut client.outbox, client.session.protocol).error(&line);
    }
    true
}

/// Publish what others may see of a client's session. Done before its replies
/// are sent: who has read a reply may ask another client about it.
fn publish_session(client: &Client, now_unix_secs: i64, active: bool) {
    client.session.publish();
    if active {
        let last_active = &client.session.card.last_active_unix_secs;
        last_active.store(now_unix_secs, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Publish what others may see of a client's buffers. Done after its replies
/// are sent, when they are as they will stay.
fn publish_buffers(connection: &Connection, client: &Client) {
    use std::sync::atomic::Ordering::Relaxed;
    let outbox = &client.outbox;
    let card = &client.session.card;
    let query_bytes = connection.query.buffered_bytes() as u64;
    card.query_bytes.store(query_bytes, Relaxed);
    card.query_free_bytes
        .store(connection.query.free_bytes() as u64, Relaxed);
    card.outbox_pieces.store(outbox.pieces() as u32, Relaxed);
    card.outbox_tail_bytes
        .store(outbox.tail_bytes() as u64, Relaxed);
    card.outbox_bytes
        .store(outbox.queued_bytes() as u64, Relaxed);
    let memory = connection.query.memory_bytes() + outbox.memory_bytes() + CLIENT_BYTES;
    card.memory_bytes.store(memory as u64, Relaxed);
    card.received_bytes
        .store(connection.received_bytes, Relaxed);
    card.sent_bytes.store(connection.sent_bytes, Relaxed);
}

/// What a connected client costs without any buffer.
const CLIENT_BYTES: usize =
    size_of::<Client>() + size_of::<Connection>() + size_of::<engine::Card>() + 64;
