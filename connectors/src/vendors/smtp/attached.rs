//! The files of a mail, as their customer uploaded them.

use super::{mail::NoMail, reply};
use crate::files::{File, FileStore};
use processors::{ports::Reply, seldom::Seldom};
use schemas::Dispatch;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

/// Mails with files that a process has in its memory at a time: each may be 30 MB, and as much again as it is written.
pub const AT_A_TIME: usize = 4;

static WAITS: Seldom = Seldom::new();

/// What a mail has with it, and the place that it holds until it has left.
pub struct Attached<'p> {
    /// In the order in which the message names them.
    pub files: Vec<File>,
    _place: Option<SemaphorePermit<'p>>,
}

/// Reads them; else what comes of the step.
pub async fn read<'p>(
    dispatch: &Dispatch,
    store: Option<&FileStore>,
    places: &'p Semaphore,
    by: Instant,
) -> Result<Attached<'p>, Reply> {
    let keys = &dispatch.accepted.content.attach_file_list;
    if keys.is_empty() {
        return Ok(Attached { files: Vec::new(), _place: None });
    }
    let none = || reply::code(NoMail::Files.code()).unasked();
    let store = store.ok_or_else(none)?;
    let place = timeout_at(by, places.acquire()).await;
    let place = place.ok().and_then(Result::ok).ok_or_else(|| Reply::NotSent("too many files at a time".into()))?;
    let mut files = Vec::with_capacity(keys.len());
    for key in keys {
        match store.read(&dispatch.accepted.username, key).await {
            Ok(Some(file)) => files.push(file),
            Ok(None) => return Err(none()),
            Err(error) => {
                if WAITS.is_news("") {
                    tracing::warn!(%error, "a mail waits for its files; others are told once a minute");
                }
                // Of the mail server it says nothing.
                return Err(reply::code("4.3.0").unasked());
            }
        }
    }
    Ok(Attached { files, _place: Some(place) })
}
