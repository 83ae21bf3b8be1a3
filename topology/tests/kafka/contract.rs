//! The log on Apache Kafka keeps the log's contract.

use crate::support::{Deployment, brokers, settings, unique};
use schemas::Topic;
use std::time::Duration;
use topology::log::{Log, kafka::KafkaSettings};

crate::log_contract::contract!(match brokers() {
    Some(brokers) => Kafka::on(&brokers),
    None => return,
});

/// A member that does not poll for so long is out of its group.
const SESSION: Duration = Duration::from_secs(6);

struct Kafka(Deployment);

impl Kafka {
    fn on(brokers: &str) -> Self {
        let properties = ["session.timeout.ms", "max.poll.interval.ms"];
        let properties = properties.map(|key| (key.to_owned(), SESSION.as_millis().to_string())).into();
        Self(Deployment::new(KafkaSettings { properties, ..settings(brokers) }))
    }
}

impl crate::log_contract::Fixture for Kafka {
    fn log(&self) -> &dyn Log {
        &self.0.log
    }

    fn topic(&self, partitions: i32) -> Topic {
        self.0.topic(partitions)
    }

    fn group(&self, sources: &[Topic]) -> String {
        let stream = format!("stream-{}", unique());
        self.0.start_group(&stream, sources);
        stream
    }

    fn fail_next_commit(&self, stream: &str) {
        self.0.fence(stream, 0);
    }

    fn session(&self) -> Duration {
        SESSION
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }
}
