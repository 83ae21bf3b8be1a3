//! Looks reports up for requests, on a thread of its own with one connection.

use super::answer::Problem;
use connectors::{
    reports::{Found, ReportReader},
    sql::Location,
};
use std::{io, thread, time::Duration};
use tokio::sync::{mpsc, oneshot};

/// Questions that may wait; more are told to come again.
const WAITING: usize = 256;
/// How long a caller waits for its answer.
const PATIENCE: Duration = Duration::from_secs(5);

struct Question {
    username: String,
    service_key: String,
    message_id: String,
    answer: oneshot::Sender<Option<Found>>,
}

/// The store of reports.
#[derive(Clone)]
pub struct Reports {
    to: mpsc::Sender<Question>,
}

impl Reports {
    /// Starts the thread, which ends with the last clone. The store is opened at the first question.
    pub fn start(store: Location) -> io::Result<Self> {
        let (to, from) = mpsc::channel(WAITING);
        thread::Builder::new().name("http-reports".into()).spawn(move || work(&store, from))?;
        Ok(Self { to })
    }

    /// What is known of the message that this id stands for: the newest that was not refused as a duplicate.
    pub async fn find(&self, username: &str, service_key: &str, message_id: &str) -> Result<Option<Found>, Problem> {
        let (answer, told) = oneshot::channel();
        let question = Question {
            username: username.to_owned(),
            service_key: service_key.to_owned(),
            message_id: message_id.to_owned(),
            answer,
        };
        self.to.try_send(question).map_err(|_| Problem::TooMany)?;
        match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(_)) | Err(_) => Err(Problem::StoreAway),
        }
    }
}

fn work(store: &Location, mut from: mpsc::Receiver<Question>) {
    let mut reader = None;
    while let Some(Question { username, service_key, message_id, answer }) = from.blocking_recv() {
        if answer.is_closed() {
            continue;
        }
        let opened = match &mut reader {
            Some(reader) => Ok(reader),
            None => ReportReader::open(store).map(|opened| reader.insert(opened)),
        };
        let found = opened
            .map_err(|error| error.to_string())
            .and_then(|reader| reader.current(&username, &service_key, &message_id).map_err(|away| away.to_string()));
        match found {
            // Who gave up asks again.
            Ok(found) => drop(answer.send(found)),
            Err(cause) => tracing::warn!(cause, "reports cannot be read"),
        }
    }
}
