//! The steps of the chain: what each reads of its records, asks, and appends. The decisions are in `processors`.

mod delay;

pub use delay::DelayWorker;
