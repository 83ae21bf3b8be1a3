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

use access::NoToken;

use super::{
    http::{Answered, Client as Http},
    push::{Desk, Push, Told, until, with_key},
    settings::Reach,
};
use http_body_util::Full;
use hyper::{
    Request,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use processors::{
    night::Night,
    ports::{Clock, Reply},
    reference::Vendor,
};
use schemas::Dispatch;
use std::sync::Arc;
use tokio::time::Instant;

/// Bytes of an answer.
const MOST_ANSWER: usize = 64 << 10;

/// Connections to the service and to where its access tokens come from.
pub struct Client {
    service: Http,
    tokens: Http,
    access: Arc<Access>,
    reach: Reach,
}

impl Client {
    /// Connects to nothing yet.
    pub fn new(vendor: &Vendor, access: Arc<Access>) -> Result<Self, String> {
        let connect = access.times.connect(vendor);
        Ok(Self {
            service: Http::http2(connect, &access.fcm.ca_file, "fcm.ca_file")?,
            tokens: Http::http1(connect, &access.fcm.ca_file, "fcm.ca_file")?,
            reach: access.times.reach(vendor),
            access,
        })
    }

    /// Whether it still is what the row says.
    pub fn is_for(&self, vendor: &Vendor) -> bool {
        self.reach == self.access.times.reach(vendor)
    }

    /// Sends one message to all of its tokens that are the service's.
    pub async fn send(
        &self,
        vendor: &Vendor,
        dispatch: &Dispatch,
        desk: &Desk,
        clock: &dyn Clock,
        night: &Night,
    ) -> Reply {
        let service = format!("{} {}", vendor.url, self.access.account.current().project_id);
        let push = Push { dispatch, vendor, desk, service, accepted: &self.access.accepted, clock, night };
        push.ask(|token, by| self.ask(&push, token, by)).await
    }

    async fn ask(&self, push: &Push<'_>, token: &str, by: Instant) -> Told {
        let clock = push.clock;
        let Access { account, times, .. } = &*self.access;
        with_key(
            || async {
                let key = account.authorization(&self.tokens, until(by, times), clock.now_ms()).await;
                key.map_err(|why| match why {
                    NoToken::LockedOut(reason) => Reply::Code { code: "UNAUTHENTICATED".into(), text: reason },
                    NoToken::Away(reason) => Reply::NotSent(reason),
                })
            },
            |key| self.exchange(push, token, key, by),
            |told, key| {
                let refused = matches!(&told.reply, Reply::Code { code, .. } if code == "UNAUTHENTICATED");
                if refused {
                    account.refused(key, clock.now_ms());
                }
                refused
            },
        )
        .await
    }

    async fn exchange(&self, push: &Push<'_>, token: &str, key: HeaderValue, by: Instant) -> Told {
        let Push { dispatch, vendor, clock, .. } = push;
        // Its file was looked at for the key.
        let project = &self.access.account.known().project_id;
        let request =
            Request::post(format!("{}/v1/projects/{project}/messages:send", vendor.url.trim_end_matches('/')))
                .header(AUTHORIZATION, key)
                .header(CONTENT_TYPE, "application/json")
                .body(Full::new(Bytes::from(request::body(dispatch, token, push.life()))));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Told::now(Reply::NotSent(error.to_string())),
        };
        Told::now(match self.service.exchange(request, until(by, &self.access.times), MOST_ANSWER).await {
            Err(failed) => failed.into(),
            Ok(Answered { status, retry_after, body, .. }) => {
                answer::reply(vendor, status, retry_after.as_deref(), &body, clock.now_ms())
            }
        })
    }
}
