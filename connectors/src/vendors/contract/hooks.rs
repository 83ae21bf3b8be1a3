//! Reports that a dealer brings: who may, and when it is told that they are here.

use super::{Bench, Dealer, KEY, Now, SECRET};
use crate::{
    simulator::RequestLog,
    vendors::{
        VendorSettings,
        testing::{Nobody, PATIENCE, serve},
    },
};
use processors::ports::{Clock as _, Receipts};
use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    time::{Duration, Instant},
};
use tempfile::NamedTempFile;

/// A customer whose dealer brings its reports, and the port for them.
pub struct Customer<'d> {
    dealer: &'d Dealer,
    pub bench: Bench,
    port: u16,
    _secret: NamedTempFile,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl<'d> Customer<'d> {
    fn of(dealer: &'d Dealer) -> Self {
        Self::at(dealer, "https://dealer.example", free_port())
    }

    pub fn at(dealer: &'d Dealer, url: &str, port: u16) -> Self {
        let secret = NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), SECRET).unwrap();
        let settings = VendorSettings { webhook_secret_file: secret.path().to_owned(), ..(dealer.settings)() };
        let bench = Bench::listening(dealer, url, 5_000, settings, &format!("127.0.0.1:{port}"));
        Self { dealer, bench, port, _secret: secret }
    }

    pub fn receipts(&self) -> Box<dyn Receipts> {
        self.bench.vendors.receipts(Box::new(Nobody), serve()).unwrap()
    }

    /// Announces a call with so many bytes.
    fn announce(&self, vendor: &str, signed: &str, length: usize) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let path = self.dealer.hooks;
        write!(
            stream,
            "POST /{path}/{vendor} HTTP/1.1\r\nHost: ims\r\nConnection: close\r\n{signed}Content-Length: {length}\r\n\r\n"
        )
        .unwrap();
        stream
    }

    /// Brings a report; the answer is read by whoever waits for it.
    pub fn bring(&self, vendor: &str, signed: &str, body: &str) -> TcpStream {
        let mut stream = self.announce(vendor, signed, body.len());
        stream.write_all(body.as_bytes()).unwrap();
        stream
    }

    fn signed(&self, secret: &str) -> String {
        (self.dealer.signed)(secret, Now.now_ms())
    }
}

/// The whole answer.
pub fn answer_of(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Serial number, code and time of the first report.
pub fn first(receipts: &mut dyn Receipts) -> String {
    let (mut taken, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while taken.is_empty() {
        receipts.take(PATIENCE, &mut taken);
        assert!(Instant::now() < deadline, "no report");
    }
    format!("{} {} {}", taken[0].serial_number, taken[0].code, taken[0].at_ms)
}

/// Waits until the simulator knows that one of its reports is here.
pub fn until_confirmed(log: &Path) {
    let deadline = Instant::now() + PATIENCE;
    while RequestLog::read_confirmed(log).unwrap().is_empty() {
        assert!(Instant::now() < deadline, "it is never told");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

pub fn a_report_is_answered_when_it_is_in_the_log_and_not_before(dealer: &Dealer) {
    let (body, taken, told) = dealer.report;
    let customer = Customer::of(dealer);
    let mut receipts = customer.receipts();
    let mut stream = customer.bring("dealer", &customer.signed(SECRET), body);
    assert_eq!(first(&mut *receipts), taken);
    stream.set_nonblocking(true).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock, "answered before it was confirmed");
    receipts.confirm();
    stream.set_nonblocking(false).unwrap();
    let answer = answer_of(stream);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(&format!("\r\n\r\n{told}")), "{answer}");
}

pub fn a_report_that_is_not_in_the_log_in_time_is_asked_for_again(dealer: &Dealer) {
    let customer = Customer::of(dealer);
    let mut receipts = customer.receipts();
    let stream = customer.bring("dealer", &customer.signed(SECRET), dealer.report.0);
    first(&mut *receipts);
    assert!(answer_of(stream).starts_with("HTTP/1.1 503"));
    // Whoever ends without confirming answers nothing that could be taken for it.
    let stream = customer.bring("dealer", &customer.signed(SECRET), dealer.report.0);
    first(&mut *receipts);
    drop(receipts);
    assert!(!answer_of(stream).contains("200 OK"));
}

pub fn only_the_dealer_may_bring_reports(dealer: &Dealer) {
    let customer = Customer::of(dealer);
    let mut receipts = customer.receipts();
    let (report, good) = (dealer.report.0, customer.signed(SECRET));
    let half = &report[..report.len() / 2];
    for (vendor, signed, body, status) in [
        ("dealer", customer.signed("other"), report, 401),
        ("dealer", customer.signed(""), report, 401),
        ("dealer", String::new(), report, 401),
        ("dealer", customer.signed(KEY), report, 401),
        ("nobody", good.clone(), report, 404),
        ("dealer", good.clone(), half, 400),
        ("dealer", good.clone(), "", 400),
        ("dealer", good, "[]", 400),
    ] {
        let answer = answer_of(customer.bring(vendor, &signed, body));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{vendor} {body}: {answer}");
    }
    let mut taken = Vec::new();
    receipts.take(Duration::ZERO, &mut taken);
    assert!(taken.is_empty(), "{taken:?}");
}

pub fn of_a_strangers_call_no_byte_of_the_body_is_waited_for(dealer: &Dealer) {
    let customer = Customer::of(dealer);
    let _receipts = customer.receipts();
    let announce = |secret: &str, length| answer_of(customer.announce("dealer", &customer.signed(secret), length));
    let begun = Instant::now();
    assert!(announce("other", 1_000).starts_with("HTTP/1.1 401"));
    assert!(begun.elapsed() < Duration::from_secs(4), "the body never comes");
    assert!(announce(SECRET, 2 << 20).starts_with("HTTP/1.1 413"));
    assert!(announce(SECRET, 1_000).starts_with("HTTP/1.1 408"), "its time is bounded");
}
