//! The connector and the simulator over loopback: each reads and writes PDUs by itself.

use super::{Bench, NOW_MS, code, long, smpp, taken, text, told, vendor};
use crate::{
    simulator::{Behaviour, RequestLog, Requested, Simulator, SimulatorSettings, SmppListener},
    vendors::{
        Shared,
        smpp::{
            SmppSettings,
            settings::{Long, Numbers},
            text::Encoding,
        },
    },
};
use processors::ports::{Clock, Reply};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

/// From [`NOW_MS`] on.
struct Running(Instant);

impl Clock for Running {
    fn now_ms(&self) -> i64 {
        NOW_MS + self.0.elapsed().as_millis() as i64
    }
}

struct Carrier {
    listener: SmppListener,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

impl Carrier {
    fn behaving(behaviour: Behaviour) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("requests.jsonl");
        let settings = SimulatorSettings {
            every_vendor: behaviour,
            request_log: Some(log.clone()),
            ..SimulatorSettings::default()
        };
        let simulator = Simulator::open(settings, Arc::new(Running(Instant::now()))).unwrap();
        let known = Shared {
            vendor: Arc::new(vendor("smpp://127.0.0.1:1", 5_000)),
            key: "ims".into(),
            app_key: String::new(),
            password: String::new(),
            bounces: None,
            webhook_secret: None,
        };
        Self { listener: SmppListener::open(simulator, "127.0.0.1:0", vec![known]).unwrap(), log, _folder: folder }
    }

    fn bench(&self, settings: SmppSettings) -> Bench {
        self.within(5_000, settings)
    }

    fn within(&self, timeout_ms: u32, settings: SmppSettings) -> Bench {
        let settings = SmppSettings { billing_identification: true, ..settings };
        Bench::with(&format!("smpp://{}", self.listener.address()), timeout_ms, settings)
    }

    fn log(&self) -> Vec<Requested> {
        RequestLog::read(&self.log).unwrap()
    }
}

fn always(code: &str) -> BTreeMap<String, f64> {
    BTreeMap::from([(code.to_owned(), 1.0)])
}

/// Takes and delivers everything.
fn well() -> Behaviour {
    let mut behaviour = Behaviour { codes: always("0x00000000"), ..Behaviour::perfect() };
    behaviour.receipts.codes = always("DELIVRD.000");
    behaviour
}

#[test]
fn every_shape_of_a_message_is_taken_and_reported_under_its_serial_number() {
    let carrier = Carrier::behaving(well());
    let shapes = [
        smpp(),
        SmppSettings { encoding: Encoding::Ucs2, long: Long::Payload, ..smpp() },
        SmppSettings { encoding: Encoding::Ksc5601, numbers: Numbers::National, service_type: "CMT".into(), ..smpp() },
        SmppSettings { separate_binds: true, system_type: "VMA".into(), source_ton: 5, ..smpp() },
    ];
    for (at, settings) in shapes.into_iter().enumerate() {
        let mut bench = carrier.bench(settings);
        let mut receipts = bench.receipts();
        let (short, more) = (format!("S{at}-0R"), format!("L{at}-0R"));
        assert_eq!(code(&bench.reply(text(&short, "안녕하세요"))), "0x00000000");
        assert_eq!(code(&bench.reply(long(&more))), "0x00000000");
        let mut all = taken(&mut *receipts, 2);
        all.sort_by(|a, b| a.serial_number.cmp(&b.serial_number));
        assert_eq!(told(&all), [(more.as_str(), "DELIVRD.000"), (short.as_str(), "DELIVRD.000")]);
    }
    let parts: Vec<String> = carrier.log().into_iter().filter(|r| r.serial_number == "L0-0R").map(|r| r.part).collect();
    assert_eq!(parts.len(), 3, "{parts:?}");
    assert!(["1/3", "2/3", "3/3"].iter().all(|part| parts.iter().any(|of| of == part)), "{parts:?}");
    let written = std::fs::read_to_string(&carrier.log).unwrap();
    assert!(!written.contains("12345678") && !written.contains("안녕"), "{written}");
}

#[test]
fn its_codes_pauses_and_silences_are_what_they_are_at_a_real_one() {
    for (behaviour, expected) in [
        (Behaviour { codes: always("0x0000000B"), ..well() }, Some("0x0000000B")),
        (Behaviour { throttled_share: 1.0, ..well() }, None),
    ] {
        let reply = Carrier::behaving(behaviour).bench(smpp()).reply(text("T1-0R", "a"));
        match expected {
            Some(expected) => assert_eq!(code(&reply), expected),
            None => assert_eq!(reply, Reply::Throttled(Duration::from_millis(50))),
        }
    }
    let silent = Carrier::behaving(Behaviour { no_answer_share: 1.0, no_answer_taken_share: 1.0, ..well() });
    let reply = silent.within(300, smpp()).reply(text("T1-0R", "a"));
    assert!(matches!(&reply, Reply::NoAnswer(_)), "{reply:?}");
    assert!(silent.log()[0].taken);
}

#[test]
fn its_receipts_come_early_late_and_twice_and_each_names_its_message() {
    let mut behaviour = well();
    behaviour.latency_ms = crate::simulator::Spread::exactly(30.0);
    behaviour.receipts.before_answer_share = 0.5;
    behaviour.receipts.twice_share = 1.0;
    let carrier = Carrier::behaving(behaviour);
    let mut bench = carrier.bench(SmppSettings { window: 100, ..smpp() });
    let mut receipts = bench.receipts();
    (0..200).for_each(|ticket| bench.submit(ticket, text(&format!("T{ticket}-0R"), "a")));
    assert_eq!(bench.all(200).iter().filter(|answer| code(&answer.reply) == "0x00000000").count(), 200);
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    let deadline = Instant::now() + super::PATIENCE;
    // A report that met its answer twice before it came is told once.
    while named.len() < 200 {
        assert!(Instant::now() < deadline, "{} of 200", named.len());
        for receipt in taken(&mut *receipts, 1) {
            *named.entry(receipt.serial_number).or_default() += 1;
        }
    }
    assert!(named.values().all(|times| *times <= 2), "{named:?}");
}

#[test]
fn receipts_that_nobody_took_come_again() {
    let mut behaviour = well();
    behaviour.receipts.delay_ms = crate::simulator::Spread::exactly(50.0);
    let carrier = Carrier::behaving(behaviour);
    let mut bench = carrier.bench(smpp());
    assert_eq!(code(&bench.reply(text("T1-0R", "a"))), "0x00000000");
    // The lane's connection refuses it for now.
    std::thread::park_timeout(Duration::from_millis(200));
    let mut receipts = bench.receipts();
    assert_eq!(told(&taken(&mut *receipts, 1)), [("T1-0R", "DELIVRD.000")]);
}

#[test]
fn a_stranger_is_not_let_in() {
    let carrier = Carrier::behaving(well());
    let settings = SmppSettings { system_id: "stranger".into(), ..smpp() };
    assert_eq!(code(&carrier.bench(settings).reply(text("T1-0R", "a"))), "0x0000000F");
    assert!(carrier.log().is_empty());
}
