//! What every change shares: whose it is, who makes it, its body, and the store.

use crate::http::{
    answer::{Answer, Problem},
    gate::Caller,
    routes::Door,
};
use axum::{
    body::Body,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use connectors::reference::{By, Editor, Owned, Unchanged, Which};
use processors::{
    access::Scope,
    reference::Customer,
    refusal::{Code, Refusal},
};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use utoipa::ToSchema;

/// Longest reason of a parser that is told, characters.
const LONGEST_REASON: usize = 200;

/// Why a request ends without what it asked for.
pub enum Stop {
    /// The door refuses.
    Problem(Problem),
    /// What it says is refused.
    Refused(Refusal),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Refused(refusal) => Answer::<()>::from(refusal).into_response(),
        }
    }
}

/// What a handler answers.
pub type Told<D> = Result<Answer<D>, Stop>;

/// The customer of a service key: the caller's own, or of any for who operates. Another's is as unknown as nobody's.
pub fn whose(caller: &Caller, service_key: &str) -> Result<Arc<Customer>, Refusal> {
    match caller.reference.service_key(service_key) {
        Some((_, customer)) if *customer.username == *caller.username || caller.key.allows(Scope::Operate) => {
            Ok(Arc::clone(customer))
        }
        _ => Err(refused(Code::UnknownServiceKey, "service_key", "unknown")),
    }
}

/// A refusal of a field that has its name from outside.
pub fn refused(code: Code, field: &str, reason: impl std::fmt::Display) -> Refusal {
    Refusal { code, field: field.to_owned(), message: format!("{field}: {reason}") }
}

/// Rows of a customer, named by columns and their values.
pub type Named = Vec<(&'static str, String)>;

impl Door {
    /// Where the reference data are changed.
    pub fn editor(&self) -> Result<&crate::http::clerk::Clerk<Editor>, Problem> {
        self.editor.as_ref().ok_or(Problem::ReadOnly)
    }

    /// Lets `decide` make of these rows what it wants; running processes take it up within seconds.
    pub async fn change<K: Owned + 'static, T: Send + 'static>(
        &self,
        caller: &Caller,
        username: &str,
        named: Named,
        decide: impl FnOnce(&mut Vec<K>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Stop> {
        let (by, username) = (self.by(caller), username.to_owned());
        let changed = self.editor()?.ask(move |editor| {
            let named: Vec<_> = named.iter().map(|(column, value)| (*column, &**value)).collect();
            editor.change(&by, &username, &Which::of(&named), decide)
        });
        match changed.await? {
            Ok(told) => Ok(told),
            Err(Unchanged::Refused(refusal)) => Err(refusal.into()),
            Err(Unchanged::Contents(reason)) => Err(refused(Code::BadRequest, "the request", reason).into()),
        }
    }

    /// Who changes, as the audit names it: the customer and its key.
    pub fn by(&self, caller: &Caller) -> By {
        By { actor: format!("{}/{}", caller.username, caller.key.name), at_ms: self.clock.now_ms() }
    }

    /// Reads a body.
    pub async fn read<B: DeserializeOwned>(&self, headers: &HeaderMap, body: Body) -> Result<B, Stop> {
        let body = self.json(headers, body).await?;
        Ok(parse(&body)?)
    }
}

/// A body of known fields, each given once. The reason names the field and what is allowed, and repeats no value.
fn parse<B: DeserializeOwned>(body: &[u8]) -> Result<B, Refusal> {
    // A list of values is no object, though a reader of fields would take it for one.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(refused(Code::BadRequest, "the request", "allowed is an object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        (if path == "." { "the request".to_owned() } else { path }, error.into_inner())
    });
    let ended = |read| reader.end().map(|()| read).map_err(|error| ("the request".to_owned(), error));
    read.and_then(ended).map_err(|(field, error)| {
        let field: String = field.chars().take(60).collect();
        refused(Code::BadRequest, &field, reason(&error))
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
}
