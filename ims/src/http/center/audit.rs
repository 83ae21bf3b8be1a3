//! Who changed what.

use super::{
    history::iso,
    page::{Filling, Page},
    params::Audit,
    query::Query,
};
use crate::http::{
    answer::Answer,
    gate::Caller,
    routes::Door,
    stop::{Stop, Told},
    words::Words,
};
use axum::{Extension, extract::State, http::Uri};
use connectors::reference::{AuditPlace, Audited};
use processors::{
    center::{Cursor, LONGEST_DAYS, Span},
    rules::field::top,
};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
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

/// Tells who changed what of a customer, the newest first.
#[utoipa::path(get, path = "/ims/{service_key}/audit", operation_id = "audit", tag = "audit", params(Audit))]
pub async fn own(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    uri: Uri,
) -> Told<Page<AuditTold>> {
    let username = caller.whose(&service_key)?.username.clone();
    let seen = (*caller.username == *username).then(|| username.clone());
    door.audited(uri.query(), Some(username), seen).await
}

/// Tells who changed what of everybody, the newest first; for operators.
#[utoipa::path(get, path = "/ims/{service_key}/audit/all", operation_id = "wholeAudit", tag = "audit", params(Audit))]
pub async fn whole(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    uri: Uri,
) -> Told<Page<AuditTold>> {
    caller.whose(&service_key)?;
    door.audited(uri.query(), None, None).await
}

impl Door {
    async fn audited(
        &self,
        query: Option<&str>,
        username: Option<String>,
        seen: Option<String>,
    ) -> Result<Answer<Page<AuditTold>>, Stop> {
        let list = if username.is_some() { "audit" } else { "audit/all" };
        let query = Query::read(query, &["from", "to", "limit", "cursor"])?;
        let (from, to) = (query.get("from"), query.get("to"));
        let Span(at_ms) = Span::read(&top("from"), from, &top("to"), to, LONGEST_DAYS, self.clock.now_ms())?;
        let (behind, most) = (query.behind::<AuditPlace>(list)?, query.limit()?);
        let found = self.editor()?.ask(move |editor| {
            Filling::fill(most, behind, |behind, rows| {
                let lines = editor.audit(username.as_deref(), &at_ms, behind, rows)?;
                let told = |line: Audited| (line.behind.clone(), AuditTold::of(line, seen.as_deref()));
                Ok(lines.into_iter().map(told).collect())
            })
        });
        Ok(Answer::success(found.await?.page(|behind| Cursor::behind(list, behind).write())))
    }
}
