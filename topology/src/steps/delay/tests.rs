use super::*;
use crate::{
    driver::ManualClock,
    log::{
        Offsets,
        memory::{MemoryLog, Settings},
    },
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use processors::ports::NoRegistry;
use schemas::{Lane, Schemas, examples::seed, topics::Partitions};

struct Bench {
    clock: Arc<ManualClock>,
    rings: Arc<Rings>,
    log: MemoryLog,
}

impl Bench {
    fn new() -> Self {
        let (clock, rings) = (ManualClock::at(seed::NOW_MS), Arc::new(Rings::default()));
        let sizes = Arc::clone(&rings);
        let log = MemoryLog::new(Arc::clone(&clock) as _, Settings::default(), move |topic| match topic.partitions() {
            Partitions::Slots(ring) => sizes.size(ring).slots as i32,
            Partitions::Configured | Partitions::One => 1,
        });
        Self { clock, rings, log }
    }

    /// So many were written and are due so long after the time of the examples, milliseconds.
    fn waits(&self, records: usize, written_ms: i64, due_ms: i64) {
        let mut out = Outputs::new(Arc::new(Schemas::embedded()));
        let target = Topic::result(Lane::Ad);
        let (due_at, target_name) = (seed::NOW_MS + due_ms, target.name().to_owned());
        let waiting = Delayed { track_id: "T".into(), due_at, target: target_name, ..Delayed::default() };
        (0..records).for_each(|_| out.delay(&self.rings, seed::NOW_MS + written_ms, &waiting, target, None));
        self.log.producer().unwrap().append(out.records()).unwrap();
    }

    /// Records of a topic, in all its slots.
    fn stand(&self, topic: Topic) -> usize {
        let (mut reader, mut records) = (self.log.reader().unwrap(), 0);
        let slots = match topic.kind() {
            Kind::Delay(ring) => self.rings.size(ring).slots as i32,
            _ => 1,
        };
        for place in (0..slots).map(|partition| Place { topic, partition }) {
            let (first, end) = reader.bounds(place).unwrap();
            reader.read(place, first, end, &mut |_| records += 1).unwrap();
        }
        records
    }

    fn worker(&self) -> DelayWorker {
        let sources = vec![Topic::delay(Ring::Seconds), Topic::delay(Ring::Minutes)];
        let (name, offsets) = ("delay".into(), Offsets::Log);
        let spec = StreamSpec { name, sources, offsets, urgent: false, produces: true };
        let schemas = Arc::new(Schemas::embedded());
        let decoder = Decoder::new(Arc::clone(&schemas), Arc::new(NoRegistry));
        let (clock, rings) = (Arc::clone(&self.clock) as _, Arc::clone(&self.rings));
        DelayWorker::new(&self.log, spec, clock, rings, decoder, Outputs::new(schemas)).unwrap()
    }
}

fn overdue(page: &PrometheusHandle) -> Option<String> {
    let page = page.render();
    page.lines().find_map(|line| line.strip_prefix("ims_overdue_records{stream=\"delay\"} ")).map(str::to_owned)
}

#[test]
fn who_takes_over_what_waits_counts_what_is_due_and_nothing_that_is_not() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let bench = Bench::new();
        [-2_000, -1_000, 30_000, 50_000, 600_000].iter().for_each(|due_ms| bench.waits(1, -6_000, *due_ms));
        let mut worker = bench.worker();
        worker.turn(Duration::ZERO).unwrap();
        assert_eq!(overdue(&page).as_deref(), Some("2"), "before it has looked into any slot");
        while worker.turn(Duration::ZERO).unwrap() == Progress::Worked {}
        bench.clock.advance(Duration::from_secs(1));
        worker.turn(Duration::ZERO).unwrap();
        assert_eq!(overdue(&page).as_deref(), Some("0"), "both are let go");
    });
}

#[test]
fn what_stands_in_a_slot_whose_turn_was_missed_is_counted_as_soon_as_it_is_known() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let bench = Bench::new();
        // Its slot closed 36 seconds ago.
        bench.waits(7_000, -110_000, -100_000);
        let mut worker = bench.worker();
        worker.turn(Duration::ZERO).unwrap();
        bench.clock.advance(Duration::from_secs(1));
        worker.turn(Duration::ZERO).unwrap();
        assert_eq!(overdue(&page).as_deref(), Some("2000"), "of which a batch is let go");
    });
}

#[test]
fn a_slot_that_was_closed_while_the_clock_was_ahead_opens_when_it_is_set_back() {
    let bench = Bench::new();
    let hour = Duration::from_secs(3_600);
    bench.clock.advance(hour);
    // Due in the same slot of the finest ring, one with the clock ahead and one with it set right.
    bench.waits(1, 3_600_000, 3_630_000);
    let mut worker = bench.worker();
    let mut work = || while worker.turn(Duration::ZERO).unwrap() == Progress::Worked {};
    work();
    bench.clock.set_back(hour);
    bench.waits(1, 0, 46_000);
    assert_eq!((bench.stand(Topic::delay(Ring::Seconds)), bench.stand(Topic::delay(Ring::Minutes))), (2, 0));
    bench.clock.advance(Duration::from_secs(47));
    work();
    assert_eq!(bench.stand(Topic::delay(Ring::Minutes)), 1, "what has an hour to wait is placed anew");
    assert_eq!(bench.stand(Topic::result(Lane::Ad)), 1, "what is due goes");
}
