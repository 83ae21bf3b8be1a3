//! Infobank Bizgo, Communication API v1: 알림톡, brand messages, RCS, SMS, LMS, MMS, and text abroad.
//!
//! Source: github icomm-api/bizgo-api-spec (OpenAPI 3.1, 1.2.0): `openapi/paths/api_comm_v1_send_omni.yaml`,
//! `api_comm_v1_report_polling.yaml`, the schemas they name, and `skill/bizgo-integration/references/`. Paths, fields,
//! types and codes are as published there.
//!
//! The API key is sent raw in `Authorization`; there is no token to fetch or renew. Every request is for one message,
//! whose serial number is `ref` (what reports are matched by) and `idempotencyKey`: within 24 hours the vendor answers a
//! repeat with A301 and sends nothing, so a request in doubt may be repeated.

mod answer;
mod managed;
mod profile;
mod report;
mod request;
mod signature;
mod template;
#[cfg(test)]
mod tests;
mod upload;

pub use report::report;
pub use signature::{signed, signed_apart};

use request::Extras;

use super::{
    Access, arrival,
    http::{Answered, Call, Client, Failed, JSON, Times},
    images::{Desk, Takes, Uploaded, Use, images},
    receipts::Reports,
};
use hyper::{
    Method,
    body::Bytes,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use processors::{
    codes::judge,
    ports::{Clock, Reply},
    reference::Vendor,
};
use schemas::{Channel, Dispatch};
use std::time::Duration;
use tokio::time::Instant;

/// Where messages are sent.
const SEND: &str = "/api/comm/v1/send/omni";
/// Where reports are polled, and acknowledged below it.
const POLLING: &str = "/api/comm/v1/report/polling";

/// How long a repeat is certain to be known as one: the time of its idempotency key, and five minutes for two clocks.
const REMEMBERED_MS: i64 = (request::IDEMPOTENCY_S as i64 - 300) * 1_000;

/// No such batch of reports: another process of ours was given it too, and acknowledged it.
const ACKNOWLEDGED: &str = "A802";

/// It does not know a key of an image.
const UNKNOWN_KEY: &str = "A217";

/// Bytes of an answer to a request for one message.
const MOST_ANSWER: usize = 64 << 10;
/// Bytes of a batch of reports, whose number is not published.
const MOST_REPORTS: usize = 16 << 20;

/// What goes with a request.
#[derive(Default)]
struct Sent<'s> {
    content_type: Option<&'s str>,
    headers: Vec<(HeaderName, &'s str)>,
    body: Bytes,
}

/// A way to the vendor.
pub struct Bizgo<'w> {
    /// Connections.
    pub client: &'w Client,
    /// Key and times.
    pub access: &'w Access,
    /// Its row.
    pub vendor: &'w Vendor,
}

impl Bizgo<'_> {
    /// Sends one message. `origin_code`: the customer's code of the first sender, empty when it has none.
    pub async fn send(&self, dispatch: &Dispatch, origin_code: &str, desk: &Desk<'_>) -> Reply {
        if dispatch.in_doubt && desk.clock.now_ms() - dispatch.routed_at >= REMEMBERED_MS {
            // The first request left no earlier than it was routed. What the vendor has forgotten it would send again.
            return Reply::Forgotten("the vendor no longer knows whether it has this message".into());
        }
        let total = Duration::from_millis(u64::from(self.vendor.timeout_ms));
        let end = Instant::now() + total;
        let mut again = true;
        loop {
            // The request needs the rest of the time.
            let images = match images(self, dispatch, desk, end - total / 2).await {
                Ok(images) => images,
                Err(reply) => return reply,
            };
            let left = end.saturating_duration_since(Instant::now());
            let reply = self.send_with(&images, dispatch, origin_code, desk, left).await;
            match &reply {
                // It has forgotten a key before its time, and taken nothing.
                Reply::Code { code, .. } if code == UNKNOWN_KEY && std::mem::take(&mut again) => {
                    if !self.access.images.forget(dispatch, &images) {
                        return reply;
                    }
                }
                _ => return reply,
            }
        }
    }

    /// `total`: the time of the request.
    async fn send_with(
        &self,
        images: &[String],
        dispatch: &Dispatch,
        origin_code: &str,
        Desk { clock, night, .. }: &Desk<'_>,
        total: Duration,
    ) -> Reply {
        let now_ms = clock.now_ms();
        let chatbot =
            dispatch.accepted.content.callback.as_deref().filter(|_| dispatch.accepted.channel == Channel::Rc);
        let brand_key = chatbot.and_then(|chatbot| self.access.brands.key(chatbot));
        let extras = Extras {
            images,
            origin_code,
            brand_key: brand_key.as_deref(),
            settings: &self.access.settings,
            now_ms,
            until_ms: arrival::until_ms(dispatch, night, now_ms),
        };
        let body = match request::body(dispatch, extras) {
            Ok(body) => body,
            // What the vendor would answer, without a request that could only be refused.
            Err(unfit) => return answer::code(unfit.code().into(), None).unasked(),
        };
        let key = self.access.key.header();
        let body = Sent { content_type: Some(JSON), body: body.into(), ..Sent::default() };
        match self.call(Method::POST, SEND, &key, body, MOST_ANSWER, total).await {
            Err(failed) => failed.into(),
            Ok(Answered { status, retry_after, body, .. }) => {
                let reply = answer::reply(status, retry_after.as_deref(), &body, clock.now_ms());
                if let Reply::Code { code, .. } = &reply
                    && judge(self.vendor.codes, code).wants_credential()
                {
                    self.access.key.renew(&key);
                }
                reply
            }
        }
    }

    /// Asks for delivery reports; None: there are none now. The error is the reason, without body and key.
    pub async fn poll(&self, clock: &dyn Clock) -> Result<Option<Reports>, String> {
        let body = self.ask(Method::GET, POLLING, None).await?;
        report::reports(&body, &self.vendor.name, clock.now_ms())
    }

    /// Lets the vendor forget a batch of reports.
    pub async fn acknowledge(&self, id: &str) -> Result<(), String> {
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b)) {
            return Err("reportId is no part of a path".into());
        }
        self.ask(Method::DELETE, &format!("{POLLING}/{id}"), Some(ACKNOWLEDGED)).await.map(drop)
    }

    /// Uploads an image; the error is the reason with the vendor's code.
    pub async fn upload(&self, what: Use, file_name: &str, image: &[u8]) -> Result<Uploaded, String> {
        let Answered { status, body, .. } = self.form(what, file_name, image).await.map_err(|failed| match failed {
            Failed::NotSent(reason) | Failed::NoAnswer(reason) => reason,
        })?;
        upload::uploaded(status, &body)
    }

    async fn form(&self, what: Use, file_name: &str, image: &[u8]) -> Result<Answered, Failed> {
        let (content_type, body) = upload::form(file_name, image).map_err(Failed::NotSent)?;
        let key = self.access.key.header();
        let sent = Sent { content_type: Some(&content_type), body, ..Sent::default() };
        let total = Duration::from_millis(u64::from(self.vendor.timeout_ms));
        let answered = self.call(Method::POST, upload::path(what), &key, sent, MOST_ANSWER, total).await?;
        if answer::refusal(answered.status, &answered.body)
            .is_some_and(|code| judge(self.vendor.codes, &code).wants_credential())
        {
            self.access.key.renew(&key);
        }
        Ok(answered)
    }

    /// A call about reports, which may be repeated at will. `fine`: a code that is no failure.
    async fn ask(&self, method: Method, path: &str, fine: Option<&str>) -> Result<Bytes, String> {
        let key = self.access.key.header();
        let total = self.access.settings.poll_timeout();
        match self.call(method, path, &key, Sent::default(), MOST_REPORTS, total).await {
            Err(Failed::NotSent(reason) | Failed::NoAnswer(reason)) => Err(reason),
            Ok(Answered { status, body, .. }) => match answer::refusal(status, &body) {
                None => Ok(body),
                Some(code) if fine == Some(&code) => Ok(body),
                Some(code) => {
                    if judge(self.vendor.codes, &code).wants_credential() {
                        self.access.key.renew(&key);
                    }
                    Err(format!("HTTP {status}, {code}"))
                }
            },
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        key: &HeaderValue,
        sent: Sent<'_>,
        most: usize,
        total: Duration,
    ) -> Result<Answered, Failed> {
        let url = format!("{}{path}", self.vendor.url.trim_end_matches('/'));
        let Sent { content_type, headers, body } = sent;
        let call = Call { method, url, key: (AUTHORIZATION, key), content_type, headers, body };
        let first_byte = self.access.settings.first_byte();
        self.client.call(call, Times { first_byte, total }, most).await
    }
}

impl Takes for Bizgo<'_> {
    /// The image could not be processed.
    const LATER: &'static str = "A214";

    fn of(&self) -> (&Access, &Vendor) {
        (self.access, self.vendor)
    }

    async fn take(&self, what: Use, file_name: &str, image: &[u8], now_ms: i64) -> Result<Uploaded, Reply> {
        let Answered { status, retry_after, body, .. } = self.form(what, file_name, image).await?;
        upload::uploaded(status, &body).map_err(|_| answer::reply(status, retry_after.as_deref(), &body, now_ms))
    }
}
