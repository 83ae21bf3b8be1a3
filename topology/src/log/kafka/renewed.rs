//! A producer that another takes the place of when it is of no more use.

use super::KafkaShared;
use crate::log::LogError;
use rdkafka::error::RDKafkaErrorCode as Code;
use std::{
    mem,
    ops::Deref,
    time::{Duration, Instant},
};

/// Shortest time between two producers: one that fails at once is not made in a loop.
const RENEWED_EVERY: Duration = Duration::from_secs(1);

/// An idempotent producer. One that lost count with a broker is of no more use (librdkafka: fatal); what it had under way
/// ends as not appended, which nobody knows.
pub struct Renewed<P> {
    producer: P,
    made: Instant,
}

impl<P: Send + 'static> Renewed<P> {
    pub fn new(producer: P) -> Self {
        Self { producer, made: Instant::now() }
    }

    /// Makes another when this one has failed for good: `failed` says whether and why. Away, when it was made just now.
    pub fn renew(
        &mut self,
        shared: &KafkaShared,
        name: &str,
        failed: Option<(Code, String)>,
        make: impl FnOnce() -> Result<P, LogError>,
    ) -> Result<(), LogError> {
        let Some((_, reason)) = failed else { return Ok(()) };
        if self.made.elapsed() < RENEWED_EVERY {
            return Err(LogError::Away(format!("the producer of {name} failed for good: {reason}")));
        }
        self.made = Instant::now();
        let next = make()?;
        tracing::error!(client = name, reason, "a producer failed for good: replaced by a new one");
        shared.drop_aside(mem::replace(&mut self.producer, next));
        Ok(())
    }
}

impl<P> Deref for Renewed<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.producer
    }
}
