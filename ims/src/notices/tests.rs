use super::*;
use crate::{
    assemble,
    config::{self, Config, LogKind, ReferenceKind, StateKind},
    stores::Stores,
};
use connectors::{
    reference::{GivenConsent, Importer, SqlReference, parse},
    reports::ReportSink,
};
use processors::{
    korea::begins_ms,
    ports::{Logged, Move, Sink as _, Written},
    reference::Consent,
};
use schemas::{Report, SendRequest, State};
use std::sync::Mutex;
use topology::{driver::ManualClock, log::LogError};

const SEED: &str = r##"
[[customers]]
username = "shop"
name = "상점"
[[customers.consent_notices]]
service_key = "SHOP000000000000000000000000000000000000"
channel = "MT"
message_type = "LMS"
sender = "0234567890"
message = "#{sender}: #{date}에 #{what}에 동의하셨습니다. 철회: 080-123-4567"
[[customers]]
username = "silent"
[[service_keys]]
key = "SHOP000000000000000000000000000000000000"
username = "shop"
[[service_keys]]
key = "SILENT0000000000000000000000000000000000"
username = "silent"
[[sender_numbers]]
number = "0234567890"
username = "shop"
channel = "MT"
"##;

/// A log that takes what comes, or fails after it took it.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<(Vec<Outgoing>, bool)>>, Option<Arc<ManualClock>>);

impl Producer for Taken {
    fn append(&mut self, records: &[Outgoing]) -> Result<(), LogError> {
        let mut taken = self.0.lock().unwrap();
        taken.0.extend_from_slice(records);
        if let Some(clock) = &self.1 {
            // As long as the log needs for it, which then dies.
            clock.advance(Duration::from_millis(2 * STALE_MS.unsigned_abs()));
            taken.1 = taken.0.len() > 200;
        }
        if taken.1 { Err(LogError::Away("it died".into())) } else { Ok(()) }
    }
}

impl Taken {
    fn requests(&self) -> Vec<SendRequest> {
        let schemas = Schemas::embedded();
        self.0.lock().unwrap().0.iter().map(|record| schemas.decode(record.value.as_ref().unwrap()).unwrap()).collect()
    }

    fn dies(&self, after: bool) {
        self.0.lock().unwrap().1 = after;
    }
}

struct Fixture {
    _folder: tempfile::TempDir,
    config: Config,
    taken: Taken,
    clock: Arc<ManualClock>,
}

fn noon(day: &str) -> i64 {
    begins_ms(day.parse().unwrap()) + 12 * 3_600_000
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config::load(None, []).unwrap();
        config.store.file = folder.path().join("ims.sqlite");
        (config.reference.kind, config.log.kind, config.state.kind) =
            (ReferenceKind::Sql, LogKind::Memory, StateKind::Memory);
        let clock = ManualClock::at(noon("2026-03-15"));
        let this = Self { _folder: folder, config, taken: Taken::default(), clock };
        this.import(SEED);
        this
    }

    fn import(&self, text: &str) {
        let stores = Stores::of(&self.config);
        let (at, cipher) = (stores.reference().unwrap(), Arc::new(stores.cipher().unwrap()));
        let seed = parse("seed", text).unwrap();
        Importer::open(&at, cipher).unwrap().import("seed", seed, "test", 1, || {}).unwrap();
    }

    /// As a process has it.
    fn process(&self) -> Notices {
        let stores = Stores::of(&self.config);
        let cipher = Arc::new(stores.cipher().unwrap());
        let reference = Arc::new(SqlReference::open(&stores.reference().unwrap(), Arc::clone(&cipher)).unwrap());
        let taken = self.taken.clone();
        let opens: Opens = Box::new(move || Ok(Box::new(taken.clone())));
        let schemas = Arc::new(Schemas::embedded());
        let notices = assemble::notices(&self.config, cipher, reference, schemas, opens).unwrap();
        Notices { clock: Arc::clone(&self.clock) as Arc<dyn Clock>, ..notices }
    }

    fn consent(&self, username: &str, recipient: &str, app_user: bool, consented_ms: i64) -> GivenConsent {
        let consent = Consent {
            username: username.into(),
            recipient: recipient.into(),
            app_user,
            channel: None,
            kind: processors::center::consent::Kind::Ad,
            consented_at: jiff::Timestamp::from_millisecond(consented_ms).unwrap(),
            withdrawn_at: None,
            noticed_at: None,
        };
        GivenConsent { consent, dated: true }
    }

    fn agree(&self, username: &str, recipients: &[&str], consented_ms: i64) {
        let given: Vec<GivenConsent> =
            recipients.iter().map(|recipient| self.consent(username, recipient, false, consented_ms)).collect();
        let by = By::named("test", 1);
        self.process().editor.consent::<()>(&by, username, &given).unwrap().unwrap();
    }

    fn report(&self, message_id: &str) {
        let record = Report {
            track_id: "01KJMXCWW00000000000000001".into(),
            username: "shop".into(),
            service_key: "SHOP000000000000000000000000000000000000".into(),
            message_id: message_id.into(),
            state: State::Delivered,
            terminal: true,
            ..Report::default()
        };
        let topic = Topic::report(schemas::Channel::Mt);
        let moves = [Move { topic, partition: 0, from: None, to: 1 }];
        let mut sink = ReportSink::reports(&Stores::of(&self.config).reports().unwrap()).unwrap();
        let written = sink.write(&[Logged { topic, partition: 0, offset: 0, record }], &moves);
        assert_eq!(written, Ok(Written::Moved));
    }
}

fn told(looked: &Looked) -> Vec<(&str, u64, u64, u64, u64, u64)> {
    looked.customers.iter().map(|of| (&*of.username, of.due, of.told, of.unreached, of.refused, of.elsewhere)).collect()
}

#[test]
fn consents_are_told_on_their_day_by_the_customers_own_words_and_once() {
    let fixture = Fixture::new();
    fixture.agree("shop", &["821012345678", "hana@example.com"], noon("2024-03-15"));
    fixture.agree("shop", &["821087654321"], noon("2024-03-16"));
    fixture.agree("silent", &["821012345678"], noon("2024-03-15"));
    let mut process = fixture.process();
    assert_eq!(told(&process.look(Do::Look).unwrap()), [("shop", 2, 1, 1, 0, 0), ("silent", 1, 0, 1, 0, 0)]);
    assert_eq!(fixture.taken.requests().len(), 0, "they were looked at");
    let all = process.look(Do::Tell).unwrap();
    assert_eq!(told(&all), [("shop", 2, 1, 1, 0, 0), ("silent", 1, 0, 1, 0, 0)]);
    assert!(all.customers[1].reason.as_deref().unwrap().contains("consent_notices"));
    let requests = fixture.taken.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].phone_number.as_deref(), Some("+821012345678"));
    assert_eq!(requests[0].mapping.get("date").map(String::as_str), Some("2024년 3월 15일"));
    assert_eq!(told(&process.look(Do::Tell).unwrap())[0], ("shop", 1, 0, 1, 0, 0));
    fixture.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(told(&fixture.process().look(Do::Tell).unwrap())[0], ("shop", 2, 1, 1, 0, 0), "the next day");
    assert_eq!(fixture.taken.requests().len(), 2);
}

#[test]
fn a_process_that_dies_between_the_log_and_the_mark_is_followed_under_the_same_message_id() {
    let fixture = Fixture::new();
    fixture.agree("shop", &["821012345678"], noon("2024-03-15"));
    fixture.taken.dies(true);
    assert!(fixture.process().look(Do::Tell).is_err());
    fixture.taken.dies(false);
    assert_eq!(told(&fixture.process().look(Do::Tell).unwrap()), [("shop", 1, 0, 0, 0, 1)], "it may be at work");
    fixture.clock.advance(Duration::from_millis(STALE_MS.unsigned_abs() + 1));
    assert_eq!(told(&fixture.process().look(Do::Tell).unwrap()), [("shop", 1, 1, 0, 0, 0)]);
    let requests = fixture.taken.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].message_id, requests[1].message_id, "ingest takes it once");
    assert_eq!(told(&fixture.process().look(Do::Tell).unwrap()), []);
}

#[test]
fn days_after_a_process_died_its_report_says_that_it_had_told() {
    let fixture = Fixture::new();
    fixture.agree("shop", &["821012345678"], noon("2024-03-15"));
    fixture.taken.dies(true);
    assert!(fixture.process().look(Do::Tell).is_err());
    fixture.taken.dies(false);
    fixture.report(&fixture.taken.requests()[0].message_id);
    fixture.clock.advance(Duration::from_secs(3 * 24 * 3600));
    assert_eq!(told(&fixture.process().look(Do::Tell).unwrap()), [("shop", 1, 1, 0, 0, 0)]);
    assert_eq!(fixture.taken.requests().len(), 1, "its message_id would be free again");
}

#[test]
fn of_two_processes_at_once_one_tells() {
    let fixture = Fixture::new();
    let numbers: Vec<String> = (0..450).map(|n| format!("82101{n:07}")).collect();
    fixture.agree("shop", &numbers.iter().map(String::as_str).collect::<Vec<_>>(), noon("2024-03-15"));
    let looks = [fixture.process(), fixture.process()].map(|mut process| {
        std::thread::spawn(move || {
            loop {
                // A writer that waits too long says so, as it does to the job.
                if let Ok(all) = process.look(Do::Tell) {
                    return all.customers.iter().map(|of| of.told).sum::<u64>();
                }
            }
        })
    });
    let told: u64 = looks.map(|look| look.join().unwrap()).iter().sum();
    assert_eq!(told, 450);
    let ids: std::collections::BTreeSet<String> =
        fixture.taken.requests().into_iter().map(|request| request.message_id).collect();
    assert_eq!((ids.len(), fixture.taken.requests().len()), (450, 450));
}

#[test]
fn notices_go_out_once_a_day_and_never_by_night() {
    let fixture = Fixture::new();
    fixture.agree("shop", &["821012345678"], noon("2024-03-15"));
    let mut process = fixture.process();
    let mut done = None;
    let mut turn = |minutes: i64| {
        let now_ms = begins_ms("2026-03-15".parse().unwrap()) + minutes * 60_000;
        fixture.clock.advance(Duration::from_millis((now_ms - fixture.clock.now_ms()).unsigned_abs()));
        (turn(&mut process, 13, &mut done), fixture.taken.requests().len())
    };
    let (day, hour) = (24 * 60, 60);
    assert_eq!(turn(12 * hour + 30), (Duration::from_secs(1800), 0), "before its hour");
    assert_eq!(turn(13 * hour), (LONGEST, 1));
    assert_eq!(turn(13 * hour + 1), (LONGEST, 1), "done for today");
    fixture.agree("shop", &["821087654321"], noon("2024-03-15"));
    assert_eq!(turn(21 * hour), (LONGEST, 1));
    assert_eq!(turn(day + 13 * hour - 6), (Duration::from_secs(360), 1));
    assert_eq!(turn(day + 13 * hour), (LONGEST, 2), "what the day before missed");
}

#[test]
fn what_ingest_would_refuse_is_not_sent_and_not_noted() {
    let fixture = Fixture::new();
    fixture.agree("shop", &["821012345678"], noon("2024-03-15"));
    fixture.import(SEED.split("[[sender_numbers]]").next().unwrap());
    let all = fixture.process().look(Do::Tell).unwrap();
    assert_eq!(told(&all), [("shop", 1, 0, 0, 1, 0)]);
    assert!(all.customers[0].reason.as_deref().unwrap().starts_with("2040 callback"), "{all:?}");
    assert_eq!(fixture.taken.requests().len(), 0);
}

#[test]
fn a_notice_that_ingest_would_take_for_an_ad_is_not_sent() {
    let fixture = Fixture::new();
    fixture.agree("shop", &["821012345678"], noon("2024-03-15"));
    let template = "[[templates]]\ncode = \"T1\"\nusername = \"shop\"\nchannel = \"MT\"\ntitle = \"안내\"\n\
        message = \"(광고) [상점] #{date} 동의\\n무료수신거부 080-123-4567\"\n";
    let own = "message = \"#{sender}: #{date}에 #{what}에 동의하셨습니다. 철회: 080-123-4567\"\n";
    fixture.import(&(SEED.replace(own, "template_code = \"T1\"\n") + template));
    let all = fixture.process().look(Do::Tell).unwrap();
    assert_eq!(told(&all), [("shop", 1, 0, 0, 1, 0)], "{all:?}");
    assert!(all.customers[0].reason.as_deref().unwrap().starts_with("it is an ad"), "{all:?}");
    assert_eq!(fixture.taken.requests().len(), 0);
}

#[test]
fn a_push_to_a_user_without_registered_tokens_reaches_nobody() {
    let fixture = Fixture::new();
    let key = "SHOP000000000000000000000000000000000000";
    let push = format!(
        "[[customers.consent_notices]]\nservice_key = \"{key}\"\nchannel = \"PU\"\nmessage_type = \"PU\"\n\
         message = \"#{{date}} 동의\"\n[[customers]]\nusername = \"silent\""
    );
    fixture.import(&SEED.replace("[[customers]]\nusername = \"silent\"", &push));
    let given: Vec<GivenConsent> =
        ["hana", "duri"].map(|id| fixture.consent("shop", id, true, noon("2024-03-15"))).into();
    let mut process = fixture.process();
    let by = By::named("test", 1);
    process.editor.consent::<()>(&by, "shop", &given).unwrap().unwrap();
    let app = connectors::reference::App { service_key: key.into(), username: "shop".into() };
    let token = connectors::reference::PushToken { app_user_id: "duri".into(), token: "token-of-duri".into() };
    process.editor.register_tokens::<()>(&by, &app, &[token]).unwrap().unwrap();
    let all = process.look(Do::Tell).unwrap();
    assert_eq!(told(&all), [("shop", 2, 1, 1, 0, 0)], "{all:?}");
    assert_eq!(fixture.taken.requests()[0].app_user_id.as_deref(), Some("duri"));
}

#[test]
fn one_customers_trouble_holds_up_no_other() {
    let fixture = Fixture::new();
    fixture.agree("shop", &["821012345678"], noon("2024-03-15"));
    fixture.agree("silent", &["821012345678"], noon("2024-03-15"));
    let mut process = fixture.process();
    let due = {
        while process.editor.reckon_notices("shop", 2).unwrap() > 0 {}
        let today = i64::from(days_since_1970("2026-03-15".parse().unwrap()));
        process.editor.due_notices("shop", 2, today, None, 1).unwrap().remove(0)
    };
    let reference = process.reference.current();
    let customer = reference.customer("shop").unwrap();
    let long = ConsentNotice { message: Some("#{date}".repeat(200_000)), ..customer.consent_notices[0].clone() };
    let refused = process.request(due, &long, customer, &reference, fixture.clock.now_ms()).err().unwrap();
    assert!(refused.contains("bytes"), "a notice that no record holds is one that is not sent: {refused}");
    let at = Stores::of(&fixture.config).reference().unwrap();
    let broken = "UPDATE consents SET recipient = x'00' WHERE username = 'shop'";
    let mut database = connectors::sql::Database::connect(&at, &connectors::reference::SCHEMA).unwrap();
    database.run(async |connection| connection.query(broken).execute().await).unwrap();
    let looked = process.look(Do::Tell).unwrap();
    assert_eq!(told(&looked), [("silent", 1, 0, 1, 0, 0)]);
    assert!(looked.away.is_some());
    assert_eq!(turn(&mut process, 9, &mut None), REST);
}

#[test]
fn a_look_that_takes_long_marks_each_page_with_its_own_time() {
    let mut fixture = Fixture::new();
    fixture.taken.1 = Some(Arc::clone(&fixture.clock));
    let numbers: Vec<String> = (0..450).map(|n| format!("82101{n:07}")).collect();
    fixture.agree("shop", &numbers.iter().map(String::as_str).collect::<Vec<_>>(), noon("2024-03-15"));
    let mut process = fixture.process();
    // Before the second page goes out, another process would have begun it anew.
    assert!(process.look(Do::Tell).is_err());
    let page = fixture.taken.0.lock().unwrap().0.len();
    assert_eq!(page, 400);
    let today = i64::from(days_since_1970("2026-03-15".parse().unwrap()));
    let left = process.editor.due_notices("shop", 2, today, None, 500).unwrap();
    let begun: Vec<Option<i64>> = left.iter().map(|due| due.begun_ms).collect();
    let second = Some(noon("2026-03-15") + 2 * STALE_MS);
    assert_eq!(begun, [vec![second; 200], vec![None; 50]].concat());
}
