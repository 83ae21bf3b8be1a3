//! Appends of many callers: each record ends by itself, whatever becomes of the others.

use crate::support::{
    Deployment,
    relay::{PATIENCE, numbered},
    settings,
};
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use schemas::{Lane, Topic};
use std::{
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};
use topology::log::{Appender, Log, LogError, Outgoing, kafka::KafkaSettings};

fn topic() -> Topic {
    Topic::api(Lane::Realtime)
}

/// How long a record may take before it has failed.
const WITHIN: Duration = Duration::from_secs(3);
const TURN: Duration = Duration::from_millis(10);

/// A cluster in process with API-REALTIME in two partitions, each on a broker of its own.
fn cluster() -> (MockCluster<'static, DefaultProducerContext>, String, Deployment) {
    let cluster = MockCluster::new(2).unwrap();
    let deployment = Deployment::new(KafkaSettings { bootstrap_servers: cluster.bootstrap_servers(), ..settings("") });
    let name = format!("{}{}", deployment.settings.topic_prefix, topic());
    cluster.create_topic(&name, 2, 1).unwrap();
    for partition in [0, 1] {
        cluster.partition_leader(&name, partition, Some(partition + 1)).unwrap();
    }
    (cluster, name, deployment)
}

/// The same, and an appender to it.
fn appender() -> (MockCluster<'static, DefaultProducerContext>, String, Box<dyn Appender>) {
    let (cluster, name, deployment) = cluster();
    (cluster, name, deployment.log.appender("test", WITHIN).unwrap())
}

/// Hands a record over; its end comes later.
fn hand_over(appender: &mut dyn Appender, partition: i32) -> Receiver<Result<(), LogError>> {
    let (tell, told) = channel();
    let record = Outgoing {
        topic: topic(),
        partition: Some(partition),
        key: None,
        value: Some("value".into()),
        headers: Vec::new(),
    };
    appender.append(vec![(record, Box::new(move |end| tell.send(end).unwrap_or_default()))], TURN);
    told
}

fn end(told: &Receiver<Result<(), LogError>>) -> Result<(), LogError> {
    told.recv_timeout(PATIENCE).expect("every record ends")
}

#[test]
fn a_partition_whose_broker_is_gone_holds_up_no_other() {
    let (cluster, _, mut appender) = appender();
    end(&hand_over(&mut *appender, 1)).unwrap();
    cluster.broker_down(2).unwrap();
    let began = Instant::now();
    let stuck = hand_over(&mut *appender, 1);
    let mut longest = Duration::ZERO;
    while stuck.try_recv().is_err() {
        let asked = Instant::now();
        end(&hand_over(&mut *appender, 0)).unwrap();
        longest = longest.max(asked.elapsed());
        assert!(began.elapsed() < PATIENCE, "it never ends");
    }
    assert!(began.elapsed() >= WITHIN, "it was waited for");
    assert!(longest < WITHIN / 3, "the other partition was held up for {longest:?}");
    cluster.broker_up(2).unwrap();
    while end(&hand_over(&mut *appender, 1)).is_err() {
        assert!(began.elapsed() < PATIENCE, "its broker is there again");
    }
}

#[test]
fn a_producer_that_failed_for_good_is_replaced() {
    let (cluster, _, mut appender) = appender();
    end(&hand_over(&mut *appender, 0)).unwrap();
    cluster.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]);
    let failed = end(&hand_over(&mut *appender, 0));
    assert!(matches!(failed, Err(LogError::Away(_))), "{failed:?}");
    let deadline = Instant::now() + PATIENCE;
    while end(&hand_over(&mut *appender, 0)).is_err() {
        assert!(Instant::now() < deadline, "it is never replaced");
    }
    appender.reach(topic(), PATIENCE).unwrap();
}

#[test]
fn a_producer_of_jobs_that_failed_for_good_is_replaced_too() {
    let (cluster, _, deployment) = cluster();
    let mut producer = deployment.log.producer().unwrap();
    let records = numbered(topic(), 0..1);
    producer.append(&records).unwrap();
    cluster.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]);
    let failed = producer.append(&records);
    assert!(matches!(failed, Err(LogError::Away(_))), "{failed:?}");
    let deadline = Instant::now() + PATIENCE;
    while producer.append(&records).is_err() {
        assert!(Instant::now() < deadline, "it is never replaced");
    }
}

#[test]
fn a_log_is_reached_when_a_partition_has_a_leader() {
    let (cluster, name, mut appender) = appender();
    appender.reach(topic(), PATIENCE).unwrap();
    let reach = |appender: &mut dyn Appender| appender.reach(topic(), PATIENCE).map_err(|error| error.to_string());
    for partition in [0, 1] {
        cluster.partition_leader(&name, partition, None).unwrap();
    }
    assert!(reach(&mut *appender).is_err_and(|error| error.contains("no partition has a leader")));
    cluster.partition_leader(&name, 0, Some(1)).unwrap();
    assert_eq!(reach(&mut *appender), Ok(()));
}
