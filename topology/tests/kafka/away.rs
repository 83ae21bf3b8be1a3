//! Brokers that die and come back.

use crate::support::{
    Deployment,
    cluster::Cluster,
    relay::{PATIENCE, Turn, assert_once, copy, numbered, spec, turn_until, urgent, values},
    settings,
};
use rdkafka::mocking::MockCluster;
use schemas::{Lane, Topic};
use std::{
    ops::Range,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use topology::log::{
    Log, LogError, Place,
    kafka::{KafkaSettings, OnAway},
};

#[test]
fn the_only_broker_is_away_and_then_everything_goes_on() {
    let Some(cluster) = Cluster::start(1) else { return };
    let deployment = Deployment::new(settings(&cluster.bootstrap));
    let (source, target) = (deployment.topic(2), deployment.topic(2));
    deployment.start_group("away-AUTH", &[source]);
    let mut producer = deployment.log.producer().unwrap();
    producer.append(&numbered(source, 0..100)).unwrap();
    let mut stream = deployment.log.stream(urgent("away-AUTH", &[source])).unwrap();
    copy(&mut *stream, target, 100);

    cluster.kill(1);
    turn_until(&mut *stream, target, |turn| matches!(turn, Turn::Away(_)));
    // It says so again and again, not once.
    turn_until(&mut *stream, target, |turn| matches!(turn, Turn::Away(_)));
    let refused = producer.append(&numbered(source, 100..101));
    assert!(matches!(refused, Err(LogError::Away(_))), "{refused:?}");
    let asked = deployment.log.reader().unwrap().partitions(source);
    assert!(matches!(asked, Err(LogError::Away(_))), "{asked:?}");

    cluster.restart(1);
    let mut reached = false;
    turn_until(&mut *stream, target, |turn| {
        reached |= matches!(turn, Turn::Copied(0));
        reached
    });
    append(&deployment, source, 100..200);
    copy(&mut *stream, target, 100);
    assert_once(&values(&deployment.log, target), 0..200);
}

#[test]
fn one_of_three_brokers_dies_and_comes_back() {
    let Some(cluster) = Cluster::start(3) else { return };
    let three = KafkaSettings { replication: 3, min_in_sync_replicas: 2, ..settings(&cluster.bootstrap) };
    let deployment = Deployment::new(three);
    let (source, target) = (deployment.topic(3), deployment.topic(3));
    deployment.start_group("third-MASS", &[source]);
    let mut stream = deployment.log.stream(spec("third-MASS", &[source])).unwrap();
    turn_until(&mut *stream, target, |turn| matches!(turn, Turn::Assigned(_)));
    let mut total = 0;
    for broker in 1..=3 {
        let mut append_and_copy = || {
            append(&deployment, source, total..total + 300);
            total += 300;
            turn_until(&mut *stream, target, |_| values(&deployment.log, target).len() >= total);
        };
        append_and_copy();
        cluster.kill(broker);
        append_and_copy();
        cluster.restart(broker);
    }
    assert_once(&values(&deployment.log, target), 0..total);
}

#[test]
fn topics_are_made_when_the_broker_is_back() {
    let Some(cluster) = Cluster::start(1) else { return };
    let deployment = Deployment::new(settings(&cluster.bootstrap));
    cluster.kill(1);
    let (tell, told) = mpsc::channel();
    let on_away: OnAway = Box::new(move |_| tell.send(()).unwrap());
    let admin = deployment.log.admin().unwrap().patient(Duration::from_secs(40), on_away);
    let topics = [Topic::api(Lane::Ad), Topic::result(Lane::Ad)];
    let made = thread::scope(|scope| {
        let making = scope.spawn(|| admin.create(&topics, &[("ingest-AD", &topics[..1])]));
        told.recv().expect("the broker is away");
        cluster.restart(1);
        making.join().unwrap().unwrap()
    });
    assert_eq!((made.topics.len(), made.groups.len()), (2, 1));
    assert_eq!(admin.check(&topics, &[("ingest-AD", &topics[..1])]).unwrap(), []);
}

#[test]
fn a_partition_without_a_leader_is_away_and_one_that_does_not_exist_is_a_reason_to_stop() {
    let cluster = MockCluster::new(1).unwrap();
    let deployment = Deployment::new(KafkaSettings { bootstrap_servers: cluster.bootstrap_servers(), ..settings("") });
    let topic = Topic::open(Lane::Auth);
    let name = format!("{}{topic}", deployment.settings.topic_prefix);
    cluster.create_topic(&name, 2, 1).unwrap();
    cluster.partition_leader(&name, 1, None).unwrap();
    let mut reader = deployment.log.reader().unwrap();
    let mut answers = |partition| {
        let place = Place { topic, partition };
        [reader.bounds(place).map(|_| ()), reader.offset_at(place, 1).map(|_| ())]
    };
    for answer in answers(1) {
        assert!(matches!(&answer, Err(LogError::Away(line)) if line.contains("no leader")), "{answer:?}");
    }
    for answer in answers(2) {
        assert!(matches!(&answer, Err(LogError::Stop(line)) if line.contains("does not exist")), "{answer:?}");
    }
    cluster.partition_leader(&name, 1, Some(1)).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while answers(1).iter().any(Result::is_err) {
        assert!(Instant::now() < deadline, "it has a leader again");
    }
}

/// Appends what is not there yet, until all is: a leader that died is replaced after some seconds.
fn append(deployment: &Deployment, topic: Topic, numbers: Range<usize>) {
    let deadline = Instant::now() + PATIENCE;
    let mut producer = deployment.log.producer().unwrap();
    loop {
        let there = values(&deployment.log, topic);
        let mut missing = numbered(topic, numbers.clone());
        missing.retain(|record| {
            let value = record.value.as_deref().unwrap_or_default();
            !there.iter().any(|other| other.as_bytes() == value)
        });
        match producer.append(&missing) {
            Ok(()) => return,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
}
