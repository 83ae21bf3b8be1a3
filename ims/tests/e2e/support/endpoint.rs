//! A customer's endpoint on loopback.

use super::{Deployment, now_ms};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// Answers 200, or 500 to the first call of some messages.
pub struct Endpoint {
    /// So many of so many messages fail at their first call.
    fails: Mutex<(usize, usize)>,
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    /// When each message was told, Unix milliseconds, and whether it was told with success.
    by_id: BTreeMap<String, (Vec<i64>, bool)>,
    /// webhook-id and ims-replay of the calls that have both.
    replays: Vec<(String, String)>,
}

impl Endpoint {
    /// With what processes may call it.
    pub const ALLOWED: (&str, &str) = ("IMS__CALLBACK__ALLOW_NETWORKS", "[\"127.0.0.1/32\"]");

    /// Opens it; its port comes with it. So many of so many messages fail at their first call, until [`Self::fail`].
    pub fn open(fails: (usize, usize)) -> (Arc<Self>, u16) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let endpoint = Arc::new(Self { fails: Mutex::new(fails), calls: Mutex::default() });
        let shared = Arc::clone(&endpoint);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, endpoint) = (stream.unwrap(), Arc::clone(&shared));
                std::thread::spawn(move || while endpoint.serve(&mut stream).is_some() {});
            }
        });
        (endpoint, port)
    }

    /// From now on so many of so many messages fail.
    pub fn fail(&self, fails: (usize, usize)) {
        *self.fails.lock().unwrap() = fails;
    }

    /// Serves one request; None: the connection has ended.
    fn serve(&self, stream: &mut TcpStream) -> Option<()> {
        let mut bytes = Vec::new();
        let mut some = [0; 8_192];
        let (id, replay) = loop {
            let count = stream.read(&mut some).ok().filter(|count| *count > 0)?;
            bytes.extend_from_slice(&some[..count]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
            if body.len() >= header("content-length: ")?.parse::<usize>().ok()? {
                break (header("webhook-id: ")?, header("ims-replay: "));
            }
        };
        let mut calls = self.calls.lock().unwrap();
        calls.replays.extend(replay.map(|replay| (id.clone(), replay)));
        let number = calls.by_id.len();
        let (times, told) = calls.by_id.entry(id).or_default();
        let (fail, of) = *self.fails.lock().unwrap();
        let fails = times.is_empty() && number % of < fail;
        times.push(now_ms());
        *told |= !fails;
        let status = if fails { "500 Oops" } else { "200 OK" };
        stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).ok()
    }

    /// Messages that were told with success.
    pub fn told(&self) -> BTreeSet<String> {
        let calls = self.calls.lock().unwrap();
        calls.by_id.iter().filter(|(_, (_, told))| *told).map(|(id, _)| id.clone()).collect()
    }

    /// How often each message was called for.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.times().into_iter().map(|(id, times)| (id, times.len())).collect()
    }

    /// When each message was called for, Unix milliseconds.
    pub fn times(&self) -> BTreeMap<String, Vec<i64>> {
        self.calls.lock().unwrap().by_id.iter().map(|(id, (times, _))| (id.clone(), times.clone())).collect()
    }

    /// webhook-id and replay of each call that is marked as one.
    pub fn replays(&self) -> Vec<(String, String)> {
        self.calls.lock().unwrap().replays.clone()
    }
}

impl Deployment {
    /// Lets the processes that start from now on call this port for the demo's first service key.
    pub fn call_back(&self, port: u16) {
        let key = "[[service_keys]]\nkey = \"IMSDEMO0SERVICEKEY0000000000000000000001\"\n";
        let secret = "A".repeat(32);
        let uri = format!("callback_uri = \"http://127.0.0.1:{port}/\"\ncallback_secrets = [\"whsec_{secret}\"]\n");
        self.change_reference(&[(key, &format!("{key}{uri}"))]);
    }
}
