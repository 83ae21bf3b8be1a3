//! Takes a whole deployment off a cluster: for tests and benches, which have one of their own each.

use super::{AT_ONCE, KafkaAdmin, unanswered};
use crate::log::LogError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

impl KafkaAdmin {
    /// Deletes every topic whose name begins with the deployment's prefix, with all that it holds: those of groups and
    /// copies too. Returns how many there were.
    ///
    /// # Errors
    /// `Stop` for a deployment without a prefix: its topics cannot be told from others.
    pub fn delete_deployment(&self) -> Result<usize, LogError> {
        let prefix = &self.shared.settings.topic_prefix;
        if prefix.is_empty() {
            return Err(LogError::Stop("topics without a prefix are not deleted: kafka.topic_prefix is empty".into()));
        }
        let found = self.look()?.topics;
        let names: Vec<&str> = found.keys().map(String::as_str).filter(|name| name.starts_with(prefix)).collect();
        for some in names.chunks(AT_ONCE) {
            self.patiently(|| {
                let answers = futures_executor::block_on(self.client.delete_topics(some, &self.options()))
                    .map_err(|error| unanswered("topics could not be deleted", &error))?;
                let failed = answers
                    .into_iter()
                    .filter_map(Result::err)
                    .find(|(_, code)| *code != Code::UnknownTopicOrPartition);
                failed.map_or(Ok(()), |(name, code)| {
                    Err(unanswered(&format!("{name} could not be deleted"), &KafkaError::AdminOp(code)))
                })
            })?;
        }
        Ok(names.len())
    }
}
