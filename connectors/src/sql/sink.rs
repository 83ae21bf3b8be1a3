//! A sink whose rows and offsets stand in one store: exactly once, whatever crashes.

use super::{Connection, Database, Location, Schema, StoreError};
use processors::ports::{Away, Logged, Move, Refused, Sink, Written};
use schemas::Topic;

/// What one sink stores, beside the table `offsets (topic, partition, next)`.
pub trait Table: Send {
    /// What it takes.
    type Record: Sync;
    /// Its tables.
    const SCHEMA: Schema;

    /// Writes a batch inside the transaction that moves its offsets. Answers the rows that can never be stored; when
    /// there are any, nothing of the batch stays.
    fn write(
        &mut self,
        connection: &mut Connection,
        batch: &[Logged<Self::Record>],
    ) -> impl Future<Output = sqlx::Result<Vec<Refused>>>;

    /// The same in a new transaction, after [`Table::write`] met a row whose unique key is stored already.
    fn write_what_is_new(
        &mut self,
        connection: &mut Connection,
        batch: &[Logged<Self::Record>],
    ) -> impl Future<Output = sqlx::Result<Vec<Refused>>> {
        self.write(connection, batch)
    }
}

/// A sink into a SQLite file, or into MySQL or MariaDB.
#[derive(Debug)]
pub struct SqlSink<T> {
    database: Database,
    table: T,
}

impl<T: Table> SqlSink<T> {
    /// Opens the store, or makes it.
    pub fn open(location: &Location, table: T) -> Result<Self, StoreError> {
        Ok(Self::over(Database::open(location, &T::SCHEMA)?, table))
    }

    /// Over a store that was opened.
    pub(crate) fn over(database: Database, table: T) -> Self {
        Self { database, table }
    }
}

impl<T: Table> Sink<T::Record> for SqlSink<T> {
    fn positions(&mut self, places: &[(Topic, i32)]) -> Result<Vec<Option<i64>>, Away> {
        self.database.run(async |connection| {
            let mut positions = Vec::with_capacity(places.len());
            for (topic, partition) in places {
                let next = connection.query("SELECT next FROM offsets WHERE topic = ? AND `partition` = ?");
                let next = next.bind(topic.name()).bind(*partition).fetch_optional().await?;
                positions.push(next.map(|row| row.get("next")).transpose()?);
            }
            Ok(positions)
        })
    }

    fn write(&mut self, batch: &[Logged<T::Record>], moves: &[Move]) -> Result<Written, Away> {
        let Self { database, table } = self;
        // Two writers that both want several positions take them in the same order: neither waits for the other's.
        let mut moves = moves.to_vec();
        moves.sort_unstable_by_key(|step| (step.topic.name(), step.partition));
        // Without a savepoint for the rare row that is stored already: SQLite would copy every page that the batch touches.
        let work = async |connection: &mut Connection| {
            if !advance(connection, &moves).await? {
                return Ok(Some(Written::Stale));
            }
            match table.write(connection, batch).await {
                Err(error) if is_repeated(&error) => Ok(None),
                refused => refused.map(written).map(Some),
            }
        };
        if let Some(written) = database.transact(work, |written| *written == Some(Written::Moved))? {
            return Ok(written);
        }
        let work = async |connection: &mut Connection| {
            if !advance(connection, &moves).await? {
                return Ok(Written::Stale);
            }
            table.write_what_is_new(connection, batch).await.map(written)
        };
        database.transact(work, |written| *written == Written::Moved)
    }
}

fn written(refused: Vec<Refused>) -> Written {
    if refused.is_empty() { Written::Moved } else { Written::Refused(refused) }
}

/// Whether a row of this unique key is stored already.
fn is_repeated(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|e| e.is_unique_violation())
}

/// Moves all positions, when each still stands where the batch was read from.
async fn advance(connection: &mut Connection, moves: &[Move]) -> sqlx::Result<bool> {
    for step in moves {
        if !advance_one(connection, step).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn advance_one(connection: &mut Connection, step: &Move) -> sqlx::Result<bool> {
    let Some(from) = step.from else {
        let first = connection.query("INSERT INTO offsets (next, topic, `partition`) VALUES (?, ?, ?)");
        return match first.bind(step.to).bind(step.topic.name()).bind(step.partition).execute().await {
            Err(error) if is_repeated(&error) => Ok(false),
            done => done.map(|_| true),
        };
    };
    let moved = connection.query("UPDATE offsets SET next = ? WHERE topic = ? AND `partition` = ? AND next = ?");
    let moved = moved.bind(step.to).bind(step.topic.name()).bind(step.partition).bind(from);
    Ok(moved.execute().await? == 1)
}
