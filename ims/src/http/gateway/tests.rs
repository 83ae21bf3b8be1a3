//! A gateway before processes that do as the test says.

use super::{
    Gateway, patience, routes,
    upstream::{Class, Patience, Upstream},
};
use crate::{
    config,
    http::{
        clerk,
        learn::network_of,
        routes::Peer,
        tests::{
            authority::Authority,
            limits::Endless,
            sockets::{BOUNDS, open_with},
        },
    },
};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode},
};
use processors::{breaker::State, ports::Clock};
use serde_json::Value;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower_service::Service;

struct Moved(AtomicI64);

impl Clock for Moved {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// What a process does with a request that has come.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Answers(&'static str),
    /// And says that it is about to end.
    Leaves(&'static str),
    Fails,
    Unconfirmed,
    Cuts,
    Hangs,
    /// After a while.
    Crawls(Duration, &'static str),
}

/// A process: what came, and what it does.
#[derive(Clone)]
struct Process {
    url: String,
    does: Arc<Mutex<Does>>,
    came: Arc<Mutex<Vec<String>>>,
}

const KEPT: &str = r#"{"code":"0000","data":"A"}"#;

impl Process {
    async fn start(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let process = Self { url, does: Arc::new(Mutex::new(does)), came: Arc::default() };
        let of = process.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(of.clone().serve(stream));
            }
        });
        process
    }

    /// One request for each connection.
    async fn serve(self, mut stream: TcpStream) {
        let (mut text, mut part) = (Vec::new(), vec![0; 1 << 20]);
        let whole = |text: &[u8]| {
            let text = String::from_utf8_lossy(text).to_lowercase();
            let length = |head: &str| head.split_once("content-length: ")?.1.lines().next()?.trim().parse().ok();
            text.split_once("\r\n\r\n").is_some_and(|(head, body)| body.len() >= length(head).unwrap_or(0))
        };
        while !whole(&text) {
            match stream.read(&mut part).await {
                Ok(length) if length > 0 => text.extend(&part[..length]),
                _ => return,
            }
        }
        self.came.lock().unwrap().push(String::from_utf8(text).unwrap());
        let does = *self.does.lock().unwrap();
        let (status, body) = match does {
            Does::Answers(body) | Does::Leaves(body) => ("200 OK", body),
            Does::Fails => ("500 Internal Server Error", r#"{"code":"9999","message":"unexpected error"}"#),
            Does::Unconfirmed => ("503 Service Unavailable", r#"{"code":"9998","message":"not confirmed"}"#),
            Does::Cuts => return,
            Does::Hangs => return std::future::pending().await,
            Does::Crawls(after, body) => {
                tokio::time::sleep(after).await;
                ("200 OK", body)
            }
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
        let closing = if let Does::Leaves(_) = does { "x-ims-closing: true\r\n" } else { "" };
        let answer = format!("{head}{closing}content-type: application/json\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    fn does(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    fn count(&self) -> usize {
        self.came.lock().unwrap().len()
    }
}

/// A place where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

struct Stage {
    gateway: Arc<Gateway>,
    routes: Router,
    clock: Arc<Moved>,
}

impl Stage {
    fn new(urls: &[&str]) -> Self {
        Self::with(urls, |_| {})
    }

    fn with(urls: &[&str], change: impl FnOnce(&mut config::Gateway)) -> Self {
        let mut config = config::load(None, []).unwrap();
        config.gateway.upstreams = vec![
            config::Upstreams { path: "/".into(), urls: Vec::new() },
            config::Upstreams { path: "/ims/".into(), urls: urls.iter().map(|url| (*url).to_owned()).collect() },
        ];
        config.gateway.answer_within_ms = 500;
        config.gateway.breaker.at_least = 10;
        change(&mut config.gateway);
        let clock = Arc::new(Moved(AtomicI64::new(0)));
        let gateway = Arc::new(Gateway::new(&config, clock.clone()).unwrap());
        Self { routes: routes(Arc::clone(&gateway)), gateway, clock }
    }

    fn upstream(&self, place: usize) -> &Upstream {
        &self.gateway.routes[0].upstreams[place]
    }

    async fn call(&self, method: Method, path: &str, key: &str) -> (StatusCode, HeaderMap, Value) {
        self.call_from("198.51.100.1:7", method, path, key).await
    }

    async fn call_from(&self, peer: &str, method: Method, path: &str, key: &str) -> (StatusCode, HeaderMap, Value) {
        let mut request = Request::builder().method(method).uri(path).header("x-ims-key", key);
        request = request.header("x-forwarded-for", "203.0.113.9").header("connection", "close");
        let mut request = request.body(Body::from("{}")).unwrap();
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        let (head, body) = self.routes.clone().call(request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (head.status, head.headers, serde_json::from_slice(&body).unwrap())
    }

    /// Uploads a file of so many bytes.
    async fn upload(&self, peer: &str, bytes: usize) -> (StatusCode, HeaderMap) {
        let mut request = Request::post("/ims/KEY/files/email?name=a").body(Body::from(vec![b'x'; bytes])).unwrap();
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        let (head, _) = self.routes.clone().call(request).await.unwrap().into_parts();
        (head.status, head.headers)
    }

    async fn send(&self) -> (StatusCode, HeaderMap, Value) {
        self.call(Method::POST, "/ims/KEY/mt/sendMessage", "a").await
    }

    async fn report(&self, key: &str) -> (StatusCode, HeaderMap, Value) {
        self.call(Method::GET, "/ims/KEY/report/A", key).await
    }
}

#[tokio::test]
async fn what_is_asked_and_answered_goes_through_as_it_is() {
    let process = Process::start(Does::Answers(KEPT)).await;
    let stage = Stage::new(&[&process.url]);
    let (status, headers, answer) = stage.send().await;
    assert_eq!((status, answer), (StatusCode::OK, serde_json::from_str(KEPT).unwrap()));
    assert!(headers.contains_key("x-request-id") && !headers.contains_key("connection"));
    let came = process.came.lock().unwrap()[0].clone();
    assert!(came.starts_with("POST /ims/KEY/mt/sendMessage HTTP/1.1\r\n") && came.ends_with("\r\n\r\n{}"), "{came}");
    assert!(came.contains("x-ims-key: a\r\n") && came.contains("x-forwarded-for: 203.0.113.9, 198.51.100.1\r\n"));
    assert!(came.contains("x-request-id: ") && !came.contains("connection: close"), "{came}");
}

#[tokio::test]
async fn one_that_dies_is_not_asked_again_its_route_is_answered_at_once_and_it_comes_back_by_trial() {
    let process = Process::start(Does::Cuts).await;
    let stage = Stage::new(&[&process.url]);
    for _ in 0..10 {
        let (status, headers, answer) = stage.send().await;
        assert_eq!((status.as_u16(), answer["code"].as_str()), (503, Some("9998")));
        assert!(headers.contains_key("retry-after"));
    }
    assert_eq!((process.count(), stage.upstream(0).state(Class::Send)), (10, Some(State::Open)));
    let mut took = Vec::new();
    for _ in 0..101 {
        let began = Instant::now();
        assert_eq!(stage.send().await.2["code"], "9998");
        took.push(began.elapsed());
    }
    // 95 of a hundred: a busy machine may keep one waiting.
    took.sort_unstable();
    assert!(took[95] < Duration::from_millis(50), "{took:?}");
    assert_eq!(process.count(), 10, "it was asked while its breaker was open");
    // A trial that fails is the only one; when trials succeed it is back.
    let open_ms = i64::from(config::load(None, []).unwrap().gateway.breaker.open_ms);
    stage.clock.0.store(open_ms, Ordering::SeqCst);
    stage.send().await;
    stage.send().await;
    assert_eq!((process.count(), stage.upstream(0).state(Class::Send)), (11, Some(State::Open)));
    process.does(Does::Answers(KEPT));
    stage.clock.0.store(3 * open_ms, Ordering::SeqCst);
    for _ in 0..20 {
        assert_eq!(stage.send().await.0, StatusCode::OK);
    }
    assert_eq!(stage.upstream(0).state(Class::Send), Some(State::Closed));
}

#[tokio::test]
async fn one_that_answers_but_late_is_spared_for_its_slow_share() {
    // It is slow from a hundredth of the time on that it has: on a busy machine, too, each is answered.
    let (slow_at, within_ms) = (1, 60_000);
    let crawls = Does::Crawls(Duration::from_millis(700), KEPT);
    let process = Process::start(crawls).await;
    let stage = Stage::with(&[&process.url], |gateway| {
        gateway.answer_within_ms = within_ms;
        (gateway.breaker.at_least, gateway.breaker.slow_at_percent_of_timeout) = (3, slow_at);
    });
    for _ in 0..3 {
        assert_eq!(stage.upstream(0).state(Class::Send), Some(State::Closed));
        assert_eq!(stage.send().await.0, StatusCode::OK);
    }
    assert_eq!(stage.upstream(0).state(Class::Send), Some(State::Open));
    assert_eq!((stage.send().await.2["code"].as_str(), process.count()), (Some("9998"), 3));
}

#[tokio::test]
async fn one_that_hangs_or_answers_500_is_spared_too() {
    for does in [Does::Hangs, Does::Fails] {
        let process = Process::start(does).await;
        let stage = Stage::new(&[&process.url]);
        let calls: Vec<_> = (0..10).map(|_| stage.send()).collect();
        for call in calls {
            call.await;
        }
        assert_eq!(stage.upstream(0).state(Class::Send), Some(State::Open), "{does:?}");
    }
}

#[tokio::test]
async fn one_that_confirms_nothing_is_spared_and_its_neighbour_is_sent_all() {
    let (lost, works) = (Process::start(Does::Unconfirmed).await, Process::start(Does::Answers(KEPT)).await);
    let stage = Stage::new(&[&lost.url, &works.url]);
    let mut unconfirmed = 0;
    for _ in 0..40 {
        let (status, _, answer) = stage.send().await;
        unconfirmed += usize::from((status.as_u16(), answer["code"].as_str()) == (503, Some("9998")));
    }
    assert_eq!(stage.upstream(0).state(Class::Send), Some(State::Open));
    assert_eq!((unconfirmed, lost.count(), works.count()), (10, 10, 30), "its answers pass, and then it is not asked");
    // A report whose store is away says nothing of the process.
    for _ in 0..20 {
        stage.report("a").await;
    }
    assert_eq!((stage.upstream(0).state(Class::Other), lost.count()), (Some(State::Closed), 20));
}

#[tokio::test]
async fn another_is_asked_only_where_that_is_safe() {
    let (cuts, answers) = (Process::start(Does::Cuts).await, Process::start(Does::Answers(KEPT)).await);
    let stage = Stage::new(&[&cuts.url, &answers.url]);
    // It may have been kept: sent again by who knows its message_id, never from here.
    assert_eq!(stage.send().await.2["code"], "9998");
    assert_eq!((cuts.count(), answers.count()), (1, 0));
    assert_eq!(stage.send().await.0, StatusCode::OK);
    assert_eq!(stage.report("a").await.0, StatusCode::OK);
    assert_eq!((cuts.count(), answers.count()), (2, 2), "a question may be asked twice");
    // So may a wish to cancel; what makes or takes out something finds itself done the second time.
    let cancel = (Method::DELETE, "/ims/KEY/message/A");
    let others = [(Method::PUT, "/ims/KEY/callback"), (Method::DELETE, "/ims/KEY/callback/secret")];
    for ((method, path), told) in [cancel].into_iter().map(|of| (of, 200)).chain(others.map(|of| (of, 503))) {
        let stage = Stage::new(&[&cuts.url, &answers.url]);
        assert_eq!(stage.call(method, path, "a").await.0.as_u16(), told, "{path}");
    }
    // Where nobody listens nothing was done.
    let stage = Stage::new(&[&nobody().await, &answers.url]);
    for _ in 0..4 {
        assert_eq!(stage.send().await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn one_that_is_about_to_end_is_asked_when_no_other_can_be() {
    let (leaves, stays) = (Process::start(Does::Leaves(KEPT)).await, Process::start(Does::Answers(KEPT)).await);
    let stage = Stage::new(&[&leaves.url, &stays.url]);
    for _ in 0..10 {
        let (status, headers, _) = stage.send().await;
        assert_eq!((status, headers.get("x-ims-closing")), (StatusCode::OK, None), "it is not the gateway that ends");
    }
    assert_eq!((leaves.count(), stays.count()), (1, 9));
    let alone = Stage::new(&[&leaves.url, &nobody().await]);
    for _ in 0..10 {
        assert_eq!(alone.send().await.0, StatusCode::OK);
    }
    // A look finds it out too, and that it is back.
    let stage = Stage::new(&[&leaves.url, &stays.url]);
    stage.upstream(0).look().await;
    assert!(stage.upstream(0).is_closing());
    leaves.does(Does::Answers(KEPT));
    stage.upstream(0).look().await;
    let before = leaves.count();
    for _ in 0..10 {
        assert_eq!(stage.send().await.0, StatusCode::OK);
    }
    assert_eq!(leaves.count() - before, 5);
}

#[tokio::test]
async fn the_last_known_report_is_told_as_old_and_to_its_own_key_alone() {
    const REPORT: &str = r#"{"code":"0000","data":{"message_id":"A","state":"DELIVERED"}}"#;
    let process = Process::start(Does::Answers(REPORT)).await;
    let stage = Stage::new(&[&process.url]);
    let (_, headers, fresh) = stage.report("a").await;
    assert!(!headers.contains_key("x-ims-stale"));
    process.does(Does::Cuts);
    let (status, headers, stale) = stage.report("a").await;
    assert_eq!((status, &stale), (StatusCode::OK, &fresh));
    assert_eq!((&headers["x-ims-stale"], &headers["age"]), (&"true".parse().unwrap(), &"0".parse().unwrap()));
    let (status, headers, answer) = stage.report("b").await;
    assert_eq!((status.as_u16(), answer["code"].as_str()), (503, Some("9999")));
    assert!(headers.contains_key("retry-after"));
    // So is one whose store is away.
    process.does(Does::Unconfirmed);
    let (status, headers, stale) = stage.report("a").await;
    assert_eq!((status, &stale, &headers["x-ims-stale"]), (StatusCode::OK, &fresh, &"true".parse().unwrap()));
    assert_eq!(stage.report("b").await.0.as_u16(), 503);
    // What was refused is nothing to remember.
    process.does(Does::Answers(r#"{"code":"2100","message":"message_id: no report of it"}"#));
    stage.report("c").await;
    process.does(Does::Cuts);
    assert_eq!(stage.report("c").await.0.as_u16(), 503);
    // A key may be for some addresses alone.
    let elsewhere = stage.call_from("198.51.100.2:7", Method::GET, "/ims/KEY/report/A", "a").await;
    assert_eq!(elsewhere.0.as_u16(), 503);
    // And one that is refused is told nothing from then on.
    assert_eq!(stage.report("a").await.0, StatusCode::OK);
    process.does(Does::Answers(r#"{"code":"1100","message":"service_key: unknown"}"#));
    stage.report("a").await;
    process.does(Does::Cuts);
    assert_eq!(stage.report("a").await.0.as_u16(), 503);
}

#[tokio::test]
async fn history_and_statistics_are_remembered_each_with_what_is_asked_of_them() {
    const PAGE: &str = r#"{"code":"0000","data":{"items":[],"next":null}}"#;
    const STATISTICS: &str = r#"{"email":null,"kakao":null,"mt":{"SMS":{"total":1}},"push":null}"#;
    let process = Process::start(Does::Answers(PAGE)).await;
    let stage = Stage::new(&[&process.url]);
    for (path, told) in [("hist/mt?cursor=1", PAGE), ("stat?from=20260301&to=20260302", STATISTICS)] {
        process.does(Does::Answers(told));
        let path = format!("/ims/KEY/{path}");
        stage.call(Method::GET, &path, "a").await;
        process.does(Does::Cuts);
        let (status, headers, answer) = stage.call(Method::GET, &path, "a").await;
        assert_eq!((status, answer.to_string()), (StatusCode::OK, told.to_owned()));
        assert_eq!(headers["x-ims-stale"], "true");
        assert_eq!(stage.call(Method::GET, &format!("{path}1"), "a").await.0.as_u16(), 503, "another question");
    }
    // What is registered is nothing to be told of old.
    process.does(Does::Answers(PAGE));
    stage.call(Method::GET, "/ims/KEY/callback", "a").await;
    process.does(Does::Cuts);
    assert_eq!(stage.call(Method::GET, "/ims/KEY/callback", "a").await.0.as_u16(), 503);
}

#[tokio::test]
async fn what_a_store_or_an_endpoint_holds_up_keeps_nobody_from_sending() {
    let process = Process::start(Does::Fails).await;
    let stage = Stage::new(&[&process.url]);
    for _ in 0..20 {
        stage.call(Method::POST, "/ims/KEY/callback/test", "a").await;
    }
    assert_eq!(stage.upstream(0).state(Class::Other), Some(State::Closed), "it says nothing of the process");
    for _ in 0..10 {
        stage.report("a").await;
    }
    assert_eq!(stage.upstream(0).state(Class::Other), Some(State::Open));
    process.does(Does::Answers(KEPT));
    assert_eq!(stage.send().await.0, StatusCode::OK);
    // A report that its store holds up for as long as a process waits is still waited for.
    let config = config::load(None, []).unwrap();
    let Patience { other, trial, .. } = patience(&config);
    assert!(other > clerk::PATIENCE && trial > config.callback.caller().timeout + clerk::PATIENCE);
}

#[tokio::test]
async fn bodies_that_do_not_come_take_nobody_elses_place() {
    let process = Process::start(Does::Answers(KEPT)).await;
    let stage = Stage::new(&[&process.url]);
    let slow = |peer: &str| {
        let mut request = Request::post("/ims/KEY/mt/sendMessage").body(Body::new(Endless)).unwrap();
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        stage.routes.clone().call(request)
    };
    let share = config::load(None, []).unwrap().http.requests / 8;
    let held: Vec<_> = (0..share).map(|_| tokio::spawn(slow("203.0.113.1:7"))).collect();
    while stage.gateway.reading.available_permits() > share * 7 {
        tokio::task::yield_now().await;
    }
    assert_eq!(slow("203.0.113.1:8").await.unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(stage.gateway.places.available_permits(), share * 8);
    assert_eq!(stage.send().await.0, StatusCode::OK);
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn who_has_half_of_the_places_leaves_the_others() {
    let process = Process::start(Does::Hangs).await;
    let stage = Arc::new(Stage::with(&[&process.url], |gateway| gateway.answer_within_ms = 60_000));
    let half = config::load(None, []).unwrap().http.requests / 2;
    let hang = |peer: &'static str, key: &'static str| {
        let stage = Arc::clone(&stage);
        tokio::spawn(async move { stage.call_from(peer, Method::POST, "/ims/KEY/mt/sendMessage", key).await })
    };
    // Bodies of one address are bounded by themselves: they come one after the other.
    let mut held = Vec::new();
    for places in (half..2 * half).rev() {
        held.push(hang("203.0.113.1:7", "a"));
        while stage.gateway.places.available_permits() > places {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(stage.call_from("203.0.113.2:7", Method::GET, "/ims/KEY/x", "a").await.0.as_u16(), 429, "one key's");
    held.push(hang("203.0.113.1:7", "b"));
    while stage.gateway.places.available_permits() > half - 1 {
        tokio::task::yield_now().await;
    }
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_path_goes_on_with_another_part() {
    let (ours, others) = (Process::start(Does::Answers(KEPT)).await, Process::start(Does::Answers(KEPT)).await);
    let stage = Stage::with(&[&others.url], |gateway| {
        gateway.upstreams.push(config::Upstreams { path: "/ims/A/em".into(), urls: vec![ours.url.clone()] });
    });
    for (path, of_ours) in
        [("/ims/A/em", 1), ("/ims/A/em/sendMessage", 2), ("/ims/A/em?a=b", 3), ("/ims/A/emX", 3), ("/ims/A/email/x", 3)]
    {
        assert_eq!(stage.call(Method::GET, path, "a").await.0, StatusCode::OK);
        assert_eq!(ours.count(), of_ours, "{path}");
    }
    assert_eq!(others.count(), 2);
}

#[tokio::test]
async fn one_that_crawls_is_spared_though_its_callers_do_not_wait() {
    let process = Process::start(Does::Hangs).await;
    let stage = Arc::new(Stage::new(&[&process.url]));
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let stage = Arc::clone(&stage);
            // After the share of its time from which on it is slow, and before its end.
            tokio::spawn(async move { tokio::time::timeout(Duration::from_millis(300), stage.send()).await.is_err() })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert_eq!(stage.upstream(0).state(Class::Send), Some(State::Open));
}

#[tokio::test]
async fn over_tls_a_process_is_asked_whose_authority_is_known() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (address, _stop, _served) = open_with(Router::new().fallback(async || KEPT), Some(authority.tls()), BOUNDS);
    let url = format!("https://{address}");
    let knowing = |authority: &Authority| {
        let ca_file = authority.file("ca.pem");
        Stage::with(&[&url], |gateway| gateway.ca_file = ca_file)
    };
    assert_eq!(knowing(&authority).send().await.0, StatusCode::OK);
    assert_eq!(knowing(&stranger).send().await.2["code"], "9998");
    let stage = Stage::new(&[&url.replace("https", "http")]);
    assert_eq!(stage.send().await.0, StatusCode::BAD_REQUEST, "it is told what is spoken there");
}

#[tokio::test]
async fn one_that_does_not_look_well_is_not_asked_until_it_does() {
    let (process, other) = (Process::start(Does::Fails).await, Process::start(Does::Answers(KEPT)).await);
    let stage = Stage::new(&[&process.url, &other.url]);
    stage.upstream(0).look().await;
    for _ in 0..4 {
        assert_eq!(stage.send().await.0, StatusCode::OK);
    }
    assert_eq!((process.count(), other.count()), (1, 4), "it was looked at once");
    process.does(Does::Answers(""));
    stage.upstream(0).look().await;
    process.does(Does::Answers(KEPT));
    stage.send().await;
    stage.send().await;
    assert_eq!(process.count(), 3);
}

#[tokio::test]
async fn a_file_is_larger_than_other_bodies_and_has_places_of_its_own() {
    const HERE: &str = "198.51.100.1:7";
    let process = Process::start(Does::Answers(KEPT)).await;
    let stage = Stage::new(&[&process.url]);
    assert_eq!(stage.upload(HERE, 2_000_000).await.0, StatusCode::OK);
    let came = process.came.lock().unwrap()[0].clone();
    let (head, file) = came.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: 2000000") && file == "x".repeat(2_000_000), "{head}");
    assert_eq!(stage.upload(HERE, 10_000_001).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    // Half of the places are an address's, and what has none is told to come again.
    let files = &stage.gateway.files;
    let address = "198.51.100.1".parse().unwrap();
    let half: Vec<_> = std::iter::from_fn(|| files.shares.take(network_of(address))).collect();
    assert_eq!(half.len(), 4);
    let (status, headers) = stage.upload(HERE, 1).await;
    assert_eq!((status, &headers["retry-after"]), (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap()));
    assert_eq!(stage.upload("203.0.113.1:7", 1).await.0, StatusCode::OK);
    let _all = files.places.acquire_many(8).await.unwrap();
    assert_eq!(stage.upload("203.0.113.1:7", 1).await.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(stage.send().await.0, StatusCode::OK, "what is no file has places of its own");
}

#[tokio::test]
async fn a_path_that_nobody_serves_and_a_body_that_is_too_large_are_told_here() {
    let stage = Stage::new(&[]);
    assert_eq!(stage.call(Method::GET, "/docs", "a").await.0.as_u16(), 503);
    assert_eq!(stage.call(Method::DELETE, "/ims/KEY/message/A", "a").await.2["code"], "9999");
    let mut request = Request::post("/ims/KEY/mt/sendMessage").body(Body::from(vec![b' '; 1_000_001])).unwrap();
    request.extensions_mut().insert(Peer("198.51.100.1:7".parse().unwrap()));
    assert_eq!(stage.routes.clone().call(request).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
}
