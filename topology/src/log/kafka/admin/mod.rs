//! Topics and start offsets: made once per deployment, checked at every start.

mod check;
mod create;
pub mod topics;

pub use check::Difference;
pub use create::Made;

use super::{KafkaShared, clients, failure::is_away};
use crate::log::LogError;
use rdkafka::{
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    error::KafkaError,
};
use schemas::Topic;
use std::{sync::Arc, time::Duration};

/// Longest wait for a broker's answer; a cluster that makes two hundred topics takes a while.
const ANSWER: Duration = Duration::from_secs(30);

/// Makes and checks topics and the offsets of groups.
pub struct KafkaAdmin {
    client: AdminClient<DefaultClientContext>,
    shared: Arc<KafkaShared>,
}

/// A stream and what it reads: its group needs an offset in each partition of its sources.
pub type Sources<'s> = (&'s str, &'s [Topic]);

impl KafkaAdmin {
    pub(super) fn new(shared: &Arc<KafkaShared>) -> Result<Self, LogError> {
        let client = clients::admin(&shared.settings, &shared.names)
            .create()
            .map_err(|error| LogError::Stop(format!("no client could be made: {error}")))?;
        Ok(Self { client, shared: Arc::clone(shared) })
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER)).operation_timeout(Some(ANSWER))
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
