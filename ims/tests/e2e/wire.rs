//! A vendor that is reached over a wire: `ims run` and `ims simulate`, two processes, over HTTP.

use crate::support::{
    CHAIN, Deployment, Done, Expected, PATIENCE, Settled,
    dealer::{self, Dealer},
    figure, streams, until,
};
use schemas::{Family, Lane, ResultKind, State, StepResult, Topic};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, TcpListener},
    sync::atomic::AtomicBool,
};

/// The dealer, whose answers take about so long. `more` is what else there is to say of its behaviour.
fn settings(latency_ms: u32, more: &str) -> String {
    format!(
        "{}[simulator.vendors.dealer]\nlatency_ms = {{ median = {latency_ms}.0, p99 = {}.0 }}\n{more}",
        dealer::SETTINGS,
        latency_ms * 2
    )
}

/// Each is reported, soon.
const REPORTED: &str =
    "receipts = { delay_ms = { median = 50.0, p99 = 500.0 }, twice_share = 0.05, never_share = 0.0 }\n";

/// AT and SMS, codes and others.
fn load(deployment: &Deployment, count: usize) -> usize {
    deployment.append(&deployment.messages_like(&["at_otp", "sms_otp"], Lane::Auth, count));
    deployment.append(&deployment.messages_like(&["at", "sms"], Lane::Realtime, count));
    2 * count
}

/// How often each step was taken by the vendor, and requested.
fn steps(settled: &Settled) -> BTreeMap<&str, (usize, usize)> {
    let mut steps: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for request in &settled.requests {
        let (taken, requested) = steps.entry(&request.serial_number).or_default();
        *taken += usize::from(request.taken);
        *requested += 1;
    }
    steps
}

/// Of some requests nothing is heard, and some are too many.
const TROUBLED: &str = "no_answer_share = 0.03\nthrottled_share = 0.03\nretry_after_ms = 1000\n";

#[test]
fn messages_go_to_a_vendor_over_http_and_its_reports_come_back() {
    let Some(deployment) = Deployment::new(&settings(10, &format!("{TROUBLED}{REPORTED}"))) else { return };
    go_and_come_back(&deployment);
}

#[test]
fn a_vendor_that_brings_its_reports_is_told_when_they_are_here() {
    // Free a moment ago.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let at = format!("receipts = {{ webhook_url = \"http://127.0.0.1:{port}/bizgo/dealer\",");
    let brought = REPORTED.replace("receipts = {", &at);
    let webhook = format!("webhook_secret_file = \"dealer.secret\"\n[webhooks]\nlisten = \"127.0.0.1:{port}\"\n");
    let settings = settings(10, &format!("{TROUBLED}{brought}")).replacen("poll_ms = 200\n", &webhook, 1);
    let Some(deployment) = Deployment::new(&settings) else { return };
    std::fs::write(deployment.file("dealer.secret"), "e2e-dealer-secret").unwrap();
    go_and_come_back(&deployment);
}

fn go_and_come_back(deployment: &Deployment) {
    let (_dealer, _) = deployment.dealer(0);
    let mut process = deployment.run("one", CHAIN);
    let messages = load(deployment, 150);
    let settled = deployment.settle(Expected { messages, within: PATIENCE });
    let delivered = settled.count(State::Delivered);
    assert!(delivered * 10 > messages * 9, "{delivered} of {messages}: {:?}", settled.balance.ended);
    assert_eq!(settled.count(State::Uncertain), 0, "a repeat with its serial number ends each doubt");
    assert!(settled.ends.values().all(|report| report.vendor == "dealer"), "nothing was simulated in the process");
    assert!(steps(&settled).values().all(|(taken, _)| *taken <= 1), "a repeat was sent");
    let written = process.written();
    assert!(!written.contains("e2e-dealer-"), "a secret stands in the log");
    process.stop();
}

#[test]
fn a_sender_that_dies_with_requests_in_flight_sends_none_twice() {
    let Some(deployment) = Deployment::new(&settings(400, &format!("no_answer_share = 0.0\n{REPORTED}"))) else {
        return;
    };
    let (_dealer, _) = deployment.dealer(0);
    let _rest = deployment.run("rest", "ingest,router,outcome,delay");
    let mut messages = 0;
    for _ in 0..3 {
        let mut victim = deployment.run("victim", "kakao,text");
        victim.until_ready();
        messages += load(&deployment, 60);
        deployment.until_more_requests(20);
        victim.kill();
    }
    let _survivor = deployment.run("victim", "kakao,text");
    let settled = deployment.settle(Expected { messages, within: PATIENCE });
    let steps = steps(&settled);
    let again = steps.values().filter(|(_, requested)| *requested > 1).count();
    eprintln!("3 kills, {messages} messages, {again} steps requested again: {:?}", settled.balance.ended);
    assert!(steps.values().all(|(taken, _)| *taken <= 1), "a message was sent twice");
    assert!(settled.requests.iter().any(|request| request.code.as_deref() == Some("A301")), "nothing was in flight");
    assert_eq!(settled.count(State::Uncertain), 0);
}

#[test]
fn of_thousands_in_flight_when_their_sender_dies_only_those_that_were_not_done_are_met_again() {
    let in_flight = figure(1_000, 5_000);
    let patient = Dealer { tps: 10_000, max_in_flight: 2 * in_flight, timeout_ms: 60_000 };
    // Answers come while others leave, however quick the machine is. Each takes its message: what a refusal lets repeat
    // would look like what was met again.
    let taking = "codes = { A000 = 1.0 }\nno_answer_share = 0.0\nthrottled_share = 0.0\n";
    let slow = settings(figure(4_000, 10_000) as u32, &format!("{taking}{REPORTED}"));
    let Some(deployment) = Deployment::new(&slow) else { return };
    let (_dealer, _) = deployment.dealer_of(&patient, 0);
    let _rest = deployment.run("rest", "ingest,router,outcome,delay");
    let mut victim = deployment.run("victim", "kakao,text");
    victim.until_ready();
    let messages = 3 * in_flight;
    let load = deployment.messages_like(&["at", "sms"], Lane::Realtime, messages);
    let done = || -> BTreeSet<String> {
        let results = deployment.decoded::<StepResult>([Topic::result(Lane::Realtime)]);
        results.into_iter().filter(|r| r.kind == ResultKind::Sent).map(|r| r.serial_number).collect()
    };
    deployment.append(&load[..in_flight / 2]);
    until("some are done", PATIENCE, || (done().len() >= in_flight / 20).then_some(()));
    deployment.append(&load[in_flight / 2..]);
    // And a quarter: some are done between the look and the kill.
    let enough = in_flight * 5 / 4;
    until("so many are in flight", PATIENCE, || (deployment.requests().len() >= done().len() + enough).then_some(()));
    victim.kill();
    let requested: BTreeSet<String> = deployment.requests().into_iter().map(|r| r.serial_number).collect();
    let done = done();
    let left = requested.len() - done.len();
    assert!(!done.is_empty() && left >= in_flight, "{} requested, {} done", requested.len(), done.len());
    let _survivor = deployment.run("victim", "kakao,text");
    let settled = deployment.settle(Expected { messages, within: 3 * PATIENCE });
    let steps = steps(&settled);
    let again = requested.iter().filter(|serial| steps[serial.as_str()].1 > 1).count();
    eprintln!("{left} in flight, {} done, {again} met again: {:?}", done.len(), settled.balance.ended);
    assert!(again > 0 && again <= left, "{again} of {left} were met again");
    assert!(done.iter().all(|serial| steps[serial.as_str()] == (1, 1)), "what was done was met again");
    assert!(steps.values().all(|(taken, _)| *taken <= 1), "a message was sent twice");
    assert_eq!(settled.count(State::Uncertain), 0);
}

#[test]
fn a_member_joins_while_a_thousand_are_in_flight_and_their_answers_come_after_they_were_given_away() {
    let in_flight = 1_000;
    let patient = Dealer { tps: 10_000, max_in_flight: 4 * in_flight, timeout_ms: 60_000 };
    // Longer than a revoke waits for answers.
    let taking = "codes = { A000 = 1.0 }\nno_answer_share = 0.0\nthrottled_share = 0.0\n";
    let Some(deployment) = Deployment::new(&settings(8_000, &format!("{taking}{REPORTED}"))) else { return };
    let (_dealer, _) = deployment.dealer_of(&patient, 0);
    let _rest = deployment.run("rest", "ingest,router,outcome,delay");
    let mut stays = deployment.run("stays", "kakao,text");
    stays.until_owns(&streams("kakao,text", &[Lane::Realtime]));
    let done = AtomicBool::new(false);
    let watched = [("kakao-REALTIME", Family::At), ("text-REALTIME", Family::Sms)];
    let settled = std::thread::scope(|scope| {
        for (stream, family) in watched {
            let (deployment, done, topic) = (&deployment, &done, Topic::send(family, Lane::Realtime));
            scope.spawn(move || deployment.offsets_never_go_back(stream, topic, done));
        }
        let _done = Done(&done);
        deployment.append(&deployment.messages_like(&["at", "sms"], Lane::Realtime, in_flight));
        until("so many are in flight", PATIENCE, || (deployment.requests().len() >= in_flight).then_some(()));
        let mut joins = deployment.run("joins", "kakao,text");
        joins.until_owns(&streams("kakao,text", &[Lane::Realtime]));
        deployment.settle(Expected { messages: in_flight, within: PATIENCE })
    });
    let metrics = stays.page("/metrics").expect("its metrics");
    let late = metrics.lines().filter(|line| line.starts_with("ims_send_late_answers_total{"));
    let late: u64 = late.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
    eprintln!("{late} answers came after their partitions were given away: {:?}", settled.balance.ended);
    assert!(late > 0, "{metrics}");
    let steps = steps(&settled);
    assert!(steps.values().all(|(taken, _)| *taken <= 1), "a message was sent twice");
    assert!(steps.values().any(|(_, requested)| *requested > 1), "nothing was met again");
    assert_eq!(settled.count(State::Delivered) + settled.count(State::Failed), in_flight);
}

#[test]
fn a_vendor_that_dies_is_waited_for_and_still_owes_its_reports() {
    let late = "receipts = { delay_ms = { median = 3000.0, p99 = 4000.0 }, never_share = 0.0 }\n";
    let Some(deployment) = Deployment::new(&settings(10, &format!("no_answer_share = 0.0\n{late}"))) else { return };
    let (mut dealer, port) = deployment.dealer(0);
    let _process = deployment.run("one", CHAIN);
    let mut messages = load(&deployment, 20);
    until("all were requested", PATIENCE, || (deployment.requests().len() >= messages).then_some(()));
    dealer.kill();
    // Those of AUTH end within minutes; the others wait for the vendor.
    deployment.append(&deployment.messages_like(&["sms"], Lane::Realtime, 20));
    messages += 20;
    let (_dealer, _) = deployment.dealer(port);
    let settled = deployment.settle(Expected { messages, within: PATIENCE });
    assert!(steps(&settled).values().all(|(taken, _)| *taken <= 1));
    assert_eq!(settled.count(State::Uncertain) + settled.count(State::Expired), 0, "{:?}", settled.balance.ended);
}
