use super::*;
use crate::sql::{
    Dialect,
    testing::{Store, on_both},
};
use crate::{
    analysis::{AnalysisSink, SqliteAnalysis},
    cipher::Cipher,
    history::{HistoryReader, HistorySink},
    reports::{ReportReader, ReportSink},
    testing::Lines,
};
use processors::ports::{Logged, Move, Sink, Written};
use schemas::{AnalyzeLog, Channel, History, LogEvent, Recipient, Report, ReportKind, State, Topic};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};

on_both! {
    what_is_too_old_goes_in_small_batches_and_the_rest_stays
    a_purge_comes_once_a_day_and_the_writers_go_on_meanwhile
    each_batch_is_found_by_a_key
    a_clock_that_is_a_year_ahead_deletes_nothing_that_is_young
    a_clock_that_is_put_right_does_not_put_the_next_purge_off
    the_newest_row_is_found_by_a_key
}

const KEEP: Duration = Duration::from_secs(90 * 24 * 3600);
/// A Sunday in Korea.
const START_MS: i64 = 1_772_377_200_000;

struct Moved(AtomicI64);

impl Clock for Moved {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

fn write<R>(sink: &mut dyn Sink<R>, topic: Topic, from: i64, records: Vec<R>) {
    let to = from + records.len() as i64;
    let moves = [Move { topic, partition: 0, from: (from > 0).then_some(from), to }];
    let place = |(offset, record)| Logged { topic, partition: 0, offset, record };
    let batch: Vec<_> = (from..).zip(records).map(place).collect();
    assert_eq!(sink.write(&batch, &moves), Ok(Written::Moved));
}

/// The three stores, and what stands in them: a row of each for every message.
struct Stores {
    history: Location,
    reports: Location,
    analysis: PathBuf,
    cipher: Arc<Cipher>,
    written: i64,
}

impl Stores {
    fn of(store: &Store) -> Self {
        let Location::File(analysis) = store.file_beside("analysis") else { unreachable!("it is a file") };
        let reports = match store.location {
            Location::File(_) => store.file_beside("reports"),
            Location::Server(_) => store.location.clone(),
        };
        let cipher = Arc::new(Cipher::new(&[7; 32]));
        Self { history: store.location.clone(), reports, analysis, cipher, written: 0 }
    }

    fn write(&mut self, messages: i64, at_ms: i64) {
        let (from, ids) = (self.written, self.written..self.written + messages);
        let track_id = |id: i64| format!("T{id:025}");
        let history = |id| History {
            track_id: track_id(id),
            service_key: "K1".into(),
            last_step: true,
            received_at: at_ms,
            // Asked for 60 days ahead.
            report_at: at_ms + 60 * DAY_MS,
            state: State::Delivered,
            channel: Channel::Pu,
            recipient: Recipient { push_tokens: vec!["one".into(), "two".into()], ..Recipient::default() },
            ..History::default()
        };
        let report = |id| Report {
            track_id: track_id(id),
            username: "a".into(),
            message_id: track_id(id),
            requested_at: at_ms,
            kind: ReportKind::State,
            ..Report::default()
        };
        let event =
            |id| AnalyzeLog { track_id: track_id(id), at: at_ms, event: LogEvent::Step, ..AnalyzeLog::default() };
        let channel = Channel::At;
        let mut sink = HistorySink::history(&self.history, Arc::clone(&self.cipher)).unwrap();
        write(&mut sink, Topic::hist(channel), from, ids.clone().map(history).collect());
        let mut sink = ReportSink::reports(&self.reports).unwrap();
        write(&mut sink, Topic::report(channel), from, ids.clone().map(report).collect());
        let mut sink = AnalysisSink::analysis(&self.analysis).unwrap();
        write(&mut sink, Topic::analyze_log(), from, ids.map(event).collect());
        self.written += messages;
    }

    fn retention(&self, clock: &Arc<Moved>) -> Retention {
        let mut retention = Retention::new(Arc::clone(clock) as Arc<dyn Clock>, KEEP);
        retention.history(&self.history).unwrap();
        retention.reports(&self.reports).unwrap();
        retention.analysis(&self.analysis).unwrap();
        retention
    }

    fn count(location: &Location, table: &str) -> i64 {
        let mut database = Database::connect(location, &HistoryTable::SCHEMA).unwrap();
        let count = format!("SELECT count(*) AS n FROM {table}");
        let count = async |connection: &mut Connection| connection.query(&count).fetch_one().await?.get("n");
        database.run(count).unwrap()
    }

    /// Rows of history, tokens beside it, reports and events.
    fn rows(&self) -> [i64; 4] {
        let events = Self::count(&Location::file(&self.analysis), "events");
        let of_history = |table| Self::count(&self.history, table);
        [of_history("history"), of_history("history_tokens"), Self::count(&self.reports, "reports"), events]
    }
}

/// Runs a purge to its end; the rows it deleted, and in how many batches.
fn purge(retention: &mut Retention) -> (u64, usize) {
    for batches in 0.. {
        match retention.turn().unwrap() {
            Purge::Going => {}
            Purge::Ended(deleted) => return (deleted, batches),
            Purge::Resting => panic!("it is time"),
        }
    }
    unreachable!()
}

fn what_is_too_old_goes_in_small_batches_and_the_rest_stays(store: &Store) {
    let mut stores = Stores::of(store);
    stores.write(2_500, START_MS);
    stores.write(9, START_MS + DAY_MS);
    stores.write(1, START_MS + 91 * DAY_MS);
    let clock = Arc::new(Moved(AtomicI64::new(START_MS + 90 * DAY_MS)));
    assert_eq!(purge(&mut stores.retention(&clock)).0, 0, "not yet older than that");
    clock.0.fetch_add(1, Ordering::SeqCst);
    let of_a_file = store.location.dialect() == Dialect::Sqlite;
    if of_a_file {
        store.execute(&format!("INSERT INTO history_lots (lot, earliest, latest) VALUES (-1, 0, {START_MS})"));
    }
    let (deleted, batches) = purge(&mut stores.retention(&clock));
    if of_a_file {
        assert_eq!(Stores::count(&store.location, "history_lots"), 1, "one lot had old rows alone");
    }
    // Four tables of rows; counters and latencies share one row for all messages of a minute.
    assert!(deleted > 4 * 2_500, "{deleted}");
    assert!(batches >= 4 * 3, "{batches}");
    assert_eq!(stores.rows(), [10; 4]);
    assert_eq!(Stores::count(&Location::file(&stores.analysis), "counters"), 2);

    let day = "2026-03-02";
    let mut history = HistoryReader::open(&stores.history, Arc::clone(&stores.cipher)).unwrap();
    assert_eq!(history.statistics("K1", day, day).unwrap()[0].total, 2_500, "statistics stay");
    let mut reports = ReportReader::open(&stores.reports).unwrap();
    let ids = [2_499, 2_500].map(|id| reports.by_track_id(&format!("T{id:025}")).unwrap().is_some());
    assert_eq!(ids, [false, true]);
    SqliteAnalysis::open(&stores.analysis).unwrap();
}

fn each_batch_is_found_by_a_key(store: &Store) {
    let mut stores = Stores::of(store);
    stores.write(2_500, START_MS);
    let (rows, key) = match store.location.dialect() {
        Dialect::Sqlite => ("ANALYZE", "history_step"),
        Dialect::MySql => ("ANALYZE TABLE history, history_tokens", "PRIMARY"),
    };
    store.execute(rows);
    for (statement, key) in [(STEPS, key), (TOKENS, "PRIMARY")] {
        let values = ["'T0000000000000000000000999'", "1772377200000"];
        assert_eq!(store.index_of(statement.delete, &values), key, "{}", statement.delete);
    }
}

fn a_purge_comes_once_a_day_and_the_writers_go_on_meanwhile(store: &Store) {
    let mut stores = Stores::of(store);
    (0..3).for_each(|day| stores.write(5, START_MS + day * DAY_MS));
    let clock = Arc::new(Moved(AtomicI64::new(START_MS + 90 * DAY_MS + 1)));
    stores.write(1, clock.now_ms());
    let mut retention = stores.retention(&clock);
    assert_eq!(retention.turn(), Ok(Purge::Going));
    stores.write(1, clock.now_ms());
    purge(&mut retention);
    assert_eq!(stores.rows(), [12; 4]);
    clock.0.fetch_add(DAY_MS - 1, Ordering::SeqCst);
    assert_eq!(retention.turn(), Ok(Purge::Resting));
    clock.0.fetch_add(1, Ordering::SeqCst);
    stores.write(1, clock.now_ms());
    purge(&mut retention);
    assert_eq!(stores.rows(), [8; 4]);
    stores.write(1, clock.now_ms());
}

fn a_clock_that_is_a_year_ahead_deletes_nothing_that_is_young(store: &Store) {
    let mut stores = Stores::of(store);
    let clock = Arc::new(Moved(AtomicI64::new(START_MS + 465 * DAY_MS)));
    assert_eq!(purge(&mut stores.retention(&clock)).0, 0, "nothing stands there");
    [-1, 0, 90, 100].iter().for_each(|day| stores.write(5, START_MS + day * DAY_MS));
    let lines = Lines::of("sql::retention");
    let _guard = tracing::subscriber::set_default(lines.clone());
    purge(&mut stores.retention(&clock));
    assert_eq!(stores.rows(), [10; 4], "older by 90 days than the newest row");
    let told = lines.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("this machine's clock is so many days ahead"), "{told:?}");

    clock.0.store(START_MS + 114 * DAY_MS, Ordering::SeqCst);
    purge(&mut stores.retention(&clock));
    assert_eq!((stores.rows(), lines.told().len()), ([10; 4], 1), "nobody sends at holidays");
}

fn a_clock_that_is_put_right_does_not_put_the_next_purge_off(store: &Store) {
    let mut stores = Stores::of(store);
    stores.write(5, START_MS);
    let clock = Arc::new(Moved(AtomicI64::new(START_MS + 465 * DAY_MS)));
    let mut retention = stores.retention(&clock);
    purge(&mut retention);
    clock.0.store(START_MS + 100 * DAY_MS, Ordering::SeqCst);
    stores.write(5, clock.now_ms());
    assert_eq!(retention.turn(), Ok(Purge::Resting));
    clock.0.fetch_add(DAY_MS, Ordering::SeqCst);
    purge(&mut retention);
    assert_eq!(stores.rows(), [5; 4]);
}

fn the_newest_row_is_found_by_a_key(store: &Store) {
    let stores = Stores::of(store);
    stores.retention(&Arc::new(Moved(AtomicI64::new(START_MS))));
    let of_a_file = store.location.dialect() == Dialect::Sqlite;
    let plan = |location: &Location, text: &str| {
        let mut database = Database::connect(location, &HistoryTable::SCHEMA).unwrap();
        let text = format!("EXPLAIN {}{text}", if of_a_file { "QUERY PLAN " } else { "" });
        let rows = async |connection: &mut Connection| connection.query(&text).fetch_all().await;
        let rows = database.run(rows).unwrap();
        assert_eq!(rows.len(), 1, "it is not sorted");
        let column = if of_a_file { "detail" } else { "key" };
        rows[0].get::<String>(column).unwrap()
    };
    let keys = match store.location.dialect() {
        Dialect::Sqlite => {
            ["SCAN history USING INDEX history_step", "SCAN reports USING INDEX sqlite_autoindex_reports_1"]
        }
        Dialect::MySql => ["PRIMARY"; 2],
    };
    let found = [plan(&stores.history, NEWEST_HISTORY), plan(&stores.reports, NEWEST_REPORT)];
    assert_eq!(found, keys);
}
