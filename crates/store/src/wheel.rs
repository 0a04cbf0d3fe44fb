//! A timing wheel that holds segments, not keys.
//!
//! Redis keeps forty bytes per volatile key to find those that are due, and
//! then samples. Here each segment knows a lower bound of its deadlines, and
//! the wheel knows when which segment is worth a look: eight bytes per segment.
//!
//! ```text
//!   level 0   64 slots of 128 ms        8 s
//!   level 1   64 slots of 8 s           9 minutes
//!   level 2   64 slots of 9 minutes     9 hours
//!   level 3   64 slots of 9 hours       25 days
//!   level 4   64 slots of 25 days       4 years, and whatever is later
//! ```
//!
//! Time is cut in ticks. An item waits in the slot whose start is the highest
//! group of six bits in which its tick differs from now; when that start is
//! reached the item comes out, and its owner arms it again, closer, if it was
//! a slot of a high level. A segment remembers the start of the slot that it
//! is armed in. Arming it earlier leaves the old item behind; when that comes
//! out, the starts differ and it is ignored. As slots are few, so are the left
//! behind: at most one per slot and segment.

/// Milliseconds in a tick, as a power of two.
const TICK_SHIFT: u32 = 7;
const GROUP_BITS: u32 = 6;
const SLOTS: usize = 1 << GROUP_BITS;
const LEVELS: usize = 5;

/// A segment that is not armed.
pub(crate) const NEVER: u64 = u64::MAX;

/// When which segment (by hash prefix) is due.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// The last tick whose slots have been emptied.
    tick: u64,
    slots: Vec<Vec<Item>>,
    items: usize,
}

/// A segment, and the start of the slot it was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) prefix: u64,
    pub(crate) start_tick: u64,
}

impl Wheel {
    pub(crate) fn new(now_ms: i64) -> Wheel {
        Wheel {
            tick: tick(now_ms),
            slots: vec![Vec::new(); LEVELS * SLOTS],
            items: 0,
        }
    }

    /// Look at `prefix` when `due_ms` is reached, unless it is armed no later
    /// already. Returns what the segment has to remember.
    pub(crate) fn arm(&mut self, prefix: u64, due_ms: i64, armed_tick: u64) -> u64 {
        let (slot, start_tick) = self.slot_of(due_ms);
        if start_tick >= armed_tick {
            return armed_tick;
        }
        self.slots[slot].push(Item { prefix, start_tick });
        self.items += 1;
        start_tick
    }

    /// Take out what has become due. Items come in no order.
    pub(crate) fn advance(&mut self, now_ms: i64, due: &mut Vec<Item>) {
        let target = tick(now_ms);
        if target <= self.tick {
            return;
        }
        if target - self.tick > (SLOTS * SLOTS) as u64 {
            // After a long sleep everything is looked at once; what is not due
            // is armed again by its owner.
            self.tick = target;
            self.slots.iter_mut().for_each(|slot| due.append(slot));
            self.items = 0;
            return;
        }
        while self.tick < target {
            self.tick += 1;
            for level in 0..LEVELS {
                let index = self.tick >> (GROUP_BITS * level as u32);
                let slot = &mut self.slots[level * SLOTS + index as usize % SLOTS];
                self.items -= slot.len();
                due.append(slot);
                if !index.is_multiple_of(SLOTS as u64) {
                    break;
                }
            }
        }
    }

    /// Where an item for `due_ms` waits, and the tick at which it comes out:
    /// the one after its deadline, and never the present one, whose slot has
    /// been emptied.
    fn slot_of(&self, due_ms: i64) -> (usize, u64) {
        let tick = (tick(due_ms) + 1).max(self.tick + 1);
        let differ = 63 - (tick ^ self.tick).leading_zeros();
        let level = (differ / GROUP_BITS) as usize;
        if level >= LEVELS {
            // Beyond the horizon: the last slot before the top level turns.
            let shift = GROUP_BITS * (LEVELS as u32 - 1);
            let start = (self.tick >> shift) + (SLOTS as u64 - 1);
            let slot = (LEVELS - 1) * SLOTS + start as usize % SLOTS;
            return (slot, start << shift);
        }
        let shift = GROUP_BITS * level as u32;
        let index = (tick >> shift) as usize % SLOTS;
        (level * SLOTS + index, tick >> shift << shift)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.len() * size_of::<Vec<Item>>() + self.items * size_of::<Item>()
    }
}

/// The tick that `ms` lies in.
fn tick(ms: i64) -> u64 {
    (ms.max(0) as u64) >> TICK_SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_item_comes_out_in_its_tick_after_cascades() {
        for delay_ms in [
            0,
            1,
            127,
            128,
            5_000,
            60_000,
            3_600_000,
            86_400_000,
            40 * 86_400_000,
        ] {
            let start = 1_700_000_000_123;
            let due = start + delay_ms;
            let mut wheel = Wheel::new(start);
            let mut armed = wheel.arm(7, due, NEVER);
            let mut now = start;
            let mut fired = None;
            let mut out = Vec::new();
            while fired.is_none() && now < due + 10_000 {
                now += 100 + (due - now).max(0) / 3;
                wheel.advance(now, &mut out);
                for item in out.drain(..) {
                    if item.start_tick != armed {
                        continue;
                    }
                    if now >= due {
                        fired = Some(now);
                    } else {
                        armed = wheel.arm(7, due, NEVER);
                    }
                }
            }
            assert!(fired.is_some(), "{delay_ms} ms never fired");
            assert!(fired.unwrap() >= due);
        }
    }

    #[test]
    fn a_dead_line_beyond_the_horizon_is_kept() {
        let mut wheel = Wheel::new(1_700_000_000_000);
        let armed = wheel.arm(1, i64::MAX, NEVER);
        assert!(armed > wheel.tick && armed != NEVER);
        assert_eq!(wheel.items, 1);
    }

    proptest! {
        /// Nothing fires before its slot, everything fires at most a tick and
        /// a step after its deadline, and what is left behind is bounded.
        #[test]
        fn never_early_never_late(
            delays in prop::collection::vec(0i64..200_000, 1..40),
            steps in prop::collection::vec(1i64..400, 600..700),
        ) {
            let start = 1_700_000_000_000;
            let mut wheel = Wheel::new(start);
            let mut armed = vec![NEVER; delays.len()];
            let due: Vec<i64> = delays.iter().map(|d| start + d).collect();
            for (i, &d) in due.iter().enumerate() {
                armed[i] = wheel.arm(i as u64, d, armed[i]);
            }
            let mut now = start;
            let mut out = Vec::new();
            for step in steps {
                now += step;
                wheel.advance(now, &mut out);
                for item in out.drain(..) {
                    let i = item.prefix as usize;
                    if armed[i] != item.start_tick { continue }
                    armed[i] = NEVER;
                    if now < due[i] {
                        armed[i] = wheel.arm(item.prefix, due[i], NEVER);
                    }
                }
                for (i, &d) in due.iter().enumerate() {
                    prop_assert!(armed[i] == NEVER || d > now - 400 - 256, "item {} is late", i);
                }
            }
        }
    }
}
