//! DEBUG DIGEST and DIGEST-VALUE: do two servers store the same?
//!
//! ```text
//!   value    mix(kind, 4 bytes) · content · xor("!!expire!!") if it has a deadline
//!   content  string: mix(it)    list: mix(each element)    set: xor(member), for each
//!            hash: xor(mix(field) · mix(value)), for each field; with a deadline
//!            xor(mix(field) · mix(value) · xor("!!hexpire!!"))
//!            sorted set: xor(mix(member) · mix(score in 17 digits)), for each member
//!            stream: mix(ms.seq), mix(field) · mix(value) for each field, for each entry
//!   key      mix(key) · value
//!   all      mix(database, 4 bytes) · xor(each key of it), for each that is not empty
//! ```
//!
//! Both combine SHA-1 sums of 20 bytes: `xor` forgets the order of what is
//! added, `mix` keeps it. The numbers are Redis', so that either server can
//! judge the other. Of a deadline only that there is one is counted.

use resp::Reply;
use sha1::{Digest as _, Sha1};
use store::{Entry, Kind};
use structs::stream::{Stream, StreamId};

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn digest(
    ctx: &mut Ctx,
    _args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let mut all = Digest::default();
    ctx.enter_all();
    for database in 0..ctx.engine.databases() {
        let shards = 0..ctx.engine.shards.len();
        let mut of_keys = Digest::default();
        let mut keys = 0;
        for index in shards {
            let table = ctx.held_shard(index).keys.database(database);
            keys += table.len();
            table.for_each(&mut |entry| {
                let mut key = Digest::default();
                key.mix(entry.key());
                key.value(entry);
                of_keys.xor(&key.0);
            });
        }
        if keys > 0 {
            all.mix(&(database as u32).to_be_bytes());
            all.join(&of_keys);
        }
    }
    ctx.leave_shards();
    reply.simple(&all.hex());
    Ok(())
}

/// A key as it lies there: not used, and found though it may have expired.
pub(super) fn digest_value(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    reply.array(args.left());
    while !args.is_done() {
        let key = args.key()?;
        let index = ctx.engine.shards.of(key.hash);
        let database = ctx.session.database;
        let table = ctx.enter_shard(index).keys.database(database);
        let mut digest = Digest::default();
        if let Some(slot) = table.find(&key) {
            digest.value(table.entry(slot));
        }
        reply.simple(&digest.hex());
    }
    Ok(())
}

/// A sum in the making; of nothing it is zeros.
#[derive(Default)]
struct Digest([u8; 20]);

impl Digest {
    /// Add bytes, whatever the order.
    fn xor(&mut self, bytes: &[u8]) {
        self.join(&Digest(Sha1::digest(bytes).into()));
    }

    /// Add bytes behind those before.
    fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    fn value(&mut self, entry: Entry<'_>) {
        self.mix(&(entry.kind() as u32).to_be_bytes());
        match entry.kind() {
            Kind::String => entry.string().with_bytes(|bytes| self.mix(bytes)),
            Kind::List => {
                let list = entry.list().expect("of this kind");
                list.iter().for_each(|element| self.mix(&element.to_vec()));
            }
            Kind::Set => {
                let set = entry.set().expect("of this kind");
                set.iter().for_each(|member| self.xor(&member.to_vec()));
            }
            Kind::SortedSet => {
                for (member, score) in entry.zset().expect("of this kind").iter() {
                    self.pair(&member.to_vec(), base::format_f64_17g(score).as_bytes());
                }
            }
            Kind::Hash => {
                for field in entry.hash().expect("of this kind").fields() {
                    let mut pair = Digest::default();
                    pair.mix(&field.name.to_vec());
                    pair.mix(&field.value.to_vec());
                    if field.deadline_ms.is_some() {
                        pair.xor(b"!!hexpire!!");
                    }
                    self.xor(&pair.0);
                }
            }
            Kind::Stream => self.stream(entry.stream().expect("of this kind")),
        }
        if entry.deadline_ms().is_some() {
            self.xor(b"!!expire!!");
        }
    }

    /// Add a field and its value, whatever comes before or behind them.
    fn pair(&mut self, name: &[u8], value: &[u8]) {
        let mut pair = Digest::default();
        pair.mix(name);
        pair.mix(value);
        self.xor(&pair.0);
    }

    fn stream(&mut self, stream: &Stream) {
        for entry in stream.iter_from(StreamId::MIN) {
            self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (field, value) in entry.fields {
                self.mix(&field.to_vec());
                self.mix(&value.to_vec());
            }
        }
    }

    /// Add a sum as it is.
    fn join(&mut self, other: &Digest) {
        for (byte, other) in self.0.iter_mut().zip(other.0) {
            *byte ^= other;
        }
    }

    fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
