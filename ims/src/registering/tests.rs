//! Templates from their registration at the center to their dealer's verdict, against the simulator.

mod profiles;

use super::*;
use crate::{
    assemble::{Deployment, SystemClock, open_vendors},
    config::{self, Config, LogKind, ReferenceKind, StateKind},
    stores::Stores,
};
use connectors::{
    cipher::Cipher,
    reference::{By, Importer, Leftover, SqlReference, Which, parse},
    simulator::{Listener, Simulator},
    vendors::Brings,
};
use processors::{
    ports::ReferenceSource as _,
    reference::{Approval, Template},
};
use schemas::Channel;
use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};
use topology::graph::Role;

const SEED: &str = r#"
[[customers]]
username = "shop"
[[customers]]
username = "bank"
[[service_keys]]
key = "SHOP000000000000000000000000000000000000"
username = "shop"
active = true
[[sender_profiles]]
sender_key = "profile"
username = "shop"
[[templates]]
username = "shop"
channel = "AT"
code = "ORDER"
sender_key = "profile"
state = "requested"
message = "주문이 발송되었습니다."
[[templates]]
username = "shop"
channel = "AT"
code = "AD"
sender_key = "profile"
state = "requested"
message = "(광고) 할인"
[[templates]]
username = "shop"
channel = "AT"
code = "HIGHLIGHT"
sender_key = "profile"
state = "requested"
message = "하이라이트"
attachment = { item_highlight = { title = "가", description = "나", img_url = "https://a.kr/a.jpg" } }
[[vendors]]
name = "dealer"
families = ["AT"]
codes = "bizgo"
weight = 1
tps = 100
receipts = true
protocol = "bizgo"
url = "URL"
"#;

/// A store, and a dealer that it is brought to.
struct Bench {
    config: Config,
    cipher: Arc<Cipher>,
    /// Ends with this.
    _listener: Listener,
    _folder: tempfile::TempDir,
}

fn config(folder: &std::path::Path) -> Config {
    let mut config = config::load(None, []).unwrap();
    config.store.file = folder.join("ims.sqlite");
    (config.reference.kind, config.log.kind, config.state.kind) =
        (ReferenceKind::Sql, LogKind::Memory, StateKind::Memory);
    config.simulator.request_log = None;
    let key_file = folder.join("dealer.key");
    std::fs::write(&key_file, "key").unwrap();
    let mut settings = connectors::vendors::VendorSettings { key_file, ..Default::default() };
    (settings.templates_every_ms, settings.calls_per_second) = (60_000, 1_000);
    config.vendors = BTreeMap::from([("dealer".to_owned(), settings)]);
    config
}

impl Bench {
    /// Whose inspections take so long.
    fn new(takes_ms: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        config.simulator.every_vendor.inspection.takes_ms = takes_ms;
        let profiles = &mut config.simulator.every_vendor.profiles;
        (profiles.blocked, profiles.dormant) = (vec!["blocked".into()], vec!["sleepy".into()]);
        let stores = Stores::of(&config);
        let cipher = Arc::new(stores.cipher().unwrap());
        let listen = |seed: &str| {
            let seed = parse("seed", seed).unwrap();
            let mut importer = Importer::open(&stores.reference().unwrap(), Arc::clone(&cipher)).unwrap();
            importer.import("seed", seed, "test", now_ms(), || {}).unwrap();
            let simulator = Simulator::open(config.simulator.clone(), Arc::new(SystemClock)).unwrap();
            let reference = SqlReference::open(&stores.reference().unwrap(), Arc::clone(&cipher)).unwrap();
            let known = open_vendors(&config, Arc::new(reference)).shared();
            Listener::open(simulator, "127.0.0.1:0", known).unwrap()
        };
        // The port is known when it is open, and the dealer by its key alone.
        let listener = listen(&SEED.replace("URL", "http://127.0.0.1:1"));
        let seed = parse("seed", &SEED.replace("URL", &listener.url())).unwrap();
        let mut importer = Importer::open(&stores.reference().unwrap(), Arc::clone(&cipher)).unwrap();
        importer.import("seed", seed, "test", now_ms(), || {}).unwrap();
        Self { config, cipher, _listener: listener, _folder: folder }
    }

    /// Its dealer is elsewhere.
    fn turn_to(&self, url: &str) {
        let seed = parse("seed", &SEED.replace("URL", url)).unwrap();
        let at = Stores::of(&self.config).reference().unwrap();
        Importer::open(&at, Arc::clone(&self.cipher)).unwrap().import("seed", seed, "test", 1, || {}).unwrap();
    }

    fn reference(&self) -> Arc<SqlReference> {
        let at = Stores::of(&self.config).reference().unwrap();
        Arc::new(SqlReference::open(&at, Arc::clone(&self.cipher)).unwrap())
    }

    fn editor(&self) -> Editor {
        let at = Stores::of(&self.config).reference().unwrap();
        Editor::open(&at, Arc::clone(&self.cipher), self.config.center).unwrap()
    }

    /// A process that registers.
    fn process(&self, holder: &str) -> Registration {
        let registrar = open_vendors(&self.config, self.reference()).registrar(Brings::Templates).unwrap().unwrap();
        Registration::new(self.editor(), registrar, holder.into())
    }

    fn template(&self, code: &str) -> Option<Arc<Template>> {
        self.reference().current().template(Channel::At, "shop", code).cloned()
    }

    /// The state here, and what the dealer said.
    fn stands(&self, code: &str) -> (Approval, String, String) {
        let template = self.template(code).unwrap();
        let said = self.editor().at_dealers(&[&template]).unwrap().remove(&0);
        let said = said.map(|said| (said.state, said.comment.unwrap_or_default())).unwrap_or_default();
        (template.state, said.0, said.1)
    }

    /// What the dealer holds and nobody has any more.
    fn left(&self) -> Vec<Leftover> {
        self.editor().leftovers(Channel::At, "dealer", ("", "", ""), 9).unwrap()
    }

    fn change(&self, code: &str, decide: impl FnOnce(&mut Vec<Template>)) {
        let by = By::named("shop/2026", now_ms());
        let which = Which::of([("channel", "AT"), ("username", "shop"), ("code", code)]);
        let changed = self.editor().change(&by, "shop", &which, |rows: &mut Vec<Template>| {
            decide(rows);
            Ok::<_, ()>(())
        });
        changed.unwrap().unwrap();
    }
}

/// Takes turns until it is so.
fn until(registration: &mut Registration, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert_eq!(registration.turn(), Duration::from_secs(60));
        assert!(Instant::now() < deadline, "it never comes");
    }
}

#[test]
fn what_was_registered_is_inspected_at_the_dealer_and_its_verdict_is_taken() {
    let bench = Bench::new(100);
    let mut process = bench.process("a");
    until(&mut process, || bench.stands("ORDER").0 == Approval::Approved);
    assert_eq!(bench.stands("ORDER").1, "approved");
    until(&mut process, || bench.stands("AD").0 == Approval::Rejected);
    let (_, said, comment) = bench.stands("AD");
    assert!(said == "rejected" && comment.starts_with("by 검수자"), "{said} {comment}");
    let (state, said, comment) = bench.stands("HIGHLIGHT");
    assert_eq!((state, &*said), (Approval::Requested, "refused"), "others go on");
    assert!(comment.contains("highlight"), "{comment}");
    let lines = bench.editor().audit(Some("shop"), &(0..i64::MAX), None, 2).unwrap();
    let mut told: Vec<_> = lines.iter().map(|line| (&*line.actor, &*line.subject)).collect();
    told.sort_unstable();
    assert_eq!(told, [("vendor/dealer", "AT/shop/AD"), ("vendor/dealer", "AT/shop/ORDER")]);

    // Its customer mends it.
    bench.change("AD", |rows| (rows[0].message, rows[0].state) = ("할인 안내".into(), Approval::Requested));
    until(&mut process, || bench.stands("AD").0 == Approval::Approved);
    bench.change("AD", Vec::clear);
    until(&mut process, || bench.left().is_empty());
    // The dealer knows nothing of it: under the same code another text is taken.
    let again = Template { message: "다른 안내".into(), state: Approval::Requested, ..order("AD") };
    bench.change("AD", |rows| rows.push(again));
    until(&mut process, || bench.stands("AD").0 == Approval::Approved);
}

fn order(code: &str) -> Template {
    Template {
        code: code.into(),
        username: "shop".into(),
        channel: Channel::At,
        sender_key: Some("profile".into()),
        ..Template::default()
    }
}

#[test]
fn what_was_approved_under_a_code_stays_and_its_customer_is_told() {
    let bench = Bench::new(0);
    let mut process = bench.process("a");
    until(&mut process, || bench.stands("ORDER").0 == Approval::Approved);
    bench.change("ORDER", |rows| (rows[0].message, rows[0].state) = ("다른 글".into(), Approval::Requested));
    until(&mut process, || bench.stands("ORDER").0 == Approval::Rejected);
    let (_, said, comment) = bench.stands("ORDER");
    assert!(said == "approved" && comment.contains("register another template_code"), "{said} {comment}");
}

#[test]
fn one_process_asks_and_another_waits_for_its_turn() {
    let bench = Bench::new(0);
    let (mut first, mut second) = (bench.process("a"), bench.process("b"));
    assert!(bench.editor().take_turn("dealer", "a", now_ms(), now_ms() + 60_000).unwrap());
    second.turn();
    assert_eq!(bench.stands("ORDER"), (Approval::Requested, String::new(), String::new()));
    first.turn();
    assert_eq!(bench.stands("ORDER").0, Approval::Approved);
}

#[test]
fn a_dealer_that_is_away_is_left_alone_longer_each_time() {
    let mut bench = Bench::new(0);
    bench.turn_to("http://127.0.0.1:1");
    bench.config.vendors.get_mut("dealer").unwrap().connect_ms = 1_000;
    let mut process = bench.process("a");
    let waits: Vec<u64> = (0..8).map(|_| process.turn().as_secs() / 60).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(bench.stands("ORDER"), (Approval::Requested, String::new(), String::new()));
}

/// A dealer that answers so to a request that begins so.
fn dealer(answer: impl Fn(&str) -> (&'static str, &'static str) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
            stream.read_line(&mut first).unwrap();
            while stream.read_line(&mut line).unwrap() > 2 {
                let told = line.to_lowercase().strip_prefix("content-length: ").map(|told| told.trim().parse());
                length = told.map_or(length, Result::unwrap);
                line.clear();
            }
            stream.read_exact(&mut vec![0; length]).unwrap();
            let (head, body) = answer(&first);
            let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.get_mut().write_all((head + body).as_bytes()).unwrap();
        }
    });
    url
}

/// It takes everything, and nothing ever stands there.
const TAKEN: (&str, &str) = ("200 OK", r#"{"common":{"authCode":"A000"}}"#);
const BROKEN: (&str, &str) = ("500 Internal Server Error", "<html>");

#[test]
fn a_dealer_that_breaks_over_one_template_is_told_of_the_others() {
    let bench = Bench::new(0);
    bench.turn_to(&dealer(|asked| if asked.contains("=AD ") { BROKEN } else { TAKEN }));
    assert_eq!(bench.process("a").turn(), Duration::from_secs(60));
    let said = |bench: &Bench| ["AD", "HIGHLIGHT", "ORDER"].map(|code| bench.stands(code).1);
    assert_eq!(said(&bench), ["", "refused", "refused"]);
    // Over two in a row: it may be the dealer.
    let bench = Bench::new(0);
    bench.turn_to(&dealer(|asked| if asked.contains("=ORDER ") { TAKEN } else { BROKEN }));
    bench.process("a").turn();
    assert_eq!(said(&bench), ["", "", ""]);
}

#[test]
fn a_dealer_is_left_alone_as_long_as_it_asks_and_a_day_at_most() {
    for (asks, waits_s) in [
        ("429 Too Many Requests\r\nRetry-After: 7200", 7_200),
        ("503 Service Unavailable\r\nRetry-After: 7200", 7_200),
        ("503 Service Unavailable\r\nRetry-After: Fri, 31 Dec 2100 23:59:59 GMT", 86_400),
        ("429 Too Many Requests\r\nRetry-After: 18446744073709551615", 86_400),
    ] {
        let bench = Bench::new(0);
        bench.turn_to(&dealer(move |_| (asks, "")));
        assert_eq!(bench.process("a").turn(), Duration::from_secs(waits_s));
    }
}

#[test]
fn a_dealer_that_is_looked_at_each_second_is_left_alone_for_a_minute_when_it_is_away() {
    let mut bench = Bench::new(0);
    bench.turn_to("http://127.0.0.1:1");
    bench.config.vendors.get_mut("dealer").unwrap().templates_every_ms = 1_000;
    assert_eq!(bench.process("a").turn(), Duration::from_secs(60));
}

#[test]
fn templates_are_brought_by_the_role_that_sends_them_and_out_of_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    let registers =
        |config: &Config, role| Deployment::new(config).unwrap().registration(config, &[role]).unwrap().is_some();
    assert!(registers(&config, Role::Kakao) && !registers(&config, Role::Text));
    assert_eq!(config.mistakes(), [""; 0]);
    config.reference.kind = ReferenceKind::File;
    let [mistake] = &config.mistakes()[..] else { panic!("{:?}", config.mistakes()) };
    assert!(mistake.contains("set reference.kind = \"sql\""), "{mistake}");
    config.vendors.clear();
    assert!(config.mistakes().is_empty() && !registers(&config, Role::Kakao));
}
