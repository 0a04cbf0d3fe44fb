//! Deadlines of fields: counted, bounded from below, and reaped a segment at a time.

use super::{Dict, Item};
use crate::arena::Ref;

impl Dict {
    /// How many fields have a deadline.
    pub fn volatile(&self) -> usize {
        self.volatile
    }

    /// No field is due before this; `None` if no field has a deadline.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        (self.volatile > 0).then_some(self.soonest_ms)
    }

    /// Remove fields whose deadline is before `now_ms`, until about `budget` fields were looked at,
    /// by whole segments. `visit` sees each before it goes. True if more may be due.
    pub fn expire(&mut self, now_ms: i64, budget: usize, visit: &mut dyn FnMut(Item<'_>)) -> bool {
        let mut looked = 0;
        while self.soonest_ms < now_ms {
            if looked > budget {
                return true;
            }
            let Some(segment) = self.next_due(now_ms) else {
                let of = |segment| self.slots.soonest_ms(segment);
                let soonest_ms = (0..self.slots.segments()).map(of).min();
                self.soonest_ms = soonest_ms.unwrap_or(i64::MAX);
                break;
            };
            let (due, rest_ms) = self.due_in(segment, now_ms, &mut looked);
            self.slots.set_soonest_ms(segment, rest_ms);
            due.iter().for_each(|(_, at)| visit(self.item(*at)));
            self.unlink_all(&due);
        }
        false
    }

    /// The next segment where something may be due.
    fn next_due(&mut self, now_ms: i64) -> Option<usize> {
        let count = self.slots.segments();
        let is_due = |segment: &usize| self.slots.soonest_ms(*segment) < now_ms;
        let first = self.sweep_at.min(count);
        let found = (first..count).chain(0..first).find(is_due)?;
        self.sweep_at = found;
        Some(found)
    }

    /// What is due in a segment, and the soonest of the other deadlines there.
    fn due_in(&self, segment: usize, now_ms: i64, looked: &mut usize) -> (Vec<(u64, Ref)>, i64) {
        let (mut due, mut rest_ms) = (Vec::new(), i64::MAX);
        for at in self.slots.segment_items(segment) {
            *looked += 1;
            let item = self.item(at);
            match item.deadline_ms {
                Some(ms) if ms < now_ms => due.push((self.hasher.hash(item.name), at)),
                Some(ms) => rest_ms = rest_ms.min(ms),
                None => {}
            }
        }
        (due, rest_ms)
    }

    /// Account for a field whose deadline was one thing and is another.
    pub(super) fn deadline_changed(&mut self, hash: u64, old_ms: Option<i64>, new_ms: Option<i64>) {
        self.volatile -= usize::from(old_ms.is_some());
        self.volatile += usize::from(new_ms.is_some());
        if let Some(ms) = new_ms {
            self.slots.bring_forward(hash, ms);
            self.soonest_ms = self.soonest_ms.min(ms);
        } else if self.volatile == 0 {
            self.soonest_ms = i64::MAX;
        }
    }

    pub(super) fn check_deadlines(&self) {
        let mut volatile = 0;
        for segment in 0..self.slots.segments() {
            for at in self.slots.segment_items(segment) {
                if let Some(ms) = self.item(at).deadline_ms {
                    volatile += 1;
                    assert!(
                        self.slots.soonest_ms(segment) <= ms,
                        "a bound of its segment"
                    );
                    assert!(self.soonest_ms <= ms, "a bound of all");
                }
            }
        }
        assert_eq!(self.volatile, volatile);
    }
}
