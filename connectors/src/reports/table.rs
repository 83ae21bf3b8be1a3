//! What the sink writes.

use crate::sqlite::{Insert, SqliteSink, StoreError, Table};
use processors::ports::Logged;
use schemas::{Report, ReportKind, State};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnection;
use std::path::Path;

/// The sink of REPORT-* into a SQLite file.
pub type ReportSink = SqliteSink<ReportTable>;

/// The newest report of each message. All reports of a message stand in one partition, in the order of its states.
#[derive(Debug)]
pub struct ReportTable {
    insert: Insert,
}

/// Code of a refused duplicate (SPEC §3).
const DUPLICATE: &str = "2030";

impl ReportSink {
    /// Opens the store of reports, or makes it.
    pub fn reports(path: &Path) -> Result<Self, StoreError> {
        let insert = Insert::new(
            "INSERT INTO reports (track_id, username, service_key, message_id, duplicate, requested_at, report)",
            "ON CONFLICT (track_id) DO UPDATE SET report = excluded.report",
        );
        Self::open(path, ReportTable { insert })
    }
}

impl Table for ReportTable {
    type Record = Report;
    const NAME: &'static str = "report store";
    const MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite/reports");

    async fn write(&mut self, connection: &mut SqliteConnection, batch: &[Logged<Report>]) -> sqlx::Result<()> {
        let (late, states): (Vec<&Report>, Vec<&Report>) =
            batch.iter().map(|logged| &logged.record).partition(|report| report.kind == ReportKind::Late);
        self.insert
            .rows(&mut *connection, &states, |report, row| {
                let duplicate = report.state == State::Rejected && report.code == DUPLICATE;
                row.put(&report.track_id)?
                    .put(&report.username)?
                    .put(&report.service_key)?
                    .put(&report.message_id)?
                    .put(duplicate)?
                    .put(report.requested_at)?
                    .put(json(report)?)?;
                Ok(())
            })
            .await?;
        // Rare: a receipt after the end. It stands beside the report and changes nothing in it.
        for report in late {
            sqlx::query("UPDATE reports SET late = ? WHERE track_id = ?")
                .bind(json(report)?)
                .bind(&report.track_id)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }
}

fn json(report: &Report) -> sqlx::Result<String> {
    serde_json::to_string(report).map_err(|e| sqlx::Error::Encode(e.into()))
}
