//! The world as an embedded engine sees it: a clock and little else.

use std::sync::Arc;

use engine::{Facts, Host};

use crate::clock::Clock;

/// The host of an engine inside somebody's program.
pub(crate) struct Embedded {
    pub(crate) clock: Arc<dyn Clock>,
}

impl Host for Embedded {
    fn monotonic_ns(&self) -> u64 {
        self.clock.now().mono_us * 1000
    }

    fn codec(&self) -> Option<&dyn engine::Codec> {
        Some(&crate::RdbCodec)
    }

    fn sleep_us(&self, us: u64) {
        self.clock.sleep_us(us);
    }

    fn shutdown(&self, _how: engine::Shutdown) -> Result<(), String> {
        Err("SHUTDOWN is for servers; drop the last handle to close an embedded database".into())
    }

    fn facts(&self) -> Facts {
        Facts {
            process_id: std::process::id(),
            mode: "embedded",
            threads: 1,
            multiplexing: "none",
            allocator: "the program's",
            ..Facts::default()
        }
    }
}
