//! Firebase Cloud Messaging, HTTP v1: one request for each token, over HTTP/2.
//!
//! Sources: firebase.google.com/docs/reference/fcm/rest/v1 (`projects.messages.send`, `Message`, `ErrorCode`), Google's
//! OAuth 2.0 for service accounts (RFC 7523). There is no key against repeats: a repeat carries the same tag, so that the
//! device shows it in the place of the first.

mod access;
mod account;
mod answer;
mod request;
mod settings;
#[cfg(test)]
mod tests;

pub use settings::{Access, FcmSettings};

use super::{
    http::{Answered, Client as Http, Failed, Times},
    push::{Desk, Push, Told},
};
use http_body_util::Full;
use hyper::{
    Request,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use processors::{
    ports::{Clock, Reply},
    reference::Vendor,
};
use schemas::Dispatch;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Bytes of an answer.
const MOST_ANSWER: usize = 64 << 10;

/// Connections to the service and to where its access tokens come from.
pub struct Client {
    service: Http,
    tokens: Http,
    access: Arc<Access>,
    /// The row's address that they lead to, and the time of a connection.
    made_for: (String, Duration),
}

impl Client {
    /// Connects to nothing yet.
    pub fn new(vendor: &Vendor, access: Arc<Access>) -> Result<Self, String> {
        let connect = access.times.connect(vendor);
        Ok(Self {
            service: Http::http2(connect, &access.fcm.ca_file, "fcm.ca_file")?,
            tokens: Http::http1(connect, &access.fcm.ca_file, "fcm.ca_file")?,
            access,
            made_for: (vendor.url.clone(), connect),
        })
    }

    /// Whether it still is what the row says.
    pub fn is_for(&self, vendor: &Vendor) -> bool {
        self.made_for.0 == vendor.url && self.made_for.1 == self.access.times.connect(vendor)
    }

    /// Sends one message to all of its tokens that are the service's.
    pub async fn send(&self, vendor: &Vendor, dispatch: &Dispatch, desk: &Desk, clock: &dyn Clock) -> Reply {
        if dispatch.accepted.recipient.push_tokens.is_empty() {
            // What the service would answer: a message without a token is addressed to nobody.
            return super::push::code(vendor, "INVALID_ARGUMENT", "").unasked();
        }
        let service = format!("{} {}", vendor.url, self.access.account.current().project_id);
        let push = Push { dispatch, vendor, desk, service, accepted: &self.access.accepted, clock };
        push.ask(|token, by| self.ask(vendor, dispatch, token, by, clock)).await
    }

    async fn ask(&self, vendor: &Vendor, dispatch: &Dispatch, token: &str, by: Instant, clock: &dyn Clock) -> Told {
        let mut refused: Option<(HeaderValue, Told)> = None;
        loop {
            let authorization = self.access.account.authorization(&self.tokens, self.times(by), clock.now_ms()).await;
            match (authorization, refused.take()) {
                // There is no other key than the refused one.
                (Ok(key), Some((used, told))) if key == used => return told,
                (Err(_), Some((_, told))) => return told,
                (Ok(key), before) => {
                    let told = self.exchange(vendor, dispatch, token, &key, by, clock).await;
                    match &told.reply {
                        // A refused key sends nothing: with another one it is worth another request.
                        Reply::Code { code, .. } if code == "UNAUTHENTICATED" && before.is_none() => {
                            self.access.account.refused(&key, clock.now_ms());
                            refused = Some((key, told));
                        }
                        _ => return told,
                    }
                }
                (Err(reason), None) => return Told::now(Reply::NotSent(reason)),
            }
        }
    }

    async fn exchange(
        &self,
        vendor: &Vendor,
        dispatch: &Dispatch,
        token: &str,
        key: &HeaderValue,
        by: Instant,
        clock: &dyn Clock,
    ) -> Told {
        let project = &self.access.account.current().project_id;
        let request =
            Request::post(format!("{}/v1/projects/{project}/messages:send", vendor.url.trim_end_matches('/')))
                .header(AUTHORIZATION, key)
                .header(CONTENT_TYPE, "application/json")
                .body(Full::new(Bytes::from(request::body(dispatch, token, clock.now_ms()))));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Told::now(Reply::NotSent(error.to_string())),
        };
        let reply = match self.service.exchange(request, self.times(by), MOST_ANSWER).await {
            Err(Failed::NotSent(reason)) => Reply::NotSent(reason),
            Err(Failed::NoAnswer(reason)) => Reply::NoAnswer(reason),
            Ok(Answered { status, retry_after, body }) => {
                answer::reply(vendor, status, retry_after.as_deref(), &body, clock.now_ms())
            }
        };
        Told::now(reply)
    }

    fn times(&self, by: Instant) -> Times {
        let total = by.saturating_duration_since(Instant::now());
        Times { first_byte: self.access.times.first_byte(), total }
    }
}
