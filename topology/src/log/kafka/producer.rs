//! Appends outside of transactions.

use super::{
    KafkaShared, clients,
    context::{ProducerEar, Undelivered},
    failure::{Sort, sort_of},
    native,
    transaction::headers_of,
};
use crate::log::{LogError, Outgoing, Producer};
use rdkafka::{
    ClientContext,
    client::Client,
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
/// Shortest time between two producers: one that fails at once is not made in a loop.
const RENEWED_EVERY: Duration = Duration::from_secs(1);
/// Longest pause between two looks for failed deliveries.
const LOOK: Duration = Duration::from_millis(20);

/// A producer of single appends: idempotent, acknowledged by all in-sync replicas.
pub struct KafkaProducer {
    producer: BaseProducer<ProducerEar>,
    made: Instant,
    shared: Arc<KafkaShared>,
    /// Where everything goes instead of the topic that its record names.
    elsewhere: Option<String>,
}

impl KafkaProducer {
    /// Connects in the background.
    pub fn new(shared: &Arc<KafkaShared>, elsewhere: Option<String>) -> Result<Self, LogError> {
        Ok(Self { producer: producer(shared)?, made: Instant::now(), shared: Arc::clone(shared), elsewhere })
    }

    fn renew(&mut self) -> Result<(), LogError> {
        let Some(reason) = worn_out("jobs", self.producer.client(), self.made)? else { return Ok(()) };
        self.made = Instant::now();
        let next = producer(&self.shared)?;
        tracing::error!(client = "jobs", reason, "a producer failed for good: replaced by a new one");
        self.shared.drop_aside(std::mem::replace(&mut self.producer, next));
        Ok(())
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

    /// Waits until what was handed over has ended, one way or the other.
    fn drain(&self, deadline: Instant) {
        while !native::flush(self.producer.client(), LOOK) && Instant::now() < deadline {
            self.producer.poll(Duration::ZERO);
        }
        self.producer.poll(Duration::ZERO);
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

/// Why another must take an idempotent producer's place: one that lost count with a broker is of no more use (librdkafka:
/// fatal). What it had under way ends as not appended, which nobody knows. Away, when it was made just now.
pub fn worn_out<C: ClientContext>(name: &str, client: &Client<C>, made: Instant) -> Result<Option<String>, LogError> {
    let Some((_, reason)) = client.fatal_error() else { return Ok(None) };
    if made.elapsed() < RENEWED_EVERY {
        return Err(LogError::Away(format!("the producer of {name} failed for good: {reason}")));
    }
    Ok(Some(reason))
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
        self.renew()?;
        let deadline = Instant::now() + PATIENCE + Duration::from_secs(1);
        self.producer.context().take_failed();
        let sent = self.send_all(records, deadline);
        self.drain(deadline);
        sent?;
        match self.producer.context().take_failed() {
            Some(Undelivered { topic, code }) => Err(refused(&topic, code)),
            None if self.producer.in_flight_count() > 0 => {
                Err(LogError::Away("records were not acknowledged in time".into()))
            }
            None => Ok(()),
        }
    }
}
