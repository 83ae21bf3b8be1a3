//! A push service inside a test: an HTTP/2 server that does what it is told, and a customer of it.

use crate::vendors::{
    VendorSettings, Vendors,
    testing::{Fixed, Nobody, PATIENCE},
};
use h2::{Reason, server};
use hyper::{HeaderMap, Response, body::Bytes, header::HeaderValue};
use processors::{
    ports::{Answer, Clock, DeadTokens, OfToken, Provider, Reply, Request},
    reference::{Reference, Seed, Vendor},
};
use schemas::{Accepted, Channel, Dispatch, Image, MessageType};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};
use tokio::{net::TcpStream, sync::Notify};

/// 2026-03-11T09:00:00Z
pub const NOW_MS: i64 = 1_773_219_600_000;

/// A token as FCM gives them.
pub const GOOGLES: &str = "cXyZ0:APA91bHPRgkF3JUikC4ENAHEeMrd41Zxv3hVZjC9KtT8OvPVGJ";
/// A token as APNs gives them.
pub const APPLES: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

/// What the server was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Which connection it came over, from 1.
    pub connection: usize,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the server does with a request.
pub enum Act {
    /// Status, headers and body.
    Say(u16, Vec<(&'static str, String)>, String),
    /// Resets its stream.
    Reset(Reason),
    /// Nothing.
    Hang,
    /// Ends the connection.
    Cut,
    /// Says that it goes away, answers, and takes no more over this connection.
    GoAway(u16, String),
}

/// A server, and what it was asked.
pub struct Http2 {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Http2 {
    /// What it does with a request, of which this is the so-manyth, counted from 1.
    pub fn doing(then: impl Fn(&Asked, usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (then, seen): (Arc<Then>, _) = (Arc::new(then), Arc::clone(&asked));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let connections = AtomicUsize::new(0);
                while let Ok((stream, _)) = listener.accept().await {
                    let number = connections.fetch_add(1, Ordering::Relaxed) + 1;
                    tokio::spawn(serve(stream, number, Arc::clone(&then), Arc::clone(&seen)));
                }
            });
        });
        Self { url, asked }
    }

    pub fn saying(status: u16, body: &'static str) -> Self {
        Self::doing(move |_, _| Act::Say(status, Vec::new(), body.to_owned()))
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

type Then = dyn Fn(&Asked, usize) -> Act + Send + Sync;

async fn serve(stream: TcpStream, number: usize, then: Arc<Then>, seen: Arc<Mutex<Vec<Asked>>>) {
    let Ok(mut connection) = server::handshake(stream).await else { return };
    let (cut, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => accepted,
            () = cut.notified() => return,
            () = leave.notified() => {
                connection.graceful_shutdown();
                continue;
            }
        };
        let Some(Ok((request, mut respond))) = accepted else { return };
        let (then, seen, cut, leave) = (Arc::clone(&then), Arc::clone(&seen), Arc::clone(&cut), Arc::clone(&leave));
        tokio::spawn(async move {
            let (head, mut reading) = request.into_parts();
            let mut body = Vec::new();
            while let Some(Ok(some)) = reading.data().await {
                let _ = reading.flow_control().release_capacity(some.len());
                body.extend_from_slice(&some);
            }
            let asked = Asked { path: head.uri.path().to_owned(), headers: head.headers, body, connection: number };
            let nth = {
                let mut seen = seen.lock().unwrap();
                seen.push(asked.clone());
                seen.len()
            };
            let mut say = |status: u16, headers: Vec<(&'static str, String)>, body: String| {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, HeaderValue::from_str(&value).unwrap());
                }
                let mut sending = respond.send_response(response.body(()).unwrap(), body.is_empty()).unwrap();
                if !body.is_empty() {
                    sending.send_data(Bytes::from(body), true).unwrap();
                }
            };
            match then(&asked, nth) {
                Act::Say(status, headers, body) => say(status, headers, body),
                Act::Reset(reason) => respond.send_reset(reason),
                Act::Hang => std::future::pending().await,
                Act::Cut => cut.notify_one(),
                Act::GoAway(status, body) => {
                    leave.notify_one();
                    say(status, Vec::new(), body);
                }
            }
        });
    }
}

/// Time as a test sets it.
#[derive(Clone)]
pub struct Moved(Arc<AtomicI64>);

impl Moved {
    pub fn at(now_ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(now_ms)))
    }

    pub fn by(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for Moved {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A customer of a push service.
pub struct Bench {
    pub vendor: Arc<Vendor>,
    pub clock: Moved,
    provider: Box<dyn Provider>,
}

impl Bench {
    pub fn new(protocol: &str, url: &str, settings: VendorSettings) -> Self {
        Self::within(protocol, url, settings, 5_000)
    }

    /// With a bound on each message, milliseconds.
    pub fn within(protocol: &str, url: &str, settings: VendorSettings, timeout_ms: u32) -> Self {
        let vendor = vendor(protocol, url, timeout_ms);
        let clock = Moved::at(NOW_MS);
        let vendors = open(&vendor, settings, &clock);
        vendors.all_have_keys().unwrap();
        Self { vendor: Arc::new(vendor), clock, provider: vendors.provider(Box::new(Nobody)) }
    }

    /// With a memory for dead tokens.
    pub fn remembering(protocol: &str, url: &str, settings: VendorSettings, dead: Box<dyn DeadTokens>) -> Self {
        let vendor = vendor(protocol, url, 5_000);
        let clock = Moved::at(NOW_MS);
        let vendors = open(&vendor, settings, &clock).remembering(dead);
        Self { vendor: Arc::new(vendor), clock, provider: vendors.provider(Box::new(Nobody)) }
    }

    pub fn submit(&mut self, ticket: u64, dispatch: Dispatch) {
        self.provider.submit(Request { ticket, dispatch: Arc::new(dispatch), vendor: Arc::clone(&self.vendor) });
    }

    pub fn next(&mut self) -> Answer {
        let mut answers = Vec::new();
        self.provider.answers(PATIENCE, &mut answers);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }

    /// Takes the answers that are there, and waits for the first.
    pub fn answers(&mut self, into: &mut Vec<Answer>) {
        let before = into.len();
        self.provider.answers(PATIENCE, into);
        assert!(into.len() > before, "no answer in time");
    }

    /// What comes of one message.
    pub fn reply(&mut self, dispatch: Dispatch) -> Reply {
        self.submit(1, dispatch);
        self.next().reply
    }

    /// What comes of a message to these tokens, token by token.
    pub fn tokens(&mut self, tokens: &[&str]) -> Vec<OfToken> {
        match self.reply(push(tokens)) {
            Reply::Tokens(replies) => replies,
            other => panic!("{other:?}"),
        }
    }

    /// What comes of a message to this token.
    pub fn one(&mut self, token: &str) -> Reply {
        let mut replies = self.tokens(&[token]);
        assert_eq!(replies.len(), 1, "{replies:?}");
        replies.remove(0).reply
    }
}

pub fn vendor(protocol: &str, url: &str, timeout_ms: u32) -> Vendor {
    serde_json::from_value(serde_json::json!({
        "name": "app", "families": ["PUSH"], "codes": protocol, "weight": 1, "tps": 100, "in_doubt": "repeat",
        "protocol": protocol, "url": url, "timeout_ms": timeout_ms,
    }))
    .unwrap()
}

pub fn open(vendor: &Vendor, settings: VendorSettings, clock: &Moved) -> Vendors {
    let reference = Reference::new(Seed { vendors: vec![vendor.clone()], ..Seed::default() }).unwrap();
    let known = BTreeMap::from([("app".to_owned(), settings)]);
    Vendors::open(&known, "", Arc::new(Fixed(Arc::new(reference))), Arc::new(clock.clone()))
}

/// A message with everything that a push can say.
pub fn push(tokens: &[&str]) -> Dispatch {
    let mut accepted = Accepted { channel: Channel::Pu, message_type: MessageType::Pu, ..Accepted::default() };
    accepted.expires_at = NOW_MS + 3_600_000;
    accepted.recipient.push_tokens = tokens.iter().map(|token| (*token).to_owned()).collect();
    let content = &mut accepted.content;
    content.title = Some("배송 출발".into());
    content.message = Some("주문하신 상품이 출발했습니다.".into());
    content.data = BTreeMap::from([("order".to_owned(), "A-1".to_owned())]);
    content.attachment = Some(Box::new(schemas::Attachment {
        image: Some(Box::new(Image { img_url: "https://img.example.kr/1.png".into(), img_link: None })),
        link: Some("https://shop.example.kr/orders/A-1".into()),
        ..Default::default()
    }));
    Dispatch { serial_number: "01HXYZ-0R".into(), attempt: 1, accepted, ..Dispatch::default() }
}

/// An ad that lives for three days and may not come by night, which begins in Seoul three hours after [`NOW_MS`].
pub fn ad(tokens: &[&str]) -> Dispatch {
    let mut dispatch = push(tokens);
    dispatch.accepted.ad = true;
    dispatch.accepted.expires_at = NOW_MS + 3 * 86_400_000;
    dispatch
}

pub fn code(reply: &Reply) -> &str {
    match reply {
        Reply::Code { code, .. } | Reply::Unasked { code, .. } => code,
        other => panic!("{other:?}"),
    }
}
