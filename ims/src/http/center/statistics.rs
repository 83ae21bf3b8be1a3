//! GET …/stat: what became of the messages of some days.

use super::{
    params::{Statistics, StatisticsOfGroup},
    query::Query,
};
use crate::http::{
    answer::{Answer, Problem, bare},
    gate::Caller,
    routes::{Door, own},
};
use axum::{
    Extension,
    extract::{Path, State, rejection::PathRejection},
    http::Uri,
    response::{IntoResponse, Response},
};
use processors::{
    center::{Counts, Days, Group, Whole},
    refusal::Refusal,
    rules::field::top,
};
use std::sync::Arc;

/// Tells what became of the messages of some days, in all channels.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/stat",
    operation_id = "statistics",
    tag = "statistics",
    params(Statistics)
)]
pub async fn whole(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    let Path(service_key) = path.map_err(|_| Problem::NotFound)?;
    if let Err(answer) = own::<Whole>(&caller, &service_key) {
        return Ok(answer.into_response());
    }
    let read = Query::read(uri.query(), &["from", "to"]).and_then(|query| days(&query));
    Ok(match read {
        Ok(days) => bare(&door.statistics(service_key, days).await?),
        Err(refusal) => Answer::<Whole>::from(refusal).into_response(),
    })
}

/// The same of one group of channels, all types or one.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/stat/{group}",
    operation_id = "statisticsOfGroup",
    tag = "statistics",
    params(StatisticsOfGroup)
)]
pub async fn group(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    let Path((service_key, word)) = path.map_err(|_| Problem::NotFound)?;
    let group = Group::of(&word).ok_or(Problem::NotFound)?;
    if let Err(answer) = own::<Whole>(&caller, &service_key) {
        return Ok(answer.into_response());
    }
    let read = Query::read(uri.query(), &["from", "to", "type"]).and_then(|query| {
        let only = query.get("type").map(|word| group.message_type(&top("type"), word)).transpose()?;
        Ok((days(&query)?, only))
    });
    Ok(match read {
        Ok((days, only)) => {
            Answer::success(door.statistics(service_key, days).await?.group(group, only)).into_response()
        }
        Err(refusal) => Answer::<Whole>::from(refusal).into_response(),
    })
}

fn days(query: &Query<'_>) -> Result<Days, Refusal> {
    Days::read(&top("from"), query.get("from"), &top("to"), query.get("to"))
}

impl Door {
    async fn statistics(&self, service_key: String, Days { from, to }: Days) -> Result<Whole, Problem> {
        let (from, to) = (from.to_string(), to.to_string());
        let rows = self.history.ask(move |reader| reader.statistics(&service_key, &from, &to)).await?;
        let mut whole = Whole::default();
        for row in rows {
            let counts = Counts { total: row.total, success: row.success, fail: row.fail };
            whole.add(row.channel, row.message_type, counts);
        }
        Ok(whole)
    }
}
