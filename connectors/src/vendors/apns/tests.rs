//! What is asked, what an answer means, and which token says who we are.

use super::{provider_token::ProviderToken, request::apns_id, *};
use crate::vendors::{
    VendorSettings,
    push::testing::{APPLES, Act, Bench, GOOGLES, Http2, Moved, NOW_MS, ad, code as code_of, open, push, vendor},
    testing::{P256_KEY, RSA_KEY},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use processors::{
    codes::{Handling, judge, rows},
    reference::CodeTable,
};
use schemas::examples;
use serde_json::{Value, json};
use std::{path::Path, time::Duration};
use tempfile::NamedTempFile;

fn key_file() -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), P256_KEY.as_str()).unwrap();
    file
}

fn settings(key_file: &Path) -> ApnsSettings {
    ApnsSettings {
        key_file: key_file.to_owned(),
        key_id: "ABC123DEFG".into(),
        team_id: "DEF123GHIJ".into(),
        topic: "kr.example.app".into(),
        ..ApnsSettings::default()
    }
}

fn with(apns: ApnsSettings) -> VendorSettings {
    VendorSettings { apns: Some(apns), ..VendorSettings::default() }
}

fn bench(url: &str) -> (NamedTempFile, Bench) {
    let file = key_file();
    let settings = with(settings(file.path()));
    (file, Bench::new("apns", url, settings))
}

fn claims(authorization: &str) -> Value {
    let token = authorization.strip_prefix("bearer ").unwrap();
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[test]
fn a_request_is_as_published() {
    let server = Http2::saying(200, "");
    let (_file, mut bench) = bench(&server.url);
    assert_eq!(code_of(&bench.one(APPLES)), "200");
    let asked = server.asked().remove(0);
    assert_eq!(asked.path, format!("/3/device/{APPLES}"));
    for (name, value) in [
        ("apns-topic", "kr.example.app"),
        ("apns-push-type", "alert"),
        ("apns-priority", "10"),
        ("apns-expiration", "1773223200"),
        ("apns-collapse-id", "01HXYZ-0R"),
        ("apns-id", &apns_id("01HXYZ-0R", APPLES)),
    ] {
        assert_eq!(asked.header(name), value, "{name}");
    }
    assert_eq!(claims(asked.header("authorization")), json!({"iss": "DEF123GHIJ", "iat": 1_773_219_600}));
    assert_eq!(
        asked.json(),
        json!({
            "aps": {
                "alert": {"title": "배송 출발", "body": "주문하신 상품이 출발했습니다."},
                "sound": "default",
                "mutable-content": 1,
            },
            "order": "A-1",
            "link": "https://shop.example.kr/orders/A-1",
            "image": "https://img.example.kr/1.png",
            "serial_number": "01HXYZ-0R",
        })
    );
}

#[test]
fn what_a_customer_says_beside_the_text_is_heeded() {
    let server = Http2::saying(200, "");
    let (_file, mut bench) = bench(&server.url);
    let mut dispatch = push(&[APPLES]);
    dispatch.accepted.ad = true;
    let content = &mut dispatch.accepted.content;
    content.title = None;
    content.attachment = None;
    content.collapse_key = Some("offers".into());
    content.ttl_seconds = Some(0);
    content.data = [("aps", "mine"), ("link", "app://x")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    bench.reply(dispatch);
    let asked = server.asked().remove(0);
    let said = ["apns-priority", "apns-expiration", "apns-collapse-id"].map(|name| asked.header(name).to_owned());
    assert_eq!(said, ["5", "0", "offers"]);
    let body = content_of("주문하신 상품이 출발했습니다.");
    assert_eq!(asked.json(), json!({"aps": body, "link": "app://x", "serial_number": "01HXYZ-0R"}));
}

#[test]
fn an_ad_is_not_kept_for_a_device_beyond_the_evening() {
    let server = Http2::saying(200, "");
    let (_file, mut bench) = bench(&server.url);
    bench.reply(ad(&[APPLES]));
    let mut agreed = ad(&[APPLES]);
    agreed.accepted.night_agreed = true;
    bench.reply(agreed);
    let ends: Vec<_> = server.asked().iter().map(|asked| asked.header("apns-expiration").to_owned()).collect();
    assert_eq!(ends, ["1773230399", "1773478800"], "20:59:59 in Seoul, and with consent to the night its own end");
}

fn content_of(body: &str) -> Value {
    json!({"alert": {"body": body}, "sound": "default"})
}

#[test]
fn an_apns_id_is_the_same_for_a_repeat_and_no_other() {
    let id = apns_id("01HXYZ-0R", APPLES);
    assert_eq!(id, apns_id("01HXYZ-0R", APPLES));
    assert!(id != apns_id("01HXYZ-1R", APPLES) && id != apns_id("01HXYZ-0R", &APPLES[..62]));
    let shape: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(shape, [8, 4, 4, 4, 12]);
    assert!(id.split('-').nth(2).unwrap().starts_with('8'), "version 8: {id}");
    assert!(id.split('-').nth(3).unwrap().starts_with(['8', '9', 'a', 'b']), "{id}");
}

#[test]
fn every_published_reason_is_its_code_and_what_is_not_readable_is_judged_by_its_status() {
    let apple = vendor("apns", "https://api.push.apple.com", 1_000);
    let told = |status, retry_after: Option<&str>, body: &str| {
        answer::told(&apple, status, retry_after, body.as_bytes(), NOW_MS)
    };
    for row in rows(CodeTable::Apns).iter().filter(|row| row.codes().0 != "200") {
        let reason = row.codes().0;
        let told = told(400, None, &json!({"reason": reason}).to_string());
        assert_eq!(told.reply, Reply::Code { code: reason.into(), text: row.meaning.into() });
        assert_eq!(told.since_ms, None);
    }
    let dead = told(410, None, r#"{"reason":"Unregistered","timestamp":1700000000000}"#);
    assert_eq!((code_of(&dead.reply), dead.since_ms), ("Unregistered", Some(1_700_000_000_000)));
    let unknown = told(400, None, r#"{"reason":"BrandNew"}"#).reply;
    assert_eq!(unknown, Reply::Code { code: "BrandNew".into(), text: "a reason that is not published".into() });
    let busy = told(503, Some("7"), r#"{"reason":"ServiceUnavailable"}"#).reply;
    assert_eq!(busy, Reply::Throttled(Duration::from_secs(7)));
    let one = told(429, Some("7"), r#"{"reason":"TooManyRequests"}"#).reply;
    assert_eq!(code_of(&one), "TooManyRequests", "one device's own limit");
    for (status, body) in [(410, ""), (400, "<html>")] {
        assert_eq!(code_of(&told(status, None, body).reply), format!("HTTP {status}"));
    }
    for status in [302, 401, 403, 404, 405, 407] {
        let reply = told(status, None, "<html>").reply;
        assert_eq!(judge(CodeTable::Apns, code_of(&reply)).handling, Handling::LockedOut, "{status}");
    }
    assert_eq!(told(429, None, "<html>").reply, Reply::Throttled(Duration::from_secs(60)));
    assert_eq!(told(429, Some("5"), "").reply, Reply::Throttled(Duration::from_secs(5)));
    assert_eq!(code_of(&told(413, None, "").reply), "PayloadTooLarge");
    for status in [500, 502, 504] {
        assert!(matches!(told(status, None, "bad gateway").reply, Reply::NoAnswer(_)), "{status}");
    }
}

#[test]
fn what_could_only_be_refused_is_not_asked() {
    let server = Http2::saying(200, "");
    let (_file, mut bench) = bench(&server.url);
    assert_eq!(bench.reply(push(&[])), Reply::Tokens(Vec::new()));
    let mut large = push(&[APPLES]);
    large.accepted.content.message = Some("가".repeat(1_365));
    large.accepted.recipient.push_tokens.push(GOOGLES.into());
    large.accepted.recipient.push_tokens.push(APPLES[1..].to_owned() + "0");
    large.tokens_done = vec![2];
    let of_each = |reply: Reply| match reply {
        Reply::Tokens(replies) => {
            replies.iter().map(|of| (of.place, code_of(&of.reply).to_owned())).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(of_each(bench.reply(large)), [(0, "PayloadTooLarge".to_owned())], "of its own tokens alone");
    for key in ["a\nb", "\u{7f}", "\0", &"가".repeat(22)] {
        let mut broken = push(&[APPLES]);
        broken.accepted.content.collapse_key = Some(key.into());
        assert_eq!(of_each(bench.reply(broken)), [(0, "BadCollapseId".to_owned())], "{key:?}");
    }
    assert_eq!(bench.reply(push(&[GOOGLES])), Reply::Tokens(Vec::new()));
    assert!(server.asked().is_empty());
}

#[test]
fn a_token_of_ours_is_made_every_forty_minutes_and_not_sooner() {
    const MINUTE: i64 = 60_000;
    let file = key_file();
    let tokens = ProviderToken::open(file.path(), "ABC123DEFG", "DEF123GHIJ").unwrap();
    let at = |minutes: i64| tokens.authorization(NOW_MS + minutes * MINUTE).unwrap();
    let first = at(0);
    tokens.refused(&first, NOW_MS + 19 * MINUTE);
    assert_eq!((at(20), at(39)), (first.clone(), first.clone()), "refused too early for another");
    let second = at(40);
    assert_ne!(first, second);
    tokens.refused(&first, NOW_MS + 70 * MINUTE);
    assert_eq!(at(70), second, "another one was refused");
    tokens.refused(&second, NOW_MS + 60 * MINUTE);
    let third = at(60);
    assert_ne!(second, third);
    assert_ne!(at(-10), third, "a clock that was set back");
    let again = at(0);
    std::fs::write(file.path(), "no key").unwrap();
    assert_eq!(at(0), again, "a file that cannot be read takes nothing away");
    std::fs::write(file.path(), format!("{}\n", P256_KEY.as_str())).unwrap();
    assert_ne!(at(0), again, "another file, another token");
}

#[test]
fn a_refused_token_is_exchanged_once_and_the_message_sent_again() {
    let server = Http2::doing(|_, nth| match nth {
        2 => Act::Say(403, Vec::new(), r#"{"reason":"ExpiredProviderToken"}"#.into()),
        _ => Act::Say(200, Vec::new(), String::new()),
    });
    let (_file, mut bench) = bench(&server.url);
    assert_eq!(code_of(&bench.one(APPLES)), "200");
    bench.clock.by(30 * 60_000);
    assert_eq!(code_of(&bench.one(APPLES)), "200", "with another token");
    assert_eq!(server.asked().len(), 3);
    let stubborn = Http2::saying(403, r#"{"reason":"InvalidProviderToken"}"#);
    let (_file, mut bench) = self::bench(&stubborn.url);
    assert_eq!(code_of(&bench.one(APPLES)), "InvalidProviderToken");
    assert_eq!(stubborn.asked().len(), 1, "the token is too young to be exchanged");
}

#[test]
fn senders_share_one_token() {
    let server = Http2::doing(|_, _| Act::Say(200, Vec::new(), String::new()));
    let (_file, mut bench) = bench(&server.url);
    (1..=20).for_each(|ticket| bench.submit(ticket, push(&[APPLES])));
    let mut answers = Vec::new();
    while answers.len() < 20 {
        bench.answers(&mut answers);
    }
    let mut keys: Vec<String> = server.asked().iter().map(|asked| asked.header("authorization").to_owned()).collect();
    keys.dedup();
    assert_eq!(keys.len(), 1);
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_remedy() {
    let file = key_file();
    let rsa = NamedTempFile::new().unwrap();
    std::fs::write(rsa.path(), RSA_KEY.as_str()).unwrap();
    let good = || settings(file.path());
    let apple = vendor("apns", "https://api.push.apple.com", 1_000);
    let clock = Moved::at(NOW_MS);
    let refused = |settings: VendorSettings| {
        let told = open(&apple, settings, &clock).all_have_keys();
        told.expect_err("it passed").to_string()
    };
    for (settings, remedy) in [
        (with(ApnsSettings { key_file: "/nowhere/AuthKey.p8".into(), ..good() }), "name the AuthKey"),
        (with(ApnsSettings { key_file: Default::default(), ..good() }), "name the AuthKey"),
        (with(ApnsSettings { key_file: rsa.path().to_owned(), ..good() }), "no key on the curve P-256"),
        (with(ApnsSettings { key_id: "short".into(), ..good() }), "apns.key_id"),
        (with(ApnsSettings { team_id: "DEF123GHI ".into(), ..good() }), "apns.team_id"),
        (with(ApnsSettings { topic: "two words".into(), ..good() }), "write kr.example.app"),
        (with(ApnsSettings { ca_file: rsa.path().to_owned(), ..good() }), "apns.ca_file"),
        (VendorSettings { key_file: file.path().to_owned(), ..with(good()) }, "set apns.key_file alone"),
        (VendorSettings::default(), "name a file"),
        (VendorSettings { fcm: Some(Default::default()), ..with(good()) }, "keep one of smtp, fcm, apns, smpp and nhn"),
    ] {
        let told = refused(settings);
        assert!(told.contains(remedy) && !told.contains("BEGIN"), "{remedy}: {told}");
    }
    open(&apple, with(good()), &clock).all_have_keys().unwrap();
}

#[test]
fn whatever_comes_as_an_answer_is_judged() {
    let vendor = vendor("apns", "http://127.0.0.1/", 1_000);
    for body in examples::spoilt(&[br#"{"reason":"Unregistered","timestamp":1773187207000}"#]) {
        let wait = String::from_utf8_lossy(&body[..body.len().min(9)]).into_owned();
        for status in [200, 302, 400, 410, 429, 503] {
            answer::told(&vendor, status, Some(&wait), &body, NOW_MS);
        }
    }
}
