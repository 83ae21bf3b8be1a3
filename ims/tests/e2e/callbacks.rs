//! Customers are told, whatever dies: kill -9 at every point of a call, and calls that fail.

use crate::support::{
    CHAIN, Deployment, Expected, PATIENCE, endpoint::Endpoint, figure, load::Stream, redis::Redis, simulator, until,
};
use schemas::{AnalyzeLog, Lane, LogEvent, Topic};
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
const FAILS: (usize, usize) = (1, 20);

#[test]
fn a_report_whose_call_failed_is_found_with_its_steps_and_pending_in_redis() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let Some(redis) = Redis::start() else { return };
    // The first call of every message fails.
    let (_, port) = Endpoint::open((1, 1));
    deployment.call_back(port);
    let [kind, url, timeout] = redis.variables();
    let (kind_of, url_of) = (kind, url);
    let roles = format!("{CHAIN},callback,store,reports,analyzer");
    let mut process = deployment.run_with("one", &roles, &[kind, url, timeout, Endpoint::ALLOWED]);
    deployment.append(&deployment.messages_like(&["at"], Lane::Realtime, 2));
    let settled = deployment.settle(Expected { messages: 2, within: PATIENCE });
    let store = format!("store.file={}", deployment.file("one-store.sqlite").display());
    let (kind, url) = ("state.kind=redis", format!("state.url={}", url.1));
    for (track_id, report) in &settled.ends {
        let get = |id: &str, more: &[&str]| {
            let sets = ["--json", "--set", &store, "--set", kind, "--set", &url];
            let output = deployment.ims(&[&["report", "get", id][..], &sets, more].concat());
            let found = output.status.success().then(|| serde_json::from_slice::<serde_json::Value>(&output.stdout));
            found.map(|json| json.unwrap())
        };
        let by_track_id = until("its report is stored, and its call has failed", PATIENCE, || {
            get(&track_id.to_string(), &[]).filter(|found| {
                found["callback_pending"] == true && found["steps"].as_array().is_some_and(|steps| !steps.is_empty())
            })
        });
        assert_eq!(by_track_id["report"]["message_id"], report.message_id);
        assert_eq!(by_track_id["steps"][0]["state"], "DELIVERED");
        let by_message_id = get(&report.message_id, &["--service-key", &report.service_key]);
        assert_eq!(by_message_id, Some(by_track_id));
        assert_eq!(get("never-sent", &["--username", &report.username]), None);
        let call = until("its call is stored", PATIENCE, || {
            let output = deployment.ims(&["report", "calls", &track_id.to_string(), "--json", "--set", &store]);
            let told: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
            told["calls"].get(0).cloned()
        });
        assert_eq!((&call["attempt"], &call["status"], &call["outcome"]), (&1.into(), &500.into(), &"again".into()));
        assert_eq!(call["endpoint"], format!("http://127.0.0.1:{port}"), "{call}");
        let due_ms =
            |time: &serde_json::Value| time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
        assert_eq!(due_ms(&call["next_at"]) - due_ms(&call["at"]), 60_000, "{call}");
    }
    process.stop();
    // One that needs no claims goes on without Redis, and says with what less.
    let mut alone = deployment.run_with("two", "callback", &[kind_of, url_of, timeout, Endpoint::ALLOWED]);
    alone.until_ready();
    assert!(!alone.page("/health/ready").unwrap().contains("degraded"));
    redis.kill();
    until("the callback role says that Redis is away", PATIENCE, || {
        let page = alone.page("/health/ready")?;
        (page.starts_with("HTTP/1.1 200")
            && page.contains(r#""degraded":{"dependency":"redis""#)
            && page.contains(r#""without":{"pending reports":"#))
        .then_some(())
    });
    redis.restart();
    until("it has all again", PATIENCE, || alone.page("/health/ready").filter(|page| !page.contains("degraded")));
    alone.stop();
}

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
