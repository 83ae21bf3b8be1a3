//! Offsets behind the last record that hold none: ends of transactions, records of transactions that were aborted.
//!
//! No reader is given them, so a stream that has processed everything stands before them. When retention has deleted all
//! of a quiet partition, its position lies before the first offset that is left, and to read on from there is what a loss
//! of records looks like. So a stream goes past them while they are there, once a reader has found no record among them.

use super::{KafkaShared, reader::KafkaReader};
use crate::log::{LogError, Place, Reader as _};
use std::{
    mem,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

/// How often a stream that has nothing to read looks where it stands; what stood there before is asked about.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Offsets of a partition, from where its stream stands to the end as a read_committed reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    pub place: Place,
    pub from: i64,
    pub to: i64,
}

/// The passages of one stream.
pub struct Passages {
    looked_at: Instant,
    /// At the last look.
    stood: Vec<Passage>,
    /// What a reader finds empty, as long as one reads.
    empty: Option<mpsc::Receiver<Passage>>,
}

impl Default for Passages {
    fn default() -> Self {
        Self { looked_at: Instant::now(), stood: Vec::new(), empty: None }
    }
}

impl Passages {
    /// Passages in which a reader has found no record. `now` tells what lies before the stream, when it is time to look.
    pub fn empty(&mut self, shared: &Arc<KafkaShared>, now: impl FnOnce() -> Vec<Passage>) -> Vec<Passage> {
        if let Some(found) = &self.empty {
            let mut empty = Vec::new();
            loop {
                match found.try_recv() {
                    Ok(passage) => empty.push(passage),
                    Err(mpsc::TryRecvError::Empty) => return empty,
                    Err(mpsc::TryRecvError::Disconnected) => break,
                }
            }
            self.empty = None;
            return empty;
        }
        if self.looked_at.elapsed() < LOOK_EVERY {
            return Vec::new();
        }
        self.looked_at = Instant::now();
        let now = now();
        let stood = mem::replace(&mut self.stood, now.clone());
        let still: Vec<Passage> = now.into_iter().filter(|passage| stood.contains(passage)).collect();
        if !still.is_empty() {
            self.ask(shared, still);
        }
        Vec::new()
    }

    /// On a thread of its own, which ends with the answer: nobody waits for it.
    fn ask(&mut self, shared: &Arc<KafkaShared>, passages: Vec<Passage>) {
        let (tell, empty) = mpsc::channel();
        let mut reader = KafkaReader::new(shared);
        let look = move || {
            for passage in passages {
                match is_empty(&mut reader, passage) {
                    Ok(true) if tell.send(passage).is_err() => return,
                    Ok(_) => {}
                    // Asked again at a later look.
                    Err(error) => return tracing::debug!(%error, "a quiet partition could not be looked at"),
                }
            }
        };
        match thread::Builder::new().name("kafka-look".into()).spawn(look) {
            Ok(_) => self.empty = Some(empty),
            Err(error) => tracing::warn!(%error, "no thread to look at quiet partitions: tried again"),
        }
    }
}

fn is_empty(reader: &mut KafkaReader, Passage { place, from, to }: Passage) -> Result<bool, LogError> {
    let mut records = 0;
    reader.read(place, from, to, &mut |_| records += 1)?;
    Ok(records == 0)
}
