//! Reports that the vendor brings: who may, and when it is told that they are here.

use super::{
    Bench, KEY, Nobody, Now, PATIENCE, VendorSettings, code, serve,
    simulated::{SECRET, always, listen_with, well},
};
use crate::{simulator::RequestLog, vendors::Vendors};
use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use processors::ports::{Clock as _, Receipts};
use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::NamedTempFile;

const REPORT: &str = r#"{"msgKey":"k-1","reportCode":"10000","reportTime":"2026-03-02T12:00:00+09:00","ref":"S-0R"}"#;

/// A customer whose vendor brings its reports, and the port for them.
struct Customer {
    bench: Bench,
    port: u16,
    _secret: NamedTempFile,
}

impl Customer {
    fn of(url: &str) -> Self {
        // Free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::at(url, port)
    }

    fn at(url: &str, port: u16) -> Self {
        let secret = NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), SECRET).unwrap();
        let settings = VendorSettings { webhook_secret_file: secret.path().to_owned(), ..VendorSettings::default() };
        let bench = Bench::listening(url, 5_000, settings, &format!("127.0.0.1:{port}"));
        Self { bench, port, _secret: secret }
    }

    fn receipts(&self) -> Box<dyn Receipts> {
        self.bench.vendors.receipts(Box::new(Nobody), serve()).unwrap()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Brings a report; the answer is read by whoever waits for it.
    fn bring(&self, vendor: &str, timestamp: &str, signature: &str, body: &str) -> TcpStream {
        let mut stream = self.connect();
        write!(
            stream,
            "POST /bizgo/{vendor} HTTP/1.1\r\nHost: ims\r\nConnection: close\r\nX-IB-Timestamp: {timestamp}\r\n\
             X-IB-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        stream
    }
}

fn sign(secret: &str, timestamp: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    BASE64_STANDARD.encode(hmac::sign(&key, timestamp.as_bytes()))
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn first(receipts: &mut dyn Receipts) -> String {
    let (mut taken, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while taken.is_empty() {
        receipts.take(PATIENCE, &mut taken);
        assert!(Instant::now() < deadline, "no report");
    }
    format!("{} {} {}", taken[0].serial_number, taken[0].code, taken[0].at_ms)
}

#[test]
fn a_report_is_answered_when_it_is_in_the_log_and_not_before() {
    let customer = Customer::of("https://mars.ibapi.kr");
    let mut receipts = customer.receipts();
    let now = Now.now_ms().to_string();
    let mut stream = customer.bring("dealer", &now, &sign(SECRET, &now), REPORT);
    assert_eq!(first(&mut *receipts), "S-0R 10000 1772420400000");
    stream.set_nonblocking(true).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock, "answered before it was confirmed");
    receipts.confirm();
    stream.set_nonblocking(false).unwrap();
    let answer = answer(stream);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("{\"msgKey\":\"k-1\"}"), "{answer}");
}

#[test]
fn a_report_that_is_not_in_the_log_in_time_is_asked_for_again() {
    let customer = Customer::of("https://mars.ibapi.kr");
    let mut receipts = customer.receipts();
    let now = Now.now_ms().to_string();
    let stream = customer.bring("dealer", &now, &sign(SECRET, &now), REPORT);
    first(&mut *receipts);
    assert!(answer(stream).starts_with("HTTP/1.1 503"));
    // Whoever ends without confirming answers nothing that could be taken for it.
    let stream = customer.bring("dealer", &now, &sign(SECRET, &now), REPORT);
    first(&mut *receipts);
    drop(receipts);
    assert!(!answer(stream).contains("200 OK"));
}

#[test]
fn only_the_vendor_may_bring_reports() {
    let customer = Customer::of("https://mars.ibapi.kr");
    let mut receipts = customer.receipts();
    let now = Now.now_ms().to_string();
    let old = (Now.now_ms() - 301_000).to_string();
    let good = sign(SECRET, &now);
    for (vendor, timestamp, signature, body, status) in [
        ("dealer", &now, sign("other", &now), REPORT, 401),
        ("dealer", &now, String::new(), REPORT, 401),
        ("dealer", &old, sign(SECRET, &old), REPORT, 401),
        ("dealer", &now, sign(KEY, &now), REPORT, 401),
        ("nobody", &now, good.clone(), REPORT, 404),
        ("dealer", &now, good.clone(), "{\"msgKey\":\"k\"", 400),
        ("dealer", &now, good.clone(), "{\"reportCode\":\"10000\"}", 400),
        ("dealer", &now, good.clone(), "{\"msgKey\":\"k\",\"serviceType\":\"MO\"}", 400),
    ] {
        let answer = answer(customer.bring(vendor, timestamp, &signature, body));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{vendor} {body}: {answer}");
    }
    let mut taken = Vec::new();
    receipts.take(Duration::ZERO, &mut taken);
    assert!(taken.is_empty(), "{taken:?}");
}

#[test]
fn of_a_strangers_call_no_byte_of_the_body_is_waited_for() {
    let customer = Customer::of("https://mars.ibapi.kr");
    let _receipts = customer.receipts();
    let now = Now.now_ms().to_string();
    let announce = |signature: &str, length: usize| {
        let mut stream = customer.connect();
        write!(
            stream,
            "POST /bizgo/dealer HTTP/1.1\r\nHost: ims\r\nX-IB-Timestamp: {now}\r\nX-IB-Signature: {signature}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        stream
    };
    let begun = Instant::now();
    assert!(answer(announce(&sign("other", &now), 1_000)).starts_with("HTTP/1.1 401"));
    assert!(begun.elapsed() < Duration::from_secs(4), "the body never comes");
    assert!(answer(announce(&sign(SECRET, &now), 2 << 20)).starts_with("HTTP/1.1 413"));
    assert!(answer(announce(&sign(SECRET, &now), 1_000)).starts_with("HTTP/1.1 408"), "its time is bounded");
}

#[test]
fn the_simulator_brings_each_report_until_it_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut behaviour = well();
    behaviour.receipts.codes = always("63018");
    behaviour.receipts.webhook_url = Some(format!("http://127.0.0.1:{port}/bizgo/dealer"));
    let listener = listen_with(Some(&log), behaviour, 0);
    let mut customer = Customer::at(&format!("http://{}", listener.address()), port);
    let mut receipts = customer.receipts();
    assert_eq!(code(&customer.bench.reply()), "A000");
    assert!(first(&mut *receipts).starts_with("S-0R 63018 "));
    assert!(RequestLog::read_confirmed(&log).unwrap().is_empty(), "it knows before it was told");
    receipts.confirm();
    let deadline = Instant::now() + PATIENCE;
    while RequestLog::read_confirmed(&log).unwrap().is_empty() {
        assert!(Instant::now() < deadline, "it is never told");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_secret_without_a_port_and_a_port_that_is_taken_are_told() {
    let secret = NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), SECRET).unwrap();
    let settings = VendorSettings {
        key_file: secret.path().to_owned(),
        webhook_secret_file: secret.path().to_owned(),
        ..VendorSettings::default()
    };
    let known = BTreeMap::from([("dealer".to_owned(), settings)]);
    let reference = Arc::new(super::Fixed(Arc::default()));
    let refused =
        Vendors::open(&known, "", Arc::clone(&reference) as _, Arc::new(Now)).can_be_used().unwrap_err().to_string();
    assert!(refused.contains("set webhooks.listen"), "{refused}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let vendors = Vendors::open(&known, &at, reference, Arc::new(Now));
    let refused = vendors.receipts(Box::new(Nobody), serve()).err().unwrap().to_string();
    assert!(refused.contains("webhooks.listen") && refused.contains(&at), "{refused}");
}
