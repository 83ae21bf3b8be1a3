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
    http::{Answered, Client as Http},
    push::{Desk, Push, Told, shown_as, until, with_key},
    settings::Reach,
};
use http_body_util::Full;
use hyper::{Request, body::Bytes, header::HeaderValue};
use processors::{
    night::Night,
    ports::{Clock, Reply},
    reference::Vendor,
    rules::push::COLLAPSE_KEY,
};
use schemas::Dispatch;
use std::{future::ready, sync::Arc};
use tokio::time::Instant;

/// Bytes of an answer.
const MOST_ANSWER: usize = 64 << 10;
/// Bytes of a payload.
const MOST_PAYLOAD: usize = 4_096;

/// Connections to the service.
pub struct Client {
    service: Http,
    access: Arc<Access>,
    reach: Reach,
}

impl Client {
    /// Connects to nothing yet.
    pub fn new(vendor: &Vendor, access: Arc<Access>) -> Result<Self, String> {
        let connect = access.times.connect(vendor);
        let service = Http::http2(connect, &access.apns.ca_file, "apns.ca_file")?;
        Ok(Self { service, reach: access.times.reach(vendor), access })
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
        let service = format!("{} {}", vendor.url, self.access.apns.topic);
        let push = Push { dispatch, vendor, desk, service, accepted: &self.access.accepted, clock, night };
        let payload = request::payload(dispatch);
        if payload.len() > MOST_PAYLOAD {
            return push.refused("PayloadTooLarge");
        }
        let shown_as = shown_as(dispatch);
        if shown_as.len() > COLLAPSE_KEY || HeaderValue::from_str(shown_as).is_err() {
            return push.refused("BadCollapseId");
        }
        push.ask(|token, by| self.ask(&push, payload.clone(), token, by)).await
    }

    async fn ask(&self, push: &Push<'_>, payload: Bytes, token: &str, by: Instant) -> Told {
        let Push { dispatch, vendor, clock, .. } = push;
        let Access { token: provider_token, apns, .. } = &*self.access;
        with_key(
            || ready(provider_token.authorization(clock.now_ms()).map_err(Reply::NotSent)),
            |key| {
                let (payload, life) = (payload.clone(), push.life());
                let request = request::request(vendor, &apns.topic, dispatch, token, &key, payload, life);
                self.exchange(vendor, request, by, *clock)
            },
            |told, key| {
                let refused = matches!(&told.reply, Reply::Code { code, .. } if is_of_key(code));
                if refused {
                    provider_token.refused(key, clock.now_ms());
                }
                refused
            },
        )
        .await
    }

    async fn exchange(
        &self,
        vendor: &Vendor,
        request: Result<Request<Full<Bytes>>, hyper::http::Error>,
        by: Instant,
        clock: &dyn Clock,
    ) -> Told {
        let request = match request {
            Ok(request) => request,
            Err(error) => return Told::now(Reply::NotSent(error.to_string())),
        };
        match self.service.exchange(request, until(by, &self.access.times), MOST_ANSWER).await {
            Err(failed) => Told::now(failed.into()),
            Ok(Answered { status, retry_after, body, .. }) => {
                answer::told(vendor, status, retry_after.as_deref(), &body, clock.now_ms())
            }
        }
    }
}

fn is_of_key(code: &str) -> bool {
    matches!(code, "ExpiredProviderToken" | "InvalidProviderToken")
}
