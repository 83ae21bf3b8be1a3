//! Apple Push Notification service: one request for each token, over HTTP/2.
//!
//! Sources: developer.apple.com, "Sending notification requests to APNs", "Handling notification responses from APNs",
//! "Establishing a token-based connection to APNs". There is no key against repeats: a repeat carries the same
//! `apns-id` and `apns-collapse-id`, so that the device shows it in the place of the first.

mod answer;
mod provider_token;
mod request;
mod settings;
#[cfg(test)]
mod tests;

pub use settings::{Access, ApnsSettings};

use super::{
    http::{Answered, Client as Http, Failed, Times},
    push::{Desk, Push, Told, code, shown_as},
};
use http_body_util::Full;
use hyper::{Request, body::Bytes, header::HeaderValue};
use processors::{
    ports::{Clock, Reply},
    reference::Vendor,
    rules::push::COLLAPSE_KEY,
};
use schemas::Dispatch;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Bytes of an answer.
const MOST_ANSWER: usize = 64 << 10;
/// Bytes of a payload.
const MOST_PAYLOAD: usize = 4_096;

/// Connections to the service.
pub struct Client {
    service: Http,
    access: Arc<Access>,
    /// The row's address that they lead to, and the time of a connection.
    made_for: (String, Duration),
}

impl Client {
    /// Connects to nothing yet.
    pub fn new(vendor: &Vendor, access: Arc<Access>) -> Result<Self, String> {
        let connect = access.times.connect(vendor);
        let service = Http::http2(connect, &access.apns.ca_file, "apns.ca_file")?;
        Ok(Self { service, access, made_for: (vendor.url.clone(), connect) })
    }

    /// Whether it still is what the row says.
    pub fn is_for(&self, vendor: &Vendor) -> bool {
        self.made_for.0 == vendor.url && self.made_for.1 == self.access.times.connect(vendor)
    }

    /// Sends one message to all of its tokens that are the service's.
    pub async fn send(&self, vendor: &Vendor, dispatch: &Dispatch, desk: &Desk, clock: &dyn Clock) -> Reply {
        // What the service would answer, without requests that could only be refused.
        if dispatch.accepted.recipient.push_tokens.is_empty() {
            return code(vendor, "MissingDeviceToken", "").unasked();
        }
        let service = format!("{} {}", vendor.url, self.access.apns.topic);
        let push = Push { dispatch, vendor, desk, service, accepted: &self.access.accepted, clock };
        let payload = request::payload(dispatch);
        if payload.len() > MOST_PAYLOAD {
            return push.refused("PayloadTooLarge");
        }
        let shown_as = shown_as(dispatch);
        if shown_as.len() > COLLAPSE_KEY || HeaderValue::from_str(shown_as).is_err() {
            return push.refused("BadCollapseId");
        }
        push.ask(|token, by| self.ask(vendor, dispatch, payload.clone(), token, by, clock)).await
    }

    async fn ask(
        &self,
        vendor: &Vendor,
        dispatch: &Dispatch,
        payload: Bytes,
        token: &str,
        by: Instant,
        clock: &dyn Clock,
    ) -> Told {
        let mut refused: Option<(HeaderValue, Told)> = None;
        loop {
            let now_ms = clock.now_ms();
            match (self.access.token.authorization(now_ms), refused.take()) {
                // There is no other key than the refused one.
                (Ok(key), Some((used, told))) if key == used => return told,
                (Err(_), Some((_, told))) => return told,
                (Err(reason), None) => return Told::now(Reply::NotSent(reason)),
                (Ok(key), before) => {
                    let topic = &self.access.apns.topic;
                    let made = request::request(vendor, topic, dispatch, token, &key, payload.clone(), now_ms);
                    let told = match made {
                        Ok(request) => self.exchange(vendor, request, by, clock).await,
                        Err(error) => Told::now(Reply::NotSent(error.to_string())),
                    };
                    match &told.reply {
                        // A refused key sends nothing: with another one it is worth another request.
                        Reply::Code { code, .. } if is_of_key(code) && before.is_none() => {
                            self.access.token.refused(&key, clock.now_ms());
                            refused = Some((key, told));
                        }
                        _ => return told,
                    }
                }
            }
        }
    }

    async fn exchange(&self, vendor: &Vendor, request: Request<Full<Bytes>>, by: Instant, clock: &dyn Clock) -> Told {
        let total = by.saturating_duration_since(Instant::now());
        let times = Times { first_byte: self.access.times.first_byte(), total };
        match self.service.exchange(request, times, MOST_ANSWER).await {
            Err(Failed::NotSent(reason)) => Told::now(Reply::NotSent(reason)),
            Err(Failed::NoAnswer(reason)) => Told::now(Reply::NoAnswer(reason)),
            Ok(Answered { status, retry_after, body }) => {
                answer::told(vendor, status, retry_after.as_deref(), &body, clock.now_ms())
            }
        }
    }
}

fn is_of_key(code: &str) -> bool {
    matches!(code, "ExpiredProviderToken" | "InvalidProviderToken")
}
