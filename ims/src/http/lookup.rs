//! Looks reports up for requests.

use super::{answer::Problem, clerk::Clerk};
use connectors::{
    reports::{Found, ReportReader},
    sql::Location,
};
use std::{io, sync::Arc};

/// Questions at a time.
const THREADS: usize = 2;

/// The store of reports.
pub struct Reports(Clerk<ReportReader>);

impl Reports {
    /// Opens nothing yet.
    pub fn start(store: Location) -> io::Result<Self> {
        Ok(Self(Clerk::start("http-reports", THREADS, move || ReportReader::open(&store))?))
    }

    /// What is known of the message that this id stands for: the newest that was not refused as a duplicate.
    pub async fn find(
        &self,
        username: &Arc<str>,
        service_key: &str,
        message_id: &str,
    ) -> Result<Option<Found>, Problem> {
        let [service_key, message_id] = [service_key, message_id].map(str::to_owned);
        let whose = Arc::clone(username);
        self.0.of(Arc::clone(username)).ask(move |reader| reader.current(&whose, &service_key, &message_id)).await
    }
}
