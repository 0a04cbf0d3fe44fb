//! MULTI: requests that wait for EXEC.
//!
//! Queued requests own their bytes. A mistake that shows at queueing (an
//! unknown command, a wrong number of arguments) spoils the transaction: EXEC
//! then runs nothing.

use resp::{Argv, OwnedArgv};

use crate::commands::CommandId;

/// The queue of one session between MULTI and EXEC.
#[derive(Default)]
pub struct Transaction {
    queue: Vec<Queued>,
    bytes: usize,
    /// A mistake was made while queueing.
    pub spoiled: bool,
}

/// A request that has passed the gate.
pub struct Queued {
    pub(crate) command: CommandId,
    pub argv: OwnedArgv,
}

impl Transaction {
    pub(crate) fn push(&mut self, command: CommandId, argv: Argv<'_>) {
        let argv = OwnedArgv::from(argv);
        // The list doubles as it grows, and small allocations have a least size.
        self.bytes += argv.memory_bytes() + 2 * size_of::<Queued>() + 32;
        self.queue.push(Queued { command, argv });
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Memory that the queue may hold, rather too much than too little.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn queue(&self) -> &[Queued] {
        &self.queue
    }

    pub fn into_queue(self) -> Vec<Queued> {
        self.queue
    }
}
