//! What the sink writes.

use crate::sql::{Arguments, Connection, Insert, Location, Merge, Schema, SqlSink, StoreError, Table, embedded};
use processors::ports::{Logged, Refused};
use rustc_hash::FxHashMap;
use schemas::{Report, ReportKind, State};

/// The sink of REPORT-*.
pub type ReportSink = SqlSink<ReportTable>;

/// The newest report of each message. All reports of a message stand in one partition, in the order of its states.
#[derive(Debug)]
pub struct ReportTable {
    insert: Insert,
}

/// Code of a refused duplicate (SPEC §3).
const DUPLICATE: &str = "2030";

impl ReportSink {
    /// Opens the store of reports, or makes it.
    pub fn reports(location: &Location) -> Result<Self, StoreError> {
        let insert = Insert::new(
            &format!(
                "{} reports (track_id, username, service_key, message_id, duplicate, requested_at, report)",
                location.dialect().insert_in_transaction()
            ),
            &location.dialect().on_conflict("track_id", Merge::Replace, &["report"]),
        );
        Self::open(location, ReportTable { insert })
    }
}

impl Table for ReportTable {
    type Record = Report;
    const SCHEMA: Schema = Schema { name: "report store", file: embedded::REPORTS, server: embedded::SERVER };

    async fn write(&mut self, connection: &mut Connection, batch: &[Logged<Report>]) -> sqlx::Result<Vec<Refused>> {
        let reports = batch.iter().map(|logged| &logged.record).enumerate();
        let (late, states): (Vec<_>, Vec<_>) = reports.partition(|(_, report)| report.kind == ReportKind::Late);
        let states = newest_of_each(states);
        let mut refused = self.insert.rows(connection, &states, |(_, report), row| bind(report, row)).await?.refused;
        for Refused { row, .. } in &mut refused {
            *row = states[*row].0;
        }
        // Rare: a receipt after the end. It stands beside the report and changes nothing in it.
        for (_, report) in late {
            let beside = connection.query("UPDATE reports SET late = ? WHERE track_id = ?");
            beside.bind(json(report)?).bind(&report.track_id).execute().await?;
        }
        Ok(refused)
    }
}

/// A batch often has several reports of a message: the newest in the place of the first, which is all that would be left.
fn newest_of_each<'r>(states: Vec<(usize, &'r Report)>) -> Vec<(usize, &'r Report)> {
    let mut places: FxHashMap<&'r str, usize> = FxHashMap::default();
    let mut newest: Vec<(usize, &'r Report)> = Vec::with_capacity(states.len());
    for (row, report) in states {
        let place = *places.entry(&report.track_id).or_insert(newest.len());
        match newest.get_mut(place) {
            Some(older) => *older = (row, report),
            None => newest.push((row, report)),
        }
    }
    newest
}

fn bind<'q>(report: &'q Report, row: &mut Arguments<'q>) -> sqlx::Result<()> {
    let duplicate = report.state == State::Rejected && report.code == DUPLICATE;
    row.put(report.track_id.as_str())?
        .put(report.username.as_str())?
        .put(report.service_key.as_str())?
        .put(report.message_id.as_str())?
        .put(duplicate)?
        .put(report.requested_at)?
        .put(json(report)?)?;
    Ok(())
}

fn json(report: &Report) -> sqlx::Result<String> {
    serde_json::to_string(report).map_err(|e| sqlx::Error::Encode(e.into()))
}
