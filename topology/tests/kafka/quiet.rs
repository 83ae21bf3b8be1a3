//! Partitions in which nothing is written for as long as their topic keeps anything.

use crate::support::{
    Deployment, brokers,
    relay::{PATIENCE, copy, limits, spec, turn, turn_until},
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

/// A store that keeps how many rows it was given, and where it stands.
#[derive(Default)]
struct Kept {
    rows: usize,
    next: Option<i64>,
    /// What happens when it shall move without rows for the first time.
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy)]
enum Trouble {
    Away,
    /// Another process has moved it just before.
    Moved,
}

struct Store(Arc<Mutex<Kept>>);

impl Sink<History> for Store {
    fn positions(&mut self, places: &[(Topic, i32)]) -> Result<Vec<Option<i64>>, Away> {
        Ok(vec![self.0.lock().unwrap().next; places.len()])
    }

    fn write(&mut self, batch: &[Logged<History>], moves: &[Move]) -> Result<Written, Away> {
        let mut kept = self.0.lock().unwrap();
        if batch.is_empty()
            && let Some(trouble) = kept.trouble.take()
        {
            return match trouble {
                Trouble::Away => Err(Away { dependency: "history store", cause: "the server is restarted".into() }),
                Trouble::Moved => {
                    kept.next = Some(moves[0].to);
                    Ok(Written::Stale)
                }
            };
        }
        for step in moves {
            assert_eq!(step.from, kept.next, "it moves from where it stands");
            kept.next = Some(step.to);
        }
        kept.rows += batch.len();
        Ok(Written::Moved)
    }
}

/// A store and its stream over a topic.
struct Stored {
    name: &'static str,
    kept: Arc<Mutex<Kept>>,
    worker: Box<dyn Worker>,
}

impl Stored {
    fn from(deployment: &Deployment, name: &'static str, source: Topic, kept: Arc<Mutex<Kept>>) -> Self {
        let schemas = Arc::new(Schemas::embedded());
        let spec = StreamSpec { offsets: Offsets::Sink, produces: false, ..spec(name, &[source]) };
        let (decoder, out) = (Decoder::new(Arc::clone(&schemas), Arc::new(NoRegistry)), Outputs::new(schemas));
        let sink = Store(Arc::clone(&kept));
        let worker = SinkWorker::new(&deployment.log, spec, ManualClock::at(0), 1_000, decoder, out, sink).unwrap();
        Self { name, kept, worker: Box::new(worker) }
    }

    /// The same after a restart.
    fn again(self, deployment: &Deployment, source: Topic) -> Self {
        self.worker.finish(PATIENCE);
        Self::from(deployment, self.name, source, self.kept)
    }

    fn turn(&mut self) {
        self.worker.turn(limits(1).wait).unwrap();
    }

    fn rows(&self) -> usize {
        self.kept.lock().unwrap().rows
    }

    fn next(&self) -> Option<i64> {
        self.kept.lock().unwrap().next
    }

    #[track_caller]
    fn until_rows(&mut self, rows: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.rows() < rows {
            assert!(Instant::now() < deadline, "{} rows", self.rows());
            self.turn();
        }
    }
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
    let [quiet_at, busy_at] = ["quiet-MASS", "busy-MASS"].map(|stream| deployment.observer(stream, source, 1));
    assert_eq!(quiet_at.committed(), READ);
    // It has read all of it, and not yet processed the last record.
    let mut busy = deployment.log.stream(spec("busy-MASS", &[source])).unwrap();
    let (mut batch, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while batch.len() < RECORDS {
        assert!(Instant::now() < deadline, "only {} records came", batch.len());
        busy.poll(limits(RECORDS), &mut batch).unwrap();
    }
    busy.mark(&[Position { place, next: READ - 1, metadata: String::new() }]).unwrap();
    let mut stores = [("away-MASS", Trouble::Away), ("moved-MASS", Trouble::Moved)].map(|(name, trouble)| {
        let kept = Kept { trouble: Some(trouble), ..Kept::default() };
        Stored::from(&deployment, name, source, Arc::new(Mutex::new(kept)))
    });
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
    while quiet_at.committed() < END || stores.iter().any(|stored| stored.next() != Some(END)) {
        assert!(Instant::now() < deadline, "they stand before the end of the transaction");
        // It is busy elsewhere all the time.
        producer.append(&rows(lively)).unwrap();
        copy(&mut *quiet, target, RECORDS);
        let mut none = Vec::new();
        busy.poll(limits(1_000), &mut none).unwrap();
        assert!(none.is_empty(), "read twice");
        stores.iter_mut().for_each(Stored::turn);
    }
    assert_eq!(stores.each_ref().map(Stored::rows), [RECORDS; 2]);
    assert_eq!(quiet_at.committed(), END, "what is open may become a record");
    assert_eq!(busy_at.committed(), READ - 1, "a record is not processed");
    assert!(!reading.is_finished(), "the end of what is open is not known");
    open.commit_transaction(PATIENCE).unwrap();
    copy(&mut *quiet, target, 2);
    stores.iter_mut().for_each(|stored| stored.until_rows(RECORDS + 2));
    assert_eq!(reading.join().unwrap().unwrap(), RECORDS + 2);
    quiet.leave();

    deployment.delete_before(source, END);
    let mut quiet = deployment.log.stream(spec("quiet-MASS", &[source, lively])).unwrap();
    let stores = stores.map(|stored| stored.again(&deployment, source));
    deployment.log.producer().unwrap().append(&rows(first)).unwrap();
    copy(&mut *feed, source, RECORDS);
    copy(&mut *quiet, target, RECORDS);
    stores.into_iter().for_each(|mut stored| stored.until_rows(2 * RECORDS + 2));
}

#[test]
fn a_partition_that_was_paused_is_passed_when_it_is_resumed_and_read_on_from_there() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let [first, source, target] = [1; 3].map(|partitions| deployment.topic(partitions));
    let places = [Place { topic: source, partition: 0 }];
    let names = ["paused-MASS", "open-MASS"];
    deployment.start_group("feed-MASS", &[first]);
    names.iter().for_each(|name| deployment.start_group(name, &[source]));
    let mut feed = deployment.log.stream(spec("feed-MASS", &[first])).unwrap();
    deployment.log.producer().unwrap().append(&rows(first)).unwrap();
    copy(&mut *feed, source, RECORDS);
    let [mut paused, mut open] = names.map(|name| {
        let mut stream = deployment.log.stream(spec(name, &[source])).unwrap();
        copy(&mut *stream, target, RECORDS);
        stream
    });
    let [paused_at, open_at] = names.map(|name| deployment.observer(name, source, 1));

    paused.pause(&places).unwrap();
    let deadline = Instant::now() + 2 * PATIENCE;
    while open_at.committed() < END {
        assert!(Instant::now() < deadline, "it stands before the end of the transaction");
        for stream in [&mut paused, &mut open] {
            turn(&mut **stream, target, RECORDS);
        }
    }
    assert_eq!(paused_at.committed(), READ, "it is paused");
    paused.resume(&places).unwrap();
    turn_until(&mut *paused, target, |_| paused_at.committed() == END);

    paused.pause(&places).unwrap();
    deployment.delete_before(source, END);
    paused.resume(&places).unwrap();
    deployment.log.producer().unwrap().append(&rows(first)).unwrap();
    copy(&mut *feed, source, RECORDS);
    copy(&mut *paused, target, RECORDS);
}
