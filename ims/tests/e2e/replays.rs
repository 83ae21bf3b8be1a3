//! Reports once more: to the customer's endpoint, and into a topic outside the chain.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, endpoint::Endpoint, simulator, until};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use schemas::{Callback, Channel, Lane, Topic};
use serde_json::{Value, json};
use std::process::Output;

fn result(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

/// A topic that is none of the chain's.
fn make(deployment: &Deployment, name: &str) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", deployment.brokers());
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
    let made = futures_executor::block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap();
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    // Made by the controller, and known to the broker a moment later.
    until("the broker knows it", PATIENCE, || {
        let told = admin.inner().fetch_metadata(Some(name), PATIENCE).ok()?;
        told.topics().iter().any(|topic| topic.error().is_none() && !topic.partitions().is_empty()).then_some(())
    });
}

#[test]
fn reports_are_told_once_more_by_the_role_that_tells_all_and_the_books_stay_as_they_were() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let (endpoint, port) = Endpoint::open((0, 1));
    deployment.call_back(port);
    let mut process = deployment.run_with("one", &format!("{CHAIN},callback"), &[Endpoint::ALLOWED]);
    deployment.append(&deployment.messages_like(&["at"], Lane::Realtime, 30));
    let before = deployment.settle(Expected { messages: 30, within: PATIENCE });
    until("every report is told", PATIENCE, || (endpoint.told().len() == 30).then_some(()));
    assert_eq!(endpoint.replays(), []);

    let topic = Topic::report(Channel::At);
    let replay = |more: &[&str]| deployment.ims(&[&["replay", "--json", "--topic", topic.name()], more].concat());
    let dry = result(&replay(&["--to-callback", "--dry-run"]));
    assert_eq!((&dry["brought"], &dry["dry_run"]), (&json!(30), &json!(true)), "{dry}");
    assert!(deployment.records([Topic::callback()]).is_empty());
    let nobodys = replay(&["--to-callback", "--customer", "nobody"]);
    assert_eq!(nobodys.status.code(), Some(2), "{}", String::from_utf8_lossy(&nobodys.stderr));
    let others = result(&nobodys);
    assert_eq!((&others["brought"], &others["looked_at"]), (&json!(0), &json!(30)), "{others}");

    let told = replay(&["--to-callback", "--customer", "hanbit-shop", "--rate", "20"]);
    let audit = result(&told);
    assert_eq!((&audit["brought"], &audit["by_customer"]["hanbit-shop"]), (&json!(30), &json!(30)), "{audit}");
    let id = audit["replay"].as_str().unwrap();
    let log = String::from_utf8_lossy(&told.stderr).into_owned();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |line: &&Value| line["target"] == "audit" && line["replay"] == id && line["who"] == audit["who"];
    assert_eq!(lines.iter().filter(of).count(), 2, "before and after: {log}");
    until("every report is told once more", PATIENCE, || (endpoint.replays().len() == 30).then_some(()));
    let mut again = endpoint.replays();
    again.sort();
    let ids: Vec<(String, String)> = before.ends.keys().map(|track_id| (track_id.to_string(), id.to_owned())).collect();
    assert_eq!(again, ids, "each report once, under its own webhook-id and marked");
    let waited = deployment.decoded::<Callback>([Topic::callback()]);
    assert!(waited.iter().all(|callback| callback.replay == id && callback.reports.len() == 1), "{waited:?}");

    let copies = format!("{}.copies", deployment.name);
    let missing = replay(&["--to-topic", &copies]);
    assert_eq!(missing.status.code(), Some(5), "{}", String::from_utf8_lossy(&missing.stderr));
    make(&deployment, &copies);
    let copied = result(&replay(&["--to-topic", &copies, "--to", "0", "--rate", "1000"]));
    assert!((1..=3).contains(&copied["brought"].as_u64().unwrap()), "the first of each partition: {copied}");
    let into_chain = replay(&["--to-topic", &format!("{}-{topic}", deployment.name)]);
    assert_eq!(into_chain.status.code(), Some(2), "{}", String::from_utf8_lossy(&into_chain.stderr));

    let after = deployment.settle(Expected { messages: 30, within: PATIENCE });
    assert_eq!(after.ends, before.ends);
    process.stop();
}
