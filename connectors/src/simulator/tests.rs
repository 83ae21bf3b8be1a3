use super::*;
use processors::{
    codes::Class,
    ports::{Answer, Receipt, Request},
    reference::{CodeTable, Vendor},
};
use schemas::Dispatch;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicI64, Ordering},
};

#[derive(Default)]
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Moved {
    fn to(&self, ms: i64) {
        self.0.store(ms, Ordering::SeqCst);
    }
}

fn vendor(table: CodeTable, receipts: bool) -> Arc<Vendor> {
    let json = serde_json::json!({
        "name": "v", "families": ["SMS"], "codes": table, "weight": 1, "tps": 100, "receipts": receipts,
    });
    Arc::new(serde_json::from_value(json).unwrap())
}

fn settings(behaviour: Behaviour) -> SimulatorSettings {
    SimulatorSettings { every_vendor: behaviour, ..SimulatorSettings::default() }
}

fn open(settings: SimulatorSettings) -> (Arc<Moved>, Arc<Simulator>) {
    let clock = Arc::new(Moved::default());
    let simulator = Simulator::open(settings, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    (clock, simulator)
}

fn on_file(path: &Path, behaviour: Behaviour) -> SimulatorSettings {
    SimulatorSettings { request_log: Some(path.to_owned()), ..settings(behaviour) }
}

fn request(ticket: u64, vendor: &Arc<Vendor>, serial_number: &str, attempt: i32) -> Request {
    let dispatch = Dispatch { serial_number: serial_number.into(), attempt, ..Dispatch::default() };
    Request { ticket, dispatch: Arc::new(dispatch), vendor: Arc::clone(vendor) }
}

fn answers(provider: &mut dyn Provider) -> Vec<Answer> {
    let mut answers = Vec::new();
    provider.answers(Duration::ZERO, &mut answers);
    answers
}

fn taken(receipts: &mut dyn Receipts) -> Vec<Receipt> {
    let mut taken = Vec::new();
    receipts.take(Duration::ZERO, &mut taken);
    taken
}

fn code(reply: &Reply) -> &str {
    match reply {
        Reply::Code { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn always(code: &str) -> BTreeMap<String, f64> {
    BTreeMap::from([(code.to_owned(), 1.0)])
}

fn success(table: CodeTable) -> &'static str {
    codes::outcomes(table)[0].0
}

const TABLES: [CodeTable; 10] = [
    CodeTable::Kakao,
    CodeTable::Text,
    CodeTable::Rcs,
    CodeTable::Fcm,
    CodeTable::Apns,
    CodeTable::Smtp,
    CodeTable::Bizgo,
    CodeTable::Smpp,
    CodeTable::NhnSms,
    CodeTable::NhnKakao,
];

#[test]
fn every_code_it_may_answer_is_in_its_vendors_table() {
    for table in TABLES {
        for (code, _) in codes::outcomes(table).iter().chain(codes::acceptances(table)) {
            assert_ne!(judge(table, code).class, Class::Unknown, "{table:?} {code}");
        }
        assert_eq!(judge(table, success(table)).class, Class::Done, "{table:?}");
        if let Some(code) = codes::duplicate(table) {
            assert_eq!(judge(table, code).class, Class::Duplicate, "{table:?} {code}");
        }
    }
}

#[test]
fn on_a_good_day_most_messages_arrive() {
    for table in TABLES {
        let (clock, simulator) = open(settings(Behaviour::default()));
        let (vendor, mut provider) = (vendor(table, false), simulator.provider());
        (0..10_000).for_each(|n| provider.submit(request(n, &vendor, &format!("s{n}"), 1)));
        clock.to(3_600_000);
        let answers = answers(&mut *provider);
        assert_eq!(answers.len(), 10_000, "each ticket is answered once");
        let success = Reply::Code { code: success(table).into(), text: judge(table, success(table)).meaning.into() };
        let successes = answers.iter().filter(|a| a.reply == success).count();
        assert!((9_200..9_800).contains(&successes), "{table:?}: {successes}");
    }
}

#[test]
fn the_same_seed_gives_each_attempt_the_same_fate() {
    let run = |seed| {
        let (clock, simulator) = open(SimulatorSettings { seed, ..settings(Behaviour::default()) });
        let (vendor, mut provider) = (vendor(CodeTable::Kakao, false), simulator.provider());
        (0..500).for_each(|n| provider.submit(request(n, &vendor, &format!("s{}", n / 2), n as i32 % 2)));
        clock.to(3_600_000);
        answers(&mut *provider)
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn an_answer_falls_due_by_the_clock() {
    let (clock, simulator) = open(settings(Behaviour { latency_ms: Spread::exactly(50.0), ..Behaviour::perfect() }));
    let (vendor, mut provider) = (vendor(CodeTable::Text, false), simulator.provider());
    provider.submit(request(1, &vendor, "s", 1));
    clock.to(49);
    assert!(answers(&mut *provider).is_empty());
    clock.to(50);
    assert_eq!(answers(&mut *provider).iter().map(|a| (a.ticket, a.at_ms)).collect::<Vec<_>>(), [(1, 50)]);
}

#[test]
fn half_of_the_answers_take_less_than_the_median_and_one_in_a_hundred_more_than_p99() {
    let behaviour = Behaviour { latency_ms: Spread { median: 40.0, p99: 200.0 }, ..Behaviour::perfect() };
    let vendor = vendor(CodeTable::Text, false);
    let draws: Vec<i64> =
        (0..20_000).map(|n| fate::draw(1, &behaviour, &vendor, &format!("s{n}"), 1).latency_ms).collect();
    let below = |ms: i64| draws.iter().filter(|latency| **latency <= ms).count();
    assert!((9_700..10_300).contains(&below(40)), "{}", below(40));
    assert!((19_700..19_900).contains(&below(200)), "{}", below(200));
}

#[test]
fn an_answer_slower_than_the_time_out_does_not_come_though_the_message_is_taken() {
    let (clock, simulator) =
        open(settings(Behaviour { latency_ms: Spread::exactly(60_000.0), ..Behaviour::perfect() }));
    let (vendor, mut provider) = (vendor(CodeTable::Text, false), simulator.provider());
    provider.submit(request(1, &vendor, "s", 1));
    clock.to(10_000);
    assert!(matches!(answers(&mut *provider)[0].reply, Reply::NoAnswer(_)));
    assert!(simulator.lock().taken.contains("v", "s"));
}

#[test]
fn a_serial_number_taken_before_is_refused_in_the_tables_own_words() {
    for (table, expected) in
        [(CodeTable::Kakao, "3012"), (CodeTable::Text, "E915"), (CodeTable::Rcs, "55806"), (CodeTable::Fcm, "200")]
    {
        let (_, simulator) = open(settings(Behaviour { codes: always(success(table)), ..Behaviour::perfect() }));
        let (vendor, mut provider) = (vendor(table, false), simulator.provider());
        provider.submit(request(1, &vendor, "s", 1));
        provider.submit(request(2, &vendor, "s", 2));
        let answers = answers(&mut *provider);
        assert_eq!((code(&answers[0].reply), code(&answers[1].reply)), (success(table), expected));
    }
}

#[test]
fn a_repeat_that_is_not_answered_is_not_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.jsonl");
    let silent = Behaviour { no_answer_share: 1.0, no_answer_taken_share: 1.0, ..Behaviour::perfect() };
    let (_, simulator) = open(on_file(&path, silent));
    let (vendor, mut provider) = (vendor(CodeTable::Bizgo, true), simulator.provider());
    (1..=2).for_each(|attempt| provider.submit(request(1, &vendor, "s", attempt)));
    let taken: Vec<bool> = RequestLog::read(&path).unwrap().iter().map(|request| request.taken).collect();
    assert_eq!(taken, [true, false]);
}

#[test]
fn what_a_vendor_refused_may_be_sent_again() {
    let (_, simulator) = open(settings(Behaviour { codes: always("9998"), ..Behaviour::perfect() }));
    let (vendor, mut provider) = (vendor(CodeTable::Kakao, false), simulator.provider());
    (1..=2).for_each(|n| provider.submit(request(n, &vendor, "s", n as i32)));
    assert!(answers(&mut *provider).iter().all(|a| code(&a.reply) == "9998"));
}

#[test]
fn a_request_is_on_file_before_it_is_answered_without_text_or_recipient() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.jsonl");
    let late = Behaviour { latency_ms: Spread::exactly(1_000.0), ..Behaviour::perfect() };
    let (clock, simulator) = open(on_file(&path, late));
    clock.to(5);
    let (vendor, mut provider) = (vendor(CodeTable::Text, false), simulator.provider());
    let mut secret = Dispatch { serial_number: "s1".into(), attempt: 3, ..Dispatch::default() };
    secret.accepted.recipient.phone_number = Some("1012345678".into());
    secret.accepted.content.message = Some("인증번호 482913".into());
    provider.submit(Request { ticket: 1, dispatch: Arc::new(secret), vendor });
    let requests = RequestLog::read(&path).unwrap();
    assert_eq!(requests.len(), 1);
    let Requested { at_ms, vendor, serial_number, attempt, taken, .. } = &requests[0];
    assert_eq!((*at_ms, vendor.as_str(), serial_number.as_str(), *attempt, *taken), (5, "v", "s1", 3, true));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("1012345678") && !text.contains("482913"));
    assert!(answers(&mut *provider).is_empty());
}

#[test]
fn opened_again_it_remembers_what_it_took_and_which_receipts_it_owes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.jsonl");
    let mut behaviour = Behaviour { codes: always("1000"), ..Behaviour::perfect() };
    behaviour.receipts.delay_ms = Spread::exactly(100.0);
    let vendor = vendor(CodeTable::Text, true);
    {
        let (clock, simulator) = open(on_file(&path, behaviour.clone()));
        let (mut provider, mut receipts) = (simulator.provider(), simulator.receipts());
        provider.submit(request(1, &vendor, "confirmed", 1));
        clock.to(100);
        assert_eq!(taken(&mut *receipts).len(), 1);
        receipts.confirm();
        provider.submit(request(2, &vendor, "given", 1));
        clock.to(200);
        assert_eq!(taken(&mut *receipts).len(), 1);
        provider.submit(request(3, &vendor, "owed", 1));
    }
    let (clock, simulator) = open(on_file(&path, behaviour));
    clock.to(1_000);
    let (mut provider, mut receipts) = (simulator.provider(), simulator.receipts());
    let owed: Vec<_> = taken(&mut *receipts).into_iter().map(|r| (r.serial_number, r.at_ms)).collect();
    assert_eq!(owed, [("given".to_owned(), 200), ("owed".to_owned(), 300)]);
    provider.submit(request(4, &vendor, "confirmed", 2));
    assert_eq!(code(&answers(&mut *provider)[0].reply), "E915");
    assert_eq!(RequestLog::read(&path).unwrap().len(), 4);
}

#[test]
fn receipts_that_were_not_confirmed_are_given_to_the_next_taker() {
    let (_, simulator) = open(settings(Behaviour::perfect()));
    let (vendor, mut provider) = (vendor(CodeTable::Text, true), simulator.provider());
    (0..10).for_each(|n| provider.submit(request(n, &vendor, &format!("s{n}"), 1)));
    let first = taken(&mut *simulator.receipts());
    assert!(!first.is_empty());
    let mut second = simulator.receipts();
    assert_eq!(taken(&mut *second), first);
    second.confirm();
    drop(second);
    assert!(taken(&mut *simulator.receipts()).is_empty());
}

#[test]
fn receipts_come_twice_early_out_of_order_or_never_as_often_as_the_settings_say() {
    let mut behaviour = Behaviour { codes: always("1000"), ..Behaviour::perfect() };
    behaviour.latency_ms = Spread::exactly(50.0);
    behaviour.receipts = ReceiptBehaviour {
        delay_ms: Spread { median: 1_000.0, p99: 10_000.0 },
        twice_share: 0.1,
        before_answer_share: 0.2,
        never_share: 0.3,
        codes: always("3001"),
        ..ReceiptBehaviour::default()
    };
    let (clock, simulator) = open(settings(behaviour));
    let (vendor, mut provider) = (vendor(CodeTable::Text, true), simulator.provider());
    (0..10_000).for_each(|n| provider.submit(request(n, &vendor, &format!("s{n}"), 1)));
    clock.to(3_600_000);
    let receipts = taken(&mut *simulator.receipts());
    assert!(receipts.iter().all(|r| r.code == "3001" && r.vendor == "v"));
    assert!(receipts.is_sorted_by_key(|r| r.at_ms));
    let mut times: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    receipts.iter().for_each(|r| times.entry(&r.serial_number).or_default().push(r.at_ms));
    let share = |count: usize| count as f64 / 10_000.0;
    assert!((share(10_000 - times.len()) - 0.3).abs() < 0.02, "never: {}", 10_000 - times.len());
    let twice = times.values().filter(|at| at.len() == 2).count();
    assert!((share(twice) - 0.07).abs() < 0.01, "twice: {twice}");
    let early = times.values().filter(|at| at[0] < 50).count();
    assert!((share(early) - 0.14).abs() < 0.015, "before the answer: {early}");
    let in_order = times.iter().map(|(serial, at)| (at[0], serial)).collect::<Vec<_>>().is_sorted();
    assert!(!in_order, "receipts overtake each other");
}

#[test]
fn a_vendor_without_receipts_gives_none() {
    let (clock, simulator) = open(settings(Behaviour::perfect()));
    let (vendor, mut provider) = (vendor(CodeTable::Kakao, false), simulator.provider());
    provider.submit(request(1, &vendor, "s", 1));
    clock.to(3_600_000);
    assert!(taken(&mut *simulator.receipts()).is_empty());
}

#[test]
fn in_an_outage_requests_are_refused_before_they_leave_or_vanish() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.jsonl");
    let (clock, simulator) = open(on_file(&path, Behaviour { codes: always("1000"), ..Behaviour::perfect() }));
    let (vendor, mut provider) = (vendor(CodeTable::Text, false), simulator.provider());
    simulator.outage("v", Outage::Refusing);
    provider.submit(request(1, &vendor, "s", 1));
    assert!(matches!(answers(&mut *provider)[0].reply, Reply::NotSent(_)));
    assert!(RequestLog::read(&path).unwrap().is_empty());
    simulator.outage("v", Outage::Silent);
    provider.submit(request(2, &vendor, "s", 1));
    clock.to(9_999);
    assert!(answers(&mut *provider).is_empty());
    clock.to(10_000);
    assert!(matches!(answers(&mut *provider)[0].reply, Reply::NoAnswer(_)));
    simulator.outage("v", Outage::None);
    provider.submit(request(3, &vendor, "s", 2));
    assert_eq!(code(&answers(&mut *provider)[0].reply), "1000", "nothing of it was taken");
}

#[test]
fn an_answer_is_spoiled_as_often_as_the_settings_say_and_its_message_taken_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.jsonl");
    let spoiled = SpoiledShares { reset: 0.1, slow_body: 0.2, wrong_json: 0.3, wrong_charset: 0.0 };
    let behaviour = Behaviour { codes: always("1000"), spoiled, ..Behaviour::perfect() };
    let (clock, simulator) = open(on_file(&path, behaviour));
    let (vendor, mut provider) = (vendor(CodeTable::Text, false), simulator.provider());
    (0..1_000).for_each(|n| provider.submit(request(n, &vendor, &format!("s{n}"), 1)));
    let at_once = answers(&mut *provider).len();
    clock.to(i64::from(vendor.timeout_ms));
    let late = answers(&mut *provider);
    assert_eq!(at_once + late.len(), 1_000);
    assert!(late.iter().all(|answer| matches!(answer.reply, Reply::NoAnswer(_))));
    let requests = RequestLog::read(&path).unwrap();
    assert!(requests.iter().all(|request| request.taken));
    let count = |word: &str| requests.iter().filter(|request| request.code.as_deref() == Some(word)).count();
    for (word, expected) in
        [("reset", 100), ("slow_body", 200), ("wrong_json", 300), ("wrong_charset", 0), ("1000", 400)]
    {
        assert!(count(word).abs_diff(expected) <= expected / 3, "{word}: {} of {expected}", count(word));
    }
    assert_eq!(count("slow_body"), late.len());
}

#[test]
fn reports_are_dated_by_the_vendors_clock() {
    let (_, simulator) =
        open(settings(Behaviour { codes: always("1000"), clock_ahead_s: -86_400, ..Behaviour::perfect() }));
    simulator.provider().submit(request(1, &vendor(CodeTable::Text, true), "s", 1));
    assert_eq!(taken(&mut *simulator.receipts())[0].at_ms, -86_400_000);
}

#[test]
fn beyond_its_limit_a_vendor_asks_to_wait_for_the_rest_of_the_second() {
    let behaviour = Behaviour { tps: Some(3), retry_after_ms: 0, ..Behaviour::perfect() };
    let (clock, simulator) = open(settings(behaviour));
    let (vendor, mut provider) = (vendor(CodeTable::Fcm, false), simulator.provider());
    clock.to(400);
    (0..4).for_each(|n| provider.submit(request(n, &vendor, &format!("s{n}"), 1)));
    let replies: Vec<_> = answers(&mut *provider).into_iter().map(|a| a.reply).collect();
    assert!(replies[..3].iter().all(|r| matches!(r, Reply::Code { .. })));
    assert_eq!(replies[3], Reply::Throttled(Duration::from_millis(1_000)));
    clock.to(1_400);
    provider.submit(request(9, &vendor, "s9", 1));
    assert!(matches!(answers(&mut *provider)[0].reply, Reply::Code { .. }));
}

#[test]
fn a_line_torn_by_a_kill_is_dropped_and_a_line_of_something_else_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.jsonl");
    let whole = r#"{"at_ms":1,"vendor":"v","serial_number":"s1","attempt":1,"code":"1000","taken":true}"#;
    std::fs::write(&path, format!("{whole}\n{{\"at_ms\":2,\"ven")).unwrap();
    assert_eq!(RequestLog::read(&path).unwrap().len(), 1);
    let (_, simulator) = open(on_file(&path, Behaviour::perfect()));
    simulator.provider().submit(request(1, &vendor(CodeTable::Text, false), "s2", 1));
    let serials: Vec<_> = RequestLog::read(&path).unwrap().into_iter().map(|r| r.serial_number).collect();
    assert_eq!(serials, ["s1", "s2"]);
    std::fs::write(&path, format!("{whole}\nnot json\n")).unwrap();
    let error = RequestLog::read(&path).unwrap_err().to_string();
    assert!(error.contains("requests.jsonl, after 1 entries"), "{error}");
}

#[test]
fn settings_that_cannot_be_are_refused_all_at_once() {
    assert!(SimulatorSettings::default().mistakes().is_empty());
    let wrong = Behaviour {
        no_answer_share: 1.5,
        latency_ms: Spread { median: 10.0, p99: 5.0 },
        codes: BTreeMap::from([("x".into(), -1.0)]),
        spoiled: SpoiledShares { reset: 0.6, slow_body: 0.6, wrong_json: -0.1, ..SpoiledShares::default() },
        ..Behaviour::default()
    };
    let settings = SimulatorSettings {
        vendors: BTreeMap::from([("kt".into(), wrong)]),
        key_file: "a.key".into(),
        ..settings(Behaviour::default())
    };
    let mistakes = settings.mistakes();
    for expected in [
        "vendors.kt.no_answer_share = 1.5",
        "vendors.kt.latency_ms",
        "vendors.kt.codes",
        "vendors.kt.spoiled = 1.0999",
        "vendors.kt.spoiled.wrong_json = -0.1",
        "certificate_file and key_file go together",
    ] {
        assert!(mistakes.iter().any(|m| m.starts_with(expected)), "{expected} is missing in {mistakes:?}");
    }
    assert!(Simulator::open(settings, Arc::new(Moved::default())).is_err());
}

#[test]
fn on_a_good_day_no_code_stops_a_sender_or_a_template() {
    use processors::codes::{Handling, judge};
    for table in
        [CodeTable::Kakao, CodeTable::Text, CodeTable::Rcs, CodeTable::Bizgo, CodeTable::NhnSms, CodeTable::Smpp]
    {
        for (code, _) in codes::outcomes(table).iter().chain(codes::acceptances(table)) {
            let row = judge(table, code);
            let stops = matches!(row.handling, Handling::Sender | Handling::Template | Handling::Spam);
            assert!(row.class != Class::Block || !stops, "{table:?} {code}");
        }
    }
}
