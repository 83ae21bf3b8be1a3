//! GET …/stat: what became of the messages of some days.

use super::{
    params::{Statistics, StatisticsOfGroup},
    query::Query,
};
use crate::http::{
    answer::{Answer, Problem, bare},
    gate::Caller,
    routes::Door,
    stop::Stop,
    words::Words,
};
use axum::{
    Extension,
    extract::State,
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
    Words(service_key): Words<String>,
    uri: Uri,
) -> Result<Response, Stop> {
    caller.own(&service_key)?;
    let days = days(&Query::read(uri.query(), &["from", "to"])?)?;
    Ok(bare(&door.statistics(service_key, days).await?))
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
    Words((service_key, word)): Words<(String, String)>,
    uri: Uri,
) -> Result<Response, Stop> {
    let group = Group::of(&word).ok_or(Problem::NotFound)?;
    caller.own(&service_key)?;
    let query = Query::read(uri.query(), &["from", "to", "type"])?;
    let only = query.get("type").map(|word| group.message_type(&top("type"), word)).transpose()?;
    let days = days(&query)?;
    Ok(Answer::success(door.statistics(service_key, days).await?.group(group, only)).into_response())
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
