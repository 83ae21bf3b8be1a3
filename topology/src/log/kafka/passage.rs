//! Offsets behind the last record that hold none: ends of transactions, records of transactions that were aborted.
//!
//! No reader is given them, so a stream that has processed everything stands before them. When retention has deleted all
//! of a quiet partition, its position lies before the first offset that is left, and to read on from there is what a loss
//! of records looks like. So a stream goes past them while they are there, once a reader has found no record among them.

use super::{KafkaShared, reader::KafkaReader};
use crate::log::{LogError, Place};
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

/// Looks that must fail one after the other before the operator is told: a minute of them.
const TOLD_AFTER: u32 = 4;
/// And how often that is told again: an hour of looks.
const TOLD_EVERY: u32 = 240;

/// The passages of one stream.
pub struct Passages {
    stream: String,
    looked_at: Instant,
    /// At the last look.
    stood: Vec<Passage>,
    /// What a reader finds, as long as one reads.
    look: Option<Look>,
    /// Looks that failed, one after the other.
    failed: u32,
}

/// A look under way.
struct Look {
    answers: mpsc::Receiver<Result<Passage, LogError>>,
    /// Why it cannot tell of a partition.
    failure: Option<LogError>,
}

impl Passages {
    /// Of the stream of this name, which begins now.
    pub fn new(stream: &str) -> Self {
        Self { stream: stream.to_owned(), looked_at: Instant::now(), stood: Vec::new(), look: None, failed: 0 }
    }

    /// Passages in which a reader has found no record, and no open transaction. `now` tells what lies before the stream, when
    /// it is time to look.
    pub fn without_records(&mut self, shared: &Arc<KafkaShared>, now: impl FnOnce() -> Vec<Passage>) -> Vec<Passage> {
        if self.look.is_some() {
            return self.hear();
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
                if let Some(answer) = without_records(&mut reader, passage).transpose()
                    && tell.send(answer).is_err()
                {
                    return;
                }
            }
        };
        match thread::Builder::new().name("kafka-look".into()).spawn(look) {
            Ok(_) => self.look = Some(Look { answers, failure: None }),
            Err(error) => self.end(Some(LogError::Away(format!("no thread to look with: {error}")))),
        }
    }

    /// What the look under way has found since this was last asked.
    fn hear(&mut self) -> Vec<Passage> {
        let mut found = Vec::new();
        while let Some(Look { answers, failure }) = &mut self.look {
            match answers.try_recv() {
                Ok(Ok(passage)) => found.push(passage),
                Ok(Err(error)) => *failure = Some(error),
                Err(mpsc::TryRecvError::Empty) => break,
                Err(mpsc::TryRecvError::Disconnected) => {
                    let failure = failure.take();
                    self.look = None;
                    self.end(failure);
                }
            }
        }
        found
    }

    /// Notes how a look has ended. One that failed is made again; that none succeeds, the operator gets to know.
    fn end(&mut self, failure: Option<LogError>) {
        let Some(error) = failure else {
            self.failed = 0;
            return;
        };
        self.failed += 1;
        if self.failed % TOLD_EVERY == TOLD_AFTER {
            tracing::warn!(
                stream = self.stream,
                failed = self.failed,
                %error,
                "quiet partitions cannot be looked at: see that this process can read them. If retention deletes all that \
                 stands in one before that, this stream stops when it starts again, although nothing is lost"
            );
        }
    }
}

/// The part of a passage before the first open transaction, if there is one and no record in it.
fn without_records(reader: &mut KafkaReader, passage: Passage) -> Result<Option<Passage>, LogError> {
    let Passage { place, from, to } = passage;
    // What an open transaction holds is nothing yet, and may become a record; so may what stands behind it.
    let to = to.min(reader.stable_end(place)?);
    if to <= from {
        return Ok(None);
    }
    let mut records = 0;
    reader.read_stable(place, from, to, &mut |_| records += 1)?;
    Ok((records == 0).then_some(Passage { place, from, to }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::told::Told;
    use schemas::{Lane, Topic};

    fn passage(partition: i32) -> Passage {
        Passage { place: Place { topic: Topic::api(Lane::Mass), partition }, from: 10, to: 11 }
    }

    /// What comes of a look that is over.
    fn look(passages: &mut Passages, found: &[Passage], failed: bool) -> Vec<Passage> {
        let (tell, answers) = mpsc::channel();
        found.iter().for_each(|passage| tell.send(Ok(*passage)).unwrap());
        if failed {
            tell.send(Err(LogError::Away("the end of API-MASS/1".into()))).unwrap();
        }
        passages.look = Some(Look { answers, failure: None });
        drop(tell);
        passages.hear()
    }

    #[test]
    fn looks_that_keep_failing_are_told_after_a_minute_and_then_once_an_hour() {
        let mut passages = Passages::new("ingest-MASS");
        let told = Told::at(tracing::Level::WARN);
        tracing::subscriber::with_default(told.clone(), || {
            let mut fail = |times: u32| {
                // What another partition's look has found is used all the same.
                (0..times).for_each(|_| assert_eq!(look(&mut passages, &[passage(0)], true), [passage(0)]));
                told.count()
            };
            assert_eq!(fail(3), 0, "it may pass");
            assert_eq!(fail(1), 1);
            assert_eq!(fail(239), 1);
            assert_eq!(fail(1), 2);
            assert_eq!(look(&mut passages, &[], false), []);
            let mut fail = |times: u32| {
                (0..times).for_each(|_| _ = look(&mut passages, &[], true));
                told.count()
            };
            assert_eq!(fail(3), 2, "one that succeeds begins anew");
            assert_eq!(fail(1), 3);
        });
    }
}
