//! Customers are told, whatever dies: kill -9 at every point of a call, and calls that fail.

use crate::support::{
    CHAIN, Deployment, Expected, PATIENCE, endpoint::Endpoint, figure, load::Stream, simulator, until,
};
use schemas::{AnalyzeLog, LogEvent, Topic};
use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::process::ExitStatusExt,
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

#[test]
fn every_terminal_report_is_told_and_every_call_recorded_wherever_the_callback_process_dies() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let (endpoint, port) = Endpoint::open(FAILS);
    deployment.call_back(port);

    let mut rest = deployment.run("rest", CHAIN);
    let (sent, mut survivor) = std::thread::scope(|scope| {
        let load = Stream::start(scope, &deployment, 1, figure(1, 6));
        for (number, point) in POINTS.iter().enumerate() {
            let kill_at = format!("callback:{point}:{}", number % 2 + 1);
            let variables = [("IMS_KILL_AT", kill_at.as_str()), Endpoint::ALLOWED];
            let mut victim = deployment.run_with("callback", "callback", &variables);
            let ended = victim.end();
            assert_eq!(ended.signal(), Some(9), "{kill_at}: {ended}\n{}", victim.written());
        }
        let survivor = deployment.run_with("callback", "callback", &[Endpoint::ALLOWED]);
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
    let mut again = 0;
    for (id, count) in endpoint.counts() {
        let of: Vec<_> = events[&id].iter().map(|event| (event.attempt, event.code.as_str())).collect();
        assert!(count <= of.len(), "{id}: {count} calls, recorded {of:?}");
        assert_eq!(of.iter().filter(|(_, code)| *code == "200").count(), 1, "{id}: {of:?}");
        again += count - 1;
    }
    assert_eq!(events.len(), ids.len());
    eprintln!("{} kills, {sent} messages, {} reports told, {again} calls more than once", POINTS.len(), ids.len());
}
