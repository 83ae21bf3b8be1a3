//! A stream into a store: what the store can never hold becomes a dead letter, once, and its neighbours are stored.

use processors::ports::{Away, Logged, Move, NoRegistry, Refused, Sink, Written};
use schemas::{Channel, History, Schemas, Topic};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use topology::driver::ManualClock;
use topology::engine::{Decoder, Outputs, SinkWorker, Worker};
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

/// A store's stream over these values of its topic.
fn stage(values: impl Fn(&Schemas) -> Vec<Vec<u8>>, kept: &Arc<Mutex<Kept>>) -> (MemoryLog, Box<dyn Worker>) {
    let clock = ManualClock::at(0);
    let log = MemoryLog::new(Arc::clone(&clock) as _, Settings::default(), |_| 1);
    let (topic, schemas) = (topic(), Arc::new(Schemas::embedded()));
    let outgoing =
        |value: Vec<u8>| Outgoing { topic, partition: Some(0), key: None, value: Some(value.into()), headers: vec![] };
    let records: Vec<Outgoing> = values(&schemas).into_iter().map(outgoing).collect();
    log.producer().unwrap().append(&records).unwrap();
    let spec = StreamSpec {
        name: "store".into(),
        sources: vec![topic],
        offsets: Offsets::Sink,
        urgent: false,
        produces: false,
    };
    let decoder = Decoder::new(Arc::clone(&schemas), Arc::new(NoRegistry));
    let sink = Picky(Arc::clone(kept));
    let worker = SinkWorker::new(&log, spec, clock, 1_000, decoder, Outputs::new(schemas), sink).unwrap();
    (log, Box::new(worker))
}

fn topic() -> Topic {
    Topic::hist(Channel::At)
}

fn row(schemas: &Schemas, message_id: &str) -> Vec<u8> {
    schemas.encode(&History { message_id: message_id.into(), ..History::default() })
}

/// How many dead letters there are.
fn dead_letters(log: &MemoryLog) -> i64 {
    let place = Place { topic: topic().dead_letters(), partition: 0 };
    log.reader().unwrap().bounds(place).unwrap().1
}

#[test]
fn a_stream_whose_rows_become_dead_letters_stops_before_one_of_them_is_passed_over() {
    let unreadable = |_: &Schemas| vec![b"no record".to_vec(); 200];
    let unstorable = |schemas: &Schemas| vec![row(schemas, "bad"); 200];
    let stops = |values: &dyn Fn(&Schemas) -> Vec<Vec<u8>>, why: &str| {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (log, mut worker) = stage(values, &kept);
        let halt = (0..10).find_map(|_| worker.turn(Duration::ZERO).err()).expect("it goes on");
        assert!(halt.reason.contains(why), "{halt}");
        assert_eq!((dead_letters(&log), kept.lock().unwrap().next), (0, None));
    };
    stops(&unreadable, "cannot be read");
    stops(&unstorable, "cannot be stored");
}

#[test]
fn rows_that_a_store_can_never_hold_become_dead_letters_once() {
    let values = |schemas: &Schemas| {
        let row = |message_id| row(schemas, message_id);
        vec![row("a"), b"no record".to_vec(), row("b"), row("bad"), row("c"), row("bad")]
    };
    let kept = Arc::new(Mutex::new(Kept { away: 2, ..Kept::default() }));
    let (log, mut worker) = stage(values, &kept);
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
    assert_eq!(dead_letters(&log), 3);
}
