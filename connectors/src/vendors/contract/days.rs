//! Bad days of a vendor of each kind: what becomes of a step, that nobody gets a message twice without a record of the
//! doubt, and that the other vendors have a good day meanwhile.

use crate::simulator::{
    Behaviour, Listener, Outage, RequestLog, Requested, Simulator, SimulatorSettings, SmppListener, SmtpListener,
    SpoiledShares,
};
use crate::vendors::{
    ApnsSettings, FcmSettings, NhnSettings, Shared, SmppSettings, SmtpSettings, VendorSettings, Vendors,
    push::testing::{APPLES, GOOGLES, Moved, NOW_MS, push},
    testing::{Fixed, Nobody, P256_KEY, PATIENCE, RSA_KEY},
};
use processors::{
    night::Night,
    outcome::news::{Settled, of_sender},
    ports::{Provider, Reply, Request},
    reference::{Protocol, Reference, Seed, Vendor},
    retry::{Desk, Paces, plan},
    route::Rules,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use schemas::{Accepted, Channel, Dispatch, Lane, MessageType, State};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;

/// What a sender makes of a request's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comes {
    /// Its report is awaited.
    Sent,
    Delivered,
    /// Nothing was taken: it is tried again.
    Waits,
    /// It may have arrived: that is recorded, and the vendor asked again.
    Doubt,
    /// It may have arrived: that is recorded, and nobody is asked again.
    Uncertain,
    Failed,
}
use Comes::{Delivered, Doubt, Failed, Sent, Uncertain, Waits};

impl Comes {
    fn of(Settled { result, again }: &Settled) -> Self {
        let ambiguous = result.as_ref().is_some_and(|result| result.ambiguous);
        match (again, result.as_ref().map(|result| result.state)) {
            (Some(_), _) if ambiguous => Doubt,
            (Some(_), _) => Waits,
            (None, Some(State::Sent)) => Sent,
            (None, Some(State::Delivered)) => Delivered,
            (None, Some(State::Uncertain)) if ambiguous => Uncertain,
            (None, Some(State::Failed)) => Failed,
            other => panic!("{other:?}"),
        }
    }
}

/// The kinds of vendors: a message that goes there, and what a good day is.
const KINDS: [(&str, Comes); 8] = [
    ("dealer", Sent),
    ("rcs-dealer", Sent),
    ("google", Delivered),
    ("apple", Delivered),
    ("carrier", Sent),
    ("text-dealer", Sent),
    ("talk-dealer", Sent),
    ("relay", Delivered),
];

type Day = (&'static str, fn(&mut Behaviour), [Comes; 8]);

fn spoiled(behaviour: &mut Behaviour, shares: SpoiledShares) {
    behaviour.spoiled = shares;
}

/// Days, and what each kind of vendor makes of them, in the order of [`KINDS`].
const DAYS: [Day; 11] = [
    (
        "reset after accepting",
        |day| spoiled(day, SpoiledShares { reset: 1.0, ..SpoiledShares::default() }),
        [Doubt, Doubt, Doubt, Doubt, Uncertain, Doubt, Doubt, Uncertain],
    ),
    (
        "slow body",
        |day| spoiled(day, SpoiledShares { slow_body: 1.0, ..SpoiledShares::default() }),
        [Doubt, Doubt, Doubt, Doubt, Uncertain, Doubt, Doubt, Uncertain],
    ),
    (
        // Apple says "taken" by the status alone.
        "wrong JSON",
        |day| spoiled(day, SpoiledShares { wrong_json: 1.0, ..SpoiledShares::default() }),
        [Doubt, Doubt, Doubt, Delivered, Uncertain, Doubt, Doubt, Uncertain],
    ),
    (
        // A carrier says "taken" by the status, and its receipt is matched by nothing; a mail server says it by three digits.
        "wrong charset",
        |day| spoiled(day, SpoiledShares { wrong_charset: 1.0, ..SpoiledShares::default() }),
        [Doubt, Doubt, Doubt, Delivered, Sent, Doubt, Doubt, Delivered],
    ),
    (
        "hang, and all was taken",
        |day| (day.no_answer_share, day.no_answer_taken_share) = (1.0, 1.0),
        [Doubt, Doubt, Doubt, Doubt, Uncertain, Doubt, Doubt, Uncertain],
    ),
    (
        "hang, and nothing was taken",
        |day| day.outage = Outage::Silent,
        [Doubt, Doubt, Doubt, Doubt, Uncertain, Doubt, Doubt, Uncertain],
    ),
    ("429 with Retry-After", |day| day.throttled_share = 1.0, [Waits; 8]),
    (
        "100 % errors inside the vendor",
        |day| day.codes = failing(&["A910", "INTERNAL", "InternalServerError", "0x00000008", "-9999", "4.3.0"]),
        [Doubt, Doubt, Waits, Waits, Waits, Doubt, Doubt, Waits],
    ),
    (
        "100 % refusals",
        |day| day.codes = failing(&["A327", "UNREGISTERED", "Unregistered", "0x0000000B", "-2019", "5.1.1"]),
        [Failed; 8],
    ),
    (
        "expired credentials",
        |day| {
            day.codes =
                failing(&["common.A401", "UNAUTHENTICATED", "ExpiredProviderToken", "0x0000000E", "-1000", "5.7.8"])
        },
        [Waits; 8],
    ),
    // Only tokens are dated: where none is had or taken, nothing has left.
    ("a clock off by a day", |day| day.clock_ahead_s = 86_400, [Sent, Sent, Waits, Waits, Sent, Sent, Sent, Delivered]),
];

/// What a vendor says that has only one of these codes.
fn failing(codes: &[&str]) -> BTreeMap<String, f64> {
    codes.iter().map(|code| ((*code).to_owned(), 1.0)).collect()
}

/// Time of a request in all.
const TIMEOUT_MS: u32 = 1_000;

/// The same where there is TLS: the handshakes of all take their time, and nobody hangs.
const TLS_TIMEOUT_MS: u32 = 10_000;

fn vendor(name: &str, family: &str, codes: &str, in_doubt: &str, receipts: bool, url: &str) -> Vendor {
    let protocol = if codes.starts_with("nhn") { "nhn" } else { codes };
    serde_json::from_value(serde_json::json!({
        "name": name, "families": [family], "codes": codes, "weight": 1, "tps": 1_000, "receipts": receipts,
        "in_doubt": in_doubt, "protocol": protocol, "url": url, "max_in_flight": 20,
    }))
    .unwrap()
}

/// Vendors behind ports, and a sender that reaches them.
struct World {
    reference: Arc<Reference>,
    provider: Box<dyn Provider>,
    folder: TempDir,
    _open: (Listener, SmppListener, SmtpListener),
}

/// Certificate and key of the vendors' ports, and who is said to have issued it.
struct Papers {
    chain: PathBuf,
    key: PathBuf,
    authority: PathBuf,
}

impl World {
    fn new(settings: SimulatorSettings, trusting: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let request_log = Some(folder.path().join("requests.jsonl"));
        let clock = Moved::at(NOW_MS);
        let simulator =
            Simulator::open(SimulatorSettings { request_log, ..settings }, Arc::new(clock.clone())).unwrap();
        let key = "a-dealers-key";
        let secure = !trusting.as_os_str().is_empty();
        let timeout_ms = if secure { TLS_TIMEOUT_MS } else { TIMEOUT_MS };
        let know = |http: &str, smpp: &str, smtp: &str| {
            let vendors = [
                vendor("dealer", "AT", "bizgo", "repeat", true, http),
                vendor("rcs-dealer", "RCS", "bizgo", "repeat", true, http),
                vendor("google", "PUSH", "fcm", "repeat", false, http),
                vendor("apple", "PUSH", "apns", "repeat", false, http),
                vendor("carrier", "SMS", "smpp", "uncertain", true, smpp),
                vendor("text-dealer", "SMS", "nhn-sms", "query", true, http),
                vendor("talk-dealer", "AT", "nhn-kakao", "repeat", true, http),
                vendor("relay", "EMAIL", "smtp", "uncertain", false, smtp),
            ];
            let vendors = vendors.map(|vendor| Vendor { timeout_ms, ..vendor }).into();
            Arc::new(Reference::new(Seed { vendors, ..Seed::default() }).unwrap())
        };
        let account = serde_json::json!({
            "type": "service_account", "project_id": "shop-1234", "private_key_id": "key-1",
            "private_key": RSA_KEY.as_str(), "client_email": "ims@shop-1234.iam.gserviceaccount.com",
            "token_uri": "http://127.0.0.1:1/token",
        });
        let account_file = file("account.json", &account.to_string());
        let apple = file("apple.p8", P256_KEY.as_str());
        let product = |app_key: &str| VendorSettings {
            key_file: file(app_key, key),
            ca_file: trusting.to_owned(),
            nhn: Some(NhnSettings { app_key: app_key.to_owned(), ..NhnSettings::default() }),
            ..VendorSettings::default()
        };
        let settings = BTreeMap::from([
            ("text-dealer".to_owned(), product("app-of-text")),
            ("talk-dealer".to_owned(), product("app-of-talk")),
            (
                "dealer".to_owned(),
                VendorSettings {
                    key_file: file("dealer", key),
                    ca_file: trusting.to_owned(),
                    ..VendorSettings::default()
                },
            ),
            (
                "rcs-dealer".to_owned(),
                VendorSettings {
                    key_file: file("rcs-dealer", &format!("{key}-of-rcs")),
                    ca_file: trusting.to_owned(),
                    rcs_brands_file: file("brands", "0237001234 brand-key\n"),
                    ..VendorSettings::default()
                },
            ),
            (
                "google".to_owned(),
                VendorSettings {
                    fcm: Some(FcmSettings { service_account_file: account_file.clone(), ca_file: trusting.to_owned() }),
                    ..VendorSettings::default()
                },
            ),
            (
                "apple".to_owned(),
                VendorSettings {
                    apns: Some(ApnsSettings {
                        key_file: apple,
                        key_id: "ABC123DEFG".into(),
                        team_id: "DEF123GHIJ".into(),
                        topic: "kr.example.app".into(),
                        ca_file: trusting.to_owned(),
                    }),
                    ..VendorSettings::default()
                },
            ),
            (
                "carrier".to_owned(),
                VendorSettings {
                    key_file: file("carrier", "secret"),
                    smpp: Some(SmppSettings {
                        system_id: "ims".into(),
                        billing_identification: true,
                        ca_file: trusting.to_owned(),
                        ..SmppSettings::default()
                    }),
                    ..VendorSettings::default()
                },
            ),
            (
                "relay".to_owned(),
                VendorSettings {
                    key_file: file("relay", "secret"),
                    smtp: Some(SmtpSettings {
                        hello: "ims.example.kr".into(),
                        user: "ims".into(),
                        plaintext: !secure,
                        ca_file: trusting.to_owned(),
                        ads: false,
                        ..SmtpSettings::default()
                    }),
                    ..VendorSettings::default()
                },
            ),
        ]);
        let open = |reference: &Arc<Reference>| {
            Vendors::open(&settings, "", Arc::new(Fixed(Arc::clone(reference))), Arc::new(clock.clone()))
        };
        let (http, smpp) = if secure { ("https", "smpps") } else { ("http", "smpp") };
        let nowhere = |scheme: &str| format!("{scheme}://127.0.0.1:1");
        let shared = open(&know(&nowhere(http), &nowhere(smpp), &nowhere("smtp"))).shared();
        let of = |protocols: &[Protocol]| -> Vec<Shared> {
            shared.iter().filter(|shared| protocols.contains(&shared.vendor.protocol)).cloned().collect()
        };
        let dealers = of(&[Protocol::Bizgo, Protocol::Nhn, Protocol::Fcm, Protocol::Apns]);
        let http = Listener::open(Arc::clone(&simulator), "127.0.0.1:0", dealers).unwrap();
        let smpp = SmppListener::open(Arc::clone(&simulator), "127.0.0.1:0", of(&[Protocol::Smpp])).unwrap();
        let smtp = SmtpListener::open(simulator, "127.0.0.1:0", of(&[Protocol::Smtp])).unwrap();
        let mut account = account;
        account["token_uri"] = format!("{}/token", http.url()).into();
        fs::write(&account_file, account.to_string()).unwrap();
        let reference = know(&http.url(), &smpp.url(), &smtp.url());
        let vendors = open(&reference);
        vendors.all_have_keys().unwrap();
        let provider = vendors.provider(Box::new(Nobody));
        Self { reference, provider, folder, _open: (http, smpp, smtp) }
    }

    fn vendor(&self, name: &str) -> Arc<Vendor> {
        schemas::Family::ALL.into_iter().find_map(|family| self.reference.vendor(family, name)).cloned().unwrap()
    }

    /// What comes of each, in their order, whichever is answered first.
    fn replies(&mut self, dispatches: &[Dispatch]) -> Vec<Reply> {
        for (ticket, dispatch) in dispatches.iter().enumerate() {
            let vendor = self.vendor(&dispatch.vendor);
            self.provider.submit(Request { ticket: ticket as u64, dispatch: Arc::new(dispatch.clone()), vendor });
        }
        let mut answers = Vec::new();
        while answers.len() < dispatches.len() {
            let before = answers.len();
            self.provider.answers(PATIENCE, &mut answers);
            assert!(answers.len() > before, "no answer in time");
        }
        answers.sort_by_key(|answer| answer.ticket);
        answers.into_iter().map(|answer| answer.reply).collect()
    }

    /// What a sender makes of a reply.
    fn settle(&self, dispatch: &Dispatch, reply: &Reply) -> Settled {
        let (night, paces) = (Night::default(), Paces::default());
        let rules = Rules { reference: &self.reference, night: &night };
        let desk = Desk { rules, paces: &paces, down: &|_| false, now_ms: NOW_MS };
        let plan = plan(reply, dispatch, &self.vendor(&dispatch.vendor), &desk);
        of_sender(dispatch.clone(), plan, Some(NOW_MS), NOW_MS)
    }

    fn requests(&self, vendor: &str) -> Vec<Requested> {
        let all = RequestLog::read(&self.folder.path().join("requests.jsonl")).unwrap();
        all.into_iter().filter(|request| request.vendor == vendor).collect()
    }
}

/// A step that goes to this vendor.
fn step(vendor: &str) -> Dispatch {
    let mut dispatch = match vendor {
        "google" => push(&[GOOGLES]),
        "apple" => push(&[APPLES]),
        "relay" => {
            let mut accepted = Accepted { channel: Channel::Em, message_type: MessageType::Em, ..Accepted::default() };
            accepted.recipient.to = Some("haneul.kim@mail.example".into());
            accepted.content.from_email = Some("no-reply@hanbit.example".into());
            accepted.content.title = Some("Order".into());
            accepted.content.message = Some("Your order is ready.".into());
            Dispatch { attempt: 1, accepted, ..Dispatch::default() }
        }
        _ => {
            let (channel, message_type) = match vendor {
                "dealer" | "talk-dealer" => (Channel::At, MessageType::At),
                "rcs-dealer" => (Channel::Rc, MessageType::Rcslms),
                _ => (Channel::Mt, MessageType::Sms),
            };
            let mut accepted = Accepted { channel, message_type, ..Accepted::default() };
            accepted.recipient.country_code = Some("82".into());
            accepted.recipient.phone_number = Some("1012345678".into());
            let content = &mut accepted.content;
            content.callback = Some(if vendor == "rcs-dealer" { "0237001234" } else { "0212345678" }.into());
            content.message = Some("Your order is ready.".into());
            content.template_code = Some("ORDER_01".into());
            match vendor {
                "dealer" | "talk-dealer" => content.sender_key = Some("p".repeat(40)),
                _ => content.title = Some("Order".into()),
            }
            Dispatch { attempt: 1, accepted, ..Dispatch::default() }
        }
    };
    dispatch.accepted.expires_at = NOW_MS + 3_600_000;
    let routed = Dispatch { routed_at: NOW_MS, priority: Lane::Realtime, vendor: vendor.to_owned(), ..dispatch };
    Dispatch { serial_number: format!("{vendor}-0R"), ..routed }
}

/// All take and deliver everything.
fn well() -> Behaviour {
    Behaviour { codes: failing(&["A000", "200", "0x00000000", "0", "2.0.0"]), ..Behaviour::perfect() }
}

/// What each kind of vendor says, of codes for all kinds.
fn of_kind(behaviour: Behaviour, kind: &str) -> Behaviour {
    let is_its = |code: &str| match kind {
        "google" => code == "200" || code.bytes().all(|byte| byte.is_ascii_uppercase()),
        "apple" => code == "200" || code.starts_with(char::is_uppercase) && code.contains(char::is_lowercase),
        "carrier" => code.starts_with("0x"),
        "relay" => code.starts_with(['2', '4', '5']) && code.contains('.'),
        "text-dealer" | "talk-dealer" => code == "0" || code.starts_with('-'),
        _ => code.starts_with("common.") || code.starts_with('A') && code.len() == 4,
    };
    let codes = behaviour.codes.into_iter().filter(|(code, _)| is_its(code)).collect();
    Behaviour { codes, ..behaviour }
}

fn settings(bad: &str, day: &Behaviour) -> SimulatorSettings {
    let kinds = KINDS.iter().map(|(kind, _)| {
        let behaviour = if *kind == bad { day.clone() } else { well() };
        ((*kind).to_owned(), of_kind(behaviour, kind))
    });
    SimulatorSettings { vendors: kinds.collect(), ..SimulatorSettings::default() }
}

/// Requests of one step that are followed on a bad day.
const FOLLOWED: usize = 3;

fn bad_days_of(place: usize) {
    let (bad, _) = KINDS[place];
    for (name, change, comes) in DAYS {
        let mut day = Behaviour { retry_after_ms: 2_500, ..well() };
        change(&mut day);
        let mut world = World::new(settings(bad, &day), Path::new(""));
        let steps = KINDS.map(|(kind, _)| step(kind));
        let replies = world.replies(&steps);
        for ((kind, good), (dispatch, reply)) in KINDS.into_iter().zip(steps.iter().zip(&replies)) {
            let expected = if kind == bad { comes[place] } else { good };
            assert_eq!(Comes::of(&world.settle(dispatch, reply)), expected, "{name} of {bad}, at {kind}: {reply:?}");
        }
        follow(&mut world, &format!("{name} of {bad}"), &steps[place], &replies[place]);
    }
}

/// Goes on as long as a sender would, some requests long.
fn follow(world: &mut World, what: &str, first: &Dispatch, reply: &Reply) {
    let (mut dispatch, mut reply) = (first.clone(), reply.clone());
    for request in 1..=FOLLOWED {
        let settled = world.settle(&dispatch, &reply);
        let requests = world.requests(&dispatch.vendor);
        let taken = requests.iter().filter(|request| request.taken).count();
        assert!(requests.len() <= request, "{what}: a request was made of itself: {requests:?}");
        let Some((due_ms, next)) = settled.again else { return };
        let recorded = settled.result.is_some_and(|result| result.ambiguous);
        assert!(taken == 0 || recorded, "{what}: taken, and asked again without a record");
        if matches!(reply, Reply::Throttled(_)) {
            // SMPP names no time: the settings do.
            let pause_ms = if dispatch.vendor == "carrier" { 1_000 } else { 2_500 };
            assert!(due_ms >= NOW_MS + pause_ms, "{what}: sooner than the vendor asked for");
        }
        if dispatch.vendor.ends_with("dealer") {
            assert!(taken <= 1, "{what}: it knows a repeat by its serial number, or is asked about it");
        }
        if next.vendor != dispatch.vendor {
            return assert!(taken == 0 && !recorded, "{what}: what may have arrived goes to another vendor");
        }
        reply = world.replies(std::slice::from_ref(&next)).remove(0);
        dispatch = next;
    }
}

#[test]
fn a_dealers_bad_days_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(0);
}

#[test]
fn bad_days_of_rcs_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(1);
}

#[test]
fn googles_bad_days_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(2);
}

#[test]
fn apples_bad_days_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(3);
}

#[test]
fn a_carriers_bad_days_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(4);
}

#[test]
fn bad_days_of_a_dealer_that_knows_no_repeat_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(5);
}

#[test]
fn bad_days_of_a_dealers_second_product_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(6);
}

#[test]
fn a_mail_servers_bad_days_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(7);
}

/// A certificate for a name, valid until a year, and its issuer's.
fn papers(folder: &TempDir, name: &str, until: i32) -> Papers {
    let (mut authority, issuers) = (CertificateParams::default(), KeyPair::generate().unwrap());
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let written = |of: &str, text: String| {
        let path = folder.path().join(of);
        fs::write(&path, text).unwrap();
        path
    };
    let authority_file = written("ca.pem", authority.self_signed(&issuers).unwrap().pem());
    let key = KeyPair::generate().unwrap();
    let mut server = CertificateParams::new([name.to_owned()]).unwrap();
    server.not_after = date_time_ymd(until, 1, 1);
    let chain = server.signed_by(&key, &Issuer::new(authority, issuers)).unwrap().pem();
    Papers {
        chain: written("chain.pem", chain),
        key: written("key.pem", key.serialize_pem()),
        authority: authority_file,
    }
}

#[test]
fn who_cannot_show_that_he_is_the_vendor_is_sent_nothing() {
    for (trouble, name, until, known, remedy) in [
        ("none", "127.0.0.1", 4_000, true, ""),
        ("of an authority that nobody knows", "127.0.0.1", 4_000, false, "name its authority in"),
        ("expired", "127.0.0.1", 2_020, true, "has expired, or the clock"),
        ("another's", "other.example", 4_000, true, "mend the host in the vendor's url"),
    ] {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let papers = papers(&folder, name, until);
        let trusted = if known { papers.authority } else { self::papers(&elsewhere, name, until).authority };
        let all_well = settings("nobody", &well());
        let with = SimulatorSettings { certificate_file: papers.chain, key_file: papers.key, ..all_well };
        let mut world = World::new(with, &trusted);
        let steps = KINDS.map(|(kind, _)| step(kind));
        let replies = world.replies(&steps);
        for ((kind, good), (dispatch, reply)) in KINDS.into_iter().zip(steps.iter().zip(&replies)) {
            let expected = if trouble == "none" { good } else { Waits };
            assert_eq!(Comes::of(&world.settle(dispatch, reply)), expected, "{trouble}, at {kind}: {reply:?}");
            assert_eq!(world.requests(kind).len(), usize::from(expected == good), "{trouble}, at {kind}");
            let told = format!("{reply:?}");
            assert!(told.contains(remedy) && (known || told.contains("ca_file")), "{trouble}, at {kind}: {told}");
        }
    }
}
