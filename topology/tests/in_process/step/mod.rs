//! One step on the log in process.

mod panics;
mod restores;

use connectors::reference::FileReference;
use processors::{night::Night, outcome::Patience, ports::NoRegistry, ring::Rings};
use schemas::{
    Accepted, Api, Channel, Dispatch, Lane, Report, ResultKind, Schemas, Serial, State, StepResult, Topic, TrackId,
    examples, examples::seed, topics::Partitions,
};
use std::{sync::Arc, time::Duration};
use topology::{
    driver::ManualClock,
    engine::{BatchLimits, Decoder, Halt, Outputs, Step, StepWorker, Worker as _},
    log::{
        Headers, Log as _, Offsets, Outgoing, Place, Record, StreamSpec,
        memory::{MemoryLog, Settings},
    },
    steps::{Outcome, Route},
};

/// A log, and one step over it.
struct Case {
    clock: Arc<ManualClock>,
    log: MemoryLog,
    schemas: Arc<Schemas>,
    limits: BatchLimits,
}

impl Case {
    /// With one partition for each topic but those of waits.
    fn new() -> Self {
        Self::with(1)
    }

    fn with(partitions: i32) -> Self {
        let clock = ManualClock::at(seed::NOW_MS);
        let rings = Rings::default();
        let log = MemoryLog::new(Arc::clone(&clock) as _, Settings::default(), move |topic| match topic.partitions() {
            Partitions::Slots(ring) => rings.size(ring).slots as i32,
            Partitions::Configured => partitions,
            Partitions::One => 1,
        });
        Self { clock, log, schemas: Arc::new(Schemas::embedded()), limits: BatchLimits::default() }
    }

    fn decoder(&self) -> Decoder {
        Decoder::new(Arc::clone(&self.schemas), Arc::new(NoRegistry))
    }

    fn router(&self) -> Route {
        Route::new(self.decoder(), Arc::new(FileReference::demo().unwrap()), Night::default())
    }

    fn outcome(&self) -> Outcome {
        self.outcome_reading(self.decoder())
    }

    fn outcome_reading(&self, decoder: Decoder) -> Outcome {
        let (rings, reference) = (Arc::new(Rings::default()), Arc::new(FileReference::demo().unwrap()));
        Outcome::new(Lane::Mass, decoder, rings, reference, Night::default(), Patience::default())
    }

    fn worker<S: Step>(&self, source: Topic, step: S) -> StepWorker<S> {
        self.named("step", source, step)
    }

    fn named<S: Step>(&self, name: &str, source: Topic, step: S) -> StepWorker<S> {
        let spec = StreamSpec {
            name: name.into(),
            sources: vec![source],
            offsets: Offsets::Log,
            urgent: false,
            produces: true,
        };
        let out = Outputs::new(Arc::clone(&self.schemas));
        StepWorker::new(&self.log, spec, Arc::clone(&self.clock) as _, self.limits, out, step).unwrap()
    }

    fn append(&self, topic: Topic, id: TrackId, value: Vec<u8>) {
        self.append_all(&[outgoing(topic, None, id, Some(value))]);
    }

    fn append_all(&self, records: &[Outgoing]) {
        self.log.producer().unwrap().append(records).unwrap();
    }

    fn records(&self, topic: Topic) -> Vec<Record> {
        let mut reader = self.log.reader().unwrap();
        let mut records = Vec::new();
        for partition in reader.partitions(topic).unwrap() {
            let place = Place { topic, partition };
            let (first, end) = reader.bounds(place).unwrap();
            reader.read(place, first, end, &mut |record| records.push(record)).unwrap();
        }
        records
    }

    fn decoded<R: schemas::Record>(&self, topic: Topic) -> Vec<R> {
        self.records(topic).iter().map(|r| self.schemas.decode(r.value.as_deref().unwrap()).unwrap()).collect()
    }

    fn keys(&self, topic: Topic) -> Vec<String> {
        let key = |record: Record| String::from_utf8(record.key.unwrap().to_vec()).unwrap();
        self.records(topic).into_iter().map(key).collect()
    }
}

fn outgoing(topic: Topic, partition: Option<i32>, id: TrackId, value: Option<Vec<u8>>) -> Outgoing {
    let headers: Headers = vec![("tenant".into(), "one".into())];
    let key = Some(id.to_string().into_bytes().into());
    Outgoing { topic, partition, key, value: value.map(Into::into), headers }
}

fn turns<S: Step>(worker: &mut StepWorker<S>) -> Result<(), Halt> {
    (0..5).try_for_each(|_| worker.turn(Duration::ZERO).map(drop))
}

fn id(offset: u64) -> TrackId {
    TrackId::new(seed::NOW_MS, Api { cluster: 0, lane: Lane::Mass, partition: 0, offset, receiver: 0 })
}

/// A vendor has the message and reports later.
fn at_vendor(id: TrackId) -> StepResult {
    let serial_number = Serial { track_id: id, step: 0, priority: Lane::Mass }.to_string();
    let accepted = Accepted { track_id: id.to_string(), lane: Lane::Mass, ..examples::accepted() };
    let dispatch = Dispatch { serial_number: serial_number.clone(), accepted, ..Dispatch::default() };
    StepResult {
        track_id: id.to_string(),
        serial_number,
        kind: ResultKind::Sent,
        state: State::Sent,
        occurred_at: seed::NOW_MS,
        due_at: Some(seed::NOW_MS + 60_000),
        dispatch: Some(Box::new(dispatch)),
        ..StepResult::default()
    }
}

fn receipt(id: TrackId) -> StepResult {
    StepResult { kind: ResultKind::Receipt, state: State::Delivered, due_at: None, dispatch: None, ..at_vendor(id) }
}

/// The ends that were told, in order; first those of messages of which more than the track_id is known.
fn ends(case: &Case) -> Vec<(String, State)> {
    let known = case.decoded::<Report>(Topic::report(examples::accepted().channel)).into_iter();
    let others = case.decoded::<Report>(Topic::report(Channel::Mt));
    known.chain(others).filter(|report| report.terminal).map(|report| (report.track_id, report.state)).collect()
}
