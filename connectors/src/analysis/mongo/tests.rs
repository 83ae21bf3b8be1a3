//! What only MongoDB has to promise: members that die and step down, writers that die between two statements, documents
//! that end with their time.

use super::testing::{Base, End, Servers};
use super::*;
use crate::analysis::tests::{Kept, event};
use crate::analysis::{Analysis, Asked};
use ::mongodb::bson::{Bson, DateTime, doc};
use processors::ports::{Away, Logged, Move, Sink, Written};
use schemas::{AnalyzeLog, LogEvent, State, Topic};
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

const ALL: Range<i64> = 0..1 << 48;
/// Longer than anything takes that ends at all.
const PATIENCE: Duration = Duration::from_secs(120);

/// Records of one partition, from one offset to another: every fifth failed.
fn logged(partition: i32, offsets: Range<i64>) -> Vec<Logged<AnalyzeLog>> {
    let record = |offset: i64| match offset % 5 {
        0 => event(LogEvent::Step, State::Failed, "3018"),
        _ => event(LogEvent::Step, State::Delivered, "0000"),
    };
    offsets.map(|offset| Logged { topic: Topic::analyze_log(), partition, offset, record: record(offset) }).collect()
}

fn moved(partition: i32, offsets: &Range<i64>) -> [Move; 1] {
    let from = (offsets.start > 0).then_some(offsets.start);
    [Move { topic: Topic::analyze_log(), partition, from, to: offsets.end }]
}

/// Writes as a stream does: waits while the store is away, asks where it stands when it is stale.
fn write(sink: &mut MongoSink, partition: i32, offsets: Range<i64>) {
    let (batch, moves) = (logged(partition, offsets.clone()), moved(partition, &offsets));
    let began = Instant::now();
    loop {
        let told = match sink.write(&batch, &moves) {
            Ok(Written::Moved) => return,
            // Its answer was lost: the positions say what came of it.
            Ok(Written::Stale) => match sink.positions(&[(Topic::analyze_log(), partition)]) {
                Ok(positions) => return assert_eq!(positions, [Some(offsets.end)]),
                Err(told) => told,
            },
            Ok(Written::Refused(refused)) => panic!("{refused:?}"),
            Err(told) => told,
        };
        assert!(began.elapsed() < PATIENCE, "still {told}");
        std::thread::yield_now();
    }
}

/// Everything that was fed is counted once: events, counters, failures, histograms.
#[track_caller]
fn holds(base: &Base, events: i64) {
    let (mut reader, all) = (MongoAnalysis::new(base.settings()).unwrap(), Asked::all(ALL));
    let counted: i64 = reader.volumes(&all).unwrap().iter().map(|volume| volume.count).sum();
    let failed: i64 = reader.failures(&all, 9).unwrap().iter().map(|failure| failure.count).sum();
    let measured: Vec<_> = reader.latencies(&all).unwrap().iter().map(|latency| latency.count).collect();
    assert_eq!((i64::from(base.count(EVENTS)), counted, failed), (events, events, events / 5));
    assert_eq!(measured, [events; 5]);
}

/// Feeds a set of members while something is done to it.
fn feeds_while(nodes: u32, mut disturb: impl FnMut(&Servers)) {
    const BATCHES: i64 = 40;
    const ROWS: i64 = 100;
    let Some(servers) = Servers::start(nodes) else { return };
    let base = Base::on(&servers.url);
    let mut sink = MongoSink::new(base.settings()).unwrap();
    let written = AtomicI64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for batch in 0..BATCHES {
                write(&mut sink, 0, batch * ROWS..(batch + 1) * ROWS);
                written.store(batch + 1, Ordering::SeqCst);
            }
        });
        for after in [5, 15, 25] {
            let began = Instant::now();
            while written.load(Ordering::SeqCst) < after {
                assert!(began.elapsed() < PATIENCE, "{written:?}");
                std::thread::yield_now();
            }
            disturb(&servers);
        }
    });
    holds(&base, BATCHES * ROWS);
}

#[test]
fn calls_are_found_by_an_index() {
    let Some(base) = Base::shared() else { return };
    let mut reader = MongoAnalysis::new(base.settings()).unwrap();
    assert_eq!(reader.calls("nobody").unwrap(), []);
    let asked = doc! { "explain": { "find": EVENTS, "filter": reader::calls_of("T") }, "verbosity": "queryPlanner" };
    let plan = base.command(asked).to_string();
    assert!(plan.contains("IXSCAN") && plan.contains(r#""indexName": "calls""#), "{plan}");
}

#[test]
fn the_only_member_is_killed_again_and_again_and_nothing_is_lost_or_doubled() {
    feeds_while(1, |servers| {
        servers.kill(1);
        servers.restart(1);
    });
}

#[test]
fn a_primary_that_is_killed_is_followed_by_another_and_comes_back() {
    feeds_while(3, |servers| {
        let primary = servers.primary();
        servers.kill(primary);
        servers.restart(primary);
    });
}

#[test]
fn a_primary_that_steps_down_is_followed_by_another() {
    feeds_while(3, |servers| {
        servers.command(doc! { "replSetStepDown": 10, "secondaryCatchUpPeriodSecs": 0, "force": true });
    });
}

#[test]
fn the_only_member_steps_down_and_is_back() {
    feeds_while(1, |servers| {
        servers.command(doc! { "replSetStepDown": 1, "secondaryCatchUpPeriodSecs": 0, "force": true });
    });
}

#[test]
fn answers_that_are_lost_and_errors_of_every_kind_count_nothing_twice() {
    let Some(servers) = Servers::start(1) else { return };
    let base = Base::on(&servers.url);
    let mut sink = MongoSink::new(base.settings()).unwrap();
    let mut at = 0;
    let mut next = |sink: &mut MongoSink| {
        write(sink, 0, at..at + 50);
        at += 50;
    };
    next(&mut sink);
    for command in ["insert", "update", "commitTransaction"] {
        // No answer; a primary that goes; a time-out of the majority after the write was done; a conflict.
        let faults = [
            doc! { "closeConnection": true },
            doc! { "errorCode": 91 },
            doc! { "errorCode": 10_107 },
            doc! { "errorCode": 251, "errorLabels": ["TransientTransactionError"] },
            doc! { "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" } },
        ];
        for fault in faults {
            for times in [1, 3] {
                let mut data = doc! { "failCommands": [command], "appName": "ims" };
                data.extend(fault.clone());
                servers.command(doc! { "configureFailPoint": "failCommand", "mode": { "times": times }, "data": data });
                next(&mut sink);
                servers.command(doc! { "configureFailPoint": "failCommand", "mode": "off" });
            }
        }
    }
    holds(&base, at);
}

#[test]
fn a_writer_that_ends_at_any_of_its_waits_has_written_the_whole_batch_or_nothing() {
    let Some(servers) = Servers::start(1) else { return };
    // The server ends a transaction that nobody goes on with after this, not after a minute.
    servers.command(doc! { "setParameter": 1, "transactionLifetimeLimitSeconds": 1 });
    let base = Base::on(&servers.url);
    const ROWS: Range<i64> = 0..20;
    let sink = |partition| {
        let mut sink = MongoSink::new(base.settings()).unwrap();
        assert_eq!(sink.positions(&[(Topic::analyze_log(), partition)]), Ok(vec![None]));
        sink
    };
    // Five statements, each waits for its answer once at least; how often in all differs from run to run.
    const STATEMENTS: usize = 5;
    let mut ended = Vec::new();
    for end in [End::Killed, End::Dropped] {
        let mut unfinished = 0;
        for waits in 0..4 * STATEMENTS {
            let partition = ended.len() as i32;
            let (batch, moves) = (logged(partition, ROWS), moved(partition, &ROWS));
            ended.push(partition);
            match sink(partition).write_until((waits, end), &batch, &moves) {
                Some(done) => assert_eq!(done, Ok(Written::Moved)),
                None => unfinished += 1,
            }
        }
        assert!(unfinished >= STATEMENTS, "{end:?}: only {unfinished} ended before they were done");
    }
    let mut successor = MongoSink::new(base.settings()).unwrap();
    for partition in &ended {
        write(&mut successor, *partition, ROWS);
    }
    holds(&base, ROWS.end * ended.len() as i64);
}

#[test]
fn while_no_member_answers_it_says_so_and_goes_on_when_one_does() {
    let Some(servers) = Servers::start(1) else { return };
    let base = Base::on(&servers.url);
    let mut sink = MongoSink::new(base.settings()).unwrap();
    write(&mut sink, 0, 0..10);
    servers.kill(1);
    let Err(Away { dependency, cause }) = sink.write(&logged(0, 10..20), &moved(0, &(10..20))) else { panic!() };
    assert_eq!(dependency, "mongodb");
    let password = servers.url.split(['@', ':']).nth(2).unwrap();
    assert!(!cause.is_empty() && !cause.contains(password), "{cause}");
    servers.restart(1);
    write(&mut sink, 0, 10..20);
    holds(&base, 20);
}

#[test]
fn writers_of_several_partitions_at_a_time_are_not_in_each_others_way() {
    let Some(base) = Base::shared() else { return };
    std::thread::scope(|scope| {
        for partition in 0..3 {
            let base = &base;
            scope.spawn(move || {
                let mut sink = MongoSink::new(base.settings()).unwrap();
                sink.positions(&[(Topic::analyze_log(), partition)]).unwrap();
                for batch in 0..20 {
                    let offsets = batch * 50..(batch + 1) * 50;
                    let written = sink.write(&logged(partition, offsets.clone()), &moved(partition, &offsets));
                    assert_eq!(written, Ok(Written::Moved), "nobody waits for another");
                }
            });
        }
    });
    holds(&base, 3 * 1_000);
}

#[test]
fn documents_end_with_their_time_and_another_time_is_taken_up() {
    let Some(base) = Base::shared() else { return };
    let life = |collection: &str| {
        let indexes = base.command(doc! { "listIndexes": collection });
        let indexes = indexes.get_document("cursor").unwrap().get_array("firstBatch").unwrap().clone();
        let lives = indexes.iter().filter_map(|index| index.as_document()?.get("expireAfterSeconds").cloned());
        // A server tells a whole number as the type that it was told.
        let whole = |life: Bson| life.as_i64().map_or(life, |life| Bson::from(i32::try_from(life).unwrap()));
        lives.map(whole).collect::<Vec<_>>()
    };
    for days in [Some(65), Some(180), None, Some(90)] {
        let keep = days.map(|days| Duration::from_secs(days * 86_400));
        let settings = MongoSettings::new(&base.url, &base.name, keep).unwrap();
        MongoSink::new(settings).unwrap().positions(&[]).unwrap();
        // An index that had a life is told the longest.
        let expected = vec![Bson::from(days.map_or(i32::MAX, |days| days as i32 * 86_400))];
        for collection in [EVENTS, COUNTERS, LATENCIES] {
            assert_eq!(life(collection), expected, "{collection}");
        }
    }
    let day = |days: i64| DateTime::from_millis(DateTime::now().timestamp_millis() - days * 86_400_000);
    let events = [doc! { "_id": "old", "at": day(91) }, doc! { "_id": "young", "at": day(89) }];
    base.command(doc! { "insert": EVENTS, "documents": events.to_vec() });
    let began = Instant::now();
    while base.count(EVENTS) == 2 {
        assert!(began.elapsed() < PATIENCE, "the old one is still there");
        std::thread::yield_now();
    }
    let left = base.command(doc! { "find": EVENTS });
    let left = left.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    assert_eq!(left[0].as_document().unwrap().get_str("_id").ok(), Some("young"));
}

#[test]
fn an_event_stands_as_it_was_written_under_its_place_in_the_log() {
    let Some(base) = Base::shared() else { return };
    let one = event(LogEvent::Step, State::Failed, "3018");
    let kept = Kept::Mongo(base);
    kept.store(std::slice::from_ref(&one));
    let Kept::Mongo(base) = &kept else { unreachable!("it is MongoDB") };
    let found = base.command(doc! { "find": EVENTS });
    let found =
        found.get_document("cursor").unwrap().get_array("firstBatch").unwrap()[0].as_document().unwrap().clone();
    assert_eq!(found.get_str("_id").ok(), Some("ANALYZE-LOG-2-0"));
    assert_eq!(found.get_str("event").ok(), Some("STEP"));
    assert_eq!(found.get_str("vendor_code").ok(), Some("3018"));
    assert_eq!(found.get_datetime("at").ok(), Some(&DateTime::from_millis(one.at)));
    assert_eq!(found.get_datetime("sent_at").ok(), one.sent_at.map(DateTime::from_millis).as_ref());
}

#[test]
fn tls_is_spoken_with_a_server_whose_authority_is_known_and_with_no_other() {
    let Some(servers) = Servers::with_tls() else { return };
    let base = Base::on(&servers.url);
    write(&mut MongoSink::new(base.settings()).unwrap(), 0, 0..10);
    holds(&base, 10);
    let (plain, _) = servers.url.split_once("&tls").unwrap();
    for stranger in [plain.to_owned(), format!("{plain}&tls=true")] {
        let mut sink = MongoSink::new(MongoSettings::new(&stranger, &base.name, None).unwrap()).unwrap();
        assert_eq!(sink.positions(&[]).map_err(|away| away.dependency), Err("mongodb"), "{stranger}");
    }
}

#[test]
fn what_a_server_lacks_is_known_by_its_version() {
    let hello = |version: i32| doc! { "setName": "rs0", "maxWireVersion": version };
    let of = |hello| setup::Features::of(&hello);
    assert_eq!(of(hello(17)), Ok(setup::Features { clustered: true }));
    assert_eq!(of(hello(13)), Ok(setup::Features { clustered: false }), "MongoDB 5.0");
    assert!(of(hello(8)).unwrap_err().contains("4.4"));
    assert!(of(doc! { "maxWireVersion": 17 }).unwrap_err().contains("replica set"));
}

#[test]
fn settings_are_checked_and_never_show_a_password() {
    let new = |url, database| MongoSettings::new(url, database, None);
    let good = "mongodb://ims:hush@10.0.0.1:27017,10.0.0.2/?replicaSet=rs0&tls=true&tlsCAFile=ca.pem";
    let shown = format!("{:?}", new(good, "ims").unwrap().with_password("quiet"));
    assert!(shown.contains("10.0.0.2") && !shown.contains("hush") && !shown.contains("quiet"), "{shown}");
    for (url, told) in [
        ("", "mongodb://"),
        ("mysql://ims:hush@h/", "mongodb://"),
        ("mongodb+srv://ims:hush@h/?replicaSet=rs0", "name them"),
        ("mongodb://ims:hush@h/", "replicaSet"),
        ("mongodb://ims:hu/sh@h:x/?replicaSet=rs0", "cannot be understood"),
        ("mongodb://ims:hush@h/?replicaSet=rs0&tls=true&tlsAllowInvalidCertificates=true", "tlsCAFile"),
    ] {
        let error = new(url, "ims").unwrap_err().to_string();
        assert!(error.starts_with("analysis.url: ") && error.contains(told) && !error.contains("hush"), "{error}");
    }
    for database in ["", "a.b", "a b", &"a".repeat(39)] {
        assert!(new(good, database).unwrap_err().to_string().contains("analysis.database"), "{database:?}");
    }
}
