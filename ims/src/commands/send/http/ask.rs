//! One request until it is kept or refused: what is not confirmed is repeated with the same message_id.

use super::next::{Next, next};
use crate::exit::usage;
use bytes::Bytes;
use connectors::tls;
use rand::Rng;
use reqwest::{
    Client, Url,
    header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use schemas::Lane;
use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// First wait before a repetition; each next one is twice as long.
const FIRST: Duration = Duration::from_millis(200);
/// The longest.
const LONGEST: Duration = Duration::from_secs(20);
/// Longest wait that a door may ask for.
const LONGEST_ASKED_FOR: Duration = Duration::from_secs(300);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// One request.
pub struct Asked {
    pub path: String,
    pub body: Bytes,
    /// Whether it has a message_id.
    pub repeatable: bool,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent { refused_receivers: u64, repeated: u64 },
    Refused { reason: String, repeated: u64 },
    NotConfirmed { reason: String, repeated: u64 },
    Hopeless(String),
}

impl Outcome {
    /// Refused here.
    pub fn refused(reason: String) -> Self {
        Self::Refused { reason, repeated: 0 }
    }

    /// How often it was repeated.
    pub fn repeated(&self) -> u64 {
        match self {
            Self::Sent { repeated, .. } | Self::Refused { repeated, .. } | Self::NotConfirmed { repeated, .. } => {
                *repeated
            }
            Self::Hopeless(_) => 0,
        }
    }
}

/// An HTTP door.
pub struct Door {
    client: Client,
    url: Url,
    key: HeaderValue,
    lane: Option<Lane>,
    patience: Duration,
    /// Until when it asked to be left alone.
    quiet_until: Mutex<Instant>,
}

impl Door {
    /// `ca_file`: whose certificates are trusted; the system's without it.
    pub fn new(
        url: &Url,
        key: HeaderValue,
        lane: Option<Lane>,
        patience: Duration,
        ca_file: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let mut url = url.clone();
        if !["http", "https"].contains(&url.scheme()) || !url.username().is_empty() || url.password().is_some() {
            return Err(usage("--http: write http://host:port or https://host:port, without a key in it"));
        }
        // What comes after a folder without its slash would take the folder's place.
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let mut client = Client::builder();
        if let Some(ca_file) = ca_file {
            if url.scheme() != "https" {
                return Err(usage("--ca-file is for TLS: write https:// in --http"));
            }
            client = client.tls_backend_preconfigured(tls::config(ca_file, "--ca-file").map_err(usage)?);
        }
        let client = client
            .redirect(Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .user_agent(concat!("ims/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, url, key, lane, patience, quiet_until: Mutex::new(Instant::now()) })
    }

    pub fn url(&self) -> String {
        self.url.to_string()
    }

    /// Asks until it is known what became of it, or patience ends.
    pub async fn ask(&self, asked: &Asked) -> Outcome {
        let (begun, mut wait, mut repeated) = (Instant::now(), FIRST, 0);
        loop {
            self.quiet().await;
            let (next, asked_for) = self.once(asked, repeated > 0).await;
            let reason = match next {
                Next::Sent { refused_receivers } => return Outcome::Sent { refused_receivers, repeated },
                Next::Refused(reason) => return Outcome::Refused { reason, repeated },
                Next::Hopeless(reason) => return Outcome::Hopeless(reason),
                Next::Again(reason) => reason,
            };
            if let Some(asked_for) = asked_for {
                self.be_quiet_for(asked_for);
            }
            // Many wait: each a time of its own.
            let pause = wait.mul_f64(rand::rng().random_range(0.5..1.0)).max(asked_for.unwrap_or_default());
            if !asked.repeatable || begun.elapsed() + pause > self.patience {
                return Outcome::NotConfirmed { reason, repeated };
            }
            tokio::time::sleep(pause).await;
            wait = (wait * 2).min(LONGEST);
            repeated += 1;
        }
    }

    /// What to do next, and how long the door wants to be left alone before.
    async fn once(&self, asked: &Asked, repeated: bool) -> (Next, Option<Duration>) {
        // A path of letters, digits and slashes after a URL that ends with one.
        let Ok(url) = self.url.join(&asked.path) else { return (Next::Refused("no URL".into()), None) };
        let mut request = self.client.post(url).header("x-ims-key", self.key.clone());
        request = request.header(CONTENT_TYPE, "application/json").body(asked.body.clone());
        if let Some(lane) = self.lane {
            request = request.header("x-ims-lane", lane.as_str());
        }
        // Nothing may have come, or all of it: the same again.
        let untold = |error: reqwest::Error| (Next::Again(plain(&error)), None);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return untold(error),
        };
        let (status, retry_after) = (answer.status().as_u16(), seconds(answer.headers().get(RETRY_AFTER)));
        match answer.bytes().await {
            Ok(body) => (next(status, &body, repeated), retry_after),
            Err(error) => untold(error),
        }
    }

    /// Waits while the door wants to be left alone.
    async fn quiet(&self) {
        let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        tokio::time::sleep_until(until).await;
    }

    fn be_quiet_for(&self, wait: Duration) {
        let mut until = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(Instant::now() + wait);
    }
}

/// Retry-After in seconds; a door of ours says no dates.
fn seconds(header: Option<&HeaderValue>) -> Option<Duration> {
    let seconds: u32 = header?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.into()).min(LONGEST_ASKED_FOR))
}

/// An error without its URL, which holds a service key.
fn plain(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection was cut"
    };
    what.to_owned()
}
