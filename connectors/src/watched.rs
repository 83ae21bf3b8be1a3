//! What a file says, read again once the file has changed.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

/// A file and what it said when it could last be read.
pub struct Watched<T> {
    path: PathBuf,
    /// What is read of it, in words.
    what: &'static str,
    read: fn(&Path) -> Result<T, String>,
    stamp: Stamp,
    value: T,
}

/// A file as it stood at some moment; one that is not there has a stamp too.
type Stamp = Option<(SystemTime, u64)>;

fn stamp(path: &Path) -> Stamp {
    std::fs::metadata(path).and_then(|metadata| Ok((metadata.modified()?, metadata.len()))).ok()
}

impl<T> Watched<T> {
    /// Reads it; the error is the reason with its remedy.
    pub fn open(path: &Path, what: &'static str, read: fn(&Path) -> Result<T, String>) -> Result<Self, String> {
        let stamp = stamp(path);
        Ok(Self { path: path.to_owned(), what, read, stamp, value: read(path)? })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it said.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Reads it again if it has changed; whether it says something new. One that cannot be read leaves what was, and is told
    /// once for each of its states.
    pub fn follow(&mut self) -> bool {
        let stamp = stamp(&self.path);
        if stamp == self.stamp {
            return false;
        }
        self.stamp = stamp;
        match (self.read)(&self.path) {
            Ok(value) => {
                self.value = value;
                true
            }
            Err(reason) => {
                tracing::error!(file = %self.path.display(), reason, "{} cannot be read", self.what);
                false
            }
        }
    }
}
