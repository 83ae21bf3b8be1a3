//! Two ingest processes on one Redis: a message_id is accepted once, whichever of them reads it and whatever becomes of
//! Redis.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, Process, figure, load::Stream, load::request, now_ms};
use crate::support::{redis::Redis, simulator, streams, until};
use schemas::{Channel, Lane, Report, SendRequest, State, Topic};
use std::collections::BTreeMap;

/// How the messages of these ids ended: rejected as duplicates, or otherwise.
fn ends(deployment: &Deployment, requests: &[SendRequest]) -> BTreeMap<String, (usize, usize)> {
    let mut ends: BTreeMap<_, _> = requests.iter().map(|r| (r.message_id.clone(), (0, 0))).collect();
    let reports = deployment.decoded::<Report>(Channel::ALL.iter().map(|&channel| Topic::report(channel)));
    for report in reports.into_iter().filter(|report| report.terminal) {
        let Some((duplicates, others)) = ends.get_mut(&report.message_id) else { continue };
        match (report.state, report.code.as_str()) {
            (State::Rejected, "2030") => *duplicates += 1,
            _ => *others += 1,
        }
    }
    ends
}

fn send(deployment: &Deployment, requests: &[SendRequest], partition: i32) {
    let mut records: Vec<_> = requests.iter().map(|request| deployment.record(Lane::Realtime, request)).collect();
    records.iter_mut().for_each(|record| record.partition = Some(partition));
    deployment.append(&records);
}

#[track_caller]
fn until_waits_for_redis(process: &Process) {
    until("ingest waits for redis and says so", PATIENCE, || {
        let page = process.page("/health/ready")?;
        (page.starts_with("HTTP/1.1 503") && page.contains(r#""dependency":"redis""#)).then_some(())
    });
}

#[test]
fn two_ingest_processes_accept_a_message_id_once_and_wait_for_a_redis_that_died() {
    let Some(redis) = Redis::start() else { return };
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let mut processes = ["one", "two"].map(|name| deployment.run_with(name, CHAIN, &redis.variables()));
    processes.iter_mut().for_each(|process| process.until_owns(&streams("ingest", &[Lane::Realtime, Lane::Mass])));

    let ids = figure(300, 5_000);
    let requests: Vec<_> = (0..ids).map(|n| request(["at", "sms", "push"][n % 3])).collect();
    // Of three partitions one process has two: these two have different owners.
    std::thread::scope(|scope| {
        for partition in [0, 2] {
            scope.spawn({
                let (deployment, requests) = (&deployment, &requests);
                move || requests.chunks(50).for_each(|some| send(deployment, some, partition))
            });
        }
    });
    let settled = deployment.settle(Expected { messages: 2 * ids, within: PATIENCE });
    assert_eq!((settled.balance.accepted, settled.balance.rejected), (ids as u64, ids as u64));
    assert!(ends(&deployment, &requests).values().all(|end| *end == (1, 1)), "one accepted, the other 2030");
    for process in &processes {
        let page = process.page("/metrics").unwrap();
        assert!(page.contains(r#"ims_records_total{stream="ingest-REALTIME"}"#), "both processes ingest");
    }

    // Redis dies and comes back while messages flow: everything waits, nothing is lost, all claims are still there.
    let flowed = std::thread::scope(|scope| {
        let load = Stream::start(scope, &deployment, 5, 40);
        deployment.until_more_requests(20);
        for _ in 0..figure(1, 5) {
            redis.kill();
            processes.iter().for_each(until_waits_for_redis);
            redis.restart();
            processes.iter_mut().for_each(Process::until_ready);
            deployment.until_more_requests(20);
        }
        load.end()
    });
    send(&deployment, &requests, 1);
    let settled = deployment.settle(Expected { messages: 3 * ids + flowed, within: PATIENCE });
    assert_eq!(settled.balance.accepted, (ids + flowed) as u64);
    assert!(ends(&deployment, &requests).values().all(|end| *end == (2, 1)), "claims survive kill -9 of Redis");

    // It comes back with nothing: what was accepted before is accepted again, each ends once, and it is said.
    let emptied_ms = now_ms();
    redis.restart_empty();
    let again = &requests[..20];
    until("both processes work again", PATIENCE, || {
        processes
            .iter()
            .all(|p| p.page("/health/ready").is_some_and(|page| page.contains("\"ready\":true")))
            .then_some(())
    });
    send(&deployment, again, 0);
    let settled = deployment.settle(Expected { messages: 3 * ids + flowed + 20, within: PATIENCE });
    assert_eq!(settled.balance.accepted, (ids + flowed + 20) as u64);
    assert!(ends(&deployment, again).values().all(|end| *end == (2, 2)), "a duplicate is accepted and ends once");
    let told = |process: &Process| {
        let page = process.page("/health/ready").unwrap();
        let health: serde_json::Value = serde_json::from_str(page.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(health["ready"], true);
        health["in_doubt"]["known_since_ms"].as_i64() >= Some(emptied_ms)
    };
    assert!(processes.iter().any(told), "{}", processes[0].written());
    processes.iter_mut().for_each(Process::stop);
}
