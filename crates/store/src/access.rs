//! How a key was used, in the three bytes that its entry has for it.

/// When a key was last used: what the eviction policies look at.
///
/// Either a 24-bit count of seconds (LRU) or, as Redis packs it, 16 bits of
/// minutes and an 8-bit logarithmic counter (LFU). Which of the two is known
/// to the caller, by its `maxmemory-policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access(u32);

impl Access {
    const MASK: u32 = 0xff_ffff;
    /// What a new key's LFU counter starts from, so that it is not the first to go.
    pub const LFU_INIT: u8 = 5;

    pub(crate) fn of_bits(bits: u32) -> Access {
        Access(bits)
    }

    pub fn lru(unix_secs: i64) -> Access {
        Access(unix_secs as u32 & Access::MASK)
    }

    /// Not used for so many seconds; for as long as can be told, if they are more.
    pub fn idle(unix_secs: i64, idle_secs: i64) -> Access {
        let longest = i64::from(Access::MASK);
        Access::lru(unix_secs - idle_secs.clamp(0, longest))
    }

    pub fn lfu(unix_secs: i64, counter: u8) -> Access {
        let minutes = (unix_secs / 60) as u32 & 0xffff;
        Access(minutes << 8 | u32::from(counter))
    }

    /// Seconds since the last access, modulo 194 days.
    pub fn idle_secs(self, unix_secs: i64) -> u32 {
        (unix_secs as u32).wrapping_sub(self.0) & Access::MASK
    }

    pub fn counter(self) -> u8 {
        self.0 as u8
    }

    /// Minutes since the counter was last decayed, modulo 45 days.
    pub fn idle_minutes(self, unix_secs: i64) -> u16 {
        ((unix_secs / 60) as u16).wrapping_sub((self.0 >> 8) as u16)
    }

    /// The packed 24 bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}
