//! Bytes that a real redis-server packed, beside ours for the same contents. Without a redis-server
//! on the PATH nothing is compared, and that is said.

mod intsets;
mod listpacks;
mod redis;
mod streams;
