//! Much that is due in one moment, and cancels that come in that moment.

use super::most_in_a_second;
use crate::support::{CHAIN, Deployment, Expected, PATIENCE, Process, figure, load::request, now_ms, simulator, until};
use processors::outcome::news;
use schemas::{Lane, Serial, State, Topic, TrackId};
use std::{collections::HashSet, time::Duration};
use topology::log::Outgoing;

/// KakaoTalk's vendors, and the requests a second that each takes.
const VENDORS: [(&str, usize); 2] = [("talk-one", 200), ("talk-two", 50)];

/// What may come beyond a vendor's rate within a second: a burst, of a tenth of a second.
const fn burst(tps: usize) -> usize {
    tps / 10
}

#[test]
fn what_is_due_in_one_second_leaves_within_each_vendors_rate_and_none_early_whoever_dies() {
    let Some(deployment) = Deployment::alone(&simulator::everything_arrives(5)) else { return };
    // Whoever dies in the midst of a request leaves it in doubt: here the vendors are such that cannot be asked again.
    let [(_, one), (_, two)] = VENDORS;
    deployment.change_reference(&[
        ("tps = 3000", &format!("tps = {one}")),
        ("tps = 2000", &format!("tps = {two}")),
        ("in_doubt = \"repeat\"", "in_doubt = \"uncertain\""),
    ]);
    let messages = figure(4_000, 1_000_000);
    let others = CHAIN.replace(",delay", "");
    let mut rest = deployment.run("rest", &others);
    let mut delay = deployment.run("delay", "delay");
    rest.until_ready();
    delay.until_ready();
    // Far enough to pass through two rings, and for all to be written before.
    let due_ms = now_ms() + figure(20_000, 600_000) as i64;
    let of_realtime = messages / 5;
    schedule(&deployment, Lane::Realtime, of_realtime, due_ms);
    schedule(&deployment, Lane::Mass, messages - of_realtime, due_ms);

    let restart = |delay: &mut Process| {
        delay.kill();
        *delay = deployment.run("delay", "delay");
    };
    restart(&mut delay);
    until("the moment comes", PATIENCE * 10, || (now_ms() >= due_ms).then_some(()));
    deployment.until_more_requests(1);
    restart(&mut delay);
    deployment.until_more_requests(one);
    restart(&mut delay);
    deployment.until_more_requests(one);
    rest.kill();
    let mut rest = deployment.run("rest", &others);
    let within = PATIENCE + Duration::from_secs((messages / (one + two)) as u64);
    let settled = deployment.settle(Expected { messages, within });

    let (delivered, uncertain) = (settled.count(State::Delivered), settled.count(State::Uncertain));
    assert_eq!(delivered + uncertain, messages, "{:?}", settled.balance.ended);
    let early: Vec<_> = settled.requests.iter().filter(|request| request.at_ms < due_ms).collect();
    assert!(early.is_empty(), "{} left early: {:?}", early.len(), early[0]);
    let once: HashSet<_> = settled.requests.iter().map(|request| &request.serial_number).collect();
    assert_eq!(once.len(), settled.requests.len(), "no step was requested twice");
    for (vendor, tps) in VENDORS {
        let mut came: Vec<i64> = settled.requests.iter().filter(|r| r.vendor == vendor).map(|r| r.at_ms).collect();
        came.sort_unstable();
        let most = most_in_a_second(&came);
        eprintln!("{vendor}: {} of {messages} due in one moment, {most} in a second at most", came.len());
        assert!(most <= tps + burst(tps), "{vendor}: {most} in a second");
        assert!(most >= tps / 2, "{vendor}: {most} in a second: nobody was near the rate");
    }
    let last_of = |lane: Lane| {
        let of_lane = settled.requests.iter().filter(|r| r.serial_number.parse::<Serial>().unwrap().priority == lane);
        of_lane.map(|request| request.at_ms).max().unwrap()
    };
    assert!(last_of(Lane::Realtime) < last_of(Lane::Mass), "REALTIME has its part of the rate beside MASS");
    eprintln!("{delivered} delivered, {uncertain} in doubt as their sender died");
    rest.stop();
}

#[test]
fn a_cancel_in_the_moment_of_its_message_is_reported_once_either_way() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(5)) else { return };
    let messages = figure(400, 4_000);
    let mut process = deployment.run("one", CHAIN);
    process.until_ready();
    let due_ms = now_ms() + 12_000;
    schedule(&deployment, Lane::Mass, messages, due_ms);
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
fn schedule(deployment: &Deployment, lane: Lane, messages: usize, due_ms: i64) {
    let records: Vec<Outgoing> = (0..messages)
        .map(|_| {
            let mut request = request("at");
            request.send_at = Some(due_ms);
            deployment.record(lane, &request)
        })
        .collect();
    records.chunks(2_000).for_each(|part| deployment.append(part));
}
