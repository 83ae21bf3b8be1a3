//! Analysis in a SQLite file.

mod reader;
mod table;
mod took;

#[cfg(test)]
pub(super) use reader::CALLS;
pub use reader::SqliteAnalysis;
pub use table::{AnalysisSink, AnalysisTable};
