//! The connector and the simulator over loopback: each writes and reads SMTP by itself.

use super::{Bench, NOW_MS, SmtpSettings, code, email, file, open, plain, vendor, with};
use crate::{
    simulator::{Behaviour, Outage, RequestLog, Requested, Simulator, SimulatorSettings, SmtpListener, SpoiledShares},
    vendors::{
        Shared,
        contract::{always, first, until_confirmed},
        testing::{Nobody, serve, until},
    },
};
use processors::ports::{Clock, Reply};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use tempfile::{NamedTempFile, TempDir};

/// From [`NOW_MS`] on.
struct Running(Instant);

impl Clock for Running {
    fn now_ms(&self) -> i64 {
        NOW_MS + self.0.elapsed().as_millis() as i64
    }
}

struct Relay {
    listener: SmtpListener,
    folder: TempDir,
    password: (NamedTempFile, PathBuf),
}

impl Relay {
    fn behaving(behaviour: Behaviour) -> Self {
        Self::opened(behaviour, true)
    }

    /// Mails come back to its customer, or nobody has said where to.
    fn opened(behaviour: Behaviour, come_back: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["cur", "new", "tmp"] {
            std::fs::create_dir(folder.path().join(part)).unwrap();
        }
        let settings = SimulatorSettings {
            every_vendor: behaviour,
            request_log: Some(folder.path().join("requests.jsonl")),
            ..SimulatorSettings::default()
        };
        let simulator = Simulator::open(settings, Arc::new(Running(Instant::now()))).unwrap();
        let known = Shared {
            vendor: Arc::new(vendor("smtp://127.0.0.1:1")),
            key: "ims".into(),
            app_key: String::new(),
            password: "relay-password".into(),
            bounces: come_back.then(|| folder.path().to_owned()),
            webhook_secret: None,
        };
        let listener = SmtpListener::open(simulator, "127.0.0.1:0", vec![known]).unwrap();
        Self { listener, folder, password: file("relay-password") }
    }

    fn settings(&self) -> SmtpSettings {
        SmtpSettings { user: "ims".into(), ..plain() }
    }

    /// A customer who knows this password and waits so long.
    fn customer(&self, password: &Path, timeout_ms: u32, smtp: SmtpSettings) -> Bench {
        let settings = super::VendorSettings { key_file: password.to_owned(), poll_ms: 10, ..with(smtp) };
        let mut vendor = vendor(&self.listener.url());
        vendor.timeout_ms = timeout_ms;
        Bench::of(vendor, settings)
    }

    fn bench(&self) -> Bench {
        self.customer(&self.password.1, 5_000, self.settings())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("requests.jsonl")
    }

    fn requests(&self) -> Vec<Requested> {
        RequestLog::read(&self.log()).unwrap()
    }
}

/// Takes everything.
fn well() -> Behaviour {
    Behaviour { codes: always("2.0.0"), ..Behaviour::perfect() }
}

#[test]
fn each_mail_is_known_by_its_serial_number_and_so_is_its_repeat() {
    let relay = Relay::behaving(well());
    let mut bench = relay.bench();
    for serial in ["T1-0R", "T2-0R", "T1-0R"] {
        assert_eq!(code(&bench.reply(email(serial, "haneul.kim@mail.example"))), "2.0.0");
    }
    let told: Vec<_> = relay.requests().into_iter().map(|r| (r.serial_number, r.family, r.attempt, r.taken)).collect();
    let mail = |serial: &str, attempt| (serial.to_owned(), "EMAIL".to_owned(), attempt, true);
    assert_eq!(told, [mail("T1-0R", 1), mail("T2-0R", 1), mail("T1-0R", 2)], "a mail server knows no repeat");
    assert!(!std::fs::read_to_string(relay.log()).unwrap().contains("haneul"));
}

#[test]
fn each_code_is_said_as_a_server_says_it_and_the_next_mail_goes_on() {
    for (said, heard, taken) in [
        ("2.1.5", "2.1.5", true),
        ("250", "250", true),
        ("421", "421", false),
        ("4.3.2", "4.3.2", false),
        ("450", "450", false),
        ("4.2.2", "4.2.2", false),
        ("550", "550", false),
        ("5.2.2", "5.2.2", false),
        ("5.7.8", "5.7.8", false),
    ] {
        let relay = Relay::behaving(Behaviour { codes: always(said), ..well() });
        let mut bench = relay.bench();
        for serial in ["T1-0R", "T2-0R"] {
            assert_eq!(code(&bench.reply(email(serial, "a@mail.example"))), heard, "{said}");
        }
        let requests = relay.requests();
        assert!(requests.len() == 2 && requests.iter().all(|request| request.taken == taken), "{said}: {requests:?}");
    }
    let throttled = Relay::behaving(Behaviour { throttled_share: 1.0, ..well() });
    assert_eq!(code(&throttled.bench().reply(email("T1-0R", "a@mail.example"))), "4.7.28");
}

#[test]
fn what_is_cut_or_hangs_after_its_end_may_have_been_taken_or_not() {
    let cut = SpoiledShares { reset: 1.0, ..SpoiledShares::default() };
    let half = SpoiledShares { wrong_json: 1.0, ..SpoiledShares::default() };
    for (trouble, behaviour, taken) in [
        ("cut, and taken", Behaviour { spoiled: cut, ..well() }, true),
        ("cut, and refused", Behaviour { spoiled: cut, codes: always("4.2.2"), ..well() }, false),
        ("half a reply", Behaviour { spoiled: half, ..well() }, true),
        ("hangs, and taken", Behaviour { no_answer_share: 1.0, no_answer_taken_share: 1.0, ..well() }, true),
        ("hangs, and not taken", Behaviour { no_answer_share: 1.0, no_answer_taken_share: 0.0, ..well() }, false),
        ("vanishes", Behaviour { outage: Outage::Silent, ..well() }, false),
    ] {
        let relay = Relay::behaving(behaviour);
        let mut bench = relay.customer(&relay.password.1, 2_000, relay.settings());
        let reply = bench.reply(email("T1-0R", "a@mail.example"));
        assert!(matches!(reply, Reply::NoAnswer(_)), "{trouble}: {reply:?}");
        let requests = relay.requests();
        assert_eq!(requests.iter().map(|request| request.taken).collect::<Vec<_>>(), [taken], "{trouble}");
    }
}

#[test]
fn who_knows_no_password_hands_over_nothing() {
    let relay = Relay::behaving(well());
    let (_kept, wrong) = file("another");
    let reply = relay.customer(&wrong, 5_000, relay.settings()).reply(email("T1-0R", "a@mail.example"));
    assert_eq!(code(&reply), "5.7.8");
    let reply = relay.customer(Path::new(""), 5_000, plain()).reply(email("T1-0R", "a@mail.example"));
    assert_eq!(code(&reply), "5.7.8", "nobody has logged in");
    assert!(relay.requests().is_empty());
}

#[test]
fn a_mail_that_was_taken_comes_back_by_its_return_address() {
    let mut behaviour = well();
    behaviour.receipts.codes = always("5.1.1");
    let relay = Relay::behaving(behaviour);
    let (_kept, bounce_key_file) = file("a-key\n");
    let smtp = SmtpSettings {
        return_path: "bounces@hanbit.example".into(),
        bounce_key_file,
        bounces: relay.folder.path().to_owned(),
        ..relay.settings()
    };
    let settings = super::VendorSettings { key_file: relay.password.1.clone(), poll_ms: 10, ..with(smtp) };
    let vendor = vendor(&relay.listener.url());
    let vendors = open(&vendor, settings).unwrap();
    let mut bench = Bench { vendor: vendor.into(), provider: vendors.provider(Box::new(Nobody)) };
    let mut receipts = vendors.receipts(Box::new(Nobody), serve()).unwrap();
    let mail = || email("01KKCJ3N1F0000000000000001-0A", "haneul.kim@mail.example");
    assert_eq!(code(&bench.reply(mail())), "2.0.0");
    assert!(first(&mut *receipts).starts_with("01KKCJ3N1F0000000000000001-0A 5.1.1 "));
    receipts.confirm();
    until_confirmed(&relay.log());
    let left = || std::fs::read_dir(relay.folder.path().join("new")).unwrap().count();
    until("what came back is removed", || left() == 0);
    assert!(!relay.folder.path().join(".unmatched").exists());
    // What the next mail to it does.
    let reply = bench.reply(mail());
    assert!(matches!(&reply, Reply::Unasked { code, .. } if code == "5.1.1"), "{reply:?}");
    assert_eq!(relay.requests().len(), 1);
}

#[test]
fn where_mails_come_back_to_nobody_the_server_owes_none() {
    let mut behaviour = well();
    behaviour.receipts.codes = always("5.1.1");
    let relay = Relay::opened(behaviour, false);
    assert_eq!(code(&relay.bench().reply(email("01KKCJ3N1F0000000000000001-0A", "haneul.kim@mail.example"))), "2.0.0");
    until_confirmed(&relay.log());
}
