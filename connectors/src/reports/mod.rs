//! The store of REPORT-*: what a customer is told when asking, by message_id or track_id.

mod reader;
mod table;

pub use reader::{Found, ReportReader};
pub use table::{ReportSink, ReportTable};

#[cfg(test)]
mod tests;
