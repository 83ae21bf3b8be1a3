//! NHN Cloud: text, with images or without, by its SMS API v3.0; 알림톡 by its KakaoTalk Bizmessage API v2.3.
//!
//! Source: github TOAST-DOCS/SMS, `ko/api-guide.md` (v3.0), `ko/webhook.md`, `ko/error-code.md`; TOAST-DOCS/Alimtalk,
//! `ko/alimtalk-api-guide.md` (v2.3), `ko/webhook-api-guide.md`, `ko/error-code.md`. Paths, fields, types and codes are as
//! published there.
//!
//! The secret key is sent raw in `X-Secret-Key`, the app key is a part of each path. Every request is for one message,
//! whose serial number is `recipientGroupingKey`: results are matched by it, and a message in doubt is asked about by it.
//! The SMS API knows no repeat: a second request is a second message. 알림톡 has an idempotency key, for 10 minutes; its
//! results, where they are listed, name the vendor's request id alone, which is looked up among the ids of answers
//! ([`super::ids`]).

mod answer;
mod doubt;
mod poll;
mod product;
mod report;
mod request;
mod settings;
mod signature;
#[cfg(test)]
mod tests;
mod time;
mod upload;

pub use poll::Cursor;
pub use product::Product;
pub use report::brought;

/// The recipient is on the vendor's list of those who refused ads.
pub const OPTED_OUT: &str = "-6001";

pub use settings::NhnSettings;
pub use signature::{HEADER, signed};

use super::{
    Access, Ids,
    http::{Answered, Call, Client, Failed, JSON, Times},
    images::{Desk, Takes, Uploaded, Use, images},
    judged,
    receipts::Reports,
};
use answer::Refused;
use futures_util::future::try_join_all;
use hyper::{
    Method,
    body::Bytes,
    header::{HeaderName, HeaderValue},
};
use processors::{
    codes::{Class, judge},
    ports::{Clock, Half, Meeting, Reply},
    reference::{InDoubt, Vendor},
};
use report::{Page, Told};
use schemas::Dispatch;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::Instant;

/// What the secret key is sent in.
const SECRET_KEY: HeaderName = HeaderName::from_static("x-secret-key");

/// What a repeat of an 알림톡 is known by.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("x-nc-api-idempotency-key");
/// How long a repeat is certain to be known as one: ten minutes less one for two clocks.
const REMEMBERED_MS: i64 = 540_000;

/// Bytes of an answer to a request for one message, or about one.
const MOST_ANSWER: usize = 64 << 10;
/// Bytes of a page of results.
const MOST_RESULTS: usize = 4 << 20;

/// Results may come so much later than their vendor's time.
const LATER: Duration = Duration::from_secs(3_600);
/// How long a result that nobody knows stays among the ids: it is listed again while it may be known yet.
const LOOKED_FOR: Duration = Duration::from_secs(60);

/// Whether the results of a vendor name its own ids alone.
pub fn names_ids(vendor: &Vendor, access: &Access) -> bool {
    !Product::of(vendor).names_our_key() && access.webhook.is_none()
}

/// What goes with a request.
struct Sent<'s> {
    /// Behind the app key.
    path: &'s str,
    body: Bytes,
    /// What a repeat is known by.
    repeat: Option<(HeaderName, &'s str)>,
}

/// A way to the vendor.
pub struct Nhn<'w> {
    /// Connections.
    pub client: &'w Client,
    /// Key and times.
    pub access: &'w Access,
    /// Its row.
    pub vendor: &'w Vendor,
    /// Which message each of its ids is.
    pub ids: &'w Ids,
}

impl Nhn<'_> {
    /// Sends one message, after its images. `origin_code`: the customer's code of the first sender, empty when it has none.
    pub async fn send(&self, dispatch: &Dispatch, origin_code: &str, desk: &Desk<'_>) -> Reply {
        let clock = desk.clock;
        if dispatch.in_doubt && self.vendor.in_doubt == InDoubt::Query {
            return self.ask_about(dispatch, desk).await;
        }
        let product = self.product();
        if dispatch.in_doubt && (product != Product::Kakao || clock.now_ms() - dispatch.routed_at >= REMEMBERED_MS) {
            // The first request left no earlier than it was routed. What the vendor has forgotten it would send again.
            return Reply::Forgotten("the vendor no longer knows whether it has this message".into());
        }
        let (total, end) = (self.total(), Instant::now() + self.total());
        // The request needs the rest of the time.
        let images = match images(self, dispatch, desk, end - total / 2).await {
            Ok(images) => images,
            Err(reply) => return reply,
        };
        let sending = match request::request(product, dispatch, origin_code, &images) {
            Ok(sending) => sending,
            // What the vendor would answer, without a request that could only be refused.
            Err(unfit) => return judged::code(self.vendor.codes, unfit.code(product).into(), None).unasked(),
        };
        let key = self.access.key.header();
        let total = end.saturating_duration_since(Instant::now());
        let repeat = (product == Product::Kakao).then_some((IDEMPOTENCY_KEY, dispatch.serial_number.as_str()));
        let sent = Sent { path: sending.path, body: sending.body.into(), repeat };
        match self.call(Method::POST, sent, &key, MOST_ANSWER, total).await {
            Err(failed) => failed.into(),
            Ok(Answered { status, retry_after, body, .. }) => {
                let now_ms = clock.now_ms();
                let reply = answer::reply(self.vendor.codes, status, retry_after.as_deref(), &body, now_ms);
                if let Reply::Code { code, .. } = &reply {
                    self.renew(code, &key);
                    self.note(code, &body, dispatch, desk, end).await;
                }
                reply
            }
        }
    }

    /// Notes under which id the vendor has a message, where results name that alone.
    async fn note(&self, code: &str, body: &[u8], dispatch: &Dispatch, desk: &Desk<'_>, until: Instant) {
        if !names_ids(self.vendor, self.access) {
            return;
        }
        let id = match judge(self.vendor.codes, code).class {
            Class::Done => answer::request_id(body),
            // A request before was taken, and this answer does not name it.
            Class::Duplicate => self.look_for(dispatch, desk, until).await.unwrap_or_else(|refusal| {
                tracing::warn!(vendor = self.vendor.name, ?refusal, "a message's id cannot be asked for");
                None
            }),
            _ => return,
        };
        match id.filter(|id| !id.is_empty()) {
            Some(id) => self.remember(id, dispatch).await,
            None => {
                let (vendor, serial_number) = (&self.vendor.name, &dispatch.serial_number);
                tracing::warn!(vendor, serial_number, "a message without an id: no result will be known as its");
            }
        }
    }

    async fn remember(&self, id: String, dispatch: &Dispatch) {
        if names_ids(self.vendor, self.access) {
            let half = Half::Sent { serial_number: dispatch.serial_number.clone(), last: true };
            // A result that was listed before is listed again for a while; who asks the ids has told that they are away.
            let _ = self.ids.meet(self.meeting(id, half, self.vendor.longest_receipt_time() + LATER)).await;
        }
    }

    fn meeting(&self, message_id: String, half: Half, kept: Duration) -> Meeting {
        Meeting { vendor: self.vendor.name.clone(), message_id, half, kept }
    }

    /// Asks for the next results; None: there are no new ones now. The error is the reason, without body and keys.
    pub async fn poll(&self, cursor: &mut Cursor, clock: &dyn Clock) -> Result<Option<Reports>, String> {
        let asked = cursor.next(clock.now_ms());
        let path = format!(
            "/message-results?startUpdateDate={}&endUpdateDate={}&pageNum={}&pageSize={}",
            self.product().time(asked.from_ms),
            self.product().time(asked.to_ms),
            asked.page,
            poll::PAGE
        );
        let within = self.access.settings.poll_timeout();
        let (page, date_ms): (Page, _) = self.dated(Method::GET, &path, Bytes::new(), MOST_RESULTS, within).await?;
        if date_ms.is_some_and(|date_ms| cursor.hear(date_ms - clock.now_ms())) {
            tracing::warn!(
                vendor = self.vendor.name,
                apart_s = cursor.apart_ms() / 1_000,
                "the vendor's clock is not ours: results are asked for by its own"
            );
            return Ok(None);
        }
        let (last, rows) = page.open(asked.page);
        let (fresh, now_ms) = (cursor.fresh(rows, self.product()), clock.now_ms());
        report::count_unread(&self.vendor.name, fresh.unread);
        let told = fresh.told;
        let told = if names_ids(self.vendor, self.access) { self.known(told, cursor, now_ms).await? } else { told };
        Ok(cursor.take(last, told, &self.vendor.name, now_ms))
    }

    /// The results of messages that are known by their ids, and of those that nobody knew for long enough to be nobody's.
    async fn known(&self, told: Vec<Told>, cursor: &mut Cursor, now_ms: i64) -> Result<Vec<Told>, String> {
        let looked_up = told.into_iter().map(|told| async {
            let Some(code) = told.code() else { return Ok((told, None)) };
            let half = Half::Reported { code: code.to_owned(), at_ms: now_ms };
            let met = self.ids.meet(self.meeting(told.id().to_owned(), half, LOOKED_FOR)).await;
            met.map(|met| (told, met)).map_err(|away| away.to_string())
        });
        let mut known = Vec::new();
        for (told, met) in try_join_all(looked_up).await? {
            match met {
                Some(Half::Sent { serial_number, .. }) => known.push(told.of(serial_number)),
                // Kept with the others that are none of ours, by the only name it has.
                _ if told.code().is_some() && cursor.is_nobodys(&told, now_ms) => {
                    let id = told.id().to_owned();
                    known.push(told.of(id));
                }
                _ => {}
            }
        }
        Ok(known)
    }

    /// Uploads an image for MMS; the error is the reason with the vendor's code.
    pub async fn upload(&self, file_name: &str, image: &[u8]) -> Result<Uploaded, String> {
        let body = upload::body(file_name, image)?;
        let told = self.told(Method::POST, upload::PATH, body.into(), MOST_ANSWER, self.total()).await?;
        upload::uploaded(told)
    }

    /// A call that sends no message. The error is the reason, without body and keys.
    async fn told<B: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        most: usize,
        total: Duration,
    ) -> Result<B, String> {
        self.dated(method, path, body, most, total).await.map(|(told, _)| told)
    }

    /// The same with the vendor's time of it, Unix milliseconds.
    async fn dated<B: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        most: usize,
        total: Duration,
    ) -> Result<(B, Option<i64>), String> {
        let key = self.access.key.header();
        let answered = self.call(method, Sent { path, body, repeat: None }, &key, most, total).await;
        let Answered { status, body, date_ms, .. } = answered.map_err(|failed| match failed {
            Failed::NotSent(reason) | Failed::NoAnswer(reason) => reason,
        })?;
        answer::read(status, &body).map(|told| (told, date_ms)).map_err(|refused| match refused {
            Refused::Code(code) => {
                self.renew(&code, &key);
                format!("HTTP {status}, {code}: {}", judge(self.vendor.codes, &code).meaning)
            }
            Refused::Unread(reason) => reason,
        })
    }

    /// Reads the key again when it may be why a request was refused.
    fn renew(&self, code: &str, used: &HeaderValue) {
        if judge(self.vendor.codes, code).wants_credential() {
            self.access.key.renew(used);
        }
    }

    fn product(&self) -> Product {
        Product::of(self.vendor)
    }

    fn total(&self) -> Duration {
        Duration::from_millis(u64::from(self.vendor.timeout_ms))
    }

    async fn call(
        &self,
        method: Method,
        sent: Sent<'_>,
        key: &HeaderValue,
        most: usize,
        total: Duration,
    ) -> Result<Answered, Failed> {
        let Sent { path, body, repeat } = sent;
        let app_key = self.access.settings.nhn.as_ref().map_or("", |nhn| nhn.app_key.as_str());
        let url = format!("{}{}{app_key}{path}", self.vendor.url.trim_end_matches('/'), self.product().base());
        let headers = repeat.into_iter().collect();
        let call = Call { method, url, key: (SECRET_KEY, key), content_type: Some(JSON), headers, body };
        let first_byte = self.access.settings.first_byte();
        self.client.call(call, Times { first_byte, total }, most).await
    }
}

impl Takes for Nhn<'_> {
    /// The request could not be queued.
    const LATER: &'static str = "-2021";

    fn of(&self) -> (&Access, &Vendor) {
        (self.access, self.vendor)
    }

    async fn take(&self, _: Use, file_name: &str, image: &[u8], now_ms: i64) -> Result<Uploaded, Reply> {
        let refused = |code: String| judged::code(self.vendor.codes, code, None);
        // Of the names of files only the ending can be wrong.
        let body = upload::body(file_name, image).map_err(|_| refused(upload::NO_JPEG.into()))?;
        let key = self.access.key.header();
        let sent = Sent { path: upload::PATH, body: body.into(), repeat: None };
        let Answered { status, retry_after, body, .. } =
            self.call(Method::POST, sent, &key, MOST_ANSWER, self.total()).await?;
        if status == 429 {
            return Err(judged::throttled(retry_after.as_deref(), now_ms));
        }
        match answer::read(status, &body) {
            Ok(answered) => upload::uploaded(answered).map_err(Reply::NotSent),
            Err(Refused::Unread(reason)) => Err(Reply::NotSent(reason)),
            Err(Refused::Code(code)) => {
                self.renew(&code, &key);
                Err(refused(code))
            }
        }
    }
}
