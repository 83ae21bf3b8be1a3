//! Pending reports of a process that ends with its log.

use super::{PendingReports, ReportName};
use processors::ports::Away;
use rustc_hash::FxHashMap;

/// About the size of the reports themselves.
#[derive(Debug, Default)]
pub struct MemoryPending(FxHashMap<ReportName, String>);

impl PendingReports for MemoryPending {
    fn put(&mut self, reports: &[(ReportName, String)]) -> Result<bool, Away> {
        self.0.extend(reports.iter().cloned());
        Ok(true)
    }

    fn remove(&mut self, names: &[ReportName]) -> Result<(), Away> {
        for name in names {
            self.0.remove(name);
        }
        Ok(())
    }

    fn get(&mut self, name: &ReportName) -> Result<Option<String>, Away> {
        Ok(self.0.get(name).cloned())
    }
}
