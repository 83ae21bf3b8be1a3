//! Two analyzers on one MongoDB: each event is counted once, whichever of them dies and whatever becomes of MongoDB.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, Process, figure, load::Stream};
use crate::support::{mongodb::MongoDb, simulator, until};
use schemas::{AnalyzeLog, Topic};
use serde_json::Value;
use std::collections::BTreeMap;

/// Events by channel and kind, and reasons of failures, as `ims analyze` tells them.
fn told(deployment: &Deployment, mongodb: &MongoDb) -> Option<Value> {
    let done = deployment.ims_with(&["analyze", "--json", "--reasons", "1000"], &mongodb.variables());
    done.status.success().then(|| serde_json::from_slice(&done.stdout).unwrap())
}

fn counted(told: &Value) -> BTreeMap<(String, String), u64> {
    let mut counted = BTreeMap::new();
    for volume in told["volumes"].as_array().unwrap() {
        let word = |key: &str| volume[key].as_str().unwrap().to_owned();
        *counted.entry((word("channel"), word("event"))).or_default() += volume["count"].as_u64().unwrap();
    }
    counted
}

fn logged(deployment: &Deployment) -> BTreeMap<(String, String), u64> {
    let mut logged = BTreeMap::new();
    for event in deployment.decoded::<AnalyzeLog>([Topic::analyze_log()]) {
        *logged.entry((event.channel.to_string(), event.event.to_string())).or_default() += 1;
    }
    logged
}

#[track_caller]
fn until_waits_for_mongodb(process: &Process) {
    until("the analyzer waits for mongodb and says so", PATIENCE, || {
        let page = process.page("/health/ready")?;
        (page.starts_with("HTTP/1.1 503") && page.contains(r#""dependency":"mongodb""#)).then_some(())
    });
}

#[test]
fn every_event_is_counted_once_whoever_dies() {
    let Some(mongodb) = MongoDb::start() else { return };
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let analyzer = |name: &str| deployment.run_with(name, "analyzer", &mongodb.variables());
    let mut chain = deployment.run("chain", CHAIN);
    let mut analyzers = ["one", "two"].map(analyzer);
    analyzers.iter_mut().for_each(Process::until_ready);

    let sent = std::thread::scope(|scope| {
        let load = Stream::start(scope, &deployment, 5, 40);
        deployment.until_more_requests(20);
        for round in 0..figure(2, 10) {
            mongodb.kill();
            // The one that has nothing to write does not miss it.
            until("one of them waits", PATIENCE, || {
                let waits = |process: &&Process| process.page("/health/ready").is_some_and(|p| p.contains("mongodb"));
                analyzers.iter().find(waits)
            });
            mongodb.restart();
            deployment.until_more_requests(20);
            analyzers[round % 2].kill();
            analyzers[round % 2] = analyzer(["one", "two"][round % 2]);
            deployment.until_more_requests(20);
        }
        load.end()
    });
    deployment.settle(Expected { messages: sent, within: PATIENCE });
    let expected = logged(&deployment);
    let all: u64 = expected.values().sum();
    assert!(all >= sent as u64, "{all} events of {sent} messages");
    until("everything is counted", PATIENCE, || {
        let told = counted(&told(&deployment, &mongodb)?);
        let sum: u64 = told.values().sum();
        assert!(sum <= all, "{sum} counted of {all}");
        (sum == all).then(|| assert_eq!(told, expected))
    });

    // Away for good: it says so, in time, and shows no password.
    mongodb.kill();
    let started = analyzer("three");
    until_waits_for_mongodb(&started);
    let done = deployment.ims_with(&["analyze"], &mongodb.variables());
    let error = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(4), "{error}");
    assert!(error.contains("mongodb is away"), "{error}");
    let shown = deployment.ims_with(&["config", "show"], &mongodb.variables());
    let shown = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.contains("mongodb://…@127.0.0.1"), "{shown}");
    for text in [&*error, &*shown, &started.written(), &analyzers[0].written(), &analyzers[1].written()] {
        assert!(!text.contains(mongodb.password()), "{text}");
    }
    mongodb.restart();
    analyzers.iter_mut().for_each(Process::stop);
    chain.stop();
}
