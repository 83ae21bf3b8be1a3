//! Who changed what.

use super::{
    csv::Line,
    export::{PAGE, export},
    page::Filling,
    params::Audit,
    query::Query,
};
use crate::{
    http::{
        answer::{Answer, Problem},
        gate::Caller,
        routes::Door,
        stop::Stop,
        words::Words,
    },
    moment::iso,
};
use axum::{
    Extension,
    extract::State,
    http::Uri,
    response::{IntoResponse, Response},
};
use connectors::reference::{AuditPlace, Audited};
use processors::{
    center::{Cursor, LONGEST_DAYS, Span},
    rules::field::top,
};
use serde::Serialize;
use serde_json::Value;
use std::{ops::Range, sync::Arc};
use utoipa::ToSchema;

/// What customers are told of who is none of theirs.
const OPERATOR: &str = "operator";

/// A change of one row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditLine)]
pub struct AuditTold {
    /// When.
    pub at: String,
    /// The customer and its key; customers are told `operator` of others.
    pub actor: String,
    /// What was changed: templates, sender_numbers, …
    pub kind: String,
    /// Which.
    pub subject: String,
    /// What it was, without secrets and personal data; null: it was not there.
    #[schema(required = true, value_type = Option<std::collections::BTreeMap<String, Value>>)]
    pub before: Option<Value>,
    /// What it is; null: it was removed.
    #[schema(required = true, value_type = Option<std::collections::BTreeMap<String, Value>>)]
    pub after: Option<Value>,
}

impl AuditTold {
    /// As somebody is told who sees his own keys alone, or all.
    fn of(line: Audited, own: Option<&str>) -> Self {
        let is_own = |username: &str| line.actor.strip_prefix(username).is_some_and(|rest| rest.starts_with('/'));
        let read = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
        Self {
            at: iso(line.at_ms),
            actor: if own.is_none_or(is_own) { line.actor } else { OPERATOR.to_owned() },
            kind: line.kind,
            subject: line.subject,
            before: read(line.before),
            after: read(line.after),
        }
    }
}

impl Line for AuditTold {
    const COLUMNS: &'static [&'static str] = &["at", "actor", "kind", "subject", "before", "after"];

    fn cells(self) -> Vec<String> {
        let state = |state: Option<Value>| state.map(|state| state.to_string()).unwrap_or_default();
        vec![self.at, self.actor, self.kind, self.subject, state(self.before), state(self.after)]
    }
}

/// Whose lines are asked for, and who asks.
#[derive(Debug, Clone)]
struct Asked {
    /// Who asks.
    whose: Arc<str>,
    /// None: everybody's.
    username: Option<String>,
    /// Who is told of his own keys alone; None: an operator.
    seen: Option<String>,
    at_ms: Range<i64>,
}

/// Tells who changed what of a customer, the newest first, by page or as CSV.
#[utoipa::path(get, path = "/ims/{service_key}/audit", operation_id = "audit", tag = "audit", params(Audit))]
pub async fn own(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    uri: Uri,
) -> Result<Response, Stop> {
    let username = caller.whose(&service_key)?.username.clone();
    let seen = (*caller.username == *username).then(|| username.clone());
    told(door, &caller, uri.query(), Some(username), seen).await
}

/// Tells who changed what of everybody, the newest first, by page or as CSV; for operators.
#[utoipa::path(get, path = "/ims/{service_key}/audit/all", operation_id = "wholeAudit", tag = "audit", params(Audit))]
pub async fn whole(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    uri: Uri,
) -> Result<Response, Stop> {
    caller.whose(&service_key)?;
    told(door, &caller, uri.query(), None, None).await
}

async fn told(
    door: Arc<Door>,
    caller: &Caller,
    query: Option<&str>,
    username: Option<String>,
    seen: Option<String>,
) -> Result<Response, Stop> {
    let list = if username.is_some() { "audit" } else { "audit/all" };
    let query = Query::read(query, &["from", "to", "limit", "cursor", "format"])?;
    let (from, to) = (query.get("from"), query.get("to"));
    let Span(at_ms) = Span::read(&top("from"), from, &top("to"), to, LONGEST_DAYS, door.clock.now_ms())?;
    let (behind, most) = (query.behind::<AuditPlace>(list)?, query.limit()?);
    let asked = Asked { whose: Arc::clone(&caller.username), username, seen, at_ms };
    if query.csv()? {
        let of = Arc::clone(&door);
        let more = move |behind| {
            let (door, asked) = (Arc::clone(&of), asked.clone());
            async move { door.audited(asked, behind, PAGE).await }
        };
        return Ok(export(&door.exports, &caller.username, &list.replace('/', "-"), behind, more).await?);
    }
    let page = door.audited(asked, behind, most).await?;
    Ok(Answer::success(page.page(|behind| Cursor::behind(list, behind).write())).into_response())
}

impl Door {
    async fn audited(
        &self,
        Asked { whose, username, seen, at_ms }: Asked,
        behind: Option<AuditPlace>,
        most: u32,
    ) -> Result<Filling<AuditTold, AuditPlace>, Problem> {
        let found = self.editor(&whose)?.ask(move |editor| {
            Filling::fill(most, behind, |behind, rows| {
                let lines = editor.audit(username.as_deref(), &at_ms, behind, rows)?;
                let told = |line: Audited| (line.behind.clone(), AuditTold::of(line, seen.as_deref()));
                Ok(lines.into_iter().map(told).collect())
            })
        });
        found.await
    }
}
