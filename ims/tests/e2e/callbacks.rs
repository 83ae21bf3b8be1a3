//! Customers are told, whatever dies: kill -9 at every point of a call, and calls that fail.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, figure, load::Stream, simulator, until};
use schemas::{AnalyzeLog, LogEvent, Topic};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::ExitStatusExt,
    sync::{Arc, Mutex},
    time::Duration,
};

/// Points of a call, in the order in which a report passes them.
const POINTS: &[&str] = &[
    "after_poll",
    "held",
    "before_started",
    "after_started",
    "request_written",
    "answer_read",
    "done_noted",
    "before_begin",
    "after_produce",
    "after_send_offsets",
    "before_commit",
    "after_commit",
];

/// Of so many messages one fails at its first call.
const FAILS: usize = 20;

/// A customer's endpoint: answers 200, or 500 to the first call of some messages.
#[derive(Default)]
struct Endpoint {
    /// How often each message was told, and whether it was told with success.
    calls: Mutex<BTreeMap<String, (usize, bool)>>,
}

impl Endpoint {
    fn open() -> (Arc<Self>, u16) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let endpoint = Arc::new(Self::default());
        let shared = Arc::clone(&endpoint);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, endpoint) = (stream.unwrap(), Arc::clone(&shared));
                std::thread::spawn(move || while endpoint.serve(&mut stream).is_some() {});
            }
        });
        (endpoint, port)
    }

    /// Serves one request; None: the connection has ended.
    fn serve(&self, stream: &mut TcpStream) -> Option<()> {
        let mut bytes = Vec::new();
        let mut some = [0; 8_192];
        let id = loop {
            let count = stream.read(&mut some).ok().filter(|count| *count > 0)?;
            bytes.extend_from_slice(&some[..count]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
            if body.len() >= header("content-length: ")?.parse::<usize>().ok()? {
                break header("webhook-id: ")?;
            }
        };
        let mut calls = self.calls.lock().unwrap();
        let number = calls.len();
        let (count, told) = calls.entry(id).or_insert((0, false));
        let fails = *count == 0 && number.is_multiple_of(FAILS);
        *count += 1;
        *told |= !fails;
        let status = if fails { "500 Oops" } else { "200 OK" };
        stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).ok()
    }

    fn told(&self) -> BTreeSet<String> {
        self.calls.lock().unwrap().iter().filter(|(_, (_, told))| *told).map(|(id, _)| id.clone()).collect()
    }
}

#[test]
fn every_terminal_report_is_told_and_every_call_recorded_wherever_the_callback_process_dies() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let (endpoint, port) = Endpoint::open();
    let key = "key = \"IMSDEMO0SERVICEKEY0000000000000000000001\"\n";
    let secret = "A".repeat(32);
    let callback = format!("callback_uri = \"http://127.0.0.1:{port}/\"\ncallback_secrets = [\"whsec_{secret}\"]\n");
    deployment.change_reference(key, &format!("{key}{callback}"));
    let allowed = ("IMS__CALLBACK__ALLOW_NETWORKS", "[\"127.0.0.1/32\"]");

    let mut rest = deployment.run("rest", CHAIN);
    let (sent, mut survivor) = std::thread::scope(|scope| {
        let load = Stream::start(scope, &deployment, 1, figure(1, 6));
        for (number, point) in POINTS.iter().enumerate() {
            let kill_at = format!("callback:{point}:{}", number % 2 + 1);
            let variables = [("IMS_KILL_AT", kill_at.as_str()), allowed];
            let mut victim = deployment.run_with("callback", "callback", &variables);
            let ended = victim.end();
            assert_eq!(ended.signal(), Some(9), "{kill_at}: {ended}\n{}", victim.written());
        }
        let survivor = deployment.run_with("callback", "callback", &[allowed]);
        (load.end(), survivor)
    });
    let settled = deployment.settle(Expected { messages: sent, within: PATIENCE });
    let ids: BTreeSet<String> = settled.ends.keys().map(ToString::to_string).collect();
    // The first retry comes a minute after its failure.
    until("every report is told", PATIENCE + Duration::from_secs(60), || (endpoint.told() == ids).then_some(()));

    // A stop commits what the last answers led to.
    survivor.stop();
    rest.stop();
    let mut events: BTreeMap<String, Vec<AnalyzeLog>> = BTreeMap::new();
    for event in deployment.decoded::<AnalyzeLog>([Topic::analyze_log()]) {
        if event.event == LogEvent::Callback {
            events.entry(event.track_id.clone()).or_default().push(event);
        }
    }
    let calls = endpoint.calls.lock().unwrap();
    let mut again = 0;
    for (id, (count, _)) in calls.iter() {
        let of: Vec<_> = events[id].iter().map(|event| (event.attempt, event.code.as_str())).collect();
        assert!(*count <= of.len(), "{id}: {count} calls, recorded {of:?}");
        assert_eq!(of.iter().filter(|(_, code)| *code == "200").count(), 1, "{id}: {of:?}");
        again += count - 1;
    }
    assert_eq!(events.len(), ids.len());
    eprintln!("{} kills, {sent} messages, {} reports told, {again} calls more than once", POINTS.len(), ids.len());
}
