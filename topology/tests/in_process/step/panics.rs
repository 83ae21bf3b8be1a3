//! Records that make a step panic, as a defect of ours would: they are set aside alone.

use super::*;
use metrics_exporter_prometheus::PrometheusBuilder;
use processors::ports::Away;
use schemas::Family;
use std::sync::Mutex;
use topology::engine::{ORIGIN_HEADER, REASON_HEADER};

/// A step that panics when it has done its work, if one of the records is of these messages.
struct Panicky<S> {
    step: S,
    at: Vec<TrackId>,
    /// And once more when it is to set such a record aside.
    for_good: bool,
    /// How many records each run was given.
    runs: Arc<Mutex<Vec<usize>>>,
}

impl<S: Step> Step for Panicky<S> {
    fn run(&mut self, batch: &[Record], now_ms: i64, out: &mut Outputs) -> Result<usize, Away> {
        self.runs.lock().unwrap().push(batch.len());
        let decided = self.step.run(batch, now_ms, out)?;
        let is_bad =
            |record: &Record| self.at.iter().any(|id| record.key.as_deref() == Some(id.to_string().as_bytes()));
        assert!(!batch.iter().any(is_bad), "the words of a panic hold 010-1234-5678");
        Ok(decided)
    }

    fn undo(&mut self) {
        self.step.undo();
    }

    fn set_aside(&mut self, record: &Record, reason: &str, now_ms: i64, out: &mut Outputs) {
        self.step.set_aside(record, reason, now_ms, out);
        assert!(!self.for_good);
    }
}

impl<S: Step> Panicky<S> {
    fn new(step: S, at: &[TrackId]) -> Self {
        Self { step, at: at.to_vec(), for_good: false, runs: Arc::default() }
    }
}

const RECV: (Channel, Lane) = (Channel::At, Lane::Mass);

fn accepted(case: &Case, id: TrackId) {
    let accepted = Accepted { track_id: id.to_string(), lane: Lane::Mass, ..examples::accepted() };
    case.append(Topic::recv(RECV.0, RECV.1), id, case.schemas.encode(&accepted));
}

#[test]
fn the_record_that_panics_is_a_dead_letter_and_its_neighbours_are_decided_as_if_nothing_happened() {
    let case = Case::new();
    let (recv, sent) = (Topic::recv(RECV.0, RECV.1), Topic::send(Family::At, Lane::Mass));
    (0..4).for_each(|offset| accepted(&case, id(offset)));
    let step = Panicky::new(case.router(), &[id(2)]);
    let runs = Arc::clone(&step.runs);
    let mut worker = case.worker(recv, step);
    turns(&mut worker).unwrap();

    assert_eq!(*runs.lock().unwrap(), [4, 1, 1, 1, 1]);
    assert_eq!(case.keys(sent), [0, 1, 3].map(|offset| id(offset).to_string()));
    let [letter] = &case.records(recv.dead_letters())[..] else { panic!("not one letter") };
    let stood = &case.records(recv)[2];
    assert_eq!((&letter.key, &letter.value), (&stood.key, &stood.value));
    let header = |name: &str| {
        let (_, value) = letter.headers.iter().find(|(n, _)| n == name).unwrap();
        String::from_utf8(value.to_vec()).unwrap()
    };
    assert_eq!((header("tenant"), header(ORIGIN_HEADER)), ("one".into(), format!("{recv}/0/2/{}", seed::NOW_MS)));
    let reason = header(REASON_HEADER);
    assert!(reason.contains("panics.rs:") && !reason.contains("010"), "{reason}");
    // Its account is closed.
    let [end] = &case.decoded::<StepResult>(Topic::result(Lane::Mass))[..] else { panic!("not one end") };
    assert_eq!((&end.track_id, end.kind, end.state), (&id(2).to_string(), ResultKind::Final, State::Failed));
}

#[test]
fn what_a_panicking_batch_made_of_the_open_messages_is_undone() {
    let (case, result) = (Case::new(), Topic::result(Lane::Mass));
    let step = Panicky::new(case.outcome(), &[id(1)]);
    let runs = Arc::clone(&step.runs);
    let mut worker = case.worker(result, step);
    let append = |id: TrackId, news: StepResult| case.append(result, id, case.schemas.encode(&news));
    append(id(0), at_vendor(id(0)));
    turns(&mut worker).unwrap();
    // Its receipt closes it in the batch that panics; decided alone it finds it open.
    append(id(0), receipt(id(0)));
    append(id(1), at_vendor(id(1)));
    append(id(2), at_vendor(id(2)));
    turns(&mut worker).unwrap();
    append(id(2), receipt(id(2)));
    turns(&mut worker).unwrap();

    assert_eq!(*runs.lock().unwrap(), [1, 3, 1, 1, 1, 1]);
    let told = [(id(0), State::Delivered), (id(2), State::Delivered), (id(1), State::Failed)];
    assert_eq!(ends(&case), told.map(|(id, state)| (id.to_string(), state)));
    // What was never open is not closed, and nothing is kept of anyone.
    let open: Vec<(String, bool)> = case
        .keys(Topic::open(Lane::Mass))
        .into_iter()
        .zip(case.records(Topic::open(Lane::Mass)).iter().map(|r| r.value.is_some()))
        .collect();
    let kept = [(id(0), true), (id(0), false), (id(2), true), (id(2), false)];
    assert_eq!(open, kept.map(|(id, kept)| (id.to_string(), kept)));
    assert_eq!(case.keys(result.dead_letters()), [id(1).to_string()]);
}

#[test]
fn news_that_end_nothing_end_nothing_when_they_panic_either() {
    let (case, result) = (Case::new(), Topic::result(Lane::Mass));
    let append = |id: TrackId, news: StepResult| case.append(result, id, case.schemas.encode(&news));
    // One is told of an attempt before its vendor has it; the other has ended.
    append(id(1), at_vendor(id(1)));
    append(id(1), receipt(id(1)));
    turns(&mut case.worker(result, case.outcome())).unwrap();
    append(id(0), StepResult { kind: ResultKind::Attempt, due_at: None, ..at_vendor(id(0)) });
    append(id(1), receipt(id(1)));
    turns(&mut case.worker(result, Panicky::new(case.outcome(), &[id(0), id(1)]))).unwrap();
    assert_eq!(case.keys(result.dead_letters()), [id(0), id(1)].map(|id| id.to_string()));
    append(id(0), at_vendor(id(0)));
    append(id(0), receipt(id(0)));
    turns(&mut case.worker(result, case.outcome())).unwrap();
    assert_eq!(ends(&case), [id(1), id(0)].map(|id| (id.to_string(), State::Delivered)));
}

#[test]
fn what_a_panicking_batch_had_decided_is_counted_once() {
    let (case, result, recorder) = (Case::new(), Topic::result(Lane::Mass), PrometheusBuilder::new().build_recorder());
    metrics::with_local_recorder(&recorder, || {
        let append = |id: TrackId, news: StepResult| case.append(result, id, case.schemas.encode(&news));
        for offset in 0..3 {
            append(id(offset), at_vendor(id(offset)));
            append(id(offset), receipt(id(offset)));
        }
        turns(&mut case.worker(result, Panicky::new(case.outcome(), &[id(2)]))).unwrap();
    });
    let page = recorder.handle().render();
    let of = |labels: &str| {
        page.lines().find_map(|line| line.strip_prefix("ims_terminal_reports_total")?.strip_prefix(labels))
    };
    assert_eq!(of("{channel=\"AT\",state=\"DELIVERED\"}"), Some(" 2"), "{page}");
    assert_eq!(of("{channel=\"MT\",state=\"FAILED\"}"), Some(" 1"), "{page}");
}

#[test]
fn a_record_that_panics_again_as_it_is_set_aside_leaves_its_letter_alone() {
    let (case, result) = (Case::new(), Topic::result(Lane::Mass));
    let mut worker = case.worker(result, Panicky { for_good: true, ..Panicky::new(case.outcome(), &[id(0)]) });
    case.append(result, id(0), case.schemas.encode(&at_vendor(id(0))));
    case.append(result, id(1), case.schemas.encode(&at_vendor(id(1))));
    turns(&mut worker).unwrap();
    assert_eq!(case.keys(result.dead_letters()), [id(0).to_string()]);
    assert_eq!((ends(&case), case.keys(Topic::open(Lane::Mass))), (vec![], vec![id(1).to_string()]));
}

#[test]
fn a_release_that_panics_at_one_record_in_twenty_stops_before_it_sets_one_aside() {
    let (case, recv) = (Case::new(), Topic::recv(RECV.0, RECV.1));
    (0..220).for_each(|offset| accepted(&case, id(offset)));
    let bad: Vec<TrackId> = (0..12).map(|n| id(n * 7)).collect();
    let halt = turns(&mut case.worker(recv, Panicky::new(case.router(), &bad))).unwrap_err();
    assert!(halt.reason.contains("more than 5 %"), "{halt}");
    assert_eq!(case.records(recv.dead_letters()).len(), 0);
    turns(&mut case.worker(recv, Panicky::new(case.router(), &bad[..11]))).unwrap();
    assert_eq!(case.records(recv.dead_letters()).len(), 11);
}
