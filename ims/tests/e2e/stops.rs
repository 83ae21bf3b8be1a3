//! What must never be guessed at ends the process: one clear line, and exit code 5.

use crate::support::{Deployment, PATIENCE, Process, process::store_of, simulator, streams, until};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use schemas::{Lane, Topic, topics::Ring};

/// "must not go on".
const STOPPED: Option<i32> = Some(5);

#[test]
fn of_two_processes_with_one_name_one_ends_and_says_why() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let mut first = deployment.run("twin", "ingest,router");
    first.until_ready();
    let mut second = deployment.run("twin", "ingest,router");
    let ended = until("one of the two ends", PATIENCE, || first.has_ended().or_else(|| second.has_ended()));
    let loser: &Process = if first.has_ended().is_some() { &first } else { &second };
    assert_eq!(ended.code(), STOPPED, "{}", loser.written());
    let line = last_line(loser);
    assert!(line.contains("two processes share it") && line.contains("twin"), "{line}");
}

#[test]
fn a_group_whose_offsets_were_deleted_ends_and_names_the_remedy() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let mut process = deployment.run("one", "router");
    process.until_owns(&streams("router", Lane::ALL));
    process.stop();
    let group = format!("{}-router-MASS", deployment.name);
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", deployment.brokers()).create().unwrap();
    let deleted = futures_executor::block_on(admin.delete_groups(&[&group], &AdminOptions::new())).unwrap();
    assert_eq!(deleted, [Ok(group.clone())]);

    let mut process = deployment.run("one", "router");
    assert_eq!(process.end().code(), STOPPED, "{}", process.written());
    let line = last_line(&process);
    assert!(line.contains(&group) && line.contains("ims topics create"), "{line}");
}

/// Deletes a topic, or makes it anew with so many partitions.
fn change_topic(deployment: &Deployment, topic: Topic, partitions: Option<i32>) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", deployment.brokers()).create().unwrap();
    let name = format!("{}-{topic}", deployment.name);
    let changed = match partitions {
        None => futures_executor::block_on(admin.delete_topics(&[&name], &AdminOptions::new())),
        Some(partitions) => {
            let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
            let new = new.set("message.timestamp.type", "LogAppendTime");
            futures_executor::block_on(admin.create_topics([&new], &AdminOptions::new()))
        }
    };
    assert_eq!(changed.unwrap(), [Ok(name.clone())]);
    // Brokers tell of it some time after.
    until("the topic is changed", PATIENCE, || {
        let metadata = admin.inner().fetch_metadata(None, PATIENCE).ok()?;
        let there = metadata.topics().iter().find(|topic| topic.name() == name).map(|topic| topic.partitions().len());
        (there == partitions.map(|partitions| partitions as usize)).then_some(())
    });
}

#[test]
fn a_topic_that_is_missing_or_has_other_partitions_ends_a_process_that_needs_it_before_it_begins() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let (ring, prefix) = (Topic::delay(Ring::Seconds), format!("{}-", deployment.name));
    let refused = |instance: &str, why: &str| {
        let mut process = deployment.run(instance, "outcome,delay,store");
        assert_eq!(process.end().code(), STOPPED, "{}", process.written());
        let line = last_line(&process);
        assert!(line.contains(why), "{line}");
        assert!(!store_of(&deployment, instance).exists(), "it has begun with its store");
    };
    change_topic(&deployment, ring, None);
    refused("lacks", &format!("topic {prefix}DELAY-S is missing: run `ims topics create`"));
    let mut process = deployment.run("needs-none", "router");
    process.until_ready();
    process.stop();
    change_topic(&deployment, ring, Some(8));
    refused("few", &format!("topic {prefix}DELAY-S has 8 partitions, rings.seconds.slots says 16"));
}

#[test]
fn a_process_that_starts_without_a_broker_waits_and_checks_the_topics_when_there_is_one() {
    let Some(deployment) = Deployment::with_brokers(1, &simulator::everything_arrives(2)) else { return };
    change_topic(&deployment, Topic::delay(Ring::Seconds), None);
    deployment.cluster().kill(1);
    let mut right = deployment.run("right", "router");
    let mut wrong = deployment.run("wrong", "delay");
    for process in [&right, &wrong] {
        until("it says that it waits", PATIENCE, || process.written().contains("topics are not checked").then_some(()));
    }
    deployment.cluster().restart(1);
    right.until_ready();
    assert_eq!(wrong.end().code(), STOPPED, "{}", wrong.written());
    assert!(last_line(&wrong).contains("DELAY-S is missing"), "{}", last_line(&wrong));
    right.stop();
}

/// The line that a person reads on the terminal.
fn last_line(process: &Process) -> String {
    process.written().lines().rfind(|line| line.starts_with("ims: ")).expect("a line for people").to_owned()
}
