//! GET …/callback/calls: every call of a customer's endpoint for one of its messages.

use super::{params::CallsOf, query::Query};
use crate::{
    calls::CallTold,
    http::{
        answer::Answer,
        clerk::Clerk,
        gate::Caller,
        routes::{Door, not_found},
        stop::Told,
        words::Words,
    },
    stores::AnalysisStore,
};
use axum::{Extension, extract::State, http::Uri};
use connectors::analysis::Analysis;
use processors::{
    ports::Away,
    refusal::{Code, Refusal},
    rules::{field::top, text},
};
use schemas::TrackId;
use std::{io, sync::Arc};

const NAMES: [&str; 2] = ["message_id", "track_id"];
/// Questions at a time.
const THREADS: usize = 2;

/// Where calls are asked for.
pub type Calls = Clerk<Box<dyn Analysis>>;

/// Opens nothing yet. A file that the analyzer has not made is not made here: it would know of no call.
pub fn ask_of(store: AnalysisStore) -> io::Result<Calls> {
    Clerk::start("http-analysis", THREADS, move || {
        store.is_there().map_err(|cause| Away { dependency: "analysis store", cause })?;
        store.reader()
    })
}

/// Tells every call for a message, in the order in which they ended.
///
/// By its message_id, or by its track_id. Calls are there within a second of their end.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/callback/calls",
    operation_id = "callbackCalls",
    tag = "callbacks",
    params(CallsOf)
)]
pub async fn find(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    uri: Uri,
) -> Told<Vec<CallTold>> {
    caller.own(&service_key)?;
    let query = Query::read(uri.query(), &NAMES)?;
    let track_id = match (query.get("message_id"), query.get("track_id")) {
        (Some(id), None) => {
            text::at_most(Code::BadRequest, &top("message_id"), id, 30)?;
            let found = door.reports.find(&caller.username, &service_key, id).await?;
            found.ok_or_else(not_found)?.report.track_id
        }
        (None, Some(id)) => {
            let known = id.parse::<TrackId>().map_err(|error| Refusal::bad(&top("track_id"), error))?;
            known.to_string()
        }
        _ => return Err(Refusal::bad(&top("message_id"), "either message_id or track_id must be given").into()),
    };
    let mut calls = door.calls.of(Arc::clone(&caller.username)).ask(move |analysis| analysis.calls(&track_id)).await?;
    calls.retain(|call| call.service_key == service_key);
    Ok(Answer::success(calls.into_iter().map(CallTold::from).collect()))
}
