//! Topics and start offsets: made once per deployment, checked at every start.

mod check;
mod create;
pub mod topics;

pub use check::Difference;
pub use create::{Made, Shape};

use super::{KafkaShared, clients, failure::is_away};
use crate::log::LogError;
use rdkafka::{
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    error::KafkaError,
};
use schemas::Topic;
use std::{
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

/// Gets to know why a question is asked again, and, with None, that it was answered in the end.
pub type OnAway = Box<dyn Fn(Option<&LogError>)>;

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
