//! What a connection of HTTP/2 sees.

use super::{
    Fixture, PATIENCE, SHOP, SHOP_SECRET, key, sms,
    sockets::{BOUNDS, open, open_with},
};
use crate::http::{answer::Problem, server::Bounds};
use axum::{body::Bytes, http::Request};
use h2::{
    Reason, SendStream,
    client::{Builder, ResponseFuture, SendRequest},
};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};

type Sender = SendRequest<Bytes>;
type Connection = JoinHandle<Result<(), h2::Error>>;

/// As a caller that knows beforehand what is spoken.
pub async fn begin(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> (Sender, Connection) {
    begin_with(Builder::new().initial_window_size(1 << 20), stream).await
}

async fn begin_with(
    builder: &Builder,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> (Sender, Connection) {
    let (sender, connection) = builder.handshake(stream).await.unwrap();
    (sender, tokio::spawn(connection))
}

async fn connect(address: SocketAddr) -> (Sender, Connection) {
    begin(TcpStream::connect(address).await.unwrap()).await
}

fn request(headers: impl IntoIterator<Item = (String, String)>) -> Request<()> {
    let mut request = Request::post(format!("http://ims/ims/{SHOP}/mt/sendMessage"))
        .header("x-ims-key", key("hanbit-shop", SHOP_SECRET))
        .header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.body(()).unwrap()
}

/// Begins a request, whose body comes later.
async fn asked(sender: &mut Sender) -> (ResponseFuture, SendStream<Bytes>) {
    std::future::poll_fn(|cx| sender.poll_ready(cx)).await.unwrap();
    sender.send_request(request([]), false).unwrap()
}

async fn answer(response: ResponseFuture) -> (u16, Value) {
    let (head, mut body) = tokio::time::timeout(PATIENCE, response).await.unwrap().unwrap().into_parts();
    let mut bytes = Vec::new();
    while let Some(part) = body.data().await {
        let part = part.unwrap();
        body.flow_control().release_capacity(part.len()).unwrap();
        bytes.extend(part);
    }
    (head.status.as_u16(), serde_json::from_slice(&bytes).unwrap_or_default())
}

pub async fn ask(sender: &mut Sender, body: String) -> (u16, Value) {
    let (response, mut stream) = asked(sender).await;
    stream.send_data(body.into(), true).unwrap();
    answer(response).await
}

/// How a connection ended.
async fn end(connection: Connection) -> Result<(), h2::Error> {
    tokio::time::timeout(PATIENCE, connection).await.expect("it ends").unwrap()
}

#[tokio::test]
async fn in_the_clear_http2_is_spoken_with_who_knows_beforehand() {
    let fixture = Fixture::new();
    let (address, _stop, _served) = open(&fixture, BOUNDS);
    let (mut sender, _connection) = connect(address).await;
    assert_eq!(ask(&mut sender, sms()).await.1["code"], "0000");
    assert_eq!(ask(&mut sender, "{".into()).await.1["code"], "1400");
    assert_eq!(sender.current_max_send_streams(), 128);
}

#[tokio::test]
async fn headers_that_are_too_many_or_too_long_are_refused() {
    let fixture = Fixture::new();
    let (address, _stop, _served) = open(&fixture, BOUNDS);
    let (mut sender, _connection) = connect(address).await;
    let many: Vec<_> = (0..100).map(|n| (format!("a{n}"), "b".to_owned())).collect();
    let (status, code, message) = Problem::HeadersTooLarge.told();
    let told = (status.as_u16(), json!({"code": code, "message": message}));
    // More bytes of them than it reads are told the status alone.
    let long = vec![("a".to_owned(), "b".repeat(20_000))];
    for (headers, told) in [(many, told), (long, (431, Value::Null))] {
        let (response, _) = sender.send_request(request(headers), true).unwrap();
        assert_eq!(answer(response).await, told);
    }
    assert_eq!(ask(&mut sender, sms()).await.1["code"], "0000", "others of the connection go on");
}

#[tokio::test]
async fn who_takes_request_after_request_back_loses_its_connection() {
    let fixture = Fixture::new();
    let (address, _stop, _served) = open(&fixture, BOUNDS);
    let (mut sender, connection) = connect(address).await;
    assert_eq!(ask(&mut sender, sms()).await.1["code"], "0000");
    // What is written at once is there before the first is looked at.
    for _ in 0..100 {
        let Ok((_, mut stream)) = sender.send_request(request([]), false) else { break };
        stream.send_reset(Reason::CANCEL);
    }
    let ended = end(connection).await.unwrap_err();
    assert_eq!((ended.is_go_away(), ended.reason()), (true, Some(Reason::ENHANCE_YOUR_CALM)), "{ended}");
}

#[tokio::test]
async fn a_body_that_does_not_come_holds_up_none_of_its_neighbours() {
    let fixture = Fixture::with(|door| door.body_within = Duration::from_millis(200));
    let (address, _stop, _served) = open(&fixture, BOUNDS);
    let (mut sender, _connection) = connect(address).await;
    let (slow, mut stream) = asked(&mut sender).await;
    stream.send_data("{".into(), false).unwrap();
    for _ in 0..10 {
        assert_eq!(ask(&mut sender, sms()).await.1["code"], "0000");
    }
    let (status, told) = answer(slow).await;
    assert_eq!((status, &told["code"]), (408, &"408".into()));
}

#[tokio::test]
async fn who_does_not_read_an_answer_loses_its_connection_though_it_asks_on() {
    let fixture = Fixture::new();
    let short = Duration::from_millis(500);
    let (address, _stop, _served) = open(&fixture, Bounds { read_within: short, ..BOUNDS });
    let stream = TcpStream::connect(address).await.unwrap();
    // Nothing of an answer may be sent.
    let (mut sender, connection) = begin_with(Builder::new().initial_window_size(0), stream).await;
    let asks_on = tokio::spawn(async move {
        // Whoever lets an answer go takes its request back.
        let mut held = Vec::new();
        loop {
            let ready = std::future::poll_fn(|cx| sender.poll_ready(cx)).await;
            let Ok((response, mut stream)) = ready.and_then(|()| sender.send_request(request([]), false)) else {
                break;
            };
            if stream.send_data(sms().into(), true).is_err() {
                break;
            }
            held.push((response, stream));
            tokio::time::sleep(short / 10).await;
        }
    });
    let _ = end(connection).await;
    asks_on.abort();
}

#[tokio::test]
async fn who_reads_a_byte_of_a_long_answer_loses_its_connection_though_it_asks_on() {
    let long = axum::Router::new().fallback(|| async { vec![b'x'; 1 << 20] });
    let short = Duration::from_millis(500);
    let (address, _stop, _served) = open_with(long, None, Bounds { read_within: short, ..BOUNDS });
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = begin_with(Builder::new().initial_window_size(1), stream).await;
    let unread = sender.send_request(request([]), true).unwrap().0.await.unwrap();
    let asks_on = tokio::spawn(async move {
        // What has no body is read whole.
        while std::future::poll_fn(|cx| sender.poll_ready(cx)).await.is_ok() {
            let head = Request::head("http://ims/").body(()).unwrap();
            let Ok((response, _)) = sender.send_request(head, true) else { break };
            if response.await.is_err() {
                break;
            }
            tokio::time::sleep(short / 10).await;
        }
    });
    let _ = end(connection).await;
    asks_on.abort();
    drop(unread);
}

#[tokio::test]
async fn a_connection_that_asks_nothing_is_told_to_go() {
    let bounds = Bounds { headers_within: Duration::from_millis(100), ..BOUNDS };
    let (address, _stop, _served) = open_with(axum::Router::new(), None, bounds);
    let (_sender, connection) = connect(address).await;
    end(connection).await.unwrap();
    // Neither may one begin and not go on.
    let mut half = TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut half, b"PRI * HTTP/2.0\r\n").await.unwrap();
    let mut said = Vec::new();
    let ended = tokio::io::AsyncReadExt::read_to_end(&mut half, &mut said);
    assert!(tokio::time::timeout(PATIENCE, ended).await.is_ok());
}

#[tokio::test]
async fn a_door_that_closes_lets_requests_end_and_takes_no_more() {
    let fixture = Fixture::new();
    let (address, stop, served) = open(&fixture, BOUNDS);
    let (mut sender, connection) = connect(address).await;
    let (under_way, mut stream) = asked(&mut sender).await;
    let body = sms();
    let (first, rest) = body.split_at(10);
    stream.send_data(first.to_owned().into(), false).unwrap();
    while fixture.door.places.taken() == 0 {
        tokio::task::yield_now().await;
    }
    stop.send(true).unwrap();
    // GOAWAY has come when no more may be asked.
    let refused = async {
        while std::future::poll_fn(|cx| sender.poll_ready(cx)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    stream.send_data(rest.to_owned().into(), true).unwrap();
    assert_eq!(answer(under_way).await.1["code"], "0000");
    end(connection).await.unwrap();
    served.await.unwrap().unwrap();
}
