//! Appends outside of transactions.

use super::{
    KafkaShared, clients,
    context::{ProducerEar, Undelivered},
    failure::{Sort, sort_of},
    native,
    renewed::Renewed,
    transaction::headers_of,
};
use crate::log::{LogError, Outgoing, Producer};
use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode as Code},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A record that is not acknowledged for so long has failed, and a door's caller is told so. A cluster needs about ten
/// seconds to replace a broker that died: that, callers should not notice.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Longest pause between two looks for failed deliveries.
const LOOK: Duration = Duration::from_millis(20);

/// A producer of single appends: idempotent, acknowledged by all in-sync replicas.
pub struct KafkaProducer {
    producer: Renewed<BaseProducer<ProducerEar>>,
    shared: Arc<KafkaShared>,
    /// Where everything goes instead of the topic that its record names.
    elsewhere: Option<String>,
}

impl KafkaProducer {
    /// Connects in the background.
    pub fn new(shared: &Arc<KafkaShared>, elsewhere: Option<String>) -> Result<Self, LogError> {
        Ok(Self { producer: Renewed::new(producer(shared)?), shared: Arc::clone(shared), elsewhere })
    }

    fn send_all(&self, records: &[Outgoing], deadline: Instant) -> Result<(), LogError> {
        for (nth, request) in clients::requests(records).enumerate() {
            if nth > 0 {
                self.drain(deadline);
            }
            request.iter().try_for_each(|record| self.send(record, deadline))?;
        }
        Ok(())
    }

    /// Waits until what was handed over has ended, one way or the other; whether all has. The number of what is in flight
    /// does not tell: librdkafka counts what it wants to say of brokers, too.
    fn drain(&self, deadline: Instant) -> bool {
        loop {
            let has_ended = native::flush(self.producer.client(), LOOK);
            self.producer.poll(Duration::ZERO);
            if has_ended || Instant::now() >= deadline {
                return has_ended;
            }
        }
    }

    fn send(&self, output: &Outgoing, deadline: Instant) -> Result<(), LogError> {
        let name = self.elsewhere.as_deref().unwrap_or_else(|| self.shared.names.of(output.topic));
        let mut record = BaseRecord::<[u8], [u8]>::to(name);
        record.key = output.key.as_deref();
        record.payload = output.value.as_deref();
        record.partition = output.partition;
        record.headers = headers_of(output);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), back)) if Instant::now() < deadline => {
                    self.producer.poll(Duration::from_millis(1));
                    record = back;
                }
                Err((error, _)) => {
                    let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
                    return Err(refused(name, code));
                }
            }
        }
    }
}

fn producer(shared: &Arc<KafkaShared>) -> Result<BaseProducer<ProducerEar>, LogError> {
    clients::plain(&shared.settings, &shared.names)
        .create_with_context(ProducerEar::new("producer", &shared.breaks))
        .map_err(|error| LogError::Stop(format!("no producer could be made: {error}")))
}

/// Why a record was not appended.
pub fn refused(topic: &str, code: Code) -> LogError {
    let text = match code {
        Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition => {
            format!("topic {topic}, or a partition of it, does not exist: run `ims topics create`")
        }
        code => format!("a record for {topic} was not appended: {code}"),
    };
    if sort_of(code) == Sort::Lasting { LogError::Stop(text) } else { LogError::Away(text) }
}

impl Producer for KafkaProducer {
    fn append(&mut self, records: &[Outgoing]) -> Result<(), LogError> {
        let failed = self.producer.client().fatal_error();
        self.producer.renew(&self.shared, "jobs", failed, || producer(&self.shared))?;
        let deadline = Instant::now() + PATIENCE + Duration::from_secs(1);
        self.producer.context().take_failed();
        let sent = self.send_all(records, deadline);
        let all_have_ended = self.drain(deadline);
        sent?;
        match self.producer.context().take_failed() {
            Some(Undelivered { topic, code }) => Err(refused(&topic, code)),
            None if all_have_ended => Ok(()),
            None => Err(LogError::Away("records were not acknowledged in time".into())),
        }
    }
}
