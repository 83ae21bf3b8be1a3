//! Looks reports up for requests.

use super::{answer::Problem, clerk::Clerk};
use connectors::{
    reports::{Found, ReportReader},
    sql::Location,
};
use std::io;

/// The store of reports.
pub struct Reports(Clerk<ReportReader>);

impl Reports {
    /// Opens nothing yet.
    pub fn start(store: Location) -> io::Result<Self> {
        Ok(Self(Clerk::start("http-reports", 1, move || ReportReader::open(&store))?))
    }

    /// What is known of the message that this id stands for: the newest that was not refused as a duplicate.
    pub async fn find(&self, username: &str, service_key: &str, message_id: &str) -> Result<Option<Found>, Problem> {
        let [username, service_key, message_id] = [username, service_key, message_id].map(str::to_owned);
        self.0.ask(move |reader| reader.current(&username, &service_key, &message_id)).await
    }
}
