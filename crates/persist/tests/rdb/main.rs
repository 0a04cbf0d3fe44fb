//! RDB streams from the outside: written and read back, read from bytes put down by hand, damaged
//! in every place, and exchanged with a real redis-server.

mod contents;
mod damage;
mod dump;
mod golden;
mod hashes;
mod lists;
mod live;
mod round_trip;
mod sets;
mod speed;
mod streams;
mod zsets;
