//! What an event loop gives epoll to say back: which of its things is ready.

use rustix::event::epoll::EventData;

/// Epoll's word for what is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Seat(u32),
    Listener(u32),
    Mailbox,
    Signals,
}

impl Token {
    pub(super) fn data(self) -> EventData {
        let (kind, index) = match self {
            Token::Seat(seat) => (0u64, seat),
            Token::Listener(index) => (1, index),
            Token::Mailbox => (2, 0),
            Token::Signals => (3, 0),
        };
        EventData::new_u64(kind << 32 | u64::from(index))
    }

    pub(super) fn of(data: EventData) -> Token {
        let (kind, index) = (data.u64() >> 32, data.u64() as u32);
        match kind {
            0 => Token::Seat(index),
            1 => Token::Listener(index),
            2 => Token::Mailbox,
            _ => Token::Signals,
        }
    }
}
