//! The engine: what turns a stream of records and a decision into transactions.

mod outputs;
mod worker;

pub use outputs::{Headline, ORIGIN_HEADER, Outputs, REASON_HEADER, origin_of};
pub use worker::{Halt, Progress, Worker};
