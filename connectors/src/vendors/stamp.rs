//! Whether a file has changed since it was last read.

use std::{path::Path, time::SystemTime};

/// A file as it stood at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(Option<(SystemTime, u64)>);

impl Stamp {
    /// As it stands now; a file that is not there has a stamp too.
    pub fn of(path: &Path) -> Self {
        let known = std::fs::metadata(path).and_then(|metadata| Ok((metadata.modified()?, metadata.len())));
        Self(known.ok())
    }
}
