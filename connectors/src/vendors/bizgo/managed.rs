//! Calls about what a dealer keeps of us: templates and sender profiles.

use super::{
    Bizgo, Sent,
    answer::{self, TOO_MANY},
};
use crate::vendors::{
    http::{Answered, JSON},
    registrar::Trouble,
};
use hyper::{Method, body::Bytes, header::HeaderName};
use processors::{
    callback::retry_after_ms,
    codes::{Handling, judge},
    ports::Clock,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Codes of a template or sender key that is none.
pub const NONE_SUCH: [&str; 2] = ["A505", "A502"];
/// Bytes of an answer.
const MOST_ANSWER: usize = 256 << 10;

/// The dealer does not take a call.
pub struct Refusal {
    /// Its code.
    pub code: String,
    /// Code and words.
    pub reason: String,
}

/// A call.
pub struct Managed<'m> {
    method: Method,
    path: &'m str,
    headers: Vec<(HeaderName, &'m str)>,
    body: Option<Bytes>,
    /// Whether a person gets something each time: an answer that cannot be read leaves open whether.
    once: bool,
}

impl<'m> Managed<'m> {
    /// Without a body.
    pub fn of(method: Method, path: &'m str) -> Self {
        Self { method, path, headers: Vec::new(), body: None, once: false }
    }

    /// With one: structs of strings, which always become JSON.
    pub fn telling(method: Method, path: &'m str, said: &impl Serialize) -> Self {
        let body = serde_json::to_vec(said).unwrap_or_default();
        Self { body: Some(body.into()), ..Self::of(method, path) }
    }

    /// With headers of its own.
    pub fn with(self, headers: Vec<(HeaderName, &'m str)>) -> Self {
        Self { headers, ..self }
    }

    /// Made once, whatever comes of it.
    pub fn once(self) -> Self {
        Self { once: true, ..self }
    }
}

impl Bizgo<'_> {
    /// Makes a call.
    pub(super) async fn managed(
        &self,
        managed: Managed<'_>,
        clock: &dyn Clock,
    ) -> Result<Result<Bytes, Refusal>, Trouble> {
        let Managed { method, path, headers, body, once } = managed;
        let key = self.access.key.header();
        let total = self.access.settings.poll_timeout();
        let asks = method == Method::GET;
        let content_type = body.is_some().then_some(JSON);
        let sent = Sent { content_type, headers, body: body.unwrap_or_default() };
        let answered = self.call(method, path, &key, sent, MOST_ANSWER, total).await;
        let Answered { status, retry_after, body, .. } = answered.map_err(Trouble::from)?;
        let Some((code, words)) = answer::told(status, &body) else { return Ok(Ok(body)) };
        let row = judge(self.vendor.codes, &code);
        if row.wants_credential() {
            self.access.key.renew(&key);
        }
        let reason = match words {
            Some(words) => format!("HTTP {status}, {code}: {words}"),
            None => format!("HTTP {status}, {code}"),
        };
        let asked_ms = retry_after.and_then(|text| retry_after_ms(&text, clock.now_ms()));
        // Who is out of service for so long is no more broken by this template than by another.
        if status == 429 || code == TOO_MANY || (status == 503 && asked_ms.is_some() && !once) {
            return Err(Trouble::throttled(reason, asked_ms));
        }
        let is_nonsense = code == answer::NO_ANSWER;
        // A page that is not there may be a template that is not.
        let is_no_page = asks && status == 404 && is_nonsense;
        // It may be what it is about that breaks the dealer.
        let breaks = status >= 500 || row.handling == Handling::Breaker || (once && status < 300 && is_nonsense);
        // What the gateway says, or is said of the account, is no word on what it is about.
        let of_all = !code.starts_with('A') || row.wants_credential();
        match () {
            () if is_no_page => Ok(Err(Refusal { code, reason })),
            () if breaks => Err(Trouble::Failed(reason)),
            () if of_all => Err(Trouble::away(reason)),
            () => Ok(Err(Refusal { code, reason })),
        }
    }
}

/// Whether a call was taken.
pub fn taken(answered: Result<Bytes, Refusal>) -> Result<(), Trouble> {
    answered.map(drop).map_err(|Refusal { reason, .. }| Trouble::Refused(reason))
}

/// What stands there is nothing that is published.
pub fn unread() -> Trouble {
    Trouble::refused("what stands there cannot be read: see the dealer's console")
}

/// What stands in an answer under these names, one in the other; None: it says that there is nothing.
pub fn within<T: DeserializeOwned>(answered: &[u8], names: &[&str]) -> Result<Option<T>, Trouble> {
    let mut inner: Value = serde_json::from_slice(answered).map_err(|_| unread())?;
    for name in names {
        inner = match inner {
            Value::Object(mut parts) => parts.remove(*name).unwrap_or_default(),
            Value::Null => Value::Null,
            _ => return Err(unread()),
        };
    }
    if inner.is_null() { Ok(None) } else { T::deserialize(inner).map(Some).map_err(|_| unread()) }
}
