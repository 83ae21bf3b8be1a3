//! What customers keep and look up beside sending: the rules of the center API (docs/center.md).

pub mod claim;
pub mod consent;
mod cursor;
pub mod dormancy;
pub mod file;
mod group;
pub mod inspection;
pub mod opt_out;
pub mod registering;
pub mod sender_group;
mod span;
mod statistics;
pub mod template;
mod variables;

pub use cursor::Cursor;
pub use group::Group;
pub use span::{Days, LONGEST_DAYS, LONGEST_HISTORY_DAYS, Span};
pub use statistics::{Counts, Types, Whole};
