//! Who wants no ads of a customer.

use super::{
    page::{Filling, Page},
    params::{Listed, Own},
    query::Query,
    recipients,
};
use crate::{
    http::{
        answer::Answer,
        gate::Caller,
        routes::Door,
        stop::{Stop, Told},
        words::Words,
    },
    moment::iso,
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, Uri},
};
use connectors::reference::RefusalPlace;
use processors::{
    center::{Cursor, opt_out::Source},
    reference::OptOut,
    refusal::{Code, Refusal},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

const LIST: &str = "opt-outs";

/// One opt-out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OptOut)]
pub struct OptOutTold {
    /// Number in international digits, address, or id in the customer's app.
    pub recipient: String,
    /// call (080), click (one-click unsubscribe), customer or import.
    pub source: &'static str,
    /// When we were told.
    pub refused_at: String,
}

impl From<connectors::reference::Refusal> for OptOutTold {
    fn from(one: connectors::reference::Refusal) -> Self {
        Self { recipient: one.out.recipient, source: one.source.as_str(), refused_at: iso(one.refused_at_ms) }
    }
}

/// Recipients.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OptOuts)]
pub struct Recipients {
    /// Numbers and addresses.
    #[serde(default)]
    recipients: Vec<String>,
    /// Ids in the customer's app.
    #[serde(default)]
    app_user_ids: Vec<String>,
    /// call, click or customer; customer when it is not said.
    source: Option<String>,
}

/// How many were new, or gone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Counted)]
pub struct Count {
    /// Those that were not there before, or are not any more.
    pub count: u64,
}

impl Recipients {
    fn outs(self, username: &str) -> Result<Vec<OptOut>, Refusal> {
        let named = recipients::named(&self.recipients, &self.app_user_ids)?.into_iter();
        Ok(named.map(|of| OptOut { username: username.to_owned(), recipient: of.recipient }).collect())
    }
}

/// Lists who wants no ads, the oldest first.
#[utoipa::path(get, path = "/ims/{service_key}/opt-outs", operation_id = "optOuts", tag = "opt-outs", params(Listed))]
pub async fn list(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    uri: Uri,
) -> Told<Page<OptOutTold>> {
    let username = caller.whose(&service_key)?.username.clone();
    let query = Query::read(uri.query(), &["limit", "cursor"])?;
    let (behind, most) = (query.behind::<RefusalPlace>(LIST)?, query.limit()?);
    let found = door.editor(&caller.username)?.ask(move |editor| {
        Filling::fill(most, behind, |behind, rows| {
            let refusals = editor.refusals(&username, behind, rows)?;
            Ok(refusals.into_iter().map(|one| (one.behind.clone(), OptOutTold::from(one))).collect())
        })
    });
    Ok(Answer::success(found.await?.page(|behind| Cursor::behind(LIST, behind).write())))
}

/// Adds opt-outs: in force at once, and never forgotten by an import.
#[utoipa::path(post, path = "/ims/{service_key}/opt-outs", operation_id = "addOptOuts", tag = "opt-outs", params(Own))]
pub async fn add(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<Count> {
    let recipients: Recipients = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    let source = match recipients.source.as_deref() {
        None => Source::Customer,
        Some(word) => Source::of(word)
            .filter(|source| *source != Source::Import)
            .ok_or_else(|| Refusal::named(Code::BadRequest, "source", "call, click or customer is allowed"))?,
    };
    let (outs, by) = (recipients.outs(&username)?, door.by(&caller));
    let count = door.editor(&caller.username)?.ask(move |editor| editor.refuse(&by, &username, &outs, source)).await?;
    Ok(Answer::success(Count { count: count.map_err(Stop::from)? }))
}

/// Takes opt-outs back: they agreed to ads again. They stand in the body, because paths stand in logs.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/opt-outs/remove",
    operation_id = "removeOptOuts",
    tag = "opt-outs",
    params(Own)
)]
pub async fn remove(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<Count> {
    let recipients: Recipients = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    if recipients.source.is_some() {
        return Err(Refusal::named(Code::BadRequest, "source", "is none of what is taken back").into());
    }
    let (outs, by) = (recipients.outs(&username)?, door.by(&caller));
    let count = door.editor(&caller.username)?.ask(move |editor| editor.accept(&by, &outs)).await?;
    Ok(Answer::success(Count { count }))
}
