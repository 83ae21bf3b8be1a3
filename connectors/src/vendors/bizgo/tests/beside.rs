//! A wire beside simulated vendors, and a vendor that has no key.

use super::{Bench, DEALER, Fixed, Now, PATIENCE, code, sms, vendor};
use crate::{
    simulator::{Behaviour, Simulator, SimulatorSettings},
    vendors::Vendors,
};
use processors::{
    ports::{Provider, Reply, Request},
    reference::{Protocol, Reference, Seed, Vendor},
};
use std::{collections::BTreeMap, net::TcpListener, sync::Arc, time::Instant};

fn request(ticket: u64, vendor: &Vendor) -> Request {
    Request { ticket, dispatch: Arc::new(sms(&format!("S{ticket}-0R"))), vendor: Arc::new(vendor.clone()) }
}

#[test]
fn simulated_vendors_answer_while_a_wire_hangs() {
    let settings = SimulatorSettings { every_vendor: Behaviour::perfect(), ..SimulatorSettings::default() };
    let simulator = Simulator::open(settings, Arc::new(Now)).unwrap();
    // It accepts connections and says nothing.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let bench = Bench::of(&DEALER, &format!("http://{}", hanging.local_addr().unwrap()));
    let mut provider = bench.vendors.provider(simulator.provider());
    let other =
        Vendor { name: "other".into(), protocol: Protocol::Simulated, url: String::new(), ..(*bench.vendor).clone() };
    provider.submit(request(1, &bench.vendor));
    (2..=100).for_each(|ticket| provider.submit(request(ticket, &other)));
    let (begun, mut answers) = (Instant::now(), Vec::new());
    while answers.len() < 99 {
        assert!(begun.elapsed() < PATIENCE, "{}", answers.len());
        provider.answers(PATIENCE, &mut answers);
    }
    assert!(answers.iter().all(|answer| answer.ticket != 1));
    while answers.len() < 100 {
        assert!(begun.elapsed() < PATIENCE);
        provider.answers(PATIENCE, &mut answers);
    }
    assert!(matches!(answers[99].reply, Reply::NoAnswer(_)));
}

#[test]
fn a_vendor_without_a_key_is_refused_at_the_start_and_counts_as_down_later() {
    let dealer = vendor(&DEALER, "https://mars.ibapi.kr", 1_000);
    let reference = Reference::new(Seed { vendors: vec![dealer.clone()], ..Seed::default() }).unwrap();
    let vendors = Vendors::open(&BTreeMap::new(), "", Arc::new(Fixed(Arc::new(reference))), Arc::new(Now));
    let refused = vendors.all_have_keys().unwrap_err().to_string();
    assert!(refused.contains("[vendors.dealer] key_file"), "{refused}");
    let mut provider = vendors.provider(Box::new(super::Nobody));
    provider.submit(request(1, &dealer));
    let mut answers = Vec::new();
    provider.answers(PATIENCE, &mut answers);
    assert_eq!(answers[0].reply, Reply::NotSent("the vendor has no key".into()));
}

#[test]
fn the_simulator_in_process_knows_a_repeat_by_the_dealers_code() {
    let codes = BTreeMap::from([("A000".to_owned(), 1.0)]);
    let settings =
        SimulatorSettings { every_vendor: Behaviour { codes, ..Behaviour::perfect() }, ..SimulatorSettings::default() };
    let simulator = Simulator::open(settings, Arc::new(Now)).unwrap();
    let mut provider: Box<dyn Provider> = simulator.provider();
    let dealer = Vendor { protocol: Protocol::Simulated, url: String::new(), ..vendor(&DEALER, "", 1_000) };
    (1..=2).for_each(|_| provider.submit(request(1, &dealer)));
    let mut answers = Vec::new();
    provider.answers(PATIENCE, &mut answers);
    assert_eq!(code(&answers[1].reply), "A301");
}
