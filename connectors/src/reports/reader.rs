//! What is asked of reports.

use super::ReportTable;
use crate::sql::{Database, Location, Record, StoreError, Table};
use processors::ports::Away;
use schemas::Report;

/// Reads beside the sink, on a connection of its own.
#[derive(Debug)]
pub struct ReportReader {
    database: Database,
}

/// What is known of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its newest state.
    pub report: Report,
    /// The newest word that came after its end, for example a receipt for an uncertain message.
    pub late: Option<Report>,
}

impl ReportReader {
    /// Opens the store of reports, or makes it.
    pub fn open(location: &Location) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(location, &ReportTable::SCHEMA)? })
    }

    /// The message of a track_id.
    pub fn by_track_id(&mut self, track_id: &str) -> Result<Option<Found>, Away> {
        self.database.run(async |connection| {
            let row = connection.query("SELECT report, late FROM reports WHERE track_id = ?").bind(track_id);
            row.fetch_optional().await?.as_ref().map(found).transpose()
        })
    }

    /// A customer's messages of one message_id, of all its service keys or of one: the newest first, refused duplicates
    /// after all messages that were not, at most `most`. The first is what the id stands for.
    pub fn by_message_id(
        &mut self,
        username: &str,
        service_key: Option<&str>,
        message_id: &str,
        most: u32,
    ) -> Result<Vec<Found>, Away> {
        self.database.run(async |connection| {
            let rows = connection.query(
                "SELECT report, late FROM reports
                 WHERE username = ? AND message_id = ? AND (? IS NULL OR service_key = ?)
                 ORDER BY duplicate, requested_at DESC, track_id DESC LIMIT ?",
            );
            let rows = rows.bind(username).bind(message_id).bind(service_key).bind(service_key).bind(most);
            let rows = rows.fetch_all().await?;
            rows.iter().map(found).collect()
        })
    }

    /// The message that an id of a service key stands for, as it was told last: the newest that is no refused duplicate.
    pub fn current(&mut self, username: &str, service_key: &str, message_id: &str) -> Result<Option<Found>, Away> {
        self.database.run(async |connection| {
            let row = connection.query(
                "SELECT report, late FROM reports
                 WHERE username = ? AND message_id = ? AND service_key = ? AND NOT duplicate
                 ORDER BY requested_at DESC, track_id DESC LIMIT 1",
            );
            let row = row.bind(username).bind(message_id).bind(service_key).fetch_optional().await?;
            row.as_ref().map(found).transpose()
        })
    }
}

fn found(row: &Record) -> sqlx::Result<Found> {
    let report = |json: &str| serde_json::from_str(json).map_err(|e| sqlx::Error::Decode(e.into()));
    let late: Option<&str> = row.get("late")?;
    Ok(Found { report: report(row.get("report")?)?, late: late.map(report).transpose()? })
}
