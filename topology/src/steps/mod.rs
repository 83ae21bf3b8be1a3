//! The steps of the chain: what each reads of its records, asks, and appends. The decisions are in `processors`.

mod delay;
mod ingest;
mod outcome;
mod route;
mod wanted;

pub use delay::DelayWorker;
pub use ingest::{Ingest, Stores, api_of};
pub use outcome::Outcome;
pub use route::Route;
pub use wanted::Wanted;
