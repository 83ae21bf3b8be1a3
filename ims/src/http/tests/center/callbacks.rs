//! Endpoints of callbacks, and the call that tries one.

use super::{BANK, CUSTOMER, Center, OTHER, SHOP, code};
use crate::http::{
    center::{Endpoints, Trials},
    clerk::Clerk,
    routes::Door,
};
use axum::http::{Method, StatusCode};
use connectors::{
    analysis::AnalysisSink,
    callback::{CallerSettings, System},
};
use processors::{
    callback::{Endpoint, Secret, signature},
    ports::{Logged, Move, Sink, Written},
    reference::ServiceKey,
};
use schemas::{
    AnalyzeLog, EndpointState, LogEvent, Report, Topic,
    examples::{self, seed::NOW_MS},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};
use topology::log::{Log, Outgoing};

/// Headers and body of a call.
type Called = (Vec<String>, Vec<u8>);

/// Answers one call with this status, and tells what came.
fn endpoint(status: u16) -> (String, JoinHandle<Called>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/ims?token=hunter2", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            match line.trim_end() {
                "" => break,
                line => headers.push(line.to_owned()),
            }
        }
        let length = headers.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap()];
        reader.read_exact(&mut body).unwrap();
        write!(reader.get_mut(), "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        (headers, body)
    });
    (uri, served)
}

fn center(allowed: &[&str]) -> Center {
    let settings = CallerSettings {
        allow_networks: allowed.iter().map(|network| network.parse().unwrap()).collect(),
        timeout: Duration::from_secs(20),
    };
    Center::with(|door| door.trials = Trials::new(settings, Arc::new(System)))
}

#[tokio::test]
async fn an_endpoint_is_set_its_secrets_exchanged_and_taken_away() {
    let center = Center::new();
    center.own(Method::DELETE, "callback", Value::Null).await;
    assert_eq!(code(&center.own(Method::POST, "callback/secret", Value::Null).await), "2110");
    assert_eq!(code(&center.own(Method::POST, "callback/test", Value::Null).await), "2110");
    let wish = json!({"uri": "https://shop.example/ims?token=hunter2", "batch": {"reports": 10, "wait_ms": 500}});
    let set = center.own(Method::PUT, "callback", wish.clone()).await;
    let first = set["data"]["secret"].as_str().unwrap().to_owned();
    assert!(first.starts_with("whsec_"), "{set}");
    let again = center.own(Method::PUT, "callback", wish).await;
    assert!(again["data"]["secret"].is_null() && again["data"]["secrets"] == 1, "{again}");
    let next = center.own(Method::POST, "callback/secret", Value::Null).await;
    assert_eq!(next["data"]["secrets"], 2);
    let shown = center.own(Method::GET, "callback", Value::Null).await;
    assert!(!shown.to_string().contains("whsec_"), "{shown}");
    assert_eq!(shown["data"]["batch"], json!({"reports": 10, "wait_ms": 500}));
    assert_eq!(center.own(Method::DELETE, "callback/secret", Value::Null).await["data"]["secrets"], 1);
    assert_eq!(code(&center.own(Method::DELETE, "callback/secret", Value::Null).await), "2130");
    assert!(center.own(Method::DELETE, "callback", Value::Null).await["data"]["uri"].is_null());
    for (_, told) in center.audit() {
        assert!(!told.contains("hunter2") && !told.contains(&first[6..]), "{told}");
    }
}

/// What the callback role notes when an endpoint answers 410.
fn answers_410(center: &Center, service_key: &str, uri: &str, at_ms: i64) {
    let key = ServiceKey {
        key: service_key.into(),
        callback_uri: Some(uri.into()),
        callback_secrets: vec![format!("whsec_{}", "A".repeat(32)).try_into().unwrap()],
        ..ServiceKey::default()
    };
    said(center, &Endpoint::of(&key).unwrap().unwrap().disabled(None, at_ms));
}

fn said(center: &Center, state: &EndpointState) {
    let record = Outgoing {
        topic: Topic::endpoint(),
        partition: None,
        key: Some(state.service_key.clone().into_bytes().into()),
        value: Some(center.0.door.schemas.encode(state).into()),
        headers: vec![],
    };
    center.0.log.producer().unwrap().append(&[record]).unwrap();
}

#[tokio::test]
async fn an_endpoint_that_answered_410_is_shown_as_such_until_it_is_set_again() {
    let center = Center::new();
    let uri = "https://shop.example/ims?token=hunter2";
    let set = center.own(Method::PUT, "callback", json!({"uri": uri})).await;
    assert_eq!((&set["data"]["uri"], &set["data"]["disabled"]), (&json!(uri), &Value::Null));
    assert_eq!(center.own(Method::GET, "callback", Value::Null).await["data"]["disabled"], Value::Null);
    let gone_ms = NOW_MS + 60_000;
    answers_410(&center, BANK, uri, gone_ms);
    answers_410(&center, SHOP, "https://shop.example/of-before", gone_ms);
    center.0.at(gone_ms + 1_000);
    let disabled = |answer: Value| answer["data"]["disabled"].clone();
    assert_eq!(disabled(center.own(Method::GET, "callback", Value::Null).await), Value::Null, "of nobody else");
    answers_410(&center, SHOP, uri, gone_ms);
    center.0.at(gone_ms + 2_000);
    let shown = disabled(center.own(Method::GET, "callback", Value::Null).await);
    assert_eq!(shown["disabled_at"], "2026-03-11T01:31:00.120Z", "{shown}");
    assert!(shown["reason"].as_str().unwrap().contains("410") && shown["enabled_by"].as_str().unwrap().contains("PUT"));
    for (method, path) in [(Method::POST, "callback/secret"), (Method::DELETE, "callback/secret")] {
        let answer = center.own(method, path, Value::Null).await;
        assert_eq!(answer["data"].get("disabled"), None, "it is not asked for: {answer}");
        assert_eq!(disabled(center.own(Method::GET, "callback", Value::Null).await), shown, "a secret enables nothing");
    }
    assert_eq!(disabled(center.own(Method::PUT, "callback", json!({"uri": uri})).await), Value::Null);
    assert_eq!(disabled(center.own(Method::GET, "callback", Value::Null).await), Value::Null);
    answers_410(&center, SHOP, uri, gone_ms + 10_000);
    center.0.at(gone_ms + 12_000);
    assert_eq!(
        disabled(center.own(Method::GET, "callback", Value::Null).await)["disabled_at"],
        "2026-03-11T01:31:10.120Z"
    );
    assert_eq!(disabled(center.own(Method::DELETE, "callback", Value::Null).await), Value::Null);
}

#[tokio::test]
async fn an_endpoint_that_rests_is_shown_until_when_and_why_until_it_is_set_anew() {
    let center = Center::new();
    let uri = "https://shop.example/ims?token=hunter2";
    let rest = |answer: Value| answer["data"]["rest"].clone();
    assert_eq!(rest(center.own(Method::PUT, "callback", json!({"uri": uri})).await), Value::Null);
    assert_eq!(rest(center.own(Method::GET, "callback", Value::Null).await), Value::Null);
    let key = ServiceKey {
        key: SHOP.into(),
        callback_uri: Some(uri.into()),
        callback_secrets: vec![format!("whsec_{}", "A".repeat(32)).try_into().unwrap()],
        ..ServiceKey::default()
    };
    let asked_ms = NOW_MS + 60_000;
    said(&center, &Endpoint::of(&key).unwrap().unwrap().rests(None, asked_ms, asked_ms + 600_000, 503));
    center.0.at(asked_ms + 2_000);
    let shown = center.own(Method::GET, "callback", Value::Null).await;
    assert_eq!(shown["data"]["disabled"], Value::Null, "{shown}");
    let shown = rest(shown);
    assert_eq!(
        (&shown["since"], &shown["until"]),
        (&json!("2026-03-11T01:31:00.120Z"), &json!("2026-03-11T01:41:00.120Z"))
    );
    assert!(shown["reason"].as_str().unwrap().contains("503"), "{shown}");
    assert!(shown["waiting"].as_str().unwrap().contains("even when"), "{shown}");
    center.0.at(asked_ms + 601_000);
    assert_eq!(rest(center.own(Method::GET, "callback", Value::Null).await), Value::Null, "it is over");
    center.0.at(asked_ms + 4_000);
    assert_eq!(rest(center.own(Method::GET, "callback", Value::Null).await), shown);
    center.own(Method::PUT, "callback", json!({"uri": uri})).await;
    assert_eq!(rest(center.own(Method::GET, "callback", Value::Null).await), Value::Null, "a new one has said nothing");
}

#[tokio::test]
async fn secrets_are_exchanged_while_the_log_is_away() {
    let away = |door: &mut Door| door.endpoints = Clerk::start("away", 1, || Err::<Endpoints, _>("no broker")).unwrap();
    let center = Center::with(away);
    center.own(Method::PUT, "callback", json!({"uri": "https://shop.example/ims"})).await;
    let path = format!("/ims/{SHOP}/callback");
    assert_eq!(center.call(CUSTOMER, Method::GET, &path, Value::Null).await.0, StatusCode::SERVICE_UNAVAILABLE);
    let added = center.own(Method::POST, "callback/secret", Value::Null).await;
    assert!(added["data"]["secret"].as_str().unwrap().starts_with("whsec_"), "{added}");
    assert_eq!(center.own(Method::DELETE, "callback/secret", Value::Null).await["data"]["secrets"], 1);
}

/// Writes a call as the analyzer does.
fn called(center: &Center, offset: i64, event: AnalyzeLog) {
    let path = center.0.stores.file("analysis");
    let written = std::thread::spawn(move || {
        let topic = Topic::analyze_log();
        let moves = [Move { topic, partition: 0, from: (offset > 0).then_some(offset), to: offset + 1 }];
        let record = AnalyzeLog { event: LogEvent::Callback, ..event };
        AnalysisSink::analysis(&path).unwrap().write(&[Logged { topic, partition: 0, offset, record }], &moves)
    });
    assert_eq!(written.join().unwrap(), Ok(Written::Moved));
}

#[tokio::test]
async fn every_call_for_a_message_is_told_to_its_customer_and_to_nobody_else() {
    let center = Center::new();
    let report = Report { service_key: SHOP.into(), ..examples::report() };
    let ask = async |who, service_key: &str, query: &str| {
        center.call(who, Method::GET, &format!("/ims/{service_key}/callback/calls?{query}"), Value::Null).await
    };
    let (by_id, by_track) = (format!("message_id={}", report.message_id), format!("track_id={}", report.track_id));
    assert_eq!(ask(CUSTOMER, SHOP, &by_track).await.0, StatusCode::SERVICE_UNAVAILABLE, "no analyzer has written yet");
    let first = AnalyzeLog {
        track_id: report.track_id.clone(),
        username: report.username.clone(),
        service_key: SHOP.into(),
        at: NOW_MS + 20,
        sent_at: Some(NOW_MS),
        attempt: 1,
        code: "503".into(),
        endpoint: "https://shop.example".into(),
        outcome: "again".into(),
        next_at: Some(NOW_MS + 60_020),
        ..AnalyzeLog::default()
    };
    let (code_, outcome) = ("timed_out".into(), "given_up".into());
    called(&center, 0, first.clone());
    called(
        &center,
        1,
        AnalyzeLog { at: NOW_MS + 75_020, attempt: 11, code: code_, outcome, next_at: None, ..first.clone() },
    );
    assert_eq!(code(&ask(CUSTOMER, SHOP, &by_id).await.1), "2100", "no report of it yet");
    center.0.store(&report);
    let told = ask(CUSTOMER, SHOP, &by_id).await.1;
    let expected = json!({
        "at": "2026-03-11T01:30:00.140Z", "sent_at": "2026-03-11T01:30:00.120Z", "took_ms": 20,
        "endpoint": "https://shop.example", "attempt": 1, "status": 503, "failure": null, "outcome": "again",
        "next_at": "2026-03-11T01:31:00.140Z", "replay": null,
    });
    assert_eq!(told["data"][0], expected, "{told}");
    let second = &told["data"][1];
    assert_eq!(
        (&second["status"], &second["failure"], &second["outcome"]),
        (&json!(null), &json!("timed_out"), &json!("given_up"))
    );
    assert_eq!(ask(CUSTOMER, SHOP, &by_track).await.1, told);
    // Another customer's message is as one that was never called for, another's key as nobody's.
    assert_eq!(ask(OTHER, BANK, &by_track).await.1["data"], json!([]));
    assert_eq!(code(&ask(OTHER, BANK, &by_id).await.1), "2100");
    assert_eq!(code(&ask(OTHER, SHOP, &by_track).await.1), "1100");
    for wrong in ["", "track_id=x", "message_id=a&track_id=b", "limit=1", &format!("message_id={}", "x".repeat(31))] {
        assert_eq!(code(&ask(CUSTOMER, SHOP, wrong).await.1), "1400", "{wrong}");
    }
}

#[tokio::test]
async fn an_address_that_calls_never_go_to_is_refused() {
    let center = Center::new();
    center.own(Method::PUT, "callback", json!({"uri": "https://shop.example/ims"})).await;
    let set = center.own(Method::GET, "callback", Value::Null).await;
    let long = format!("https://shop.example/{}", "a".repeat(2_048));
    for uri in ["", "ftp://shop.example/", "https://a:b@shop.example/", "https://shop.example/#a", "no uri", &long] {
        let answer = center.own(Method::PUT, "callback", json!({"uri": uri})).await;
        assert_eq!(code(&answer), "1400", "{uri}: {answer}");
        assert!(!answer.to_string().contains("a:b"), "{answer}");
    }
    let batch = json!({"uri": "https://shop.example/", "batch": {"reports": 101, "wait_ms": 1}});
    assert_eq!(code(&center.own(Method::PUT, "callback", batch).await), "1400");
    assert_eq!(center.own(Method::GET, "callback", Value::Null).await, set, "what was set stays whole");
}

#[tokio::test]
async fn a_trial_is_signed_with_every_secret() {
    let center = center(&["127.0.0.0/8"]);
    center.own(Method::DELETE, "callback", Value::Null).await;
    let (uri, served) = endpoint(204);
    let mut secrets = Vec::new();
    let set = center.own(Method::PUT, "callback", json!({"uri": uri})).await;
    secrets.push(set["data"]["secret"].as_str().unwrap().to_owned());
    let next = center.own(Method::POST, "callback/secret", Value::Null).await;
    secrets.insert(0, next["data"]["secret"].as_str().unwrap().to_owned());
    let tried = center.own(Method::POST, "callback/test", Value::Null).await;
    assert_eq!((&tried["data"]["delivered"], &tried["data"]["status"]), (&json!(true), &json!(204)), "{tried}");
    let (headers, body) = served.join().unwrap();
    let header = |name: &str| {
        let find = |line: &String| line.to_lowercase().starts_with(name).then(|| line[name.len()..].to_owned());
        headers.iter().find_map(find).unwrap()
    };
    let (id, at) = (header("webhook-id: "), header("webhook-timestamp: ").parse().unwrap());
    let secrets: Vec<Secret> = secrets.into_iter().map(|secret| secret.try_into().unwrap()).collect();
    assert_eq!(header("webhook-signature: "), signature(&secrets, &id, at, &body));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["type"], "callback.test");
}

#[tokio::test]
async fn a_trial_goes_nowhere_that_calls_do_not() {
    let center = center(&[]);
    let (uri, _served) = endpoint(200);
    for uri in [&*uri, "http://169.254.169.254/latest/meta-data/", "http://[::1]:1/", "http://localhost:1/"] {
        center.own(Method::PUT, "callback", json!({"uri": uri})).await;
        let tried = center.own(Method::POST, "callback/test", Value::Null).await;
        assert_eq!(tried["data"]["failure"], "forbidden_address", "{uri}: {tried}");
        assert_eq!(tried["data"]["delivered"], false);
    }
}
