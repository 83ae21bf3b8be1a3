//! A server that is not ours, which dev/push starts: HTTP/2 by Python's h2, signatures checked by PyJWT, messages of FCM
//! by Google's own description of them.

use super::{APPLES, Bench, GOOGLES, NOW_MS, code, push};
use crate::{
    testing::{Script, variable},
    vendors::{ApnsSettings, FcmSettings, VendorSettings},
};
use processors::ports::{OfToken, Reply};
use serde_json::Value;
use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

/// The services, and what they told of themselves.
struct Services(Script, String);

impl Services {
    fn start() -> Option<Self> {
        Script::start("push", &[]).map(|(script, said)| Self(script, said))
    }

    fn said(&self, name: &str) -> String {
        variable(&self.1, name)
    }

    fn bench(&self, protocol: &str, settings: VendorSettings) -> Bench {
        let bench = Bench::new(protocol, &self.said("PUSH_URL"), settings);
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        bench.clock.by(now_ms - NOW_MS);
        bench
    }

    fn google(&self) -> VendorSettings {
        let fcm = FcmSettings {
            service_account_file: self.said("PUSH_SERVICE_ACCOUNT").into(),
            ca_file: self.said("PUSH_CA_FILE").into(),
        };
        VendorSettings { fcm: Some(fcm), ..VendorSettings::default() }
    }

    fn apple(&self) -> ApnsSettings {
        ApnsSettings {
            key_file: self.said("PUSH_APNS_KEY").into(),
            key_id: self.said("PUSH_APNS_KEY_ID"),
            team_id: self.said("PUSH_APNS_TEAM_ID"),
            topic: self.said("PUSH_APNS_TOPIC"),
            ca_file: self.said("PUSH_CA_FILE").into(),
        }
    }

    /// The requests that it answered, in order.
    fn requests(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.0.folder().join("requests.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn with(apns: ApnsSettings) -> VendorSettings {
    VendorSettings { apns: Some(apns), ..VendorSettings::default() }
}

fn codes(reply: &Reply) -> Vec<&str> {
    match reply {
        Reply::Tokens(replies) => replies.iter().map(|OfToken { reply, .. }| code(reply)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_real_server_takes_what_is_signed_and_finds_nothing_wrong_with_a_message() {
    let Some(services) = Services::start() else { return };
    let mut google = services.bench("fcm", services.google());
    let tokens = [GOOGLES, "dead:APA91b", "other:APA91b"];
    let mut dispatch = push(&tokens);
    dispatch.accepted.expires_at = i64::MAX;
    dispatch.accepted.content.collapse_key = Some("offers".into());
    assert_eq!(codes(&google.reply(dispatch.clone())), ["200", "UNREGISTERED", "200"]);
    assert_eq!(codes(&google.reply(dispatch)), ["200", "UNREGISTERED", "200"]);

    let dead = format!("dead{}", &APPLES[4..]);
    let mut apple = services.bench("apns", with(services.apple()));
    let mut dispatch = push(&[APPLES, &dead]);
    dispatch.accepted.expires_at = i64::MAX;
    assert_eq!(codes(&apple.reply(dispatch.clone())), ["200", "Unregistered"]);
    assert_eq!(codes(&apple.reply(dispatch)), ["200", "Unregistered"]);

    let requests = services.requests();
    let paths: Vec<&str> = requests.iter().map(|request| request["path"].as_str().unwrap()).collect();
    assert_eq!(paths.iter().filter(|path| **path == "/token").count(), 1, "one access token for all: {paths:?}");
    let asked = |part: &str| paths.iter().filter(|path| path.contains(part)).count();
    assert_eq!((asked("messages:send"), asked("/3/device/")), (5, 3), "dead ones are asked about once: {paths:?}");
    for request in requests.iter().filter(|request| request["path"] != "/token") {
        assert_eq!((&request["version"], &request["scheme"]), (&"2".into(), &"https".into()));
    }
}

#[test]
fn a_real_server_refuses_strangers_and_a_clock_that_is_off_by_a_day() {
    let Some(services) = Services::start() else { return };
    let day_ms = 24 * 3_600_000;
    for off_ms in [-day_ms, day_ms] {
        let mut google = services.bench("fcm", services.google());
        google.clock.by(off_ms);
        assert_eq!(code(&google.one(GOOGLES)), "UNAUTHENTICATED");
        let mut apple = services.bench("apns", with(services.apple()));
        apple.clock.by(off_ms);
        let reply = apple.one(APPLES);
        assert!(["ExpiredProviderToken", "InvalidProviderToken"].contains(&code(&reply)), "{reply:?}");
    }
    let other = ApnsSettings { topic: "kr.example.other".into(), ..services.apple() };
    assert_eq!(code(&services.bench("apns", with(other)).one(APPLES)), "BadTopic");
    let stranger = ApnsSettings { team_id: "AAAAAAAAAA".into(), ..services.apple() };
    assert_eq!(code(&services.bench("apns", with(stranger)).one(APPLES)), "InvalidProviderToken");
    let before = services.requests().len();
    // The system's authorities know no such server.
    let untrusting = ApnsSettings { ca_file: PathBuf::new(), ..services.apple() };
    let reply = services.bench("apns", with(untrusting)).one(APPLES);
    assert!(matches!(&reply, Reply::NotSent(reason) if reason.contains("certificate")), "{reply:?}");
    assert_eq!(services.requests().len(), before);
}
