//! Expiry: which segments to look at when, and what goes.
//!
//! A segment's header bounds its deadlines from below; the wheel knows when to
//! look. Arming a segment earlier is cheap, and a look too early finds the true
//! bound and waits for it.

use super::{Slot, Table};
use crate::entry::{Entry, EntryRef};
use crate::images::Remains;
use crate::segment::LANES;
use crate::value::FieldNames;
use crate::wheel::{Item, NEVER, Wheel};

/// What [`Table::sweep`] removes.
pub enum Gone<'a> {
    Key(Entry<'a>),
    /// Fields of a hash. The last ones take the key with them.
    Fields {
        key: &'a [u8],
        names: &'a FieldNames,
    },
}

/// What a look at a segment came to.
struct Look {
    keys: usize,
    fields: usize,
    /// There are fields left that are due.
    more: bool,
}

/// So many fields are looked at in one go, about as many as a segment has keys.
const FIELDS_PER_LOOK: usize = 400;

impl Table {
    /// Remove entries and fields whose deadline has passed, telling each before it
    /// goes, in at most `segments` segments. Returns whether more are due.
    pub fn sweep(&mut self, now_ms: i64, segments: usize, gone: &mut dyn FnMut(Gone<'_>)) -> bool {
        let Some(wheel) = &mut self.wheel else {
            return false;
        };
        wheel.advance(now_ms, &mut self.due);
        for _ in 0..segments {
            let Some(item) = self.due.pop() else {
                return false;
            };
            self.sweep_segment(item, now_ms, gone);
        }
        !self.due.is_empty()
    }

    pub(super) fn sweep_segment(
        &mut self,
        item: Item,
        now_ms: i64,
        gone: &mut dyn FnMut(Gone<'_>),
    ) {
        let directory = self.index(item.prefix);
        let Some(mut segment) = self.directory.get(directory).copied() else {
            return;
        };
        if segment.header().armed_tick != item.start_tick {
            return;
        }
        segment.header_mut().armed_tick = NEVER;
        let mut look_again_ms = segment.header().deadline_min_ms;
        if look_again_ms < now_ms {
            let look = self.remove_expired(directory, now_ms, gone);
            let earliest_ms = segment.header().deadline_min_ms;
            if look.more {
                // Behind the others that are due.
                segment.header_mut().armed_tick = item.start_tick;
                self.due.insert(0, item);
                return;
            }
            // Where deadlines are spread, wait until a scan is worth its while;
            // never for long.
            let pause_ms = match look.keys + look.fields {
                0..16 => 700,
                _ => 200,
            };
            look_again_ms = earliest_ms.max(now_ms.saturating_add(pause_ms));
            if earliest_ms == i64::MAX {
                look_again_ms = i64::MAX;
            }
        }
        if look_again_ms != i64::MAX {
            self.arm(item.prefix, look_again_ms);
        }
        self.shrink_around(item.prefix);
    }

    fn remove_expired(
        &mut self,
        directory: usize,
        now_ms: i64,
        gone: &mut dyn FnMut(Gone<'_>),
    ) -> Look {
        let mut segment = self.directory[directory];
        for entry in segment.entries() {
            EntryRef::prefetch(entry.as_ptr());
        }
        let mut earliest_ms = i64::MAX;
        let mut look = Look {
            keys: 0,
            fields: 0,
            more: false,
        };
        // The stash first: removing from a home pulls stashed entries home,
        // into buckets that are still to be looked at.
        for bucket in (0..segment.buckets()).rev() {
            for lane in 0..LANES {
                while let Some(entry) = segment.bucket(bucket).slot(lane) {
                    let slot = Slot {
                        directory: directory as u32,
                        bucket: bucket as u8,
                        lane: lane as u8,
                    };
                    let entry = Entry::of(entry);
                    if entry.is_expired(now_ms) {
                        gone(Gone::Key(entry));
                    } else if !self.remove_expired_fields(slot, now_ms, &mut look, gone) {
                        let deadline_ms = self.entry(slot).next_deadline_ms();
                        earliest_ms = earliest_ms.min(deadline_ms.unwrap_or(i64::MAX));
                        break;
                    }
                    self.keep(self.entry_ref(slot), Remains::Nothing);
                    self.unlink(slot).free(&mut self.slabs);
                    look.keys += 1;
                }
            }
        }
        segment.header_mut().deadline_min_ms = earliest_ms;
        look
    }

    /// Returns whether the last field is gone.
    #[inline]
    fn remove_expired_fields(
        &mut self,
        slot: Slot,
        now_ms: i64,
        look: &mut Look,
        gone: &mut dyn FnMut(Gone<'_>),
    ) -> bool {
        let field_ms = self.entry(slot).next_field_deadline_ms();
        if field_ms.is_none_or(|ms| ms >= now_ms) {
            return false;
        }
        if look.fields >= FIELDS_PER_LOOK {
            look.more = true;
            return false;
        }
        let mut names = std::mem::take(&mut self.names);
        names.clear();
        let budget = FIELDS_PER_LOOK - look.fields;
        look.more |= self.expire_fields(slot, now_ms, budget, &mut names);
        look.fields += names.len();
        let entry = self.entry(slot);
        if !names.is_empty() {
            gone(Gone::Fields {
                key: entry.key(),
                names: &names,
            });
        }
        let is_empty = entry.hash().is_some_and(|hash| hash.is_empty());
        self.names = names;
        is_empty
    }

    /// A hash is new here, or its fields may have other deadlines than before.
    #[inline]
    pub(crate) fn fields_changed(&mut self, slot: Slot, was_timed: bool, now_ms: i64) {
        let deadline_ms = self.entry(slot).next_field_deadline_ms();
        self.timed -= usize::from(was_timed);
        if let Some(deadline_ms) = deadline_ms {
            self.timed += 1;
            self.bound_deadline(slot.directory as usize, deadline_ms, now_ms);
        }
    }

    pub(super) fn deadline_changed(
        &mut self,
        slot: Slot,
        old_ms: Option<i64>,
        new_ms: Option<i64>,
        now_ms: i64,
    ) {
        if let Some(old_ms) = old_ms {
            self.volatile -= 1;
            self.deadline_sum_ms -= i128::from(old_ms);
        }
        if let Some(new_ms) = new_ms {
            self.volatile += 1;
            self.deadline_sum_ms += i128::from(new_ms);
            self.bound_deadline(slot.directory as usize, new_ms, now_ms);
        }
    }

    /// A segment now holds a deadline of `deadline_ms`.
    pub(super) fn bound_deadline(&mut self, directory: usize, deadline_ms: i64, now_ms: i64) {
        let header = self.directory[directory].header_mut();
        if deadline_ms < header.deadline_min_ms {
            header.deadline_min_ms = deadline_ms;
            self.wheel
                .get_or_insert_with(|| Box::new(Wheel::new(now_ms)));
            self.arm(self.prefix(directory), deadline_ms);
        }
    }

    /// Look at the segment of `hash` at `due_ms`, or earlier.
    pub(super) fn arm(&mut self, hash: u64, due_ms: i64) {
        let base = self.base(hash, self.segment(hash).depth());
        let at = self.index(hash);
        let wheel = self.wheel.as_mut().expect("there since the first deadline");
        let header = self.directory[at].header_mut();
        header.armed_tick = wheel.arm(base, due_ms, header.armed_tick);
    }
}
