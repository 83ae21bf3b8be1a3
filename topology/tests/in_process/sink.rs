//! A stream into a store: what the store can never hold becomes a dead letter, once, and its neighbours are stored.

use processors::ports::{Away, Logged, Move, NoRegistry, Refused, Sink, Written};
use schemas::{Channel, History, Schemas, Topic};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use topology::driver::ManualClock;
use topology::engine::{Decoder, Outputs, SinkWorker, Worker as _};
use topology::log::memory::{MemoryLog, Settings};
use topology::log::{Log as _, Offsets, Outgoing, Place, StreamSpec};

/// What a picky store has.
#[derive(Default)]
struct Kept {
    /// How often it is away before it takes anything.
    away: usize,
    offsets: Vec<i64>,
    next: Option<i64>,
}

/// Takes no message that is called "bad", and is away now and then.
struct Picky(Arc<Mutex<Kept>>);

impl Sink<History> for Picky {
    fn positions(&mut self, places: &[(Topic, i32)]) -> Result<Vec<Option<i64>>, Away> {
        Ok(vec![self.0.lock().unwrap().next; places.len()])
    }

    fn write(&mut self, batch: &[Logged<History>], moves: &[Move]) -> Result<Written, Away> {
        let mut kept = self.0.lock().unwrap();
        if kept.away > 0 {
            kept.away -= 1;
            return Err(Away { dependency: "history store", cause: "the server is restarted".into() });
        }
        let bad = batch.iter().enumerate().filter(|(_, logged)| logged.record.message_id == "bad");
        let refused: Vec<Refused> = bad.map(|(row, _)| Refused { row, reason: "too long".into() }).collect();
        if !refused.is_empty() {
            kept.away = 2;
            return Ok(Written::Refused(refused));
        }
        kept.offsets.extend(batch.iter().map(|logged| logged.offset));
        kept.next = moves.first().map(|step| step.to);
        Ok(Written::Moved)
    }
}

#[test]
fn rows_that_a_store_can_never_hold_become_dead_letters_once() {
    let log = MemoryLog::new(ManualClock::at(0), Settings::default(), |_| 1);
    let (topic, schemas) = (Topic::hist(Channel::At), Arc::new(Schemas::embedded()));
    let value = |message_id: &str| schemas.encode(&History { message_id: message_id.into(), ..History::default() });
    let values = [value("a"), b"no record".to_vec(), value("b"), value("bad"), value("c"), value("bad")];
    let outgoing =
        |value: Vec<u8>| Outgoing { topic, partition: Some(0), key: None, value: Some(value.into()), headers: vec![] };
    log.producer().unwrap().append(&values.map(outgoing)).unwrap();

    let kept = Arc::new(Mutex::new(Kept { away: 2, ..Kept::default() }));
    let spec = StreamSpec {
        name: "store".into(),
        sources: vec![topic],
        offsets: Offsets::Sink,
        urgent: false,
        produces: false,
    };
    let decoder = Decoder::new(Arc::clone(&schemas), Arc::new(NoRegistry));
    let sink = Picky(Arc::clone(&kept));
    let mut worker = SinkWorker::new(&log, spec, 100, decoder, Outputs::new(Arc::clone(&schemas)), sink).unwrap();
    let done = |kept: &Kept| kept.next == Some(6);
    for _ in 0..50 {
        worker.turn(Duration::ZERO).unwrap();
        if done(&kept.lock().unwrap()) {
            break;
        }
    }

    let kept = kept.lock().unwrap();
    assert_eq!((&*kept.offsets, kept.next), (&[0, 2, 4][..], Some(6)));
    // Waiting wrote none of them again: the record that nobody can read, and the two that the store cannot hold.
    let place = Place { topic: topic.dead_letters(), partition: 0 };
    assert_eq!(log.reader().unwrap().bounds(place).unwrap(), (0, 3));
}
