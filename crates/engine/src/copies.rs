//! Copies of large strings, made where nobody waits for them.
//!
//! ```text
//!   APPEND to 100 MB that a snapshot shares     asked for: a job; its client is parked
//!   Host::aside, on another thread              copied, with room to grow; parked clients wake
//!   APPEND, again                               the copy takes the place of the string
//! ```
//!
//! A string is copied as a whole when it is written to while somebody else holds it (a
//! snapshot, a COPY, a reply on its way), and when it outgrows its memory. Above some
//! MiB that takes longer than others should wait, and only the writer has to. While the
//! copy is made the original is held here as well, so whoever else writes to it comes
//! and waits for the same copy; and one that is exchanged or removed meanwhile is another
//! string, whose copy nobody fetches. What nobody fetches is thrown away after a while.
//!
//! What it refuses to do: make a transaction wait, which is one moment.

use std::sync::Arc;

use base::Now;
use parking_lot::Mutex;
use store::Block;

use crate::host::HostRef;

/// Strings from here on are copied aside; below that takes a millisecond at most.
pub(crate) const ASIDE_BYTES: usize = 4 << 20;

/// A copy that nobody has fetched is kept so long.
const KEPT_US: u64 = 10_000_000;

/// The copies that are being made, and those that wait to be fetched.
#[derive(Clone, Default)]
pub(crate) struct Copies(Arc<Mutex<Vec<Job>>>);

struct Job {
    original: Block,
    copy: Option<Block>,
    asked: Now,
}

impl Copies {
    /// The copy of a string if it is there. If not, somebody is asked to make it, with
    /// room for so many bytes in all.
    pub(crate) fn fetch(
        &self,
        original: &Block,
        room_bytes: usize,
        now: Now,
        host: &HostRef,
    ) -> Option<Block> {
        let mut jobs = self.0.lock();
        let known = jobs
            .iter()
            .position(|job| Arc::ptr_eq(&job.original, original));
        match known {
            Some(at) if jobs[at].copy.is_some() => return jobs.swap_remove(at).copy,
            Some(_) => return None,
            None => jobs.push(Job {
                original: original.clone(),
                copy: None,
                asked: now,
            }),
        }
        drop(jobs);
        let (copies, original, waker) = (self.clone(), original.clone(), host.clone());
        host.aside(Box::new(move || {
            let mut copy = Vec::with_capacity(room_bytes);
            copy.extend_from_slice(&original);
            copies.finish(&original, Arc::new(copy));
            drop(original);
            waker.wake_all();
        }));
        None
    }

    fn finish(&self, original: &Block, copy: Block) {
        let mut jobs = self.0.lock();
        let mut jobs = jobs.iter_mut();
        if let Some(job) = jobs.find(|job| Arc::ptr_eq(&job.original, original)) {
            job.copy = Some(copy);
        }
    }

    /// What nobody has fetched for long, to be thrown away.
    pub(crate) fn take_forgotten(&self, now: Now) -> Vec<Block> {
        let mut jobs = self.0.lock();
        let is_forgotten = |job: &mut Job| {
            job.copy.is_some() && now.mono_us.saturating_sub(job.asked.mono_us) > KEPT_US
        };
        let forgotten = jobs.extract_if(.., is_forgotten);
        forgotten
            .flat_map(|job| [Some(job.original), job.copy])
            .flatten()
            .collect()
    }
}
