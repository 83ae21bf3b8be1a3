//! The connectors and the simulator over loopback: each was written from what is published, apart from the other.

use super::{APPLES, Bench, GOOGLES, NOW_MS, app, code, push};
use crate::{
    simulator::{Behaviour, Listener, RequestLog, Simulator, SimulatorSettings},
    vendors::{
        FcmSettings, Shared, VendorSettings,
        push::testing::{Moved, vendor},
        testing::RSA_KEY,
    },
};
use processors::ports::{OfToken, Reply};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use tempfile::NamedTempFile;

/// Both services at one port.
struct Services {
    listener: Listener,
    clock: Moved,
}

impl Services {
    fn doing(behaviour: Behaviour, log: Option<&Path>) -> Self {
        let settings = SimulatorSettings {
            every_vendor: behaviour,
            request_log: log.map(Path::to_owned),
            ..SimulatorSettings::default()
        };
        let clock = Moved::at(NOW_MS);
        let simulator = Simulator::open(settings, Arc::new(clock.clone())).unwrap();
        let known = |protocol: &str, key: &str| Shared {
            vendor: Arc::new(vendor(protocol, "http://127.0.0.1:1", 1_000)),
            key: key.to_owned(),
            app_key: String::new(),
            password: String::new(),
            bounces: None,
            webhook_secret: None,
        };
        let vendors = vec![known("fcm", "shop-1234"), known("apns", "kr.example.app")];
        Self { listener: Listener::open(simulator, "127.0.0.1:0", vendors).unwrap(), clock }
    }

    fn url(&self) -> String {
        format!("http://{}", self.listener.address())
    }

    /// A customer of each; files of keys must live as long as they.
    fn customers(&self) -> (Bench, Bench, [NamedTempFile; 2]) {
        let account = serde_json::json!({
            "type": "service_account", "project_id": "shop-1234", "private_key_id": "key-1",
            "private_key": RSA_KEY.as_str(), "client_email": "ims@shop-1234.iam.gserviceaccount.com",
            "token_uri": format!("{}/token", self.url()),
        });
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), account.to_string()).unwrap();
        let fcm = FcmSettings { service_account_file: file.path().to_owned(), ..FcmSettings::default() };
        let google = VendorSettings { fcm: Some(fcm), ..VendorSettings::default() };
        let (apple_file, apple) = app();
        let google = Bench::within("fcm", &self.url(), google, 1_000);
        (google, Bench::within("apns", &self.url(), apple, 1_000), [file, apple_file])
    }
}

fn always(code: &str) -> Behaviour {
    Behaviour { codes: BTreeMap::from([(code.to_owned(), 1.0)]), ..Behaviour::perfect() }
}

#[test]
fn each_token_is_a_request_under_the_serial_number_of_its_step() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let services = Services::doing(always("200"), Some(&log));
    let (mut google, mut apple, _files) = services.customers();
    let other = APPLES.replace('0', "1");
    let mut dispatch = push(&[GOOGLES, APPLES, "b:APA91b", &other]);
    dispatch.accepted.content.collapse_key = Some("offers".into());
    for bench in [&mut google, &mut apple] {
        let Reply::Tokens(replies) = bench.reply(dispatch.clone()) else { panic!("one answer") };
        assert!(replies.len() == 2 && replies.iter().all(|of| code(&of.reply) == "200"), "{replies:?}");
    }
    let requests = RequestLog::read(&log).unwrap();
    assert!(requests.iter().all(|r| (r.serial_number.as_str(), r.attempt, r.taken) == ("01HXYZ-0R", 1, true)));
    let mut parts: Vec<&str> = requests.iter().map(|request| request.part.as_str()).collect();
    parts.sort_unstable();
    parts.dedup();
    assert_eq!((requests.len(), parts.len()), (4, 4));
    let written = std::fs::read_to_string(&log).unwrap();
    assert!(!written.contains("APA91b") && !written.contains(APPLES) && !written.contains("주문"), "{written}");
}

#[test]
fn every_code_of_both_tables_comes_through_as_itself() {
    for (word, google) in [
        ("UNREGISTERED", true),
        ("SENDER_ID_MISMATCH", true),
        ("INVALID_ARGUMENT", true),
        ("INVALID_ARGUMENT.token", true),
        ("THIRD_PARTY_AUTH_ERROR", true),
        ("INTERNAL", true),
        ("UNAVAILABLE", true),
        ("Unregistered", false),
        ("BadDeviceToken", false),
        ("TooManyRequests", false),
        ("InternalServerError", false),
        ("Shutdown", false),
        ("TopicDisallowed", false),
    ] {
        let services = Services::doing(always(word), None);
        let (mut googles, mut apples, _files) = services.customers();
        let reply = if google { googles.one(GOOGLES) } else { apples.one(APPLES) };
        assert_eq!(code(&reply), word);
    }
}

#[test]
fn trouble_comes_through_as_what_it_is() {
    let both = |behaviour: Behaviour| {
        let services = Services::doing(behaviour, None);
        let (mut google, mut apple, _files) = services.customers();
        [google.one(GOOGLES), apple.one(APPLES)]
    };
    for reply in both(Behaviour { no_answer_share: 1.0, ..always("200") }) {
        assert!(matches!(reply, Reply::NoAnswer(_)), "{reply:?}");
    }
    for reply in both(Behaviour { throttled_share: 1.0, retry_after_ms: 2_500, ..always("200") }) {
        assert_eq!(reply, Reply::Throttled(Duration::from_secs(3)));
    }
    for reply in both(Behaviour { outage: crate::simulator::Outage::Refusing, ..always("200") }) {
        assert!(matches!(reply, Reply::NoAnswer(_)), "a gateway: {reply:?}");
    }
}

#[test]
fn a_clock_that_is_off_by_a_day_is_refused_by_both() {
    let services = Services::doing(always("200"), None);
    services.clock.by(24 * 3_600_000);
    let (mut google, mut apple, _files) = services.customers();
    assert_eq!(code(&google.one(GOOGLES)), "UNAUTHENTICATED");
    assert_eq!(code(&apple.one(APPLES)), "ExpiredProviderToken");
}

#[test]
fn tokens_of_one_message_have_fates_of_their_own() {
    let mixed = BTreeMap::from([("200".to_owned(), 0.5), ("Unregistered".to_owned(), 0.5)]);
    let services = Services::doing(Behaviour { codes: mixed, ..Behaviour::perfect() }, None);
    let (_google, mut apple, _files) = services.customers();
    let tokens = super::apples(200);
    let replies = apple.tokens(&tokens.iter().map(String::as_str).collect::<Vec<_>>());
    let reached = replies.iter().filter(|OfToken { reply, .. }| code(reply) == "200").count();
    assert!((50..150).contains(&reached), "{reached} of 200");
}
