//! Much that is due in one moment, and cancels that come in that moment.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, figure, load::request, now_ms, simulator, until};
use processors::outcome::news;
use schemas::{Lane, State, Topic, TrackId};
use std::collections::{BTreeMap, HashSet};
use topology::log::Outgoing;

/// Requests a second that the first vendor takes.
const TPS: usize = 200;
/// And what may come beyond them within a second: a burst, of a tenth of a second.
const BURST: usize = TPS / 10;

#[test]
fn what_is_due_in_one_second_leaves_within_its_rate_and_none_early_whoever_dies() {
    // A vendor that refuses what is beyond its rate and a burst tells whether we ever are: the first one, which has most of them.
    let vendors =
        simulator::everything_arrives(5).replacen("latency_ms", &format!("tps = {}\nlatency_ms", TPS + BURST), 1);
    let Some(deployment) = Deployment::alone(&vendors) else { return };
    deployment.change_reference("tps = 3000", &format!("tps = {TPS}"));
    let messages = figure(4_000, 1_000_000);
    let mut rest = deployment.run("rest", &CHAIN.replace(",delay", ""));
    let mut delay = deployment.run("delay", "delay");
    rest.until_ready();
    delay.until_ready();
    // Far enough to pass through two rings, and for all to be written before.
    let due_ms = now_ms() + figure(20_000, 600_000) as i64;
    schedule(&deployment, messages, due_ms);

    let restart = |delay: &mut crate::support::Process| {
        delay.kill();
        *delay = deployment.run("delay", "delay");
    };
    restart(&mut delay);
    until("the moment comes", PATIENCE * 10, || (now_ms() >= due_ms).then_some(()));
    deployment.until_more_requests(1);
    restart(&mut delay);
    deployment.until_more_requests(TPS);
    restart(&mut delay);
    let within = PATIENCE + std::time::Duration::from_secs((messages / TPS) as u64);
    let settled = deployment.settle(Expected { messages, within });

    assert_eq!(settled.count(State::Delivered), messages);
    let early: Vec<_> = settled.requests.iter().filter(|request| request.at_ms < due_ms).collect();
    assert!(early.is_empty(), "{} left early: {:?}", early.len(), early[0]);
    let beyond = settled.requests.iter().filter(|request| request.code.as_deref() == Some("throttled")).count();
    assert_eq!(beyond, 0, "requests beyond a vendor's rate");
    let once: HashSet<_> = settled.requests.iter().map(|request| &request.serial_number).collect();
    assert_eq!(once.len(), settled.requests.len(), "no step was requested twice");
    let mut by_second: BTreeMap<i64, usize> = BTreeMap::new();
    settled.requests.iter().for_each(|r| *by_second.entry((r.at_ms - due_ms) / 1_000).or_default() += 1);
    eprintln!("{messages} due in one moment, by second after it: {by_second:?}");
    rest.stop();
}

#[test]
fn a_cancel_in_the_moment_of_its_message_is_reported_once_either_way() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(5)) else { return };
    let messages = figure(400, 4_000);
    let mut process = deployment.run("one", CHAIN);
    process.until_ready();
    let due_ms = now_ms() + 12_000;
    schedule(&deployment, messages, due_ms);
    let ids = until("all are scheduled", PATIENCE, || {
        let reports = deployment.decoded::<schemas::Report>([Topic::report(schemas::Channel::At)]);
        let ids: Vec<String> =
            reports.into_iter().filter(|r| r.state == State::Scheduled).map(|r| r.track_id).collect();
        (ids.len() == messages).then_some(ids)
    });
    let cancels: Vec<Outgoing> = ids
        .iter()
        .map(|id| {
            let lane = id.parse::<TrackId>().unwrap().api().lane;
            Outgoing {
                topic: Topic::result(lane),
                partition: None,
                key: Some(id.clone().into_bytes().into()),
                value: Some(deployment.schemas.encode(&news::of_customer(id, due_ms)).into()),
                headers: Vec::new(),
            }
        })
        .collect();
    // The first come well before they are due. The others are spread over the second in which they are due, and the
    // last half waits until the first messages leave: how late that is depends on the machine.
    let mut producer = deployment.producer();
    let parts = 20;
    for (nth, part) in cancels.chunks(messages.div_ceil(parts)).enumerate() {
        let at_ms = if nth == 0 { due_ms - 2_000 } else { due_ms - 300 + 60 * nth as i64 };
        until("its moment", PATIENCE, || (now_ms() >= at_ms).then_some(()));
        if nth == parts / 2 {
            until("the first message leaves", PATIENCE, || (!deployment.requests().is_empty()).then_some(()));
        }
        producer.append(part).unwrap();
    }

    let settled = deployment.settle(Expected { messages, within: PATIENCE });
    let requested: HashSet<String> =
        settled.requests.iter().map(|r| r.serial_number.split('-').next().unwrap_or_default().to_owned()).collect();
    for (id, report) in &settled.ends {
        match report.state {
            State::Cancelled => assert!(!requested.contains(&id.to_string()), "{id} was cancelled and left"),
            State::Delivered => assert!(requested.contains(&id.to_string()), "{id} was delivered and never left"),
            state => panic!("{id} ended as {state}"),
        }
    }
    let (cancelled, delivered) = (settled.count(State::Cancelled), settled.count(State::Delivered));
    assert!(cancelled > 0 && delivered > 0, "the moment was missed: {cancelled} cancelled, {delivered} delivered");
    eprintln!("of {messages} in their moment, {cancelled} were cancelled and {delivered} delivered");
    process.stop();
}

/// So many 알림톡 that are due at one time.
fn schedule(deployment: &Deployment, messages: usize, due_ms: i64) {
    let records: Vec<Outgoing> = (0..messages)
        .map(|_| {
            let mut request = request("at");
            request.send_at = Some(due_ms);
            deployment.record(Lane::Mass, &request)
        })
        .collect();
    records.chunks(2_000).for_each(|part| deployment.append(part));
}
