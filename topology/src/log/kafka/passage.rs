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

/// How often a stream looks where it stands; a partition in which it stood there before is asked about.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Offsets of a partition, from where its stream stands on.
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
    /// What a reader finds, as long as one reads.
    answers: Option<mpsc::Receiver<Passage>>,
}

impl Default for Passages {
    fn default() -> Self {
        Self { looked_at: Instant::now(), stood: Vec::new(), answers: None }
    }
}

impl Passages {
    /// Passages in which a reader has found no record, and no open transaction. `now` tells what lies before the stream, when
    /// it is time to look.
    pub fn without_records(&mut self, shared: &Arc<KafkaShared>, now: impl FnOnce() -> Vec<Passage>) -> Vec<Passage> {
        if let Some(answers) = &self.answers {
            let mut found = Vec::new();
            loop {
                match answers.try_recv() {
                    Ok(passage) => found.push(passage),
                    Err(mpsc::TryRecvError::Empty) => return found,
                    Err(mpsc::TryRecvError::Disconnected) => break,
                }
            }
            self.answers = None;
            return found;
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
        let (tell, answers) = mpsc::channel();
        let mut reader = KafkaReader::new(shared);
        let look = move || {
            for passage in passages {
                match without_records(&mut reader, passage) {
                    Ok(Some(passage)) if tell.send(passage).is_err() => return,
                    Ok(_) => {}
                    // Asked again at a later look.
                    Err(error) => tracing::debug!(%error, "a quiet partition could not be looked at"),
                }
            }
        };
        match thread::Builder::new().name("kafka-look".into()).spawn(look) {
            Ok(_) => self.answers = Some(answers),
            Err(error) => tracing::warn!(%error, "no thread to look at quiet partitions: tried again"),
        }
    }
}

/// The part of a passage before the first open transaction, if there is one and no record in it.
fn without_records(reader: &mut KafkaReader, passage: Passage) -> Result<Option<Passage>, LogError> {
    let Passage { place, from, to } = passage;
    // What an open transaction holds is nothing yet, and may become a record; so may what stands behind it.
    let to = to.min(reader.stable_end(place)?);
    let mut records = 0;
    reader.read(place, from, to, &mut |_| records += 1)?;
    Ok((to > from && records == 0).then_some(Passage { place, from, to }))
}
