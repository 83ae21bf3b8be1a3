//! What a connection sees.

use super::{Fixture, PATIENCE, SHOP, SHOP_SECRET, key, sms};
use crate::http::{
    server::{Bounds, serve},
    tls::Tls,
};
use axum::body::{Body, Bytes, HttpBody};
use http_body::Frame;
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

pub const BOUNDS: Bounds =
    Bounds { connections: 100, headers_within: PATIENCE, read_within: PATIENCE, close_within: PATIENCE };

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
async fn headers_that_do_not_come_and_too_many_end_their_connection() {
    let fixture = Fixture::new();
    let (address, _stop, _served) = open(&fixture, Bounds { headers_within: Duration::from_millis(100), ..BOUNDS });
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"POST / HTTP/1.1\r\nhost:").await.unwrap();
    let told = tokio::time::timeout(PATIENCE, read(&mut slow, "")).await.unwrap();
    assert!(!told.contains("200"), "{told}");
    let mut many = TcpStream::connect(address).await.unwrap();
    let headers = (0..1_000).map(|n| format!("a{n}: b\r\n")).collect::<String>();
    let _ = many.write_all(format!("GET / HTTP/1.1\r\n{headers}\r\n").as_bytes()).await;
    let told = read(&mut many, "").await;
    assert!(told.starts_with("HTTP/1.1 431") && !told.contains("<html"), "{told}");
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
    while fixture.door.places.available_permits() == 100 {
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
