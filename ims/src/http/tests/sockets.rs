//! What a connection sees.

use super::{Fixture, PATIENCE, SHOP, SHOP_SECRET, key, sms};
use crate::http::{
    answer::Problem,
    server::{Bounds, serve},
    tls::Tls,
};
use axum::body::{Body, Bytes, HttpBody};
use http_body::Frame;
use serde_json::json;
use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
};

pub const BOUNDS: Bounds = Bounds {
    connections: 100,
    headers_within: PATIENCE,
    read_within: PATIENCE,
    drain: Duration::ZERO,
    close_within: PATIENCE,
};

pub type Open = (SocketAddr, watch::Sender<bool>, JoinHandle<std::io::Result<()>>);

/// Opens the door on a port of its own.
pub fn open(fixture: &Fixture, bounds: Bounds) -> Open {
    open_with(fixture.routes(), None, bounds)
}

pub fn open_with(routes: axum::Router, tls: Option<Arc<Tls>>, bounds: Bounds) -> Open {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    (address, stop, tokio::spawn(serve(listener, routes, tls, bounds, stopped)))
}

pub fn head(length: usize) -> String {
    let key = key("hanbit-shop", SHOP_SECRET);
    format!(
        "POST /ims/{SHOP}/mt/sendMessage HTTP/1.1\r\nhost: ims\r\nx-ims-key: {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// All that comes until the connection ends or, with its head and `until`, an answer is whole.
pub async fn read(stream: &mut (impl AsyncRead + Unpin), until: &str) -> String {
    let (mut text, mut part) = (String::new(), [0; 4096]);
    while let Ok(length) = stream.read(&mut part).await
        && length > 0
    {
        text.push_str(std::str::from_utf8(&part[..length]).unwrap());
        if !until.is_empty() && text.contains(until) {
            break;
        }
    }
    text
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let fixture = Fixture::new();
    let (address, _stop, _served) = open(&fixture, BOUNDS);
    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..3 {
        stream.write_all((head(sms().len()) + &sms()).as_bytes()).await.unwrap();
        let answer = read(&mut stream, "}").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#"{"code":"0000""#), "{answer}");
    }
}

#[tokio::test]
async fn a_body_of_100_mb_is_refused_before_it_has_come() {
    let fixture = Fixture::new();
    let (address, _stop, _served) = open(&fixture, BOUNDS);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head(100_000_000).as_bytes()).await.unwrap();
    let answer = read(&mut stream, "}").await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains(r#""code":"413""#), "{answer}");
    // One that does not say how long it is is refused where it becomes too long.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let chunked = head(0).replace("content-length: 0", "transfer-encoding: chunked");
    stream.write_all(chunked.as_bytes()).await.unwrap();
    let part = format!("186a0\r\n{}\r\n", " ".repeat(100_000));
    for _ in 0..11 {
        if stream.write_all(part.as_bytes()).await.is_err() {
            break;
        }
    }
    let answer = read(&mut stream, "}").await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains(r#""code":"413""#), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_waited_for_so_long_and_no_longer() {
    let fixture = Fixture::with(|door| door.body_within = Duration::from_millis(50));
    let (address, _stop, _served) = open(&fixture, BOUNDS);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all((head(100) + "{").as_bytes()).await.unwrap();
    let answer = tokio::time::timeout(PATIENCE, read(&mut stream, "}")).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains(r#""code":"408""#), "{answer}");
}

#[tokio::test]
async fn who_sends_byte_by_byte_has_no_more_time_than_who_sends_none() {
    let within = Duration::from_millis(400);
    let fixture = Fixture::with(|door| door.body_within = within);
    let (address, _stop, _served) = open(&fixture, Bounds { headers_within: within, ..BOUNDS });
    for said in ["GET / HTTP/1.1\r\nhost: ", &*head(100_000)] {
        let (mut told, mut asked) = TcpStream::connect(address).await.unwrap().into_split();
        asked.write_all(said.as_bytes()).await.unwrap();
        let drips = async move {
            for _ in 0..400 {
                tokio::time::sleep(within / 4).await;
                // What is written after the end is lost.
                let _ = asked.write_all(b"a").await;
            }
        };
        let answer = tokio::select! {
            answer = read(&mut told, "}") => answer,
            () = drips => panic!("a hundred times as long as it may: {said:.40}"),
        };
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains(r#""code":"408""#), "{said:.40}: {answer}");
    }
}

#[tokio::test]
async fn what_never_becomes_a_request_is_answered_like_one() {
    let fixture = Fixture::new();
    let (address, _stop, _served) = open(&fixture, Bounds { headers_within: Duration::from_millis(100), ..BOUNDS });
    let many = (0..65).map(|n| format!("a{n}: b\r\n")).collect::<String>();
    let large = format!("a: {}", "b".repeat(17_000));
    for (said, problem) in [
        ("hello\r\n\r\n", Problem::NotHttp),
        ("GET / HTTP/3.0\r\n\r\n", Problem::NotHttp),
        ("GET / HTTP/1.1\r\nhost ims\r\n\r\n", Problem::NotHttp),
        ("\u{16}\u{3}\u{1}", Problem::NotHttp),
        (&format!("GET / HTTP/1.1\r\n{many}\r\n"), Problem::HeadersTooLarge),
        (&format!("GET / HTTP/1.1\r\n{large}"), Problem::HeadersTooLarge),
        (&format!("GET /{}", "b".repeat(17_000)), Problem::HeadersTooLarge),
        ("POST / HTTP/1.1\r\nhost:", Problem::HeadersTooSlow),
        // A first request is answered, and of the next one half comes.
        (&(head(sms().len()) + &sms() + "POST"), Problem::HeadersTooSlow),
    ] {
        let (status, code, message) = problem.told();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, read(&mut stream, "")).await.unwrap();
        let last = answer.rfind("HTTP/1.1 4").map(|at| &answer[at..]).unwrap_or_default();
        let (head, body) = last.split_once("\r\n\r\n").unwrap_or_default();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{said:.40}: {answer}");
        for header in ["content-type: application/json", "connection: close"] {
            assert!(head.contains(header), "{said:?}: {answer}");
        }
        assert_eq!(body, json!({"code": code, "message": message}).to_string(), "{said:?}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{said:?}: {answer}");
    }
}

#[tokio::test]
async fn a_million_headers_are_cut_where_they_become_too_many() {
    let fixture = Fixture::new();
    let (address, _stop, _served) = open(&fixture, BOUNDS);
    let (mut told, mut asked) = TcpStream::connect(address).await.unwrap().into_split();
    let headers = (0..1_000_000).map(|n| format!("a{n}: b\r\n")).collect::<String>();
    let asks = async move { asked.write_all(format!("GET / HTTP/1.1\r\n{headers}\r\n").as_bytes()).await };
    let (asked, told) = tokio::join!(asks, read(&mut told, ""));
    // What is on its way when a connection is cut may take its answer along.
    assert!(asked.is_err() && (told.is_empty() || told.starts_with("HTTP/1.1 431")), "{asked:?} {told}");
}

#[tokio::test]
async fn a_door_that_closes_lets_requests_end_and_takes_no_more() {
    let fixture = Fixture::new();
    let (address, stop, served) = open(&fixture, BOUNDS);
    let mut idle = TcpStream::connect(address).await.unwrap();
    let mut under_way = TcpStream::connect(address).await.unwrap();
    let body = sms();
    let (first, rest) = body.split_at(10);
    under_way.write_all((head(body.len()) + first).as_bytes()).await.unwrap();
    // It is under way once the door has taken its place.
    while fixture.door.places.taken() == 0 {
        tokio::task::yield_now().await;
    }
    stop.send(true).unwrap();
    assert_eq!(read(&mut idle, "").await, "", "closed without a word");
    under_way.write_all(rest.as_bytes()).await.unwrap();
    let answer = read(&mut under_way, "").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#"{"code":"0000""#), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    served.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_door_that_is_to_close_serves_those_who_are_connected_and_sends_them_elsewhere() {
    let fixture = Fixture::new();
    let (address, stop, served) = open(&fixture, Bounds { drain: PATIENCE, ..BOUNDS });
    let mut connected = TcpStream::connect(address).await.unwrap();
    let asked = || head(sms().len()) + &sms();
    connected.write_all(asked().as_bytes()).await.unwrap();
    let answer = read(&mut connected, "}").await;
    assert!(!answer.contains("x-ims-closing") && !answer.contains("connection: close"), "{answer}");
    let mut silent = TcpStream::connect(address).await.unwrap();
    stop.send(true).unwrap();
    // One that comes now is served too.
    let mut late = TcpStream::connect(address).await.unwrap();
    for stream in [&mut connected, &mut silent, &mut late] {
        stream.write_all(asked().as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, read(stream, "")).await.unwrap();
        assert!(answer.contains("x-ims-closing: true") && answer.contains("connection: close"), "{answer}");
        assert!(answer.ends_with(r#""code":"0000","data":"PICKUP-20260311-0007"}"#) || answer.contains("\"2030\""));
    }
    // Nobody is connected any more: it need not wait.
    served.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    let (address, stop, served) = open(&fixture, Bounds { drain: Duration::from_millis(50), ..BOUNDS });
    let mut idle = TcpStream::connect(address).await.unwrap();
    stop.send(true).unwrap();
    assert_eq!(tokio::time::timeout(PATIENCE, read(&mut idle, "")).await.as_deref(), Ok(""), "or it has waited enough");
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_does_not_read_its_answers_loses_its_connection() {
    let fixture = Fixture::new();
    let short = Duration::from_millis(200);
    let (address, _stop, _served) = open(&fixture, Bounds { headers_within: short, read_within: short, ..BOUNDS });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let asked = "GET / HTTP/1.1\r\nhost: ims\r\n\r\n".repeat(100);
    // Until the door is full of answers it reads on; then it ends, and nothing more can be written.
    let ended = tokio::time::timeout(PATIENCE, async { while stream.write_all(asked.as_bytes()).await.is_ok() {} });
    ended.await.expect("the connection is cut");
}

/// Comes piece by piece, each after a while, for longer than an answer may take to be read.
struct Drips(u32, Pin<Box<tokio::time::Sleep>>);

const DRIP: Duration = Duration::from_millis(100);

impl HttpBody for Drips {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        std::task::ready!(self.1.as_mut().poll(cx));
        self.0 -= 1;
        self.1 = Box::pin(tokio::time::sleep(DRIP));
        Poll::Ready(Some(Ok(Frame::data("piece".into()))))
    }
}

#[tokio::test]
async fn an_answer_that_goes_on_is_not_cut_as_long_as_it_is_read() {
    let drips = || async { Body::new(Drips(10, Box::pin(tokio::time::sleep(DRIP)))) };
    let bounds = Bounds { headers_within: 5 * DRIP, read_within: 5 * DRIP, ..BOUNDS };
    let (address, _stop, served) = open_with(axum::Router::new().fallback(drips), None, bounds);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: ims\r\nconnection: close\r\n\r\n").await.unwrap();
    let answer = tokio::time::timeout(PATIENCE, read(&mut stream, "")).await.unwrap();
    assert_eq!((answer.matches("piece").count(), answer.ends_with("0\r\n\r\n")), (10, true), "{answer}");
    served.abort();
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_gives_its_place_back() {
    let fixture = Fixture::new();
    let bounds = Bounds { connections: 1, headers_within: Duration::from_millis(100), ..BOUNDS };
    let (address, _stop, _served) = open(&fixture, bounds);
    let mut asked = TcpStream::connect(address).await.unwrap();
    asked.write_all((head(sms().len()) + &sms()).as_bytes()).await.unwrap();
    assert!(read(&mut asked, "}").await.starts_with("HTTP/1.1 200"));
    let _silent = TcpStream::connect(address).await.unwrap();
    let mut waits = TcpStream::connect(address).await.unwrap();
    waits.write_all((head(sms().len()) + &sms()).as_bytes()).await.unwrap();
    let answer = tokio::time::timeout(PATIENCE, read(&mut waits, "}")).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn the_port_of_webhooks_ends_connections_that_say_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let config = crate::config::load(None, []).unwrap().webhooks;
    let served = tokio::spawn(crate::http::webhooks(&config).unwrap()(listener, axum::Router::new()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let said = tokio::time::timeout(PATIENCE, read(&mut stream, "")).await;
    assert_eq!(said.as_deref(), Ok(""), "it ends by its own time");
    served.abort();
}
