//! Follows topics of the log in process as a group of its own: it drops nothing that a group has not read.

use schemas::Topic;
use std::{collections::BTreeMap, time::Duration};
use topology::log::{Limits, Log, LogError, Offsets, Polled, Position, Record, Stream, StreamSpec};

/// Records of one look at most, and their bytes.
const RECORDS: usize = 20_000;
const BYTES: usize = 16 << 20;

/// Reads every record of some topics once.
pub struct Follower {
    stream: Box<dyn Stream>,
    taken: Vec<Record>,
}

impl Follower {
    /// From the beginning; to be made before anything is written.
    pub fn new(log: &dyn Log, name: &str, sources: Vec<Topic>) -> Result<Self, LogError> {
        let spec = StreamSpec { name: name.to_owned(), sources, offsets: Offsets::Log, urgent: false, produces: false };
        Ok(Self { stream: log.stream(spec)?, taken: Vec::new() })
    }

    /// What has come since; when there is more than one look takes, the next one brings it.
    pub fn take(&mut self) -> Result<&[Record], LogError> {
        self.taken.clear();
        let limits = Limits { records: RECORDS, bytes: BYTES, wait: Duration::ZERO };
        match self.stream.poll(limits, &mut self.taken)? {
            Polled::Records => {
                let next: BTreeMap<_, _> = self.taken.iter().map(|record| (record.place, record.offset + 1)).collect();
                let position = |(place, next)| Position { place, next, metadata: String::new() };
                let positions: Vec<Position> = next.into_iter().map(position).collect();
                self.stream.commit(&[], &positions)?;
            }
            Polled::Assigned(_) | Polled::Lost => {}
            Polled::Revoking => self.stream.release()?,
        }
        Ok(&self.taken)
    }
}
