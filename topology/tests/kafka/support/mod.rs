//! A log on the brokers that all tests share, with topics, groups and ids that no other test uses.
#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

pub mod cluster;
pub mod observer;
pub mod proxy;
pub mod relay;

use observer::Observer;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    producer::{BaseProducer, BaseRecord, Producer},
};
use schemas::{Topic, topics::Partitions};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use topology::log::{
    Outgoing,
    kafka::{KafkaLog, KafkaSettings, OnStuck},
};

/// Bootstrap servers of the shared brokers, or None, said once: the test then ends without having tested.
pub fn brokers() -> Option<String> {
    let found = std::env::var("IMS_TEST_KAFKA").ok();
    if found.is_none() {
        eprintln!("IMS_TEST_KAFKA is not set: not tested (./test starts a broker)");
    }
    found
}

/// A word that no other test of this or another process uses.
pub fn unique() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{}", now.as_micros() + u128::from(std::process::id()), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub fn on_stuck() -> OnStuck {
    Arc::new(|line| panic!("{line}"))
}

/// Settings of a deployment of its own.
pub fn settings(brokers: &str) -> KafkaSettings {
    let own = unique();
    KafkaSettings {
        bootstrap_servers: brokers.to_owned(),
        deployment: format!("test-{own}"),
        instance: "one".into(),
        topic_prefix: format!("{own}-"),
        ..KafkaSettings::default()
    }
}

/// A deployment: its settings, and topics made as tests want them.
pub struct Deployment {
    pub settings: KafkaSettings,
    pub log: KafkaLog,
    used: AtomicUsize,
}

impl Deployment {
    pub fn new(settings: KafkaSettings) -> Self {
        let log = KafkaLog::new(settings.clone(), on_stuck()).unwrap();
        Self { settings, log, used: AtomicUsize::new(0) }
    }

    /// An empty topic.
    pub fn topic(&self, partitions: i32) -> Topic {
        let configured = Topic::all().iter().filter(|topic| topic.partitions() == Partitions::Configured);
        let topic =
            *configured.clone().nth(self.used.fetch_add(1, Ordering::Relaxed)).expect("a topic that is not used");
        let log = KafkaLog::new(KafkaSettings { partitions, ..self.settings.clone() }, on_stuck()).unwrap();
        assert_eq!(log.admin().unwrap().create(&[topic], &[]).unwrap().topics, [topic]);
        topic
    }

    /// Lets a stream's group begin at the start of its topics.
    pub fn start_group(&self, stream: &str, sources: &[Topic]) {
        self.log.admin().unwrap().create(&[], &[(stream, sources)]).unwrap();
    }

    /// Deletes what stands before an offset of a topic's first partition, as retention does.
    pub fn delete_before(&self, topic: Topic, offset: i64) {
        let KafkaSettings { bootstrap_servers, topic_prefix, .. } = &self.settings;
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", bootstrap_servers).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&format!("{topic_prefix}{topic}"), 0, Offset::Offset(offset)).unwrap();
        let deleted = futures_executor::block_on(admin.delete_records(&list, &AdminOptions::new())).unwrap();
        deleted.elements().iter().for_each(|partition| partition.error().unwrap());
    }

    /// Sees what a stream's group has committed of a topic with so many partitions.
    pub fn observer(&self, stream: &str, topic: Topic, partitions: i32) -> Observer {
        let KafkaSettings { bootstrap_servers, deployment, topic_prefix, .. } = &self.settings;
        let (group, topic) = (format!("{deployment}-{stream}"), format!("{topic_prefix}{topic}"));
        Observer::of(bootstrap_servers, &group, &topic, partitions)
    }

    /// A transaction that somebody else has open in a topic's first partition, with a record in it.
    pub fn open_transaction(&self, record: &Outgoing) -> BaseProducer {
        let KafkaSettings { bootstrap_servers, topic_prefix, .. } = &self.settings;
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap_servers)
            .set("transactional.id", unique())
            .set("transaction.timeout.ms", "120000")
            .create()
            .unwrap();
        let within = Duration::from_secs(20);
        producer.init_transactions(within).unwrap();
        producer.begin_transaction().unwrap();
        let topic = format!("{topic_prefix}{}", record.topic);
        let value: &[u8] = record.value.as_deref().unwrap_or_default();
        producer.send(BaseRecord::<(), [u8]>::to(&topic).partition(0).payload(value)).unwrap();
        producer.flush(within).unwrap();
        producer
    }

    /// Takes a stream's k-th transactional id over.
    pub fn fence(&self, stream: &str, k: usize) {
        let KafkaSettings { bootstrap_servers, deployment, instance, .. } = &self.settings;
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap_servers)
            .set("transactional.id", format!("{deployment}-{stream}-{instance}-{k}"))
            .create()
            .unwrap();
        producer.init_transactions(Duration::from_secs(20)).unwrap();
    }
}
