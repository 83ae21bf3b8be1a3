//! What every change shares: who makes it, its body, and the store.

use crate::http::{answer::Problem, clerk::Counter, gate::Caller, routes::Door, stop::Stop};
use axum::{body::Body, http::HeaderMap};
use connectors::reference::{By, Editor, Owned, Unchanged, Which};
use processors::{
    access::Holder,
    refusal::{Code, Refusal},
};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use utoipa::ToSchema;

/// Longest reason of a parser that is told, characters.
const LONGEST_REASON: usize = 200;

impl Door {
    /// Where somebody has the reference data told or changed.
    pub fn editor(&self, whose: &Arc<str>) -> Result<Counter<'_, Editor>, Problem> {
        self.editor.as_ref().map(|editor| editor.of(Arc::clone(whose))).ok_or(Problem::ReadOnly)
    }

    /// Lets `decide` make of these rows what it wants; running processes take it up within seconds.
    pub async fn change<K: Owned + 'static, T: Send + 'static>(
        &self,
        caller: &Caller,
        username: &str,
        which: Which,
        decide: impl FnOnce(&mut Vec<K>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Stop> {
        let (by, username) = (self.by(caller), username.to_owned());
        let changed = self.editor(&caller.username)?.ask(move |editor| editor.change(&by, &username, &which, decide));
        Ok(changed.await??)
    }

    /// The rows that there are now.
    pub async fn rows<K: Owned + Send + Sync + 'static>(
        &self,
        caller: &Caller,
        which: Which,
    ) -> Result<Vec<Arc<K>>, Problem> {
        self.editor(&caller.username)?.ask(move |editor| editor.rows(&which)).await
    }

    /// Who changes, as the audit names it: the customer and its key, or the user.
    pub fn by(&self, caller: &Caller) -> By {
        let (actor, holder) = match &caller.user {
            Some(user) => (user.actor(), Holder::User(Arc::clone(user))),
            None => (format!("{}/{}", caller.username, caller.key.name), Holder::Key(Arc::clone(&caller.key))),
        };
        By { actor, at_ms: self.clock.now_ms(), holder: Some(holder) }
    }

    /// Reads a body.
    pub async fn read<B: DeserializeOwned>(&self, headers: &HeaderMap, body: Body) -> Result<B, Stop> {
        let body = self.json(headers, body).await?;
        Ok(parse(&body)?)
    }
}

impl From<Unchanged<Refusal>> for Stop {
    fn from(unchanged: Unchanged<Refusal>) -> Self {
        match unchanged {
            Unchanged::Stranger => Problem::Unauthorized.into(),
            Unchanged::Refused(refusal) => refusal.into(),
            Unchanged::Contents(reason) => Refusal::named(Code::BadRequest, "the request", reason).into(),
            Unchanged::Full { what, most } => {
                Refusal::named(Code::Full, what, format_args!("a customer has {most} at most: remove some")).into()
            }
        }
    }
}

/// A body of known fields, each given once. The reason names the field and what is allowed, and repeats no value.
fn parse<B: DeserializeOwned>(body: &[u8]) -> Result<B, Refusal> {
    // A list of values is no object, though a reader of fields would take it for one.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Refusal::named(Code::BadRequest, "the request", "allowed is an object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        (if path == "." { "the request".to_owned() } else { path }, error.into_inner())
    });
    let ended = |read| reader.end().map(|()| read).map_err(|error| ("the request".to_owned(), error));
    read.and_then(ended).map_err(|(field, error)| {
        let field: String = field.chars().take(60).collect();
        Refusal::named(Code::BadRequest, field, reason(&error))
    })
}

fn reason(error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    if !error.is_data() {
        return format!("not JSON: {text}");
    }
    let text = text.strip_suffix(&place).unwrap_or(&text);
    // What came stands between these words, and may be anybody's secret.
    let told = match text.rsplit_once(", expected ") {
        Some((got, allowed)) if got.starts_with("invalid ") => format!("allowed is {allowed}"),
        _ => text.to_owned(),
    };
    told.chars().take(LONGEST_REASON).collect()
}

/// Nothing to tell but that it was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Changed)]
pub struct Done {
    /// What was changed.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::center::{
        callback::Wish,
        claims::NewClaim,
        consents::{NewConsents, Withdrawals},
        keys,
        opt_outs::Recipients,
        push_tokens::NewTokens,
        sender_groups::NewGroup,
        senders::{NewNumber, NewProfile, NewState},
        users::NewUser,
    };
    use schemas::examples::spoilt;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "read alone")]
    struct Body {
        name: String,
        hours: Option<u32>,
    }

    fn told(body: &str) -> String {
        parse::<Body>(body.as_bytes()).unwrap_err().message
    }

    #[test]
    fn a_body_is_refused_by_its_field_and_without_its_value() {
        assert!(parse::<Body>(br#" {"name": "a", "hours": null} "#).is_ok());
        assert_eq!(told(r#"{"name": {"a": "secret"}}"#), "name: allowed is a string");
        assert_eq!(told(r#"{"name": "a", "hours": "secret, expected x"}"#), "hours: allowed is u32");
        assert_eq!(told(r#"{"name": "a", "hours": -1}"#), "hours: allowed is u32");
        assert!(told(r#"{"nam": "secret"}"#).contains("unknown field `nam`, expected `name` or `hours`"));
        assert!(told(r#"{"name": "a", "name": "b"}"#).contains("duplicate field `name`"));
        assert!(told("{}").contains("missing field `name`"));
        assert!(told(r#"{"name": "a"} x"#).contains("not JSON"));
        assert_eq!(told(r#"["a", 1]"#), "the request: allowed is an object");
        assert!(told(&"{\"name\":".repeat(10_000)).len() < 400);
        assert!(told(&format!("{{\"{}\": 1}}", "x".repeat(10_000))).len() < 400);
    }

    #[test]
    fn whatever_stands_in_a_body_is_read_or_refused_without_its_values() {
        type Reads = fn(&[u8]) -> Option<Refusal>;
        fn of<B: DeserializeOwned>() -> Reads {
            |body| parse::<B>(body).err()
        }
        let bodies = [
            (r#"{"channel":"mt","number":"hunter2"}"#, of::<NewNumber>()),
            (r#"{"sender_key":"hunter2"}"#, of::<NewProfile>()),
            (r#"{"state":"approved"}"#, of::<NewState>()),
            (r#"{"group_key":"hunter2","name":"매장","sender_keys":["hunter2"]}"#, of::<NewGroup>()),
            (r#"{"recipients":["hunter2"],"app_user_ids":["hunter2"],"source":"call"}"#, of::<Recipients>()),
            (
                r#"{"consents":[{"recipient":"hunter2","channel":"mt","kind":"ad","consented_at":"hunter2"}]}"#,
                of::<NewConsents>(),
            ),
            (r#"{"recipients":["hunter2"],"channel":"mt","kind":"night"}"#, of::<Withdrawals>()),
            (r#"{"tokens":[{"app_user_id":"hunter2","token":"hunter2"}]}"#, of::<NewTokens>()),
            (r#"{"uri":"https://hunter2.example","batch":{"reports":10,"wait_ms":200}}"#, of::<Wish>()),
            (r#"{"name":"a","networks":["10.0.0.0/8"],"scopes":["send"]}"#, of::<keys::Wish>()),
            (r#"{"login":"kim","role":"reader","password":"hunter2"}"#, of::<NewUser>()),
            (r#"{"channel_id":"@hanbit","phone_number":"hunter2"}"#, of::<NewClaim>()),
        ];
        let good = bodies.map(|(body, _)| body.as_bytes());
        for ((body, reads), changed) in bodies.iter().cycle().zip(spoilt(&good)) {
            assert!(reads(body.as_bytes()).is_none(), "{body}");
            if let Some(refusal) = reads(&changed) {
                let told = &refusal.message;
                assert!(told.starts_with(&refusal.field) && told.len() < 800, "{told}");
                assert!(!told.contains("hunter2"), "{told}");
            }
        }
    }
}
