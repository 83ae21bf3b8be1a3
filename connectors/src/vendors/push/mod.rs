//! What the push services share: every token of a message is a request of its own, and a token that its service calls
//! dead is not asked about again.

mod dead;
mod desk;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

pub use dead::MemoryDeadTokens;
pub use desk::Desk;

use super::{arrival, http::Times, settings::VendorSettings};
use futures_util::{StreamExt, stream};
use hyper::header::HeaderValue;
use processors::{
    codes::{Class, judge},
    night::Night,
    ports::{Clock, DeadToken, OfToken, Reply},
    push::is_dead,
    reference::Vendor,
    rules::push::DATA_BYTES,
};
use schemas::Dispatch;
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Tokens of one message that are asked about at once.
const AT_ONCE: usize = 100;

/// Push tokens, by vendor and outcome: removed, skipped, unchecked.
pub const TOKENS: &str = "ims_push_tokens_total";

/// What a service said of a token.
pub struct Told {
    /// As an answer.
    pub reply: Reply,
    /// Since when it has been dead, if it says so, Unix milliseconds.
    pub since_ms: Option<i64>,
}

impl Told {
    /// An answer that tells no time.
    pub fn now(reply: Reply) -> Self {
        Self { reply, since_ms: None }
    }
}

/// How long an exchange may take whose answer must be there by then.
pub fn until(by: Instant, settings: &VendorSettings) -> Times {
    Times { first_byte: settings.first_byte(), total: by.saturating_duration_since(Instant::now()) }
}

/// Asks with a key, and once more with another when that one was refused: a refused key sends nothing.
///
/// `is_refused` says of an answer whether the key was, and sees to another.
pub async fn with_key<K, A>(
    key: impl Fn() -> K,
    ask: impl Fn(HeaderValue) -> A,
    is_refused: impl Fn(&Told, &HeaderValue) -> bool,
) -> Told
where
    K: Future<Output = Result<HeaderValue, Reply>>,
    A: Future<Output = Told>,
{
    let used = match key().await {
        Ok(key) => key,
        Err(reply) => return Told::now(reply),
    };
    let told = ask(used.clone()).await;
    if !is_refused(&told, &used) {
        return told;
    }
    match key().await {
        Ok(other) if other != used => ask(other).await,
        // There is no other key than the refused one.
        Ok(_) | Err(_) => told,
    }
}

/// A code of the table, or the service's own words for one that is not in it.
pub fn code(vendor: &Vendor, code: &str, words: &str) -> Reply {
    let row = judge(vendor.codes, code);
    let text = if row.class == Class::Unknown { words } else { row.meaning };
    Reply::Code { code: code.to_owned(), text: text.to_owned() }
}

/// What a service has last accepted a token as, since the process started: until it has, its address or app may be the
/// wrong one.
#[derive(Default)]
pub struct Accepted(Mutex<Option<String>>);

impl Accepted {
    fn note(&self, service: &str) {
        let mut last = self.lock();
        if last.as_deref() != Some(service) {
            *last = Some(service.to_owned());
        }
    }

    fn has(&self, service: &str) -> bool {
        self.lock().as_deref() == Some(service)
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message that is about to be asked for.
pub struct Push<'p> {
    /// Its step.
    pub dispatch: &'p Dispatch,
    /// The service.
    pub vendor: &'p Vendor,
    /// Which tokens are dead.
    pub desk: &'p Desk,
    /// The service's address with the project or app that it is asked for.
    pub service: String,
    /// What it has accepted a token as.
    pub accepted: &'p Accepted,
    /// Time.
    pub clock: &'p dyn Clock,
    /// When ads may not arrive.
    pub night: &'p Night,
}

impl Push<'_> {
    /// How long the service may keep trying from now on.
    pub fn life(&self) -> Life {
        Life::of(self.dispatch, self.night, self.clock.now_ms())
    }

    /// Asks about every token that is the service's and not done. `ask` gets the token, and by when its answer must be
    /// there.
    pub async fn ask<'t, A, F>(&'t self, ask: A) -> Reply
    where
        A: Fn(&'t str, Instant) -> F,
        F: Future<Output = Told>,
    {
        let vendor = self.vendor;
        let by = Instant::now() + Duration::from_millis(u64::from(vendor.timeout_ms));
        let tokens: Vec<(i32, &str)> = self.tokens().collect();
        let known = self.desk.known(&vendor.name, tokens.iter().map(|(_, token)| *token)).await;
        let (ask, mut asked) = (&ask, Vec::with_capacity(tokens.len()));
        for ((place, token), known) in tokens.into_iter().zip(known) {
            asked.push(async move {
                let reply = match known {
                    Some(dead) => code(vendor, &dead, "").unasked(),
                    None if Instant::now() >= by => Reply::NotSent("no time was left for this token".into()),
                    None => {
                        let told = ask(token, by).await;
                        self.heed(token, &told);
                        told.reply
                    }
                };
                OfToken { place, reply }
            });
        }
        let mut replies: Vec<OfToken> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        replies.sort_unstable_by_key(|of| of.place);
        Reply::Tokens(replies)
    }

    /// What the service would answer for every such token, without requests that could only be refused.
    pub fn refused(&self, word: &str) -> Reply {
        let refused = |(place, _)| OfToken { place, reply: code(self.vendor, word, "").unasked() };
        Reply::Tokens(self.tokens().map(refused).collect())
    }

    /// The tokens that are the service's and not done, with their places.
    fn tokens(&self) -> impl Iterator<Item = (i32, &str)> {
        let Self { dispatch, vendor, .. } = self;
        let theirs =
            |place: i32, token: &str| !dispatch.tokens_done.contains(&place) && vendor.protocol.takes_token(token);
        let all = (0..).zip(dispatch.accepted.recipient.push_tokens.iter().map(String::as_str));
        all.filter(move |(place, token)| theirs(*place, token))
    }

    /// Remembers what an answer says of a token.
    fn heed(&self, token: &str, told: &Told) {
        let Reply::Code { code, .. } = &told.reply else { return };
        if code == "200" {
            self.accepted.note(&self.service);
        } else if is_dead(self.vendor.codes, code, self.accepted.has(&self.service)) {
            metrics::counter!(TOKENS, "vendor" => self.vendor.name.clone(), "outcome" => "removed").increment(1);
            let now_ms = self.clock.now_ms();
            self.desk.note(DeadToken {
                vendor: self.vendor.name.clone(),
                token: token.to_owned(),
                code: code.clone(),
                since_ms: told.since_ms.unwrap_or(now_ms).min(now_ms),
            });
        }
    }
}

/// Name of the serial number among a message's data.
const SERIAL_NUMBER: &str = "serial_number";

/// What the app gets beside what is shown: the customer's data, the link, and the serial number, by which the app knows a
/// repeat. Of two by one name the customer's wins; the serial number stays away where it would be too much.
pub fn data(dispatch: &Dispatch) -> BTreeMap<&str, &str> {
    let content = &dispatch.accepted.content;
    let mut data: BTreeMap<&str, &str> =
        content.data.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    if let Some(link) = link(dispatch) {
        data.entry("link").or_insert(link);
    }
    let text = |text: &Option<_>| text.as_deref().map_or(0, str::len);
    let bytes: usize = data.iter().map(|(key, value)| key.len() + value.len()).sum();
    let bytes = bytes + text(&content.title) + text(&content.message) + image(dispatch).map_or(0, str::len);
    if bytes + SERIAL_NUMBER.len() + dispatch.serial_number.len() <= DATA_BYTES {
        data.entry(SERIAL_NUMBER).or_insert(&dispatch.serial_number);
    }
    data
}

/// What a tap opens.
pub fn link(dispatch: &Dispatch) -> Option<&str> {
    let attachment = dispatch.accepted.content.attachment.as_ref()?;
    attachment.link.as_deref().filter(|link| !link.is_empty())
}

/// What is shown with it.
pub fn image(dispatch: &Dispatch) -> Option<&str> {
    Some(&dispatch.accepted.content.attachment.as_ref()?.image.as_ref()?.img_url)
}

/// What names the notifications of which a newer one takes the place of an older one: the customer's word, or the serial
/// number, so that a repeat does.
pub fn shown_as(dispatch: &Dispatch) -> &str {
    let given = dispatch.accepted.content.collapse_key.as_deref().filter(|key| !key.is_empty());
    given.unwrap_or(&dispatch.serial_number)
}

/// How long a service may keep trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Seconds; 0: shown now or never.
    pub lives_s: i64,
    /// When it gives up, Unix seconds; 0: at once.
    pub until_s: i64,
}

impl Life {
    /// No longer than the message may arrive, whatever its `ttl_seconds`.
    pub fn of(dispatch: &Dispatch, night: &Night, now_ms: i64) -> Self {
        /// Four weeks, FCM's longest.
        const LONGEST_S: i64 = 28 * 24 * 3_600;
        let left_s = arrival::until_ms(dispatch, night, now_ms).saturating_sub(now_ms).div_euclid(1_000);
        let asked_s = dispatch.accepted.content.ttl_seconds.map_or(LONGEST_S, i64::from);
        let lives_s = left_s.min(asked_s).clamp(0, LONGEST_S);
        let until_s = if lives_s == 0 { 0 } else { now_ms.div_euclid(1_000).saturating_add(lives_s) };
        Self { lives_s, until_s }
    }
}
