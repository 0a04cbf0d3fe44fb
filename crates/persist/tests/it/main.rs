//! Writer and reader together: over a simulated disk, over damaged files, under stock tools.

mod crash;
mod damage;
mod golden;
mod keep;
#[cfg(feature = "sabotage")]
mod sabotage;
mod stock;
mod story;
