//! What both simulated push services share: which step a request is for, and how often its token was asked about.

use super::spoiled::spoil;
use crate::simulator::{Answering, Asked, Simulator, attempts::Attempts};
use crate::vendors::Shared;
use aws_lc_rs::digest::{SHA256, digest};
use axum::{http::header::RETRY_AFTER, response::Response};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use processors::{ports::Reply, reference::Vendor};
use schemas::Family;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// A service, and how often each of a step's tokens was asked about.
pub struct Service {
    pub simulator: Arc<Simulator>,
    attempts: Attempts,
}

impl Service {
    pub fn new(simulator: Arc<Simulator>) -> Self {
        Self { simulator, attempts: Attempts::default() }
    }

    /// What becomes of a request, after its time; `said` writes an answer.
    pub async fn serve(
        &self,
        vendor: &Vendor,
        serial_number: &str,
        token: &str,
        said: impl FnOnce(Reply) -> Option<Response>,
    ) -> Response {
        let hash = digest(&SHA256, token.as_bytes());
        let part = hex::encode(&hash.as_ref()[..6]);
        let attempt = self.attempts.next(&format!("{serial_number}/{part}"));
        let asked = Asked { family: Family::Push, serial_number, part: &part, known_by: None, attempt, lasts: None };
        let Answering { after_ms, reply, spoiled } = self.simulator.serve(vendor, &asked);
        tokio::time::sleep(Duration::from_millis(after_ms.max(0).unsigned_abs())).await;
        match said(reply) {
            Some(answer) => spoil(answer, spoiled, vendor).await,
            // Until the customer gives up.
            None => std::future::pending().await,
        }
    }

    /// Now by the clock of one of these services, Unix milliseconds. Services at one port have one clock.
    pub fn now_ms(&self, of: &[Shared]) -> i64 {
        of.first().map_or(0, |shared| self.simulator.now_ms_at(&shared.vendor.name))
    }
}

/// Header and claims of a signed token; None: it is none. Who signed it is nobody's matter here.
pub fn signed(token: &str) -> Option<(Value, Value)> {
    let mut parts = token.split('.');
    let mut json = || serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok();
    let (header, claims) = (json()?, json()?);
    let signature = BASE64_URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
    (!signature.is_empty() && parts.next().is_none()).then_some((header, claims))
}

/// The same answer with a wait, in whole seconds.
pub fn after(time: Duration, mut answer: Response) -> Response {
    let seconds = u64::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX);
    answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    answer
}
