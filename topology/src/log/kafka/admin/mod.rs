//! Topics and start offsets: made once per deployment, checked at every start.

mod check;
mod create;
mod delete;
mod judge;
pub mod topics;

pub use check::Difference;
pub use create::{Made, Shape};

use super::{KafkaShared, clients, failure::is_away};
use crate::log::{LogError, Place};
use rdkafka::{
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    error::{KafkaError, RDKafkaErrorCode as Code},
};
use schemas::Topic;
use std::{
    collections::BTreeMap,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// Longest wait for a broker's answer; a cluster that makes two hundred topics takes a while.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a question that is not answered is asked again: a broker that is replaced, or has too much to do, is back
/// within it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause before a question is asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// Topics of one request: a controller answers a request when it is done with all of its topics.
const AT_ONCE: usize = 50;

/// Groups that are asked at a time: each needs a client of its own, which waits for brokers most of its life.
const GROUPS_AT_ONCE: usize = 8;

/// Gets to know why a question is asked again, and, with None, that it was answered in the end.
pub type OnAway = Box<dyn Fn(Option<&LogError>) + Send + Sync>;

/// What a cluster tells of itself.
struct Cluster {
    /// Ids of its brokers.
    brokers: Vec<i32>,
    /// By their names there.
    topics: BTreeMap<String, Found>,
}

/// What it tells of one topic.
struct Found {
    partitions: usize,
    /// Of the partition that has fewest.
    copies: usize,
}

/// Makes and checks topics and the offsets of groups.
pub struct KafkaAdmin {
    client: AdminClient<DefaultClientContext>,
    shared: Arc<KafkaShared>,
    patience: Duration,
    on_away: OnAway,
}

/// A stream and what it reads: its group needs an offset in each partition of its sources.
pub type Sources<'s> = (&'s str, &'s [Topic]);

impl KafkaAdmin {
    pub(super) fn new(shared: &Arc<KafkaShared>) -> Result<Self, LogError> {
        let client = clients::admin(&shared.settings, &shared.names)
            .create()
            .map_err(|error| LogError::Stop(format!("no client could be made: {error}")))?;
        Ok(Self { client, shared: Arc::clone(shared), patience: PATIENCE, on_away: Box::new(|_| {}) })
    }

    /// With another patience for each question, and somebody who is told when it is tried.
    pub fn patient(self, patience: Duration, on_away: OnAway) -> Self {
        Self { patience, on_away, ..self }
    }

    /// Asks again while the broker is away, as long as patience lasts. What is asked here may be asked twice: a topic
    /// that is there is not made again, an offset is set to what it was.
    fn patiently<T>(&self, mut ask: impl FnMut() -> Result<T, LogError>) -> Result<T, LogError> {
        let (asked, mut tried) = (Instant::now(), false);
        loop {
            match ask() {
                Err(LogError::Away(why)) if asked.elapsed() >= self.patience => {
                    return Err(LogError::Away(format!("{why} (asked for {} s)", self.patience.as_secs())));
                }
                Err(away @ LogError::Away(_)) => (self.on_away)(Some(&away)),
                answer => {
                    if tried {
                        (self.on_away)(None);
                    }
                    return answer;
                }
            }
            tried = true;
            thread::sleep(PAUSE);
        }
    }

    fn look(&self) -> Result<Cluster, LogError> {
        self.patiently(|| self.look_once())
    }

    fn look_once(&self) -> Result<Cluster, LogError> {
        let told = self.client.inner().fetch_metadata(None, self.answer());
        let metadata = told.map_err(|error| unanswered("the cluster does not tell of its topics", &error))?;
        let mut topics = BTreeMap::new();
        for topic in metadata.topics() {
            // Of a topic that has no leader yet a broker tells no partitions: it would look like one without any.
            if let Some(code) = topic.error().map(Code::from)
                && self.shared.names.topic(topic.name()).is_some()
            {
                return Err(unanswered(&format!("partitions of {}", topic.name()), &KafkaError::AdminOp(code)));
            }
            let copies = topic.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
            topics.insert(topic.name().to_owned(), Found { partitions: topic.partitions().len(), copies });
        }
        Ok(Cluster { brokers: metadata.brokers().iter().map(|broker| broker.id()).collect(), topics })
    }

    /// All partitions of these topics.
    fn places(&self, topics: &[Topic], found: &BTreeMap<String, Found>) -> Vec<Place> {
        let partitions = |&topic: &Topic| {
            let count = found.get(self.shared.names.of(topic)).map_or(0, |of| of.partitions as i32);
            (0..count).map(move |partition| Place { topic, partition })
        };
        topics.iter().flat_map(partitions).collect()
    }

    /// Asks for each group, several at a time; answers in their order.
    fn of_each_group<'s, T: Send>(
        &self,
        groups: &[Sources<'s>],
        ask: impl Fn(Sources<'s>) -> Result<T, LogError> + Sync,
    ) -> Result<Vec<T>, LogError> {
        let some = groups.len().div_ceil(GROUPS_AT_ONCE).max(1);
        thread::scope(|scope| {
            let ask = &ask;
            let asked =
                groups.chunks(some).map(|some| scope.spawn(move || some.iter().map(|group| ask(*group)).collect()));
            let asked: Vec<_> = asked.collect();
            let told = asked.into_iter().map(|asked| match asked.join() {
                Ok(told) => told,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            let told: Vec<Vec<T>> = told.collect::<Result<_, LogError>>()?;
            Ok(told.into_iter().flatten().collect())
        })
    }

    /// How long one question may wait for its answer, so that it is asked twice at least.
    fn answer(&self) -> Duration {
        ANSWER.min(self.patience / 2)
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.answer())).operation_timeout(Some(self.answer()))
    }
}

fn unanswered(what: &str, error: &KafkaError) -> LogError {
    let code = match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    };
    match code {
        Some(code) if !is_away(code) => LogError::Stop(format!("{what}: {error}")),
        _ => LogError::Away(format!("{what}: {error}")),
    }
}
