//! What is open is restored in pieces, and a member that restores stays in its group.

use super::*;
use metrics_exporter_prometheus::PrometheusBuilder;
use processors::ports::{Away, SchemaSource};
use schemas::{OpenStep, Record as _};
use std::sync::Mutex;
use topology::{
    engine::{
        Restored,
        status::{Status, board},
    },
    log::{LogError, Reader},
};

/// Outcome, and what is asked of it.
struct Watched {
    step: Outcome,
    told: Arc<Mutex<Vec<&'static str>>>,
}

impl Watched {
    fn new(case: &Case) -> Self {
        Self { step: case.outcome(), told: Arc::default() }
    }

    fn tell(&self, word: &'static str) {
        self.told.lock().unwrap().push(word);
    }
}

impl Step for Watched {
    fn run(&mut self, batch: &[Record], now_ms: i64, out: &mut Outputs) -> Result<usize, Away> {
        self.tell("decides");
        self.step.run(batch, now_ms, out)
    }

    fn assigned(&mut self, places: &[Place]) {
        self.tell(if places.is_empty() { "forgets" } else { "assigned" });
        self.step.assigned(places);
    }

    fn restore(&mut self, reader: &mut dyn Reader) -> Result<Option<Restored>, LogError> {
        let restored = self.step.restore(reader)?;
        self.tell(if restored.is_none() { "whole" } else { "piece" });
        Ok(restored)
    }
}

const RESULT: Lane = Lane::Mass;

/// Two messages in each of so many partitions wait for their receipts, and OPEN holds so much besides that each of its
/// partitions is read in three pieces. Their track_ids.
fn open(partitions: i32) -> (Case, Vec<(i32, TrackId)>) {
    let case = Case::with(partitions);
    let waiting: Vec<(i32, TrackId)> = (0..2 * partitions).map(|n| (n % partitions, id(n as u64))).collect();
    let news = |(partition, id): &(i32, TrackId)| {
        outgoing(Topic::result(RESULT), Some(*partition), *id, Some(case.schemas.encode(&at_vendor(*id))))
    };
    case.append_all(&waiting[..waiting.len() / 2].iter().map(news).collect::<Vec<_>>());
    turns(&mut case.worker(Topic::result(RESULT), case.outcome())).unwrap();
    for partition in 0..partitions {
        let ended = |n| outgoing(Topic::open(RESULT), Some(partition), id(n), None);
        case.append_all(&(1_000..121_000).map(ended).collect::<Vec<_>>());
    }
    case.append_all(&waiting[waiting.len() / 2..].iter().map(news).collect::<Vec<_>>());
    let mut second = case.worker(Topic::result(RESULT), case.outcome());
    // It restores first: three turns for each partition at most.
    for _ in 0..partitions {
        turns(&mut second).unwrap();
    }
    drop(second);
    (case, waiting)
}

/// Their receipts.
fn report(case: &Case, waiting: &[(i32, TrackId)]) {
    let receipt = |(partition, id): &(i32, TrackId)| {
        outgoing(Topic::result(RESULT), Some(*partition), *id, Some(case.schemas.encode(&receipt(*id))))
    };
    case.append_all(&waiting.iter().map(receipt).collect::<Vec<_>>());
}

/// Each was delivered, once.
fn all_delivered(case: &Case, waiting: &[(i32, TrackId)]) {
    let mut told = ends(case);
    told.sort();
    let mut expected: Vec<_> = waiting.iter().map(|(_, id)| (id.to_string(), State::Delivered)).collect();
    expected.sort();
    assert_eq!(told, expected);
}

#[test]
fn a_turn_restores_a_piece_and_nothing_is_decided_before_all_is_there() {
    let (mut case, waiting) = open(1);
    report(&case, &waiting);
    case.limits.records = 1;
    let step = Watched::new(&case);
    let told = Arc::clone(&step.told);
    let mut worker = case.worker(Topic::result(RESULT), step);
    // Nothing was taken meanwhile: each of the two makes a batch of its own.
    for expected in [&["forgets", "assigned", "piece"][..], &["piece"], &["whole"], &["decides"], &["decides"]] {
        worker.turn(Duration::ZERO).unwrap();
        assert_eq!(std::mem::take(&mut *told.lock().unwrap()), expected);
    }
    all_delivered(&case, &waiting);
}

#[test]
fn partitions_that_go_while_they_are_restored_go_at_once_and_what_was_restored_is_forgotten() {
    let (case, waiting) = open(2);
    let step = Watched::new(&case);
    let told = Arc::clone(&step.told);
    let mut first = case.worker(Topic::result(RESULT), step);
    first.turn(Duration::ZERO).unwrap();
    let mut second = case.worker(Topic::result(RESULT), case.outcome());
    second.turn(Duration::ZERO).unwrap();
    first.turn(Duration::ZERO).unwrap();
    assert_eq!(*told.lock().unwrap(), ["forgets", "assigned", "piece", "forgets"]);

    report(&case, &waiting);
    for _ in 0..10 {
        first.turn(Duration::ZERO).unwrap();
        second.turn(Duration::ZERO).unwrap();
    }
    all_delivered(&case, &waiting);
    let told = told.lock().unwrap();
    assert_eq!(told[4..], ["forgets", "assigned", "piece", "piece", "whole", "decides"], "it has one of the two");
}

#[test]
fn a_log_that_is_away_between_two_pieces_is_read_on_where_it_was() {
    let (case, waiting) = open(1);
    report(&case, &waiting);
    let step = Watched::new(&case);
    let told = Arc::clone(&step.told);
    let mut worker = case.worker(Topic::result(RESULT), step);
    worker.turn(Duration::ZERO).unwrap();
    case.log.faults().away();
    turns(&mut worker).unwrap();
    case.log.faults().back();
    turns(&mut worker).unwrap();
    assert_eq!(*told.lock().unwrap(), ["forgets", "assigned", "piece", "piece", "whole", "decides"]);
    all_delivered(&case, &waiting);
}

#[test]
fn a_stream_that_restores_is_not_ready_and_says_how_far_it_is() {
    const STREAM: &str = "restores-and-says-so";
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    let is_ready = |value: u8| page.render().contains(&format!("ims_stream_ready{{stream=\"{STREAM}\"}} {value}\n"));
    let restoring = |done| Status::Restoring(Restored { done, of: 240_004 });
    metrics::with_local_recorder(&recorder, || {
        let (case, _) = open(2);
        let mut worker = case.named(STREAM, Topic::result(RESULT), case.outcome());
        let mut turn = || {
            worker.turn(Duration::ZERO).unwrap();
            board()[STREAM].clone()
        };
        assert_eq!(turn(), restoring(50_000));
        assert!(is_ready(0));
        assert_eq!(turn(), restoring(100_000));
        case.log.faults().away();
        assert!(matches!(turn(), Status::Waiting { dependency, .. } if dependency == "log"));
        case.log.faults().back();
        assert_eq!([turn(), turn()], [restoring(150_000), restoring(200_000)]);
        assert!(is_ready(0));
        assert_eq!(turn(), Status::Ready, "all is there");
        assert!(is_ready(1));
    });
}

#[test]
fn a_stream_that_has_nothing_to_restore_is_ready_at_once() {
    const STREAM: &str = "restores-nothing";
    let case = Case::with(2);
    case.named(STREAM, Topic::result(RESULT), case.outcome()).turn(Duration::ZERO).unwrap();
    assert_eq!(board()[STREAM], Status::Ready);
}

/// A registry that another program has written its OPEN by.
struct Others;

const OF_OTHERS: u32 = 4_711;

impl SchemaSource for Others {
    fn schema(&self, id: u32, _: Option<Topic>) -> Result<Option<String>, Away> {
        Ok((id == OF_OTHERS).then(|| OpenStep::SCHEMA.to_owned()))
    }
}

#[test]
fn what_another_version_left_open_is_restored_by_its_schema() {
    let case = Case::new();
    let waiting = [(0, id(1))];
    case.append(Topic::result(RESULT), id(1), case.schemas.encode(&at_vendor(id(1))));
    turns(&mut case.worker(Topic::result(RESULT), case.outcome())).unwrap();
    let mut value = case.records(Topic::open(RESULT)).pop().unwrap().value.unwrap().to_vec();
    value[1..5].copy_from_slice(&OF_OTHERS.to_be_bytes());
    case.append_all(&[outgoing(Topic::open(RESULT), Some(0), id(1), Some(value))]);

    report(&case, &waiting);
    let decoder = Decoder::new(Arc::clone(&case.schemas), Arc::new(Others));
    turns(&mut case.worker(Topic::result(RESULT), case.outcome_reading(decoder))).unwrap();
    all_delivered(&case, &waiting);
}
