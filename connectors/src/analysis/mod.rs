//! The store of ANALYZE-LOG: raw events, counters and latency histograms per minute, anomalies. A SQLite file, or
//! MongoDB; both keep the same promises.

mod asked;
pub mod mongo;
mod phase;
mod sqlite;
mod tally;
mod watcher;

pub use asked::{Analysis, Asked, Call, Failure, Latency, MOST_CALLS, Outcomes, Volume};
pub use phase::Phase;
pub use sqlite::{AnalysisSink, AnalysisTable, SqliteAnalysis};
pub use watcher::{Seen, Watcher};

#[cfg(test)]
mod tests;
