//! One producer of transactions: outputs and offsets become visible together or not at all.

use super::{
    KafkaShared,
    aside::Aside,
    clients::{self, Pace},
    context::{ProducerEar, Undelivered},
    failure::{Reason, Sort, sort_of},
    native,
};
use crate::{
    fault::{self, Point},
    log::{LogError, Outgoing},
};
use rdkafka::{
    TopicPartitionList,
    consumer::ConsumerGroupMetadata,
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};

/// How a transaction ended.
#[derive(Debug)]
pub enum Ended {
    /// Visible. `clean`: each call was answered at once, the producer may begin the next one.
    Committed { clean: bool },
    /// Nothing of it is or will be visible; the producer may begin the next one.
    Aborted(Reason),
    /// Nobody knows, or the producer is of no more use. A new one of the same id ends it, one way or the other.
    Unknown(Reason),
}

/// Why a transaction cannot go on.
enum Broken {
    Abort(Reason),
    Replace(Reason),
}

/// A producer with a transactional id.
pub struct TransactionalProducer {
    producer: Arc<BaseProducer<ProducerEar>>,
    /// Where offsets are sent from.
    aside: Aside,
    /// When the transaction at hand began.
    begun: Cell<Instant>,
    id: String,
    stream: String,
    pace: Pace,
    shared: Arc<KafkaShared>,
}

/// Longest pause between two looks for failed deliveries while a batch is on its way.
const LOOK: Duration = Duration::from_millis(20);
/// Longest part of a call that goes on where it stopped when it is repeated.
const SLICE: Duration = Duration::from_secs(2);
/// A connection that broke is usually back by then.
const SOON: Duration = Duration::from_secs(1);

impl TransactionalProducer {
    /// The k-th producer of a stream. Connects in the background.
    pub fn new(shared: &Arc<KafkaShared>, stream: &str, k: usize, pace: Pace) -> Result<Self, LogError> {
        let config = clients::transactional(&shared.settings, &shared.names, stream, k, pace);
        let producer: BaseProducer<ProducerEar> = config
            .create_with_context(ProducerEar::new(stream, &shared.breaks))
            .map_err(|error| LogError::Stop(format!("the producer of {stream} could not be made: {error}")))?;
        let id = shared.names.transactional_id(stream, k);
        let (producer, aside, begun) = (Arc::new(producer), Aside::new(stream), Cell::new(Instant::now()));
        Ok(Self { producer, aside, begun, id, stream: stream.to_owned(), pace, shared: Arc::clone(shared) })
    }

    /// Fences whoever has the same id and ends what it left open; false when the broker did not answer in time.
    pub fn init(&self, within: Duration) -> Result<bool, LogError> {
        let _watched = self.watch(within, "init_transactions");
        match self.producer.init_transactions(within) {
            Ok(()) => Ok(true),
            Err(KafkaError::Transaction(error)) if error.is_retriable() => Ok(false),
            Err(error) if Reason::of("init", &error).sort == Sort::Lasting => Err(LogError::Stop(format!(
                "transactional id {} is refused: {error}. The broker must allow transactions, and this client to use them",
                self.id
            ))),
            Err(error) => Err(LogError::Away(format!("transactional id {}: {error}", self.id))),
        }
    }

    /// Hears what it has to say between transactions.
    pub fn tend(&self) {
        self.producer.poll(Duration::ZERO);
    }

    /// The id that the broker knows it by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Runs one transaction to its end.
    pub fn run(&self, outputs: &[Outgoing], offsets: TopicPartitionList, group: &Arc<ConsumerGroupMetadata>) -> Ended {
        self.begun.set(Instant::now());
        match self.try_run(outputs, offsets, group) {
            Ok(calls_repeated) => {
                fault::point(&self.stream, Point::AfterCommit);
                self.producer.poll(Duration::ZERO);
                // A request that was sent again may still arrive a second time, in the middle of the next transaction
                // (librdkafka lacks KIP-890): a new epoch refuses it.
                let clean = !calls_repeated && !self.producer.context().broke();
                Ended::Committed { clean }
            }
            Err(Broken::Abort(reason)) => self.abort(reason),
            Err(Broken::Replace(reason)) => Ended::Unknown(reason),
        }
    }

    fn try_run(
        &self,
        outputs: &[Outgoing],
        offsets: TopicPartitionList,
        group: &Arc<ConsumerGroupMetadata>,
    ) -> Result<bool, Broken> {
        let pass = |point| fault::point(&self.stream, point);
        pass(Point::BeforeBegin);
        self.producer.begin_transaction().map_err(|error| Broken::Replace(Reason::of("begin", &error)))?;
        pass(Point::AfterBegin);
        for (nth, request) in clients::requests(outputs).enumerate() {
            if nth > 0 {
                self.drain()?;
            }
            request.iter().try_for_each(|output| self.send(output))?;
        }
        pass(Point::AfterProduce);
        self.drain()?;
        pass(Point::AfterDrain);
        let mut repeated = self.send_offsets(offsets, group)?;
        pass(Point::AfterSendOffsets);
        pass(Point::BeforeCommit);
        repeated |=
            self.until_answered("commit_transaction", SLICE, |within| self.producer.commit_transaction(within))?;
        Ok(repeated)
    }

    fn send(&self, output: &Outgoing) -> Result<(), Broken> {
        let mut record = BaseRecord::<[u8], [u8]>::to(self.shared.names.of(output.topic));
        record.key = output.key.as_deref();
        record.payload = output.value.as_deref();
        record.partition = output.partition;
        record.headers = headers_of(output);
        let mut full_since = None;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), back)) => {
                    let since = *full_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > self.pace.message {
                        return Err(Broken::Abort(Reason::passing("the broker takes no more records")));
                    }
                    self.producer.poll(Duration::from_millis(1));
                    record = back;
                }
                Err((error, _)) => {
                    let text = format!("a record for {}: {error}", output.topic);
                    let sort = error.rdkafka_error_code().map_or(Sort::Passing, sort_of);
                    return Err(Broken::Abort(Reason { sort, text }));
                }
            }
        }
    }

    /// Waits until every record handed over is acknowledged. Without it the commit would wait in steps of 100 ms.
    fn drain(&self) -> Result<(), Broken> {
        // Each record ends within message.timeout.ms; what does not has no more chance.
        let deadline = Instant::now() + self.pace.message + Duration::from_secs(1);
        while !native::flush(self.producer.client(), LOOK) {
            if self.is_alone() {
                return Err(Broken::Replace(Reason::passing("no broker is in reach")));
            }
            if Instant::now() > deadline {
                return Err(Broken::Abort(Reason::passing("records were not acknowledged in time")));
            }
        }
        self.producer.poll(Duration::ZERO);
        match self.producer.context().take_failed() {
            None => Ok(()),
            Some(Undelivered { topic, code }) => {
                let text = match code {
                    Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition => {
                        format!("topic {topic}, or a partition of it, does not exist: run `ims topics create`")
                    }
                    code => format!("a record for {topic} was not delivered: {code}"),
                };
                Err(Broken::Abort(Reason { sort: sort_of(code), text }))
            }
        }
    }

    /// Sends offsets from a thread aside: when the group's coordinator dies and leaves the cluster's metadata, the call
    /// waits for it for ever, whatever its time-out says (librdkafka#5456, #5511). Then this producer is left behind.
    fn send_offsets(&self, offsets: TopicPartitionList, group: &Arc<ConsumerGroupMetadata>) -> Result<bool, Broken> {
        let offsets = Arc::new(offsets);
        // It does not go on where it stopped: one call has all the time there is.
        let within = self.pace.transaction;
        self.until_answered("send_offsets_to_transaction", within, |within| {
            let (producer, offsets, group) = (Arc::clone(&self.producer), Arc::clone(&offsets), Arc::clone(group));
            let call = move || producer.send_offsets_to_transaction(&offsets, &group, within);
            let answer = self.aside.call(within + Duration::from_secs(1), call, || self.is_alone());
            // No answer, or no thread to ask from: neither to be repeated nor to be aborted on this producer.
            answer.ok().flatten().unwrap_or(Err(KafkaError::Canceled))
        })
    }

    /// Whether all brokers went out of reach in this transaction, and it did not end soon after all the same. Then
    /// its time-outs need not be waited for: the stream can say that it waits for a broker.
    fn is_alone(&self) -> bool {
        self.producer.poll(Duration::ZERO);
        let begun = self.begun.get();
        begun.elapsed() > SOON && self.producer.context().was_alone_since(begun)
    }

    /// Repeats a call while the broker leaves it open how it ended; true when it took more than one.
    fn until_answered(
        &self,
        what: &str,
        within: Duration,
        call: impl Fn(Duration) -> Result<(), KafkaError>,
    ) -> Result<bool, Broken> {
        let deadline = Instant::now() + self.pace.transaction;
        let mut repeated = false;
        loop {
            let watched = self.watch(within, what);
            let answer = call(within);
            drop(watched);
            let Err(error) = answer else { return Ok(repeated) };
            let reason = Reason::of(what, &error);
            let (again, abort) = match &error {
                KafkaError::Transaction(error) => (error.is_retriable(), error.txn_requires_abort()),
                KafkaError::Canceled => (false, false),
                // The flush before the commit: records are on their way still.
                _ => (false, true),
            };
            if again && Instant::now() < deadline && !self.is_alone() {
                repeated = true;
                std::thread::sleep(Duration::from_millis(5));
            } else if abort && reason.sort != Sort::Fenced {
                return Err(Broken::Abort(reason));
            } else {
                return Err(Broken::Replace(reason));
            }
        }
    }

    fn abort(&self, reason: Reason) -> Ended {
        if self.begun.get().elapsed() >= self.pace.message {
            // A broker that answered nothing in that time would not answer this either; a new producer aborts too.
            return Ended::Unknown(reason);
        }
        let aborted = self.until_answered("abort_transaction", SLICE, |within| self.producer.abort_transaction(within));
        // What the abort threw away comes back as failed deliveries.
        self.producer.poll(Duration::ZERO);
        self.producer.context().take_failed();
        match aborted {
            Ok(false) if self.producer.in_flight_count() == 0 => Ended::Aborted(reason),
            Ok(_) => Ended::Unknown(reason),
            Err(Broken::Abort(worse) | Broken::Replace(worse)) => {
                let text = format!("{}; {}", reason.text, worse.text);
                let sort = if reason.sort == Sort::Passing { worse.sort } else { reason.sort };
                Ended::Unknown(Reason { sort, text })
            }
        }
    }

    fn watch(&self, within: Duration, what: &str) -> super::watchdog::Watched<'_> {
        self.shared.watchdog.watch(within, || format!("{what} of {}", self.id))
    }
}

/// The headers of a record in librdkafka's form; most records have none.
pub fn headers_of(output: &Outgoing) -> Option<OwnedHeaders> {
    if output.headers.is_empty() {
        return None;
    }
    let mut headers = OwnedHeaders::new_with_capacity(output.headers.len());
    for (key, value) in &output.headers {
        headers = headers.insert(Header { key, value: Some(&value[..]) });
    }
    Some(headers)
}
