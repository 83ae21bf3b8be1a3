//! What a group has committed of a topic, seen from outside.

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Tells those who look meanwhile that all is done, or has failed.
pub struct Done<'d>(pub &'d AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Asks the broker; joins no group.
pub struct Observer {
    consumer: BaseConsumer,
    topic: String,
    partitions: i32,
}

impl Observer {
    /// Names as they are on the brokers.
    pub fn of(brokers: &str, group: &str, topic: &str, partitions: i32) -> Self {
        let mut config = ClientConfig::new();
        let consumer = config.set("bootstrap.servers", brokers).set("group.id", group).create().unwrap();
        Self { consumer, topic: topic.to_owned(), partitions }
    }

    /// By partition; those without an offset are left out. None: no answer in time.
    fn ask(&self) -> Option<BTreeMap<i32, i64>> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.topic, 0, self.partitions - 1);
        let list = self.consumer.committed_offsets(list, Duration::from_secs(20)).ok()?;
        let offset = |offset: Offset| offset.to_raw().filter(|raw| *raw >= 0);
        let entries = list.elements().into_iter();
        Some(entries.filter_map(|entry| Some((entry.partition(), offset(entry.offset())?))).collect())
    }

    /// Of the first partition.
    pub fn committed(&self) -> i64 {
        self.ask().expect("an answer")[&0]
    }

    /// Looks until all is done: no partition goes back. What was seen last.
    pub fn never_goes_back(&self, done: &AtomicBool) -> BTreeMap<i32, i64> {
        let mut seen: BTreeMap<i32, i64> = BTreeMap::new();
        while !done.load(Ordering::SeqCst) {
            for (partition, now) in self.ask().unwrap_or_default() {
                let before = seen.insert(partition, now).unwrap_or(0);
                assert!(now >= before, "{}/{partition} went back from {before} to {now}", self.topic);
            }
        }
        seen
    }
}
