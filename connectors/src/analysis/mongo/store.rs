//! MongoDB behind a blocking face: the driver is async, the engine's threads are not.

use super::{MongoSettings, NAME, setup};
use mongodb::error::{Error, ErrorKind, Result};
use mongodb::{Client, Database};
use processors::ports::Away;
use std::future::Future;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How long one batch or question may take before the server counts as away: a stalled one says nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the index of calls is waited for: over no events, or when it is there, the server has it at once.
const SOON: Duration = Duration::from_secs(5);
/// How long after a failure it is asked for again.
const AGAIN: Duration = Duration::from_secs(30);

/// One database. Nothing is asked before the first use; that makes what is missing in it.
pub(super) struct Store {
    settings: MongoSettings,
    /// With a thread of its own, on which the driver watches the members between two batches.
    runtime: Runtime,
    database: Option<Database>,
}

impl Store {
    pub(super) fn new(settings: MongoSettings) -> std::result::Result<Self, Away> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name(NAME).enable_all().build();
        let runtime = runtime.map_err(|e| Away { dependency: NAME, cause: format!("no thread for it: {e}") })?;
        Ok(Self { settings, runtime, database: None })
    }

    /// Runs work on the database and waits for it. A failure is an [`Away`]: whatever it was may be mended while the
    /// caller waits.
    pub(super) fn run<T>(&mut self, work: impl AsyncFnOnce(&Database) -> Result<T>) -> std::result::Result<T, Away> {
        let Self { settings, runtime, database } = self;
        let done = runtime.block_on(async {
            let work = async {
                let database = match database {
                    Some(database) => database,
                    None => database.insert(open(settings).await?),
                };
                work(database).await
            };
            let late = || Error::custom(format!("no answer within {PATIENCE:?}"));
            tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(late()))
        });
        done.map_err(|error| Away { dependency: NAME, cause: cause(&error) })
    }

    /// As if the process had been killed: nothing that was begun is ended, nothing is said to the server.
    #[cfg(test)]
    pub(super) fn kill(self) {
        self.runtime.shutdown_background();
    }
}

async fn open(settings: &MongoSettings) -> Result<Database> {
    let database = Client::with_options(settings.options().await?)?.database(settings.database());
    setup::prepare(&database, settings.keep()).await?;
    let of = database.clone();
    let index = move || {
        let of = of.clone();
        async move { setup::find_calls(&of).await }
    };
    if !build(SOON, index).await {
        tracing::info!(
            "MongoDB builds the index by which calls of a message are found: with many events it takes long, and they are \
             written meanwhile"
        );
    }
    Ok(database)
}

/// Has something built for as long as that takes, and waits a little for it. Whether it was built by then.
async fn build<B>(soon: Duration, build: impl Fn() -> B + Send + Sync + 'static) -> bool
where
    B: Future<Output = Result<()>> + Send + 'static,
{
    let mut building = tokio::spawn(async move {
        while let Err(error) = build().await {
            tracing::warn!(cause = cause(&error), "MongoDB has not built the index of calls: it is asked again");
            tokio::time::sleep(AGAIN).await;
        }
    });
    if tokio::time::timeout(soon, &mut building).await.is_ok() {
        return true;
    }
    tokio::spawn(async move {
        if building.await.is_ok() {
            tracing::info!("MongoDB has built the index of calls");
        }
    });
    false
}

/// What the driver says, without its picture of the whole cluster.
fn cause(error: &Error) -> String {
    match &*error.kind {
        ErrorKind::ServerSelection { message, .. } => message.clone(),
        ErrorKind::Custom(told) => match told.downcast_ref::<String>() {
            Some(told) => told.clone(),
            None => error.kind.to_string(),
        },
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test]
    async fn what_the_server_builds_for_long_keeps_nobody_waiting() {
        assert!(!build(Duration::ZERO, pending::<Result<()>>).await);
        assert!(build(PATIENCE, || ready(Ok(()))).await);
    }
}
