//! Calls of endpoints that answer in every way, on loopback; names and connections are the test's own, and nothing
//! leaves the machine.

mod addresses;
mod answers;

use super::*;
use crate::testing::read_request;
use connect::Boxed;
use processors::callback::{Failure, Reply};
use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream as StdStream},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};
use tokio::net::TcpStream;
use url::Url;

/// Longest wait for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

struct Now;

impl Clock for Now {
    fn now_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
    }
}

/// Knows one name, writes down what it is asked, and connects to loopback alone.
#[derive(Default)]
struct Recording {
    addresses: Vec<IpAddr>,
    asked: Mutex<Vec<String>>,
    connected: Mutex<Vec<SocketAddr>>,
}

impl Network for Recording {
    fn addresses(&self, host: &str) -> Boxed<io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(host.to_owned());
        let addresses = self.addresses.clone();
        Box::pin(async move { if addresses.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(addresses) } })
    }

    fn connect(&self, to: SocketAddr) -> Boxed<io::Result<TcpStream>> {
        self.connected.lock().unwrap().push(to);
        assert!(to.ip().is_loopback(), "a packet would have left the machine: {to}");
        Box::pin(TcpStream::connect(to))
    }
}

/// A caller that may call loopback, and what its network saw.
struct Bench {
    caller: HttpCaller,
    network: Arc<Recording>,
}

impl Bench {
    fn new() -> Self {
        Self::knowing(&["127.0.0.1"], &["127.0.0.0/8"])
    }

    fn knowing(addresses: &[&str], allowed: &[&str]) -> Self {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let network = Arc::new(Recording { addresses, ..Recording::default() });
        let settings = CallerSettings {
            allow_networks: allowed.iter().map(|text| text.parse().unwrap()).collect(),
            timeout: Duration::from_secs(1),
        };
        let caller = HttpCaller::open(settings, Arc::new(Now), Arc::clone(&network) as Arc<dyn Network>).unwrap();
        Self { caller, network }
    }

    fn call(&mut self, ticket: u64, uri: &str) {
        self.caller.call(Call {
            ticket,
            uri: Arc::new(Url::parse(uri).unwrap()),
            id: "01KKD87PHR0500R000005M4K00".into(),
            timestamp_s: 1_773_192_603,
            signature: "v1,c2lnbmF0dXJl".into(),
            body: br#"{"type":"message.report"}"#.to_vec(),
            replay: None,
        });
    }

    fn next(&mut self) -> Called {
        let mut called = Vec::new();
        self.caller.answers(PATIENCE, &mut called);
        assert_eq!(called.len(), 1, "{called:?}");
        called.remove(0)
    }

    /// What comes of one call.
    fn reply(&mut self, uri: &str) -> Reply {
        self.call(1, uri);
        self.next().reply
    }

    fn asked(&self) -> Vec<String> {
        self.network.asked.lock().unwrap().clone()
    }

    fn connected(&self) -> Vec<SocketAddr> {
        self.network.connected.lock().unwrap().clone()
    }
}

/// An endpoint on loopback.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// One that says this to each request, then closes.
    fn saying(answer: &'static str) -> Self {
        Self::doing(move |stream| {
            let _ = stream.write_all(answer.as_bytes());
        })
    }

    /// One that does this after each request.
    fn doing(then: impl Fn(&mut StdStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server =
            Self { port: listener.local_addr().unwrap().port(), connections: Arc::default(), requests: Arc::default() };
        let (connections, requests) = (Arc::clone(&server.connections), Arc::clone(&server.requests));
        let then = Arc::new(then);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let (requests, then) = (Arc::clone(&requests), Arc::clone(&then));
                std::thread::spawn(move || {
                    if let Some(request) = read_request(&mut stream) {
                        requests.lock().unwrap().push(request);
                        then(&mut stream);
                    }
                });
            }
        });
        server
    }

    /// By the name that the test's network knows.
    fn uri(&self) -> String {
        format!("http://shop.example:{}/callback?key=1", self.port)
    }
}

#[test]
fn who_calls_ends_with_the_thread_that_does() {
    let caller = || {
        let (calls, _) = unbounded_channel();
        let (_, called) = mpsc::channel();
        Bench { caller: HttpCaller { calls, called }, network: Arc::default() }
    };
    let panics = |work: &mut dyn FnMut()| std::panic::catch_unwind(AssertUnwindSafe(work)).is_err();
    assert!(panics(&mut || caller().call(1, "https://shop.example/")), "its answer would never come");
    for wait in [Duration::ZERO, Duration::from_secs(1)] {
        assert!(panics(&mut || caller().caller.answers(wait, &mut Vec::new())), "none would, for {wait:?}");
    }
}

fn status(status: u16) -> Reply {
    Reply::Status { status, retry_after: None }
}
