//! GET …/stat: what became of the messages of some days.

use super::{
    csv::Line,
    export,
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
use connectors::history::DayStatistics;
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
    let query = Query::read(uri.query(), &["from", "to", "format"])?;
    let (days, csv) = (days(&query)?, query.csv()?);
    let rows = door.statistics(&caller.username, service_key, days).await?;
    // RCS has no place among them.
    let shown = |row: &DayStatistics| Group::with(row.channel).is_some();
    Ok(if csv { export::whole("stat", rows.into_iter().filter(shown).collect()) } else { bare(&added(&rows)) })
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
    let query = Query::read(uri.query(), &["from", "to", "type", "format"])?;
    let only = query.get("type").map(|word| group.message_type(&top("type"), word)).transpose()?;
    let (days, csv) = (days(&query)?, query.csv()?);
    let rows = door.statistics(&caller.username, service_key, days).await?;
    if csv {
        let shown = |row: &DayStatistics| {
            Group::with(row.channel) == Some(group) && only.is_none_or(|only| only == row.message_type)
        };
        let name = format!("stat-{}", group.as_str());
        return Ok(export::whole(&name, rows.into_iter().filter(shown).collect()));
    }
    Ok(Answer::success(added(&rows).group(group, only)).into_response())
}

fn days(query: &Query<'_>) -> Result<Days, Refusal> {
    Days::read(&top("from"), query.get("from"), &top("to"), query.get("to"))
}

/// A line for each day and type.
impl Line for DayStatistics {
    const COLUMNS: &'static [&'static str] = &[
        "day",
        "channel",
        "message_type",
        "total",
        "success",
        "fail",
        "uncertain",
        "expired",
        "cancelled",
        "fallback",
        "fallback_success",
    ];

    fn cells(self) -> Vec<String> {
        let counts = [self.total, self.success, self.fail, self.uncertain, self.expired, self.cancelled];
        let counts = counts.into_iter().chain([self.fallback, self.fallback_success]).map(|count| count.to_string());
        let words = [self.day, self.channel.as_str().to_owned(), Group::name(self.message_type).to_owned()];
        words.into_iter().chain(counts).collect()
    }
}

fn added(rows: &[DayStatistics]) -> Whole {
    let mut whole = Whole::default();
    for row in rows {
        let counts = Counts { total: row.total, success: row.success, fail: row.fail };
        whole.add(row.channel, row.message_type, counts);
    }
    whole
}

impl Door {
    async fn statistics(
        &self,
        whose: &Arc<str>,
        service_key: String,
        Days { from, to }: Days,
    ) -> Result<Vec<DayStatistics>, Problem> {
        let (from, to) = (from.to_string(), to.to_string());
        self.history.of(Arc::clone(whose)).ask(move |reader| reader.statistics(&service_key, &from, &to)).await
    }
}
