use super::*;
use crate::{
    commands::replay::{
        Args,
        audit::{Audit, Noted},
        bound::Bound,
        of_somebody,
    },
    config::{self, Config, ReferenceKind},
    exit::Exit,
    stores::Stores,
};
use clap::Parser;
use connectors::{reference, sql::Database};
use processors::{
    ports::{Clock, NoRegistry},
    reference::{Customer, Reference, Seed, ServiceKey},
};
use schemas::{Channel, ReportKind, State, examples, topics::Kind};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
use topology::{
    driver::ManualClock,
    engine::Outputs,
    log::memory::{MemoryLog, Settings},
};

/// A Wednesday morning.
const NOW_MS: i64 = 1_773_273_600_000;

/// A log with reports in REPORT-AT, a second apart.
struct Case {
    clock: Arc<ManualClock>,
    log: MemoryLog,
    schemas: Arc<Schemas>,
}

/// Keeps what is appended.
#[derive(Default)]
struct Kept(Vec<Outgoing>);

impl Producer for Kept {
    fn append(&mut self, records: &[Outgoing]) -> Result<(), LogError> {
        self.0.extend_from_slice(records);
        Ok(())
    }
}

/// Takes nothing.
struct Away;

impl Producer for Away {
    fn append(&mut self, _: &[Outgoing]) -> Result<(), LogError> {
        Err(LogError::Away("no broker answers".into()))
    }
}

impl Case {
    fn new() -> Self {
        let clock = ManualClock::at(NOW_MS);
        let log =
            MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>, Settings::default(), |topic| match topic.kind() {
                Kind::DeadLetter(_) | Kind::Endpoint => 1,
                _ => 3,
            });
        Self { clock, log, schemas: Arc::new(Schemas::embedded()) }
    }

    fn report(&self, report: Report) {
        self.clock.advance(Duration::from_secs(1));
        let mut out = Outputs::new(Arc::clone(&self.schemas));
        out.report(&report);
        self.log.producer().unwrap().append(out.records()).unwrap();
    }

    /// Ends of messages of this customer.
    fn ends(&self, username: &str, count: usize) {
        for number in 0..count {
            let (track_id, username) = (format!("{username}-{number}"), username.to_owned());
            self.report(Report { track_id, username, ..examples::report() });
        }
    }

    fn bring(&self, order: &Order, producer: &mut dyn Producer) -> (Brought, anyhow::Result<()>) {
        self.bring_knowing(None, order, producer)
    }

    /// With these reference data, if any can be read.
    fn bring_knowing(
        &self,
        reference: Option<Reference>,
        order: &Order,
        producer: &mut dyn Producer,
    ) -> (Brought, anyhow::Result<()>) {
        let decoder = Decoder::new(Arc::clone(&self.schemas), Arc::new(NoRegistry));
        let mut reader = self.log.reader().unwrap();
        let called = reference
            .map(|reference| Called::read(Arc::new(reference), &mut *reader, &decoder, self.clock.now_ms()).unwrap());
        let replay = Replay { order, id: "R1", decoder: &decoder, called, schemas: Arc::clone(&self.schemas) };
        let parts = replay.parts(&mut *self.log.reader().unwrap()).unwrap();
        let (mut brought, mut at) = (Brought::default(), 0);
        let done = replay.bring(&self.log, &parts, producer, &mut brought, &mut |behind| {
            assert!(behind >= at, "the bar goes forward");
            at = behind;
        });
        if done.is_ok() {
            let all: u64 = parts.iter().map(|(_, from, to)| offsets(*from, *to)).sum();
            assert_eq!((at, brought.looked_at), (all, all), "the bar comes to its end");
        }
        (brought, done)
    }

    fn brought(&self, order: &Order) -> (Brought, Vec<Outgoing>) {
        let mut kept = Kept::default();
        let (brought, done) = self.bring(order, &mut kept);
        done.unwrap();
        (brought, kept.0)
    }
}

fn order() -> Order {
    let topic = Topic::report(Channel::At);
    Order { topic, from: None, to: None, customer: None, target: To::Callback, rate: 1_000_000, dry_run: false }
}

fn to_topic() -> Order {
    Order { target: To::Topic("again".into()), ..order() }
}

fn text(outgoing: &Outgoing, name: &str) -> Option<String> {
    let (_, value) = outgoing.headers.iter().find(|(n, _)| n == name)?;
    Some(String::from_utf8(value.to_vec()).unwrap())
}

#[test]
fn only_what_customers_were_told_is_told_again_marked_and_one_report_a_record() {
    let case = Case::new();
    case.ends("hanbit", 3);
    case.report(Report { terminal: false, state: State::Sent, ..examples::report() });
    case.report(Report { terminal: false, kind: ReportKind::Late, ..examples::report() });
    case.report(Report { state: State::Rejected, code: "2030".into(), ..examples::report() });
    let (brought, records) = case.brought(&order());
    assert_eq!(brought.by_customer, BTreeMap::from([("hanbit".to_owned(), 3)]));
    assert_eq!(brought.left_out, BTreeMap::from([("no end of a message", 2), ("nobody is told of it", 1)]));
    let mut ids = Vec::new();
    for record in &records {
        assert_eq!((record.topic, record.partition), (Topic::callback(), None));
        let callback: Callback = case.schemas.decode(record.value.as_deref().unwrap()).unwrap();
        assert_eq!((callback.failed, callback.replay.as_str(), callback.reports.len()), (0, "R1", 1));
        assert_eq!(record.key.as_deref(), Some(callback.track_id.as_bytes()));
        ids.push(callback.reports[0].track_id.clone());
    }
    ids.sort();
    assert_eq!(ids, ["hanbit-0", "hanbit-1", "hanbit-2"]);
}

#[test]
fn reports_that_nobody_is_called_for_are_left_out_by_their_reason() {
    let case = Case::new();
    let key = |n: usize, uri: Option<&str>| ServiceKey {
        key: format!("{n:0>40}"),
        username: "hanbit".into(),
        callback_uri: uri.map(str::to_owned),
        callback_secrets: uri.map(|_| format!("whsec_{}", "A".repeat(32)).try_into().unwrap()).into_iter().collect(),
        ..ServiceKey::default()
    };
    let (open, gone) = (Some("https://shop.example/"), Some("https://gone.example/"));
    let service_keys = vec![key(0, open), key(1, None), key(2, gone)];
    let customers = vec![Customer { username: "hanbit".into(), ..Customer::default() }];
    let seed = Seed { customers, service_keys, ..Seed::default() };
    let reference = Reference::new(seed).unwrap();
    let ended = reference.endpoint(&format!("{:0>40}", 2)).unwrap().disabled(None, NOW_MS);
    let mut out = Outputs::new(Arc::clone(&case.schemas));
    out.emit(Topic::endpoint(), &ended.service_key, &ended);
    case.log.producer().unwrap().append(out.records()).unwrap();
    for (n, reports) in [(0, 3), (1, 2), (2, 1)] {
        (0..reports).for_each(|_| case.report(Report { service_key: format!("{n:0>40}"), ..examples::report() }));
    }
    let mut kept = Kept::default();
    let (brought, done) = case.bring_knowing(Some(reference), &order(), &mut kept);
    done.unwrap();
    assert_eq!((brought.count, kept.0.len()), (3, 3));
    let left = [("its endpoint answered 410", 1), ("its service key has no callback_uri", 2)];
    assert_eq!(brought.left_out, BTreeMap::from(left));
    assert_eq!(case.brought(&order()).0.count, 6, "where nobody knows, all are brought");
}

#[test]
fn a_copy_is_the_record_as_it_was_with_its_origin() {
    let case = Case::new();
    case.report(examples::report());
    case.report(Report { terminal: false, state: State::Sent, ..examples::report() });
    let (brought, records) = case.brought(&to_topic());
    assert_eq!((brought.count, records.len()), (2, 2), "every report, not only ends");
    let mut reader = case.log.reader().unwrap();
    let mut originals = Vec::new();
    for partition in 0..3 {
        let place = Place { topic: Topic::report(Channel::At), partition };
        let (first, end) = reader.bounds(place).unwrap();
        reader.read(place, first, end, &mut |record| originals.push(record)).unwrap();
    }
    for (copy, original) in records.iter().zip(&originals) {
        assert_eq!((&copy.key, &copy.value), (&original.key, &original.value));
        let Record { place, offset, timestamp_ms, .. } = original;
        let origin = format!("REPORT-AT/{}/{offset}/{timestamp_ms}", place.partition);
        assert_eq!(text(copy, ORIGIN_HEADER), Some(origin));
        assert_eq!(text(copy, REPLAY_HEADER).as_deref(), Some("R1"));
        assert_eq!(text(copy, "state"), Some(if copy == &records[0] { "DELIVERED" } else { "SENT" }.to_owned()));
    }
}

#[test]
fn customer_time_and_offset_choose_and_a_dry_run_brings_nothing() {
    let case = Case::new();
    case.ends("hanbit", 10);
    case.ends("bank", 10);
    let of = |order: &Order| {
        let (brought, records) = case.brought(order);
        assert_eq!(records.len() as u64, if order.dry_run { 0 } else { brought.count });
        brought.by_customer
    };
    let bank = Order { customer: Some("bank".into()), ..order() };
    assert_eq!(of(&bank), BTreeMap::from([("bank".to_owned(), 10)]));
    assert_eq!(of(&Order { dry_run: true, ..bank.clone() }), of(&bank));
    // The n-th report stands there since n seconds after the beginning.
    let time = |seconds: i64| Some(Bound::Time(NOW_MS + seconds * 1_000));
    let some = of(&Order { from: time(8), to: time(13), ..order() });
    assert_eq!(some, BTreeMap::from([("hanbit".to_owned(), 3), ("bank".to_owned(), 2)]));
    assert_eq!(of(&Order { from: time(21), ..order() }), BTreeMap::new());
    let first_of_each = of(&Order { from: Some(Bound::Offset(0)), to: Some(Bound::Offset(0)), ..order() });
    assert_eq!(first_of_each.values().sum::<u64>(), 3, "one of each partition, the end included");
}

#[test]
fn a_customer_who_was_never_there_is_no_customer_without_reports() {
    let case = Case::new();
    case.ends("who-left", 1);
    let config = config::load(None, []).unwrap();
    let of = |customer: &str, config: &Config| {
        let order = Order { customer: Some(customer.into()), ..order() };
        of_somebody(&order, &case.brought(&order).0, config)
    };
    of("hanbit-shop", &config).unwrap();
    of("who-left", &config).unwrap();
    let refused = of("nobody", &config).unwrap_err();
    let told = refused.to_string();
    assert!(Exit::of(&refused) == Exit::Usage && told.contains("--customer \"nobody\": nothing is found"), "{told}");

    let mut unread = config.clone();
    unread.reference.file = "missing.toml".into();
    of("nobody", &unread).unwrap();
}

#[test]
fn a_log_that_goes_away_ends_the_replay_with_what_is_known() {
    let case = Case::new();
    case.ends("hanbit", 5);
    let (brought, done) = case.bring(&order(), &mut Away);
    let error = done.unwrap_err();
    assert_eq!((brought.count, Exit::of(&error)), (0, Exit::Away));
    let mut audit = Audit::begin(order().ordered(), "R1", "kim (uid 1000) on host".into(), NOW_MS);
    audit.end(brought, Some(format!("{error:#}")), NOW_MS + 1_000);
    let json = serde_json::to_value(&audit).unwrap();
    assert_eq!((&json["replay"], &json["brought"]), (&"R1".into(), &0.into()));
    assert_eq!(
        (&json["who"], &json["began_at"]),
        (&"kim (uid 1000) on host".into(), &"2026-03-12T00:00:00.000Z".into())
    );
    assert!(json["error"].as_str().unwrap().contains("no broker answers"), "{json}");
    assert!(audit.text("reports").contains("audit: replay R1 by kim (uid 1000) on host"), "{}", audit.text("reports"));
}

#[test]
fn a_replay_stands_in_the_audit_of_a_shared_store_before_and_after_or_brings_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config::load(None, []).unwrap();
    config.store.file = folder.path().join("ims.sqlite");
    let location = Stores::of(&config).reference().unwrap();
    let mut audit = Audit::begin(order().ordered(), "R1", "kim (uid 1000) on host".into(), NOW_MS);
    Noted::open(&config, false).unwrap().note(&audit, NOW_MS).unwrap();
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "a file of reference data has no store");

    config.reference.kind = ReferenceKind::Sql;
    let unready = Noted::open(&config, false).err().unwrap();
    assert_eq!(Exit::of(&unready), Exit::Stopped, "{unready:#}");
    reference::SCHEMA.migrate(&location).unwrap();
    Noted::open(&config, true).unwrap().note(&audit, NOW_MS).unwrap();
    let mut noted = Noted::open(&config, false).unwrap();
    noted.note(&audit, NOW_MS).unwrap();
    let brought =
        Brought { looked_at: 9, count: 7, by_customer: BTreeMap::from([("hanbit".into(), 7)]), ..Brought::default() };
    audit.end(brought, None, NOW_MS + 1_000);
    noted.note(&audit, NOW_MS + 1_000).unwrap();

    let mut database = Database::connect(&location, &reference::SCHEMA).unwrap();
    let lines =
        database.run(async |connection| connection.query("SELECT * FROM audit ORDER BY id").fetch_all().await).unwrap();
    let state = |line: usize, column| -> Option<Value> {
        lines[line].get::<Option<String>>(column).unwrap().map(|json| serde_json::from_str(&json).unwrap())
    };
    assert_eq!(lines.len(), 2, "nothing of the dry run");
    for (line, at_ms) in [(0, NOW_MS), (1, NOW_MS + 1_000)] {
        let text = |column| lines[line].get::<String>(column).unwrap();
        assert_eq!((text("actor"), text("kind")), ("kim (uid 1000) on host".to_owned(), "replays".to_owned()));
        assert_eq!((text("subject"), lines[line].get::<i64>("at").unwrap()), ("R1".to_owned(), at_ms));
    }
    assert_eq!((state(0, "state_before"), state(1, "state_before")), (None, state(0, "state_after")));
    let ended = state(1, "state_after").unwrap();
    assert_eq!((&ended["brought"], &ended["by_customer"]["hanbit"]), (&7.into(), &7.into()));
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

#[test]
fn where_reports_go_must_be_said_and_never_is_the_chain() {
    let refused = |line: &str| {
        let args = Line::parse_from(["ims"].into_iter().chain(line.split(' '))).args;
        let error = match args.only_of_letters().and_then(|()| args.order(Topic::report(Channel::At))) {
            Err(error) => error,
            Ok(_) => args.order(Topic::report(Channel::At)).unwrap_err(),
        };
        assert_eq!(Exit::of(&error), Exit::Usage, "{line}: {error}");
        error.to_string()
    };
    assert!(refused("--topic REPORT-AT").contains("--to-callback or --to-topic"));
    assert!(refused("--topic DLQ-API-MASS --to-callback").contains("are for reports"));
    assert!(refused("--topic REPORT-AT --again").contains("are for dead letters"));
    let args = |line: &str| Line::parse_from(["ims"].into_iter().chain(line.split(' '))).args;
    let into_chain = args("--topic REPORT-AT --to-topic prod-REPORT-AT").order(Topic::report(Channel::At));
    assert!(into_chain.unwrap_err().to_string().contains("is a topic of the chain"));
    let order = args("--topic REPORT-AT --to-topic copies --from 7").order(Topic::report(Channel::At)).unwrap();
    assert_eq!((order.target, order.from, order.rate), (To::Topic("copies".into()), Some(Bound::Offset(7)), 100));
}
