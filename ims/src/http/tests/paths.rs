//! What each path answers.

use super::{BANK, Fixture, SHOP, post, signed, sms, sms_id};
use crate::http::shares::Shares;
use axum::{
    body::Body,
    http::{Method, Request, StatusCode, request::Builder},
};
use processors::callback;
use schemas::{Lane, Report, ResultKind, SendRequest, Source, State, StepResult, Topic, examples};
use serde_json::{Value, json};

#[tokio::test]
async fn a_message_is_answered_once_it_stands_in_its_topic_under_its_id() {
    let fixture = Fixture::new();
    let (status, headers, answer) = fixture.call(signed(post(SHOP)).body(sms().into()).unwrap()).await;
    assert_eq!((status, &answer), (StatusCode::OK, &json!({"code": "0000", "data": sms_id()})));
    assert_eq!(headers["x-request-id"].len(), 32);
    let written = fixture.written::<SendRequest>(Topic::api(Lane::Realtime));
    let expected = SendRequest { source: Source::Api, ..examples::request("sms") };
    assert_eq!(written, [(sms_id(), expected)]);
}

#[tokio::test]
async fn the_lane_is_the_headers() {
    let fixture = Fixture::new();
    for (lane, count) in [("AUTH", 1), ("MASS", 1), ("FAST", 0)] {
        let request = signed(post(SHOP)).header("x-ims-lane", lane).body(sms().into()).unwrap();
        let (status, _, answer) = fixture.call(request).await;
        assert_eq!((status, answer["code"] == "0000"), (StatusCode::OK, count == 1), "{answer}");
        if let Ok(lane) = lane.parse::<Lane>() {
            assert_eq!(fixture.written::<SendRequest>(Topic::api(lane)).len(), count);
        }
    }
}

#[tokio::test]
async fn there_is_one_version_on_every_path() {
    let fixture = Fixture::new();
    let asked = |version| {
        let ask = |request: Builder| signed(request).header("x-ims-version", version).body(Body::empty()).unwrap();
        let path = |path: &str| format!("/ims/{SHOP}/{path}");
        let send = signed(post(SHOP)).header("x-ims-version", version).body(sms().into()).unwrap();
        let others = [
            Request::get(path("report/A")),
            Request::delete(path("message/A")),
            Request::get(path("stat?from=2026-03-01&to=2026-03-01")),
            Request::get(path("sender-numbers")),
        ];
        others.map(ask).into_iter().chain([send])
    };
    for request in asked("version-2") {
        let (status, _, answer) = fixture.call(request).await;
        let told = json!({"code": "1400", "message": "x-ims-version: allowed is version-1"});
        assert_eq!((status, answer), (StatusCode::OK, told));
    }
    for request in asked("version-1") {
        assert_ne!(fixture.call(request).await.2["code"], "1400");
    }
}

#[tokio::test]
async fn a_refused_request_is_answered_with_its_code_and_not_written() {
    let fixture = Fixture::new();
    for (body, code) in [
        (sms().replace("\"SMS\"", "\"FAX\""), "4001"),
        (sms().replace("\"message_id\"", "\"mesage_id\""), "1400"),
        ("{".to_owned(), "1400"),
        (format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)), "1400"),
    ] {
        let (status, _, answer) = fixture.call(signed(post(SHOP)).body(body.into()).unwrap()).await;
        assert_eq!((status, answer["code"].as_str()), (StatusCode::OK, Some(code)), "{answer}");
    }
    assert!(fixture.written::<SendRequest>(Topic::api(Lane::Realtime)).is_empty());
}

#[tokio::test]
async fn what_the_log_does_not_acknowledge_is_not_confirmed() {
    let fixture = Fixture::without_log();
    let (status, headers, answer) = fixture.call(signed(post(SHOP)).body(sms().into()).unwrap()).await;
    assert_eq!((status, answer["code"].as_str()), (StatusCode::SERVICE_UNAVAILABLE, Some("9998")));
    assert_eq!(headers["retry-after"], "1");
}

#[tokio::test]
async fn the_door_refuses_with_the_status_of_its_table() {
    let fixture = Fixture::new();
    let send = format!("/ims/{SHOP}/mt/sendMessage");
    let of = |method: Method, path: &str, content_type: &str, body: Body| {
        let request = Request::builder().method(method).uri(path).header("content-type", content_type);
        signed(request).body(body).unwrap()
    };
    let json = "application/json";
    for (request, status) in [
        (of(Method::GET, "/", json, Body::empty()), 404),
        (of(Method::GET, "/ims/../etc/passwd", json, Body::empty()), 404),
        (of(Method::POST, &format!("/ims/{SHOP}/fax/sendMessage"), json, sms().into()), 404),
        (of(Method::GET, &send, json, Body::empty()), 405),
        (of(Method::PUT, &format!("/ims/{SHOP}/report/A"), json, Body::empty()), 405),
        (of(Method::POST, &send, json, Body::from(vec![b' '; 1_000_001])), 413),
        (of(Method::POST, &send, "text/plain", sms().into()), 415),
    ] {
        let told = format!("{} {}", request.method(), request.uri());
        let (got, _, answer) = fixture.call(request).await;
        assert_eq!((got.as_u16(), answer["code"].as_str()), (status, Some(&*status.to_string())), "{told}");
    }
    let utf8 = of(Method::POST, &send, "Application/JSON; charset=utf-8", sms().into());
    assert_eq!(fixture.call(utf8).await.0, StatusCode::OK);
    let full = Fixture::with(|door| door.places = Shares::of(0, 1));
    let (status, headers, _) = full.call(of(Method::POST, &send, json, sms().into())).await;
    assert_eq!((status, &headers["retry-after"]), (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap()));
}

#[tokio::test]
async fn a_request_id_comes_back_when_it_may_stand_in_a_log() {
    let fixture = Fixture::new();
    let long = "a".repeat(65);
    for (given, kept) in [("ORD-1_a.b", true), ("", false), ("a b", false), (&*long, false), ("\"}{", false)] {
        let request = Request::get("/").header("x-request-id", given).body(Body::empty()).unwrap();
        let (_, headers, _) = fixture.call(request).await;
        assert_eq!(headers["x-request-id"] == given, kept, "{given:?}");
    }
}

fn ask(method: Method, service_key: &str, kind: &str, message_id: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(format!("/ims/{service_key}/{kind}/{message_id}"));
    signed(request).body(Body::empty()).unwrap()
}

fn report(service_key: &str, message_id: &str, state: State, terminal: bool) -> Report {
    let (service_key, message_id) = (service_key.to_owned(), message_id.to_owned());
    Report { service_key, message_id, state, terminal, ..examples::report() }
}

#[tokio::test]
async fn a_report_is_what_a_callback_tells_and_only_its_customers() {
    let fixture = Fixture::new();
    let known = report(SHOP, "ORD 1/가", State::Delivered, true);
    assert_eq!(known.username, "hanbit-shop");
    fixture.store(&known);
    let (status, _, answer) = fixture.call(ask(Method::GET, SHOP, "report", "ORD%201%2F%EA%B0%80")).await;
    let body = callback::message(std::slice::from_ref(&known), false).body;
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, answer), (StatusCode::OK, json!({"code": "0000", "data": told["data"]})));
    for (service_key, message_id, code) in [
        (SHOP, "ORD-2", "2100"),
        // A key of the same customer that did not send it; one of another; one of nobody.
        ("IMSDEMO0SERVICEKEY0000000000000000000009", "ORD%201%2F%EA%B0%80", "1100"),
        (BANK, "ORD%201%2F%EA%B0%80", "1100"),
    ] {
        let (status, _, answer) = fixture.call(ask(Method::GET, service_key, "report", message_id)).await;
        assert_eq!((status, answer["code"].as_str()), (StatusCode::OK, Some(code)), "{answer}");
    }
}

#[tokio::test]
async fn a_cancel_is_asked_for_what_has_not_ended() {
    let fixture = Fixture::new();
    let waits = report(SHOP, "WAITS", State::Scheduled, false);
    fixture.store(&waits);
    let (_, _, answer) = fixture.call(ask(Method::DELETE, SHOP, "message", "WAITS")).await;
    let data = json!({"message_id": "WAITS", "asked": true, "state": "SCHEDULED"});
    assert_eq!(answer, json!({"code": "0000", "data": data}));
    // Whatever priority the router gave it: each outcome hears of it.
    let written =
        || Lane::ALL.iter().flat_map(|lane| fixture.written::<StepResult>(Topic::result(*lane))).collect::<Vec<_>>();
    assert_eq!(written().len(), 4);
    for (key, wish) in written() {
        assert_eq!((&key, &wish.track_id, wish.kind), (&waits.track_id, &waits.track_id, ResultKind::Cancel));
    }
    for (service_key, message_id, code) in [(SHOP, "NEVER", "2100"), (BANK, "WAITS", "1100")] {
        let (_, _, answer) = fixture.call(ask(Method::DELETE, service_key, "message", message_id)).await;
        assert_eq!(answer["code"], code);
    }
    fixture.store(&report(SHOP, "WAITS", State::Delivered, true));
    let (_, _, answer) = fixture.call(ask(Method::DELETE, SHOP, "message", "WAITS")).await;
    assert_eq!(answer["data"], json!({"message_id": "WAITS", "asked": false, "state": "DELIVERED"}));
    assert_eq!(written().len(), 4);
}
