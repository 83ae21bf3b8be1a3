//! Where a customer wants to be told, checked when the reference data is loaded.

use super::{Secret, body::hex};
use crate::reference::ServiceKey;
use aws_lc_rs::digest::{SHA256, digest};
use schemas::{EndpointRest, EndpointState};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use url::Url;

/// Longest URI, characters.
const LONGEST_URI: usize = 2_048;
/// Most reports of one call: 100 make some 100 kB of JSON.
const MOST_REPORTS: u32 = 100;
/// Longest wait for a call to fill, milliseconds: what waits is held in memory, and what is read behind it stays
/// uncommitted as long.
const LONGEST_WAIT_MS: u32 = 10_000;

/// Several reports in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// At most so many.
    pub reports: u32,
    /// A report waits at most so long for others, milliseconds.
    pub wait_ms: u32,
}

impl Batch {
    /// How long a report may wait for others.
    pub fn wait(&self) -> Duration {
        Duration::from_millis(u64::from(self.wait_ms))
    }
}

/// A customer's endpoint for one service key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whose.
    pub service_key: String,
    /// Where. Not for logs: it may hold a token.
    pub uri: Arc<Url>,
    /// Names the URI without telling it.
    pub uri_sha256: String,
    /// What calls are signed with: one, or two while the customer exchanges them.
    pub secrets: Vec<Secret>,
    /// Several reports in one call, if the customer asked for that.
    pub batch: Option<Batch>,
    enabled_at_ms: i64,
}

impl Endpoint {
    /// The endpoint of a service key, if it has one; or every mistake in it.
    pub fn of(key: &ServiceKey) -> Result<Option<Self>, Vec<String>> {
        let mut wrong = Vec::new();
        let mut check = |refused: bool, reason: &str| wrong.extend(refused.then(|| reason.to_owned()));
        let Some(uri) = &key.callback_uri else {
            check(!key.callback_secrets.is_empty(), "callback_secrets without callback_uri");
            check(key.callback_batch.is_some(), "callback_batch without callback_uri");
            return if wrong.is_empty() { Ok(None) } else { Err(wrong) };
        };
        check(uri.len() > LONGEST_URI, "callback_uri is longer than 2048 characters");
        check(!(1..=2).contains(&key.callback_secrets.len()), "callback_secrets must hold one secret, or two");
        if let Some(batch) = key.callback_batch {
            check(!(1..=MOST_REPORTS).contains(&batch.reports), "callback_batch.reports must be 1 to 100");
            check(batch.wait_ms > LONGEST_WAIT_MS, "callback_batch.wait_ms must be at most 10000");
        }
        let parsed = parse(uri);
        if let Err(reason) = &parsed {
            check(true, reason);
        }
        match parsed {
            Ok(url) if wrong.is_empty() => Ok(Some(Self {
                service_key: key.key.clone(),
                uri_sha256: hex(digest(&SHA256, url.as_str().as_bytes()).as_ref()),
                uri: Arc::new(url),
                secrets: key.callback_secrets.clone(),
                batch: key.callback_batch,
                enabled_at_ms: key.callback_enabled_at.map_or(i64::MIN, |at| at.as_millisecond()),
            })),
            _ => Err(wrong),
        }
    }

    /// Whether this endpoint is the one that answered 410, and nobody has enabled it since.
    pub fn is_disabled_by(&self, state: &EndpointState) -> bool {
        state.uri_sha256 == self.uri_sha256 && state.disabled_at >= self.enabled_at_ms
    }

    /// Scheme, host and port: path and query may hold a token.
    pub fn place(&self) -> String {
        self.uri.origin().ascii_serialization()
    }

    /// Whether nobody has set or enabled it anew: what it has said of itself holds.
    pub fn is_still(&self, other: &Self) -> bool {
        (&self.uri_sha256, self.enabled_at_ms) == (&other.uri_sha256, other.enabled_at_ms)
    }

    /// It answered 410; a rest that was asked for `before` stands beside that: it may be another URI's.
    pub fn disabled(&self, before: Option<&EndpointState>, now_ms: i64) -> EndpointState {
        EndpointState {
            service_key: self.service_key.clone(),
            uri_sha256: self.uri_sha256.clone(),
            disabled_at: now_ms,
            rest: before.and_then(|before| before.rest.clone()),
        }
    }

    /// The rest that this endpoint asked for, if nobody has set or enabled it anew since.
    pub fn rest_of<'s>(&self, state: &'s EndpointState) -> Option<&'s EndpointRest> {
        let asked = |rest: &&EndpointRest| rest.uri_sha256 == self.uri_sha256 && rest.asked_at >= self.enabled_at_ms;
        state.rest.as_deref().filter(asked)
    }

    /// It asked for rest; what was said `before` stands beside that.
    pub fn rests(&self, before: Option<&EndpointState>, asked_at: i64, until: i64, status: u16) -> EndpointState {
        let rest = EndpointRest { uri_sha256: self.uri_sha256.clone(), asked_at, until, status: status.into() };
        let before = before.cloned().unwrap_or_default();
        EndpointState { service_key: self.service_key.clone(), rest: Some(Box::new(rest)), ..before }
    }
}

/// The reasons do not repeat the URI: it may hold a token.
fn parse(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("callback_uri is no URI: {error}"))?;
    let scheme = url.scheme();
    if !["http", "https"].contains(&scheme) {
        return Err(format!("callback_uri must begin with https:// or http://, not {scheme}:"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("callback_uri holds a name or password: calls are signed instead".to_owned());
    }
    if url.fragment().is_some() {
        return Err("callback_uri holds a fragment (#…), which is never sent".to_owned());
    }
    if url.port() == Some(0) {
        return Err("callback_uri names port 0".to_owned());
    }
    Ok(url)
}
