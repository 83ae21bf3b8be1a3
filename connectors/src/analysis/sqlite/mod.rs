//! Analysis in a SQLite file.

mod reader;
mod table;

pub use reader::SqliteAnalysis;
pub use table::{AnalysisSink, AnalysisTable};
