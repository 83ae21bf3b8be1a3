//! What customers keep and look up beside sending (docs/center.md).

mod callback;
mod change;
mod csv;
mod described;
mod history;
mod keys;
mod opt_outs;
mod page;
mod params;
mod query;
mod senders;
mod statistics;
mod templates;

pub use callback::Trials;
pub use described::described;
pub use history::Exports;
