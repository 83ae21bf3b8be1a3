//! Partitions in which nothing is written for as long as their topic keeps anything.

use crate::support::{
    Deployment, brokers,
    relay::{PATIENCE, copy, limits, spec},
    settings,
};
use processors::ports::{Away, Logged, Move, NoRegistry, Sink, Written};
use rdkafka::producer::Producer as _;
use schemas::{History, Schemas, Topic};
use std::{
    sync::{Arc, Mutex},
    time::Instant,
};
use topology::{
    driver::ManualClock,
    engine::{Decoder, Outputs, SinkWorker, Worker},
    log::{Log, Offsets, Outgoing, Place, Position, StreamSpec},
};

const RECORDS: usize = 10;
/// Where a stream stands that has read them, before the end of their transaction, and behind it.
const READ: i64 = RECORDS as i64;
const END: i64 = READ + 1;

/// A store that keeps how many rows it was given, and where it stands. It is away when it shall move without rows for the
/// first time.
#[derive(Default)]
struct Kept {
    rows: usize,
    next: Option<i64>,
    was_away: bool,
}

struct Store(Arc<Mutex<Kept>>);

impl Sink<History> for Store {
    fn positions(&mut self, places: &[(Topic, i32)]) -> Result<Vec<Option<i64>>, Away> {
        Ok(vec![self.0.lock().unwrap().next; places.len()])
    }

    fn write(&mut self, batch: &[Logged<History>], moves: &[Move]) -> Result<Written, Away> {
        let mut kept = self.0.lock().unwrap();
        if batch.is_empty() && !std::mem::replace(&mut kept.was_away, true) {
            return Err(Away { dependency: "history store", cause: "the server is restarted".into() });
        }
        for step in moves {
            assert_eq!(step.from, kept.next, "it moves from where it stands");
            kept.next = Some(step.to);
        }
        kept.rows += batch.len();
        Ok(Written::Moved)
    }
}

/// The store's stream over a topic.
fn store(deployment: &Deployment, source: Topic, kept: &Arc<Mutex<Kept>>) -> Box<dyn Worker> {
    let schemas = Arc::new(Schemas::embedded());
    let spec = StreamSpec { offsets: Offsets::Sink, produces: false, ..spec("kept-MASS", &[source]) };
    let (decoder, out) = (Decoder::new(Arc::clone(&schemas), Arc::new(NoRegistry)), Outputs::new(schemas));
    let sink = Store(Arc::clone(kept));
    Box::new(SinkWorker::new(&deployment.log, spec, ManualClock::at(0), 1_000, decoder, out, sink).unwrap())
}

/// Rows of history that a log may hold.
fn rows(topic: Topic) -> Vec<Outgoing> {
    let row = |n: usize| {
        let value = Schemas::embedded().encode(&History { message_id: n.to_string(), ..History::default() });
        Outgoing { topic, partition: None, key: None, value: Some(value.into()), headers: vec![] }
    };
    (0..RECORDS).map(row).collect()
}

#[test]
fn retention_that_deletes_the_end_of_a_transaction_with_all_before_it_is_no_loss() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let [first, source, target, lively] = [1; 4].map(|partitions| deployment.topic(partitions));
    let place = Place { topic: source, partition: 0 };
    deployment.start_group("feed-MASS", &[first]);
    deployment.start_group("quiet-MASS", &[source, lively]);
    deployment.start_group("busy-MASS", &[source]);
    let mut feed = deployment.log.stream(spec("feed-MASS", &[first])).unwrap();
    deployment.log.producer().unwrap().append(&rows(first)).unwrap();
    copy(&mut *feed, source, RECORDS);
    let mut quiet = deployment.log.stream(spec("quiet-MASS", &[source, lively])).unwrap();
    copy(&mut *quiet, target, RECORDS);
    assert_eq!(deployment.committed("quiet-MASS", source), READ);
    // It has read all of it, and not yet processed the last record.
    let mut busy = deployment.log.stream(spec("busy-MASS", &[source])).unwrap();
    let (mut batch, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while batch.len() < RECORDS {
        assert!(Instant::now() < deadline, "only {} records came", batch.len());
        busy.poll(limits(RECORDS), &mut batch).unwrap();
    }
    busy.mark(&[Position { place, next: READ - 1, metadata: String::new() }]).unwrap();
    let kept: Arc<Mutex<Kept>> = Arc::default();
    let mut stored = store(&deployment, source, &kept);
    // Behind it a transaction is open, and behind that stands a record that is there for good.
    let open = deployment.open_transaction(&rows(source)[0]);
    deployment.log.producer().unwrap().append(&rows(source)[1..2]).unwrap();
    let mut reader = deployment.log.reader().unwrap();
    let reading = std::thread::spawn(move || {
        let (mut read, (first, end)) = (0, reader.bounds(place).unwrap());
        reader.read(place, first, end, &mut |_| read += 1).map(|()| read)
    });

    let deadline = Instant::now() + 2 * PATIENCE;
    let mut producer = deployment.log.producer().unwrap();
    while deployment.committed("quiet-MASS", source) < END || kept.lock().unwrap().next != Some(END) {
        assert!(Instant::now() < deadline, "they stand before the end of the transaction");
        // It is busy elsewhere all the time.
        producer.append(&rows(lively)).unwrap();
        copy(&mut *quiet, target, RECORDS);
        let mut none = Vec::new();
        busy.poll(limits(1_000), &mut none).unwrap();
        assert!(none.is_empty(), "read twice");
        stored.turn(limits(1).wait).unwrap();
    }
    assert_eq!(kept.lock().unwrap().rows, RECORDS);
    assert_eq!(deployment.committed("quiet-MASS", source), END, "what is open may become a record");
    assert_eq!(deployment.committed("busy-MASS", source), READ - 1, "a record is not processed");
    assert!(!reading.is_finished(), "the end of what is open is not known");
    open.commit_transaction(PATIENCE).unwrap();
    copy(&mut *quiet, target, 2);
    until_stored(&mut stored, &kept, RECORDS + 2);
    assert_eq!(reading.join().unwrap().unwrap(), RECORDS + 2);
    quiet.leave();
    stored.finish(PATIENCE);

    deployment.delete_before(source, END);
    let mut quiet = deployment.log.stream(spec("quiet-MASS", &[source, lively])).unwrap();
    let mut stored = store(&deployment, source, &kept);
    deployment.log.producer().unwrap().append(&rows(first)).unwrap();
    copy(&mut *feed, source, RECORDS);
    copy(&mut *quiet, target, RECORDS);
    until_stored(&mut stored, &kept, 2 * RECORDS + 2);
}

#[track_caller]
fn until_stored(stored: &mut Box<dyn Worker>, kept: &Mutex<Kept>, rows: usize) {
    let deadline = Instant::now() + PATIENCE;
    while kept.lock().unwrap().rows < rows {
        assert!(Instant::now() < deadline, "{} rows", kept.lock().unwrap().rows);
        stored.turn(limits(1).wait).unwrap();
    }
}
