//! A store behind a blocking face.

use super::{Connection, Dialect, Location, Schema, StoreError, dialect::is_locked};
use processors::ports::Away;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// How long a server may take for one transaction before it counts as away: a stalled one keeps the connection open and
/// says nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a connection to a server may rest and be used again: half of the time after which the server gives it up.
const REST: Duration = Duration::from_secs(10);

/// One connection to one store, made anew when the server went away.
///
/// Commits survive the process (kill -9). A SQLite file may lose the newest after a power loss, whole transactions at a
/// time, offsets with their rows; of a server this is the server's setting.
#[derive(Debug)]
pub struct Database {
    location: Location,
    connection: Option<Connection>,
    runtime: Runtime,
    name: &'static str,
    patience: Duration,
    /// When the connection was last used.
    used: Instant,
}

impl Database {
    /// Connects, makes a file when it is missing, and brings the store to this program's version.
    pub fn open(location: &Location, schema: &Schema) -> Result<Self, StoreError> {
        let mut database = Self::connect(location, schema)?;
        database.with(async |connection| schema.bring_up(location, connection).await)?;
        Ok(database)
    }

    /// The same without a look at its version.
    pub fn connect(location: &Location, schema: &Schema) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| location.refused(&e))?;
        let connection = Some(runtime.block_on(location.connect())?);
        Ok(Self {
            location: location.clone(),
            connection,
            runtime,
            name: schema.name,
            patience: PATIENCE,
            used: Instant::now(),
        })
    }

    /// With more time for a transaction, where a single one writes very much.
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Work on a store that is being opened.
    pub(crate) fn with<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Self { location, connection, runtime, .. } = self;
        runtime.block_on(async {
            let mut used = match connection.take() {
                Some(connection) => connection,
                None => location.connect().await?,
            };
            let done = work(&mut used).await?;
            *connection = Some(used);
            Ok(done)
        })
    }

    /// Runs statements and waits for them. A failure is an [`Away`]: a full disk, a locked file or a server that is
    /// gone may be mended while the caller waits.
    pub fn run<T>(&mut self, work: impl AsyncFnOnce(&mut Connection) -> sqlx::Result<T>) -> Result<T, Away> {
        let Self { location, connection, runtime, name, patience, used: last } = self;
        let away = |cause: String| Away { dependency: name, cause };
        if last.elapsed() > REST && location.dialect() == Dialect::MySql {
            *connection = None;
        }
        runtime.block_on(async {
            let mut used = match connection.take() {
                Some(connection) => connection,
                None => location.connect().await.map_err(|e| away(e.to_string()))?,
            };
            let done = match &used {
                Connection::Sqlite(_) => work(&mut used).await,
                Connection::MySql(_) => {
                    let told = tokio::time::timeout(*patience, work(&mut used)).await;
                    told.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
                }
            };
            // What a connection that failed still holds is unknown: the server takes it back when it is closed.
            if done.is_ok() || matches!(used, Connection::Sqlite(_)) {
                *connection = Some(used);
                *last = Instant::now();
            }
            done.map_err(|e| away(e.to_string()))
        })
    }

    /// Reads, by several statements, what stood in the store at one moment.
    pub fn snapshot<T>(&mut self, work: impl AsyncFnOnce(&mut Connection) -> sqlx::Result<T>) -> Result<T, Away> {
        self.run(async |connection| {
            connection.begin_reading().await?;
            let done = work(connection).await;
            // Nothing was written: either word ends it.
            match connection.execute("COMMIT").await {
                Ok(()) => done,
                Err(error) => done.and(Err(error)),
            }
        })
    }

    /// Runs statements that become visible together or, when one fails or `keep` says no, not at all.
    pub fn transact<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Connection) -> sqlx::Result<T>,
        keep: impl FnOnce(&T) -> bool,
    ) -> Result<T, Away> {
        self.run(async |connection| transaction(connection, work, keep).await)
    }

    /// The same with another patience for what other writers hold; None, and nothing was done, when they held it for
    /// longer.
    pub fn transact_within<T>(
        &mut self,
        longest: Duration,
        work: impl AsyncFnOnce(&mut Connection) -> sqlx::Result<T>,
        keep: impl FnOnce(&T) -> bool,
    ) -> Result<Option<T>, Away> {
        self.run(async |connection| {
            connection.wait_for_locks(longest).await?;
            match transaction(connection, work, keep).await {
                Ok(done) => Ok(Some(done)),
                Err(error) if is_locked(&error) => {
                    if connection.dialect() == Dialect::MySql {
                        connection.execute("ROLLBACK").await?;
                    }
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        })
    }
}

async fn transaction<T>(
    connection: &mut Connection,
    work: impl AsyncFnOnce(&mut Connection) -> sqlx::Result<T>,
    keep: impl FnOnce(&T) -> bool,
) -> sqlx::Result<T> {
    connection.begin().await?;
    let done = match work(connection).await {
        Ok(done) if keep(&done) => connection.execute("COMMIT").await.map(|()| done),
        Ok(done) => connection.execute("ROLLBACK").await.map(|()| done),
        Err(error) => Err(error),
    };
    if done.is_err() && connection.dialect() == Dialect::Sqlite {
        // A server rolls back when `run` gives up the connection. The first error is the one to tell: SQLite may have
        // rolled back by itself.
        let _ = connection.execute("ROLLBACK").await;
    }
    done
}
