use super::*;
use crate::{
    driver::ManualClock,
    log::memory::{MemoryLog, Settings},
    send::BreakerSettings,
};
use processors::reference::{CodeTable, Seed};
use schemas::{Api, Lane, ResultKind, Schemas, State, StepResult, TrackId};
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

const NOW: i64 = 1_772_420_400_000;

/// What the vendors report, and how much of it was confirmed.
#[derive(Default)]
struct Inbox {
    waiting: Vec<Receipt>,
    taken: Vec<Receipt>,
    confirmed: Vec<Receipt>,
}

struct Source(Arc<Mutex<Inbox>>);

impl Receipts for Source {
    fn take(&mut self, _wait: Duration, into: &mut Vec<Receipt>) {
        let mut inbox = self.0.lock().unwrap();
        let waiting = std::mem::take(&mut inbox.waiting);
        inbox.taken.extend(waiting.iter().cloned());
        into.extend(waiting);
    }

    fn confirm(&mut self) {
        let mut inbox = self.0.lock().unwrap();
        let taken = std::mem::take(&mut inbox.taken);
        inbox.confirmed.extend(taken);
    }
}

struct Fixed(Arc<Reference>);

impl ReferenceSource for Fixed {
    fn current(&self) -> Arc<Reference> {
        Arc::clone(&self.0)
    }
}

struct Bench {
    log: MemoryLog,
    inbox: Arc<Mutex<Inbox>>,
    worker: ReceiptsWorker,
    allowance: Arc<Allowance>,
    reference: Arc<Reference>,
}

/// Panics when it is read for this many-th time.
struct Broken(AtomicUsize, usize);

impl Clock for Broken {
    fn now_ms(&self) -> i64 {
        assert_ne!(self.0.fetch_add(1, Ordering::SeqCst) + 1, self.1, "on purpose");
        NOW
    }
}

fn bench() -> Bench {
    bench_with(ManualClock::at(NOW))
}

/// With this clock for what is remembered of vendors.
fn bench_with(of_vendors: Arc<dyn Clock>) -> Bench {
    let clock = ManualClock::at(NOW);
    let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>, Settings::default(), |_| 1);
    let inbox = Arc::new(Mutex::default());
    let vendor = serde_json::json!({
        "name": "kt", "families": ["LMS"], "codes": CodeTable::Text, "weight": 1, "tps": 1, "receipts": true,
    });
    let seed = Seed { vendors: vec![serde_json::from_value(vendor).unwrap()], ..Seed::default() };
    let reference = Arc::new(Reference::new(seed).unwrap());
    let fixed = Arc::new(Fixed(Arc::clone(&reference)));
    let allowance = Allowance::new(of_vendors, BreakerSettings::default());
    let out = Outputs::new(Arc::new(Schemas::embedded()));
    let source = Box::new(Source(Arc::clone(&inbox)));
    let shared = Arc::clone(&allowance);
    let worker = ReceiptsWorker::new("text-receipts".into(), &log, source, fixed, clock, shared, out).unwrap();
    Bench { log, inbox, worker, allowance, reference }
}

fn serial(offset: u64, priority: Lane) -> String {
    let api = Api { cluster: 0, lane: Lane::Mass, partition: 0, offset, receiver: 0 };
    Serial { track_id: TrackId::new(NOW, api), step: 2, priority }.to_string()
}

impl Bench {
    fn report(&self, serial_number: &str, vendor: &str, code: &str) {
        let (serial_number, vendor, code) = (serial_number.to_owned(), vendor.to_owned(), code.to_owned());
        self.inbox.lock().unwrap().waiting.push(Receipt {
            serial_number,
            vendor,
            code,
            text: String::new(),
            at_ms: NOW - 5_000,
        });
    }

    fn results(&self, lane: Lane) -> Vec<StepResult> {
        let mut reader = self.log.reader().unwrap();
        let place = crate::log::Place { topic: Topic::result(lane), partition: 0 };
        let (first, end) = reader.bounds(place).unwrap();
        let mut results = Vec::new();
        let schemas = Schemas::embedded();
        reader
            .read(place, first, end, &mut |r| results.push(schemas.decode(r.value.as_deref().unwrap()).unwrap()))
            .unwrap();
        results
    }

    fn unmatched(&self) -> Vec<Unmatched> {
        let mut reader = self.log.reader().unwrap();
        let place = crate::log::Place { topic: Unmatched::topic(), partition: 0 };
        let (first, end) = reader.bounds(place).unwrap();
        let mut kept = Vec::new();
        reader.read(place, first, end, &mut |record| kept.extend(Unmatched::read(&record))).unwrap();
        kept
    }

    fn turn(&mut self) -> Progress {
        self.worker.turn(Duration::ZERO).unwrap()
    }

    fn confirmed(&self) -> usize {
        self.inbox.lock().unwrap().confirmed.len()
    }
}

#[test]
fn a_receipt_finds_message_step_and_lane_by_its_serial_number_alone() {
    let mut bench = bench();
    bench.report(&serial(1, Lane::Auth), "kt", "1000");
    bench.report(&serial(2, Lane::Mass), "kt", "3001");
    assert_eq!(bench.turn(), Progress::Worked);
    let (auth, mass) = (bench.results(Lane::Auth), bench.results(Lane::Mass));
    assert_eq!((auth.len(), mass.len()), (1, 1));
    let StepResult { track_id, serial_number, kind, step, state, code, occurred_at, .. } = &auth[0];
    assert_eq!(*serial_number, serial(1, Lane::Auth));
    assert!(serial_number.starts_with(track_id.as_str()));
    assert_eq!((*kind, *step, *state, code.as_str()), (ResultKind::Receipt, 2, State::Delivered, "0000"));
    assert_eq!(*occurred_at, NOW - 5_000);
    assert_eq!((mass[0].state, mass[0].code.as_str(), mass[0].fallback_allowed), (State::Failed, "3001", true));
    assert_eq!(bench.confirmed(), 2);
    assert_eq!(bench.turn(), Progress::Idle);
}

#[test]
fn receipts_of_others_are_kept_apart_and_those_without_news_are_dropped_and_all_are_confirmed() {
    let mut bench = bench();
    let long = "another-systems-number-".repeat(10);
    bench.report(&long, "kt", "1000");
    bench.report(&serial(1, Lane::Mass), "nobody", "1000");
    bench.report(&serial(2, Lane::Mass), "kt", "E915");
    bench.report(&serial(3, Lane::Mass), "kt", "1000");
    bench.turn();
    assert_eq!(bench.results(Lane::Mass).len(), 1);
    assert_eq!(bench.confirmed(), 4, "or they would come again for ever");
    let kept = bench.unmatched();
    let told: Vec<_> = kept.iter().map(|u| (&*u.vendor, &*u.serial_number, &*u.code, u.at_ms, &*u.why)).collect();
    let of_nobody = serial(1, Lane::Mass);
    assert_eq!(
        told,
        [
            ("kt", &long[..100], "1000", NOW - 5_000, "foreign"),
            ("nobody", &of_nobody, "1000", NOW - 5_000, "unknown vendor")
        ]
    );
}

#[test]
fn a_receipt_that_makes_this_program_panic_is_kept_apart_and_its_neighbours_are_taken() {
    let mut bench = bench_with(Arc::new(Broken(AtomicUsize::new(0), 2)));
    (1..=3).for_each(|nth| bench.report(&serial(nth, Lane::Mass), "kt", "1000"));
    assert_eq!(bench.turn(), Progress::Worked);
    let taken: Vec<_> = bench.results(Lane::Mass).into_iter().map(|result| result.serial_number).collect();
    assert_eq!(taken, [serial(1, Lane::Mass), serial(3, Lane::Mass)]);
    let kept = bench.unmatched();
    assert_eq!((kept.len(), &kept[0].serial_number, &*kept[0].why), (1, &serial(2, Lane::Mass), "defect"));
    assert_eq!(bench.confirmed(), 3, "or it would come again for ever");
}

#[test]
fn nothing_is_confirmed_before_it_is_in_the_log() {
    let mut bench = bench();
    bench.report(&serial(1, Lane::Mass), "kt", "1000");
    bench.log.faults().away();
    assert_eq!(bench.turn(), Progress::Idle);
    assert_eq!(bench.confirmed(), 0);
    bench.log.faults().back();
    bench.turn();
    assert_eq!((bench.results(Lane::Mass).len(), bench.confirmed()), (1, 1));
}

#[test]
fn a_vendor_that_takes_everything_and_delivers_nothing_is_left_alone() {
    let mut bench = bench();
    let down = |bench: &Bench| {
        let vendor = bench.reference.vendor(Family::Lms, "kt").unwrap();
        bench.allowance.down_until(vendor).is_some()
    };
    (0..40).for_each(|nth| bench.report(&serial(nth, Lane::Mass), "kt", if nth % 3 == 0 { "3011" } else { "1000" }));
    bench.turn();
    assert!(!down(&bench), "a third of the reports speak of its trouble");
    (0..40).for_each(|nth| bench.report(&serial(nth, Lane::Mass), "kt", "3001"));
    bench.turn();
    assert!(!down(&bench), "nor do refused recipients");
    (0..40).for_each(|nth| bench.report(&serial(nth, Lane::Mass), "kt", "3011"));
    (0..40).for_each(|nth| bench.report(&serial(nth, Lane::Mass), "kt", "1001"));
    bench.turn();
    assert!(down(&bench));
}
