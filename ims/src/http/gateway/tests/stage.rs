//! A gateway on its own, and processes behind it.

use super::super::{Gateway, routes, upstream::Upstream};
use crate::{config, http::routes::Peer};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode},
};
use processors::ports::Clock;
use serde_json::Value;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower_service::Service;

pub(super) struct Moved(pub(super) AtomicI64);

impl Clock for Moved {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// What a process does with a request that has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Does {
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
pub(super) struct Process {
    pub(super) url: String,
    pub(super) does: Arc<Mutex<Does>>,
    pub(super) came: Arc<Mutex<Vec<String>>>,
}

pub(super) const KEPT: &str = r#"{"code":"0000","data":"A"}"#;

impl Process {
    pub(super) async fn start(does: Does) -> Self {
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

    pub(super) fn does(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    pub(super) fn count(&self) -> usize {
        self.came.lock().unwrap().len()
    }
}

/// A place where nobody listens.
pub(super) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

pub(super) struct Stage {
    pub(super) gateway: Arc<Gateway>,
    pub(super) routes: Router,
    pub(super) clock: Arc<Moved>,
}

impl Stage {
    pub(super) fn new(urls: &[&str]) -> Self {
        Self::with(urls, |_| {})
    }

    pub(super) fn with(urls: &[&str], change: impl FnOnce(&mut config::Gateway)) -> Self {
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

    pub(super) fn upstream(&self, place: usize) -> &Upstream {
        &self.gateway.routes[0].upstreams[place]
    }

    pub(super) async fn call(&self, method: Method, path: &str, key: &str) -> (StatusCode, HeaderMap, Value) {
        self.call_from("198.51.100.1:7", method, path, key).await
    }

    pub(super) async fn call_from(
        &self,
        peer: &str,
        method: Method,
        path: &str,
        key: &str,
    ) -> (StatusCode, HeaderMap, Value) {
        let mut request = Request::builder().method(method).uri(path).header("x-ims-key", key);
        request = request.header("x-forwarded-for", "203.0.113.9").header("connection", "close");
        let mut request = request.body(Body::from("{}")).unwrap();
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        let (head, body) = self.routes.clone().call(request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (head.status, head.headers, serde_json::from_slice(&body).unwrap())
    }

    /// Uploads a file of so many bytes.
    pub(super) async fn upload(&self, peer: &str, bytes: usize) -> (StatusCode, HeaderMap) {
        let mut request = Request::post("/ims/KEY/files/email?name=a").body(Body::from(vec![b'x'; bytes])).unwrap();
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        let (head, _) = self.routes.clone().call(request).await.unwrap().into_parts();
        (head.status, head.headers)
    }

    pub(super) async fn send(&self) -> (StatusCode, HeaderMap, Value) {
        self.call(Method::POST, "/ims/KEY/mt/sendMessage", "a").await
    }

    pub(super) async fn report(&self, key: &str) -> (StatusCode, HeaderMap, Value) {
        self.call(Method::GET, "/ims/KEY/report/A", key).await
    }
}
