//! What customers keep and look up beside sending (docs/center.md).

mod audit;
mod callback;
mod calls;
mod change;
mod claims;
mod consents;
mod csv;
mod described;
mod endpoints;
mod export;
mod files;
mod history;
mod keys;
mod opt_outs;
mod page;
mod params;
mod push_tokens;
mod query;
mod recipients;
mod sender_groups;
mod senders;
mod statistics;
mod templates;
mod users;

pub use callback::Trials;
pub use calls::{Calls, ask_of};
pub use described::described;
pub use endpoints::Endpoints;
pub use export::Exports;
pub use files::{Files, PATIENCE};
