//! Why there is no reference data, or no new one.

use crate::sql::StoreError;
use processors::{ports::Away, reference::SeedErrors};
use std::path::PathBuf;

/// Why a file or a store gives no reference data, or does not take it.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The file cannot be read.
    #[error("reference data {path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file is no reference data.
    #[error("reference data {name}, line {line}: {reason}")]
    Syntax {
        /// The file.
        name: String,
        /// Where, from 1. The line itself is nobody's to read in a log: it may hold a key or a phone number.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// It contradicts itself.
    #[error("reference data {name}: {cause}")]
    Contents {
        /// The file or store.
        name: String,
        /// Every mistake.
        cause: SeedErrors,
    },
    /// It leaves nobody.
    #[error("reference data {name}: it has no customer with a service key: nothing could be sent")]
    Nobody {
        /// The file or store.
        name: String,
    },
    /// A row that the store can never hold; none was written.
    #[error("reference data: {row}: {reason}; nothing was written")]
    Row {
        /// Which.
        row: String,
        /// Why, without its own words.
        reason: String,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store does not answer.
    #[error(transparent)]
    Away(#[from] Away),
}
