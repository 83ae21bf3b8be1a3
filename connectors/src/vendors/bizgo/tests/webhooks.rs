//! Reports that the vendor brings: what is its own of who may, and the simulator's.

use super::{
    DEALER, Nobody, Now, SECRET, VendorSettings, code, serve, signed, simulated::listen_with, simulated::well,
};
use crate::{
    simulator::RequestLog,
    vendors::{
        Vendors,
        contract::{Customer, always, answer_of, first, free_port, until_confirmed},
    },
};
use processors::ports::Clock as _;
use std::{collections::BTreeMap, net::TcpListener, sync::Arc, time::Duration};
use tempfile::NamedTempFile;

#[test]
fn a_call_that_is_signed_for_another_time_or_is_no_report_is_refused() {
    let customer = Customer::at(&DEALER, "https://mars.ibapi.kr", free_port());
    let mut receipts = customer.receipts();
    let now = signed(SECRET, &Now.now_ms().to_string());
    let old = signed(SECRET, &(Now.now_ms() - 301_000).to_string());
    for (signed, body, status) in [
        (&old, DEALER.report.0, 401),
        (&now, "{\"reportCode\":\"10000\"}", 400),
        (&now, "{\"msgKey\":\"k\",\"serviceType\":\"MO\"}", 400),
    ] {
        let answer = answer_of(customer.bring("dealer", signed, body));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{body}: {answer}");
    }
    let mut taken = Vec::new();
    receipts.take(Duration::ZERO, &mut taken);
    assert!(taken.is_empty(), "{taken:?}");
}

#[test]
fn the_simulator_brings_each_report_until_it_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let port = free_port();
    let mut behaviour = well();
    behaviour.receipts.codes = always("63018");
    behaviour.receipts.webhook_url = Some(format!("http://127.0.0.1:{port}/bizgo/dealer"));
    let listener = listen_with(Some(&log), behaviour, 0);
    let mut customer = Customer::at(&DEALER, &format!("http://{}", listener.address()), port);
    let mut receipts = customer.receipts();
    assert_eq!(code(&customer.bench.reply()), "A000");
    assert!(first(&mut *receipts).starts_with("S-0R 63018 "));
    assert!(RequestLog::read_confirmed(&log).unwrap().is_empty(), "it knows before it was told");
    receipts.confirm();
    until_confirmed(&log);
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
