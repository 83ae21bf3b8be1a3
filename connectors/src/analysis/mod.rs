//! The store of ANALYZE-LOG: raw events, counters and latency histograms per minute.

mod histogram;
mod phase;
mod reader;
mod table;

pub use phase::Phase;
pub use reader::{AnalysisReader, Failure, Latency, Volume};
pub use table::{AnalysisSink, AnalysisTable};

#[cfg(test)]
mod tests;
