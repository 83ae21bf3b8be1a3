//! A process that dies at any point of a commit loses and doubles nothing.

use crate::support::{
    Deployment, brokers, on_stuck,
    proxy::{Lost, Proxy, Request, Then},
    relay::{PATIENCE, assert_once, numbered, spec, turn, values},
    settings,
};
use schemas::Topic;
use std::{
    os::unix::process::ExitStatusExt,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};
use topology::log::{
    Log, Place,
    kafka::{KafkaLog, KafkaSettings},
};

const POINTS: &[&str] = &[
    "before_begin",
    "after_begin",
    "after_produce",
    "after_drain",
    "after_send_offsets",
    "before_commit",
    "after_commit",
];
const STREAM: &str = "relay-MASS";
/// What the relay process is told, in words separated by blanks.
const ORDER: &str = "IMS_TEST_RELAY";
const RECORDS: usize = 400;

#[test]
fn nothing_is_lost_or_doubled_wherever_the_process_dies() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let (source, target) = (deployment.topic(3), deployment.topic(3));
    deployment.start_group(STREAM, &[source]);
    deployment.log.producer().unwrap().append(&numbered(source, 0..RECORDS)).unwrap();
    for (n, point) in POINTS.iter().enumerate() {
        let kill_at = format!("{STREAM}:{point}:{}", n % 3 + 1);
        let died = relay(&deployment.settings, source, target, Some(&kill_at)).wait().unwrap();
        assert_eq!(died.signal(), Some(9), "{kill_at}: {died}");
    }
    ends_soon(&deployment, source, target);
}

#[test]
fn nothing_is_lost_or_doubled_when_the_process_dies_with_a_commit_sent_and_not_answered() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let (source, target) = (deployment.topic(3), deployment.topic(3));
    deployment.start_group(STREAM, &[source]);
    deployment.log.producer().unwrap().append(&numbered(source, 0..RECORDS)).unwrap();
    let proxy = Proxy::before(&brokers);
    let behind = KafkaSettings { bootstrap_servers: proxy.address.clone(), ..deployment.settings.clone() };
    // The broker never learns of one commit, and has made the other.
    for lost in [Lost::Question, Lost::Answer] {
        proxy.lose(Request::EndTxn, lost, Then::Silence);
        let mut relay = relay(&behind, source, target, None);
        let deadline = Instant::now() + PATIENCE;
        while !proxy.has_lost() {
            assert!(relay.try_wait().unwrap().is_none() && Instant::now() < deadline, "{lost:?}: no commit");
            thread::park_timeout(Duration::from_millis(5));
        }
        relay.kill().unwrap();
        assert_eq!(relay.wait().unwrap().signal(), Some(9), "{lost:?}");
    }
    ends_soon(&deployment, source, target);
}

/// A relay that lives copies what is left.
fn ends_soon(deployment: &Deployment, source: Topic, target: Topic) {
    let began = Instant::now();
    let ended = relay(&deployment.settings, source, target, None).wait().unwrap();
    assert!(ended.success(), "{ended}");
    assert_once(&values(&deployment.log, target), 0..RECORDS);
    // The name of the instance takes over what the dead one held: no session of ten seconds runs out in between.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

/// This test program once more, as the relay.
fn relay(settings: &KafkaSettings, from: Topic, to: Topic, kill_at: Option<&str>) -> Child {
    let KafkaSettings { bootstrap_servers, deployment, topic_prefix, .. } = settings;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kill::the_relay_process", "--nocapture"]);
    command.env(ORDER, format!("{bootstrap_servers} {deployment} {topic_prefix} {from} {to}"));
    match kill_at {
        Some(kill_at) => command.env("IMS_KILL_AT", kill_at),
        None => command.env_remove("IMS_KILL_AT"),
    };
    command.spawn().unwrap()
}

/// Not a test: the process that dies. Ends when the group has committed everything.
#[test]
fn the_relay_process() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let words: Vec<&str> = order.split(' ').collect();
    let [bootstrap_servers, deployment, topic_prefix, from, to] = words[..] else { panic!("{order}") };
    let settings = KafkaSettings {
        bootstrap_servers: bootstrap_servers.into(),
        deployment: deployment.into(),
        instance: "one".into(),
        topic_prefix: topic_prefix.into(),
        ..KafkaSettings::default()
    };
    let (from, to): (Topic, Topic) = (from.parse().unwrap(), to.parse().unwrap());
    let log = KafkaLog::new(settings, on_stuck()).unwrap();
    let mut reader = log.reader().unwrap();
    let mut end = |partition| reader.bounds(Place { topic: from, partition }).unwrap().1;
    let ends: Vec<i64> = (0..3).map(&mut end).collect();
    let mut stream = log.stream(spec(STREAM, &[from])).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        turn(&mut *stream, to, 20);
        let mut lag = stream.lag();
        lag.sort_unstable();
        if lag.len() == ends.len() && lag.iter().all(|(_, lag)| *lag == 0) {
            break;
        }
        assert!(Instant::now() < deadline, "{lag:?} are left");
    }
    stream.leave();
}
