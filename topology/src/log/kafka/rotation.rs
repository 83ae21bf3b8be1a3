//! The producers of a stream, taking turns.
//!
//! Sound because the group coordinator keeps the commit that was appended last (KAFKA-5247) and each commit is awaited
//! before the next begins. Any end that is not known stops all of them: the stream rewinds before it goes on.

use super::{KafkaShared, clients::Pace, transaction::TransactionalProducer};
use crate::log::LogError;
use std::{sync::Arc, time::Duration};

/// Longest wait for a broker's answer in one turn of the stream.
const ANSWER: Duration = Duration::from_secs(2);

/// The producers of one stream.
pub struct Rotation {
    shared: Arc<KafkaShared>,
    stream: String,
    pace: Pace,
    /// Number of the first.
    first: usize,
    slots: Vec<Slot>,
    turn: usize,
}

enum Slot {
    Empty,
    /// Made, and not yet known to the broker.
    New(TransactionalProducer),
    Ready(TransactionalProducer),
}

impl Rotation {
    /// No producers yet.
    pub fn new(shared: &Arc<KafkaShared>, stream: &str, seat: usize, pace: Pace) -> Self {
        let slots = (0..pace.producers).map(|_| Slot::Empty).collect();
        let first = seat * pace.producers;
        Self { shared: Arc::clone(shared), stream: stream.to_owned(), pace, first, slots, turn: 0 }
    }

    /// Makes what is missing. When it returns, nothing that a predecessor left open is open any more.
    pub fn ready(&mut self) -> Result<(), LogError> {
        // All are made before the first is waited for: they connect side by side.
        for (k, slot) in self.slots.iter_mut().enumerate() {
            if matches!(slot, Slot::Empty) {
                *slot = Slot::New(TransactionalProducer::new(&self.shared, &self.stream, self.first + k, self.pace)?);
            }
        }
        for slot in &mut self.slots {
            let Slot::New(producer) = slot else { continue };
            let answer = producer.init(ANSWER);
            let id = producer.id().to_owned();
            let Slot::New(producer) = std::mem::replace(slot, Slot::Empty) else { continue };
            match answer {
                Ok(true) => *slot = Slot::Ready(producer),
                Ok(false) => {
                    *slot = Slot::New(producer);
                    return Err(LogError::Away(format!("no answer yet about transactional id {id}")));
                }
                Err(error) => {
                    self.shared.drop_aside(producer);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The producer whose turn it is; None until all are ready.
    pub fn next(&mut self) -> Option<&TransactionalProducer> {
        self.turn = (self.turn + 1) % self.slots.len();
        match &self.slots[self.turn] {
            Slot::Ready(producer) => Some(producer),
            Slot::Empty | Slot::New(_) => None,
        }
    }

    /// Hears what idle producers have to say; unheard, it would pile up.
    pub fn tend(&self) {
        for slot in &self.slots {
            if let Slot::Ready(producer) = slot {
                producer.tend();
            }
        }
    }

    /// Takes the last producer out of use. The next one of its id settles what it left open.
    pub fn retire(&mut self) {
        if let Slot::New(producer) | Slot::Ready(producer) = std::mem::replace(&mut self.slots[self.turn], Slot::Empty)
        {
            self.shared.drop_aside(producer);
        }
    }

    /// The transactional id of the last producer.
    pub fn id(&self) -> String {
        self.shared.names.transactional_id(&self.stream, self.first + self.turn)
    }
}

impl Drop for Rotation {
    fn drop(&mut self) {
        for slot in self.slots.drain(..) {
            if let Slot::New(producer) | Slot::Ready(producer) = slot {
                self.shared.drop_aside(producer);
            }
        }
    }
}
