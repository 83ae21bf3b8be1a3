//! A sink whose rows and offsets stand in one file: exactly once, whatever crashes.

use super::{Database, StoreError};
use processors::ports::{Away, Logged, Move, Sink, Written};
use schemas::Topic;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnection;
use std::path::Path;

/// What one sink stores; its file also has the table `offsets (topic, partition, next)`.
pub trait Table: Send {
    /// What it takes.
    type Record: Sync;
    /// What /health/ready calls it.
    const NAME: &'static str;
    /// Its file's migrations.
    const MIGRATIONS: Migrator;

    /// Writes a batch inside the transaction that moves its offsets.
    fn write(
        &mut self,
        connection: &mut SqliteConnection,
        batch: &[Logged<Self::Record>],
    ) -> impl Future<Output = sqlx::Result<()>>;
}

/// A sink into a SQLite file.
#[derive(Debug)]
pub struct SqliteSink<T> {
    database: Database,
    table: T,
}

impl<T: Table> SqliteSink<T> {
    /// Opens the file, or makes it.
    pub fn open(path: &Path, table: T) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(T::NAME, path, &T::MIGRATIONS)?, table })
    }
}

impl<T: Table> Sink<T::Record> for SqliteSink<T> {
    fn positions(&mut self, places: &[(Topic, i32)]) -> Result<Vec<Option<i64>>, Away> {
        self.database.run(async |connection| {
            let mut positions = Vec::with_capacity(places.len());
            for (topic, partition) in places {
                let next = sqlx::query_scalar("SELECT next FROM offsets WHERE topic = ? AND partition = ?")
                    .bind(topic.name())
                    .bind(partition);
                positions.push(next.fetch_optional(&mut *connection).await?);
            }
            Ok(positions)
        })
    }

    fn write(&mut self, batch: &[Logged<T::Record>], moves: &[Move]) -> Result<Written, Away> {
        let Self { database, table } = self;
        let written = database.transact(async |connection| {
            for step in moves {
                if !advance(connection, step).await? {
                    return Ok(None);
                }
            }
            table.write(connection, batch).await?;
            Ok(Some(()))
        })?;
        Ok(if written.is_some() { Written::Moved } else { Written::Stale })
    }
}

/// Moves one position, when it still stands where the batch was read from.
async fn advance(connection: &mut SqliteConnection, step: &Move) -> sqlx::Result<bool> {
    let moved = match step.from {
        Some(from) => sqlx::query("UPDATE offsets SET next = ?1 WHERE topic = ?2 AND partition = ?3 AND next = ?4")
            .bind(step.to)
            .bind(step.topic.name())
            .bind(step.partition)
            .bind(from),
        None => sqlx::query("INSERT INTO offsets (next, topic, partition) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
            .bind(step.to)
            .bind(step.topic.name())
            .bind(step.partition),
    };
    Ok(moved.execute(connection).await?.rows_affected() == 1)
}
