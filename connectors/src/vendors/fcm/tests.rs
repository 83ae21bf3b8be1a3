//! What is asked, what an answer means, and how access tokens are got, kept and renewed.

use super::*;
use crate::vendors::{
    VendorSettings, Vendors,
    push::testing::{APPLES, Act, Bench, GOOGLES, Http2, Moved, NOW_MS, ad, code, open, push, vendor},
    testing::{Fixed, Nobody, P256_KEY, PATIENCE, RSA_KEY, Server, answer},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use processors::{
    codes::{Handling, judge, rows},
    ports::{Answer, Clock, Reply, Request},
    reference::{CodeTable, Reference, Seed},
};
use schemas::examples;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tempfile::NamedTempFile;

/// Where access tokens come from: what it was asked, and what it says to the so-manyth request, counted from 1.
struct Tokens {
    uri: String,
    server: Server,
}

impl Tokens {
    fn saying(then: impl Fn(usize) -> (&'static str, Value) + Send + Sync + 'static) -> Self {
        let server = Server::doing(move |stream, nth| {
            let (status, body) = then(nth);
            let _ = stream.write_all(answer(status, "", &body.to_string()).as_bytes());
        });
        Self { uri: format!("{}/token", server.url), server }
    }

    /// Gives `token-1`, `token-2`, … for so many seconds.
    fn lasting(seconds: i64) -> Self {
        Self::saying(move |nth| {
            let access_token = format!("token-{nth}");
            ("200 OK", json!({"access_token": access_token, "expires_in": seconds, "token_type": "Bearer"}))
        })
    }

    fn asked(&self) -> Vec<String> {
        self.server.requests()
    }
}

fn service_account(token_uri: &str) -> Value {
    json!({
        "type": "service_account", "project_id": "shop-1234", "private_key_id": "key-1",
        "private_key": RSA_KEY.as_str(), "client_email": "ims@shop-1234.iam.gserviceaccount.com", "client_id": "1",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": token_uri,
        "universe_domain": "googleapis.com",
    })
}

fn file(content: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file
}

fn with(file: &NamedTempFile) -> VendorSettings {
    let fcm = FcmSettings { service_account_file: file.path().to_owned(), ..FcmSettings::default() };
    VendorSettings { fcm: Some(fcm), ..VendorSettings::default() }
}

fn bench(url: &str, tokens: &Tokens) -> (NamedTempFile, Bench) {
    let file = file(&service_account(&tokens.uri).to_string());
    let settings = with(&file);
    (file, Bench::new("fcm", url, settings))
}

const SENT: &str = r#"{"name":"projects/shop-1234/messages/0:1500415314455276%31bd1c9631bd1c96"}"#;

#[test]
fn a_request_is_as_published() {
    let (server, tokens) = (Http2::saying(200, SENT), Tokens::lasting(3_600));
    let (_file, mut bench) = bench(&server.url, &tokens);
    assert_eq!(code(&bench.one(GOOGLES)), "200");
    let asked = server.asked().remove(0);
    assert_eq!(asked.path, "/v1/projects/shop-1234/messages:send");
    assert_eq!(asked.header("authorization"), "Bearer token-1");
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(
        asked.json(),
        json!({"message": {
            "token": GOOGLES,
            "notification": {
                "title": "배송 출발", "body": "주문하신 상품이 출발했습니다.", "image": "https://img.example.kr/1.png",
            },
            "data": {
                "order": "A-1", "link": "https://shop.example.kr/orders/A-1", "serial_number": "01HXYZ-0R",
            },
            "android": {"priority": "HIGH", "ttl": "3600s", "notification": {"tag": "01HXYZ-0R"}},
            "apns": {
                "headers": {
                    "apns-collapse-id": "01HXYZ-0R", "apns-expiration": "1773223200", "apns-priority": "10",
                },
                "payload": {"aps": {"sound": "default", "mutable-content": 1}},
            },
            "webpush": {"fcm_options": {"link": "https://shop.example.kr/orders/A-1"}},
        }})
    );
}

#[test]
fn what_a_customer_says_beside_the_text_is_heeded() {
    let (server, tokens) = (Http2::saying(200, SENT), Tokens::lasting(3_600));
    let (_file, mut bench) = bench(&server.url, &tokens);
    let mut dispatch = push(&[GOOGLES]);
    dispatch.accepted.ad = true;
    let content = &mut dispatch.accepted.content;
    content.title = None;
    content.attachment = None;
    content.collapse_key = Some("offers".into());
    content.ttl_seconds = Some(60);
    content.data.clear();
    bench.reply(dispatch);
    let message = server.asked().remove(0).json()["message"].take();
    assert_eq!(message["notification"], json!({"body": "주문하신 상품이 출발했습니다."}));
    let android = json!({
        "collapse_key": "offers", "priority": "NORMAL", "ttl": "60s", "notification": {"tag": "offers"},
    });
    assert_eq!(message["android"], android);
    assert_eq!(message["apns"]["headers"]["apns-priority"], "5");
    assert_eq!(message["apns"]["headers"]["apns-expiration"], "1773219660");
    assert_eq!(message["data"], json!({"serial_number": "01HXYZ-0R"}));
    assert!(message.get("webpush").is_none());
}

#[test]
fn an_ad_is_not_kept_for_a_device_beyond_the_evening() {
    let (server, tokens) = (Http2::saying(200, SENT), Tokens::lasting(3_600));
    let (_file, mut bench) = bench(&server.url, &tokens);
    bench.reply(ad(&[GOOGLES]));
    let mut agreed = ad(&[GOOGLES]);
    agreed.accepted.night_agreed = true;
    bench.reply(agreed);
    let kept: Vec<_> = server.asked().iter().map(|asked| asked.json()["message"].take()).collect();
    let ends = |message: &Value| {
        let apns = message["apns"]["headers"]["apns-expiration"].clone();
        (message["android"]["ttl"].clone(), apns)
    };
    assert_eq!(ends(&kept[0]), (json!("10799s"), json!("1773230399")), "20:59:59 in Seoul");
    assert_eq!(ends(&kept[1]), (json!("259200s"), json!("1773478800")));
}

/// An error as the service writes it.
fn error(status: &str, message: &str, details: &Value) -> String {
    json!({"error": {"code": 400, "message": message, "status": status, "details": details}}).to_string()
}

fn fcm_error(code: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code})
}

fn answered(status: u16, retry_after: Option<&str>, body: &str) -> Reply {
    answer::reply(&vendor("fcm", "https://fcm.googleapis.com", 1_000), status, retry_after, body.as_bytes(), NOW_MS)
}

#[test]
fn every_published_code_is_itself() {
    let google = ["INVALID_ARGUMENT.token", "NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED", "200"];
    for row in rows(CodeTable::Fcm).iter().filter(|row| !google.contains(&row.codes().0)) {
        let word = row.codes().0;
        let details = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo"}, fcm_error(word)]);
        let reply = answered(400, None, &error("NOT_FOUND", "words", &details));
        assert_eq!(reply, Reply::Code { code: word.into(), text: row.meaning.into() });
    }
    let strange = json!([{"reason": "no type"}, "words", {"@type": 7}, fcm_error("SENDER_ID_MISMATCH")]);
    let reply = answered(403, None, &error("PERMISSION_DENIED", "words", &strange));
    assert_eq!(code(&reply), "SENDER_ID_MISMATCH", "a detail that cannot be read takes nothing from another");
    for word in &google[1..4] {
        assert_eq!(code(&answered(400, None, &error(word, "words", &json!([])))), *word);
    }
    assert_eq!(code(&answered(404, None, &error("NOT_FOUND", "no such project", &json!([])))), "NOT_FOUND");
    let unknown = answered(400, None, &error("INVALID_ARGUMENT", "words", &json!([fcm_error("BRAND_NEW")])));
    assert_eq!(code(&unknown), "BRAND_NEW");
}

#[test]
fn an_argument_is_the_token_only_when_the_service_says_so() {
    let violation = |fields: &[&str]| {
        let violations: Vec<Value> = fields.iter().map(|field| json!({"field": field, "description": "bad"})).collect();
        json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations})
    };
    let own = || fcm_error("INVALID_ARGUMENT");
    let words = "The registration token is not a valid FCM registration token";
    for (message, details, wanted) in [
        (words, json!([own()]), "INVALID_ARGUMENT.token"),
        (
            "Request contains an invalid argument.",
            json!([own(), violation(&["message.token"])]),
            "INVALID_ARGUMENT.token",
        ),
        ("Request contains an invalid argument.", json!([own()]), "INVALID_ARGUMENT"),
        (words, json!([own(), violation(&["message.android.ttl"])]), "INVALID_ARGUMENT"),
        (words, json!([own(), violation(&["message.token", "message.data"])]), "INVALID_ARGUMENT"),
        (words, json!([violation(&["message.token"])]), "INVALID_ARGUMENT"),
        ("Invalid JSON payload received.", json!([violation(&["message"])]), "INVALID_ARGUMENT"),
    ] {
        assert_eq!(code(&answered(400, None, &error("INVALID_ARGUMENT", message, &details))), wanted, "{details}");
    }
}

#[test]
fn a_wait_that_is_asked_for_is_kept_and_one_devices_limit_holds_nobody_else_up() {
    let unavailable = error("UNAVAILABLE", "words", &json!([fcm_error("UNAVAILABLE")]));
    assert_eq!(answered(503, Some("120"), &unavailable), Reply::Throttled(Duration::from_secs(120)));
    assert_eq!(code(&answered(503, None, &unavailable)), "UNAVAILABLE");
    let quota = |subject: &str| {
        let violations = json!([{"subject": subject, "description": "rate"}]);
        let failure = json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations});
        error("RESOURCE_EXHAUSTED", "words", &json!([fcm_error("QUOTA_EXCEEDED"), failure]))
    };
    let project = quota("project:shop-1234");
    assert_eq!(answered(429, Some("5"), &project), Reply::Throttled(Duration::from_secs(5)));
    assert_eq!(answered(429, None, &project), Reply::Throttled(Duration::from_secs(60)));
    assert_eq!(code(&answered(429, Some("5"), &quota("device"))), "QUOTA_EXCEEDED");
    let nobodys = error("RESOURCE_EXHAUSTED", "words", &json!([fcm_error("QUOTA_EXCEEDED")]));
    assert_eq!(code(&answered(429, None, &nobodys)), "QUOTA_EXCEEDED");
    assert_eq!(answered(429, Some("5"), &nobodys), Reply::Throttled(Duration::from_secs(5)));
    assert_eq!(answered(429, None, "slow down"), Reply::Throttled(Duration::from_secs(60)));
}

#[test]
fn what_cannot_be_read_is_in_doubt_when_it_may_have_been_passed_on() {
    for (status, body) in [(200, ""), (200, "{}"), (200, r#"{"name":""}"#), (502, "<html>"), (503, ""), (504, "{}")] {
        assert!(matches!(answered(status, None, body), Reply::NoAnswer(_)), "{status} {body}");
    }
    let late = error("DEADLINE_EXCEEDED", "words", &json!([]));
    assert!(matches!(answered(504, None, &late), Reply::NoAnswer(_)));
    assert_eq!(code(&answered(401, None, "")), "UNAUTHENTICATED");
    assert_eq!(code(&answered(403, None, "<html>")), "PERMISSION_DENIED");
    for status in [302, 401, 403, 404, 405, 407] {
        let reply = answered(status, None, "<html>");
        assert_eq!(judge(CodeTable::Fcm, code(&reply)).handling, Handling::LockedOut, "{status}");
    }
    assert_eq!(code(&answered(410, None, "<html>")), "HTTP 410");
}

#[test]
fn an_access_token_is_asked_for_as_published() {
    let (server, tokens) = (Http2::saying(200, SENT), Tokens::lasting(3_600));
    let (_file, mut bench) = bench(&server.url, &tokens);
    bench.one(GOOGLES);
    let asked = tokens.asked().remove(0);
    assert!(asked.starts_with("POST /token HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_lowercase().contains("\r\ncontent-type: application/x-www-form-urlencoded\r\n"), "{asked}");
    let form = asked.split("\r\n\r\n").nth(1).unwrap();
    let form: Vec<(String, String)> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    assert_eq!(form[0], ("grant_type".into(), "urn:ietf:params:oauth:grant-type:jwt-bearer".into()));
    assert_eq!(form[1].0, "assertion");
    let part = |nth| -> Value {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(form[1].1.split('.').nth(nth).unwrap()).unwrap()).unwrap()
    };
    assert_eq!(part(0), json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"}));
    assert_eq!(
        part(1),
        json!({
            "iss": "ims@shop-1234.iam.gserviceaccount.com",
            "scope": "https://www.googleapis.com/auth/firebase.messaging",
            "aud": tokens.uri, "iat": 1_773_219_600, "exp": 1_773_223_200,
        })
    );
}

#[test]
fn an_access_token_is_kept_and_renewed_before_it_ends() {
    let (server, tokens) = (Http2::saying(200, SENT), Tokens::lasting(3_600));
    let (_file, mut bench) = bench(&server.url, &tokens);
    let mut used = |after_ms: i64| {
        bench.clock.by(after_ms);
        bench.one(GOOGLES);
        server.asked().last().unwrap().header("authorization").to_owned()
    };
    assert_eq!(used(0), "Bearer token-1");
    assert_eq!(used(3_299_000), "Bearer token-1");
    assert_eq!(used(1_000), "Bearer token-2", "five minutes before its end");
    assert_eq!(used(-1_000_000), "Bearer token-3", "a clock that was set back");
    assert_eq!(tokens.asked().len(), 3);
}

#[test]
fn many_senders_get_one_token() {
    let (server, tokens) = (Http2::saying(200, SENT), Tokens::lasting(3_600));
    let (_file, mut bench) = bench(&server.url, &tokens);
    (1..=50).for_each(|ticket| bench.submit(ticket, push(&[GOOGLES])));
    let mut answers = Vec::new();
    while answers.len() < 50 {
        bench.answers(&mut answers);
    }
    assert_eq!(tokens.asked().len(), 1);
    assert_eq!(server.asked().len(), 50);
}

#[test]
fn a_token_that_cannot_be_renewed_is_used_to_its_end() {
    let tokens = Tokens::saying(|nth| match nth {
        1 => ("200 OK", json!({"access_token": "token-1", "expires_in": 3_600})),
        _ => ("400 Bad Request", json!({"error": "invalid_grant", "error_description": "Invalid JWT"})),
    });
    let server = Http2::saying(200, SENT);
    let (_file, mut bench) = bench(&server.url, &tokens);
    assert_eq!(code(&bench.one(GOOGLES)), "200");
    bench.clock.by(3_500_000);
    assert_eq!(code(&bench.one(GOOGLES)), "200");
    assert_eq!(code(&bench.one(GOOGLES)), "200");
    assert_eq!(tokens.asked().len(), 2, "a failure is not repeated for every message");
    bench.clock.by(200_000);
    let refused = bench.one(GOOGLES);
    assert_eq!(judge(CodeTable::Fcm, code(&refused)).handling, Handling::LockedOut, "{refused:?}");
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn where_no_token_is_to_be_had_nothing_is_sent() {
    let server = Http2::saying(200, SENT);
    for says in [("500 Internal Server Error", json!({})), ("200 OK", json!({})), ("200 OK", json!("x"))] {
        let tokens = Tokens::saying(move |_| says.clone());
        let (_file, mut bench) = bench(&server.url, &tokens);
        assert!(matches!(bench.one(GOOGLES), Reply::NotSent(reason) if reason.starts_with("no access token")));
    }
    assert!(server.asked().is_empty());
}

#[test]
fn a_refused_access_token_is_exchanged_once_it_is_old_enough() {
    let unauthenticated = || error("UNAUTHENTICATED", "words", &json!([]));
    let server = Http2::doing(move |asked, _| match asked.header("authorization") {
        "Bearer token-1" => Act::Say(401, Vec::new(), unauthenticated()),
        _ => Act::Say(200, Vec::new(), SENT.into()),
    });
    let tokens = Tokens::lasting(3_600);
    let (_file, mut bench) = bench(&server.url, &tokens);
    assert_eq!(code(&bench.one(GOOGLES)), "UNAUTHENTICATED", "one that was refused at once is not got again");
    bench.clock.by(30_000);
    assert_eq!(code(&bench.one(GOOGLES)), "200");
    assert_eq!(tokens.asked().len(), 2);
}

#[test]
fn a_service_account_that_is_exchanged_is_read_without_a_restart() {
    let (server, tokens) = (Http2::saying(200, SENT), Tokens::lasting(3_600));
    let (file, mut bench) = bench(&server.url, &tokens);
    bench.one(GOOGLES);
    std::fs::write(file.path(), "half of a f").unwrap();
    bench.one(GOOGLES);
    let mut other = service_account(&tokens.uri);
    other["project_id"] = "other-project".into();
    std::fs::write(file.path(), other.to_string()).unwrap();
    bench.one(GOOGLES);
    let paths: Vec<String> = server.asked().into_iter().map(|asked| asked.path).collect();
    let (own, others) = ("/v1/projects/shop-1234/messages:send", "/v1/projects/other-project/messages:send");
    assert_eq!(paths, [own, own, others]);
    assert_eq!(tokens.asked().len(), 2);
}

#[test]
fn what_is_not_the_services_is_not_asked() {
    let (server, tokens) = (Http2::saying(200, SENT), Tokens::lasting(3_600));
    let (_file, mut bench) = bench(&server.url, &tokens);
    for nobodys in [&[][..], &[APPLES]] {
        assert_eq!(bench.reply(push(nobodys)), Reply::Tokens(Vec::new()));
    }
    assert!(server.asked().is_empty());
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_remedy() {
    let google = vendor("fcm", "https://fcm.googleapis.com", 1_000);
    let clock = Moved::at(NOW_MS);
    let good = || service_account("https://oauth2.googleapis.com/token");
    let changed = |key: &str, value: &str| {
        let mut account = good();
        account[key] = value.into();
        file(&account.to_string())
    };
    for (file, remedy) in [
        (file("{\"private_key\": \"geheim"), "name the JSON file"),
        (file("{}"), "name the JSON file"),
        (changed("type", "authorized_user"), "\"service_account\""),
        (changed("private_key", "geheim"), "BEGIN PRIVATE KEY"),
        (changed("private_key", &P256_KEY), "no RSA key"),
        (changed("token_uri", "http://oauth2.googleapis.com/token"), "not https"),
        (changed("token_uri", "oauth2"), "not https"),
        (changed("project_id", "a/b"), "project_id"),
    ] {
        let told = open(&google, with(&file), &clock).all_have_keys().unwrap_err().to_string();
        assert!(told.contains(remedy) && !told.contains("geheim"), "{remedy}: {told}");
    }
    let file = file(&good().to_string());
    let both = VendorSettings { key_file: file.path().to_owned(), ..with(&file) };
    let told = open(&google, both, &clock).all_have_keys().unwrap_err().to_string();
    assert!(told.contains("set fcm.service_account_file alone"), "{told}");
    open(&google, with(&file), &clock).all_have_keys().unwrap();
}

#[test]
fn whatever_comes_as_an_answer_is_judged() {
    let (vendor, quota) = (vendor("fcm", "http://127.0.0.1/", 1_000), json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "details": [
        {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "QUOTA_EXCEEDED"},
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"subject": "project:1", "description": "d"}]},
    ]}}).to_string());
    for body in examples::spoilt(&[br#"{"name":"projects/p/messages/1"}"#, quota.as_bytes()]) {
        let wait = String::from_utf8_lossy(&body[..body.len().min(9)]).into_owned();
        for status in [200, 302, 400, 404, 429, 503] {
            answer::reply(&vendor, status, Some(&wait), &body, NOW_MS);
        }
    }
}

/// Panics when the thread of requests asks it for the first time.
struct Once(AtomicBool);

impl Clock for Once {
    fn now_ms(&self) -> i64 {
        let is_wire = std::thread::current().name() == Some("vendor-wires");
        assert!(!is_wire || self.0.swap(true, Ordering::SeqCst), "a defect");
        NOW_MS
    }
}

#[test]
fn a_request_that_panics_is_one_without_an_answer_and_the_next_one_is_made() {
    let (server, tokens) = (Http2::saying(200, SENT), Tokens::lasting(3_600));
    let file = file(&service_account(&tokens.uri).to_string());
    let vendor = vendor("fcm", &server.url, 5_000);
    let reference = Reference::new(Seed { vendors: vec![vendor.clone()], ..Seed::default() }).unwrap();
    let known = BTreeMap::from([("app".to_owned(), with(&file))]);
    let reference = Arc::new(Fixed(Arc::new(reference)));
    let vendors = Vendors::open(&known, "", reference, Arc::new(Once(AtomicBool::new(false))));
    let (mut provider, vendor) = (vendors.provider(Box::new(Nobody)), Arc::new(vendor));
    let mut one = |ticket| {
        let (dispatch, vendor) = (Arc::new(push(&[GOOGLES])), Arc::clone(&vendor));
        provider.submit(Request { ticket, dispatch, vendor });
        let mut answers = Vec::new();
        provider.answers(PATIENCE, &mut answers);
        answers
    };
    let [Answer { ticket: 1, reply: Reply::NoAnswer(why), .. }] = &one(1)[..] else { panic!("it has no end") };
    assert!(why.starts_with("a defect"), "{why}");
    let [Answer { ticket: 2, reply: Reply::Tokens(of), .. }] = &one(2)[..] else { panic!("it has no end") };
    assert_eq!(code(&of[0].reply), "200");
}
