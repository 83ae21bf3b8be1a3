//! Bringing a store to this program's version: forward only, one process at a time.

use super::location::{BUSY_TIMEOUT, TEMP_STORE};
use super::{Connection, Database, Location, StoreError, dialect::no_such_table};
use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migration, MigrationType};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Executor as _};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// A step of a store: a file of migrations/.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// Its number; steps are taken in this order.
    pub version: i64,
    /// What it does.
    pub name: &'static str,
    /// Statements of the store's dialect.
    pub sql: &'static str,
}

/// All steps of a store, in order.
pub type Scripts = Cow<'static, [Script]>;

/// What stands in migrations/. One database of a server has all tables, each SQLite file those of its concern.
pub(crate) mod embedded {
    use super::{Cow, Script, Scripts};
    include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
}

/// How long a process waits for another one's migrations, seconds.
const LOCK_TIMEOUT_S: u32 = 60;
/// The same for a file: its indexes may be made anew, over all that it has.
const FILE_LOCK_TIMEOUT: Duration = Duration::from_secs(600);

/// The tables of one concern. Each has a SQLite file of its own: one writer never waits for another.
#[derive(Debug)]
pub struct Schema {
    /// What /health/ready calls the store.
    pub name: &'static str,
    /// Migrations of its file.
    pub file: Scripts,
    /// Migrations of a server.
    pub server: Scripts,
}

/// How far a store is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Standing {
    /// Which store, without a password.
    pub store: String,
    /// Migrations that it has.
    pub applied: Vec<i64>,
    /// Migrations that it needs, or has just got.
    pub pending: Vec<String>,
}

impl Schema {
    /// How far a store is; changes nothing and makes no file. Refused when the store is newer than this program, or a
    /// migration was edited after the fact.
    pub fn check(&self, location: &Location) -> Result<Standing, StoreError> {
        if let Location::File(path) = location
            && !path.exists()
        {
            return standing(location, &steps(&self.file), &[], None);
        }
        let mut database = Database::connect(location, self)?;
        database.with(async |connection| self.standing(location, connection).await)
    }

    /// Refuses a store that lacks migrations: for those who change nothing of it.
    pub fn ready(&self, location: &Location) -> Result<(), StoreError> {
        let Standing { store, pending, .. } = self.check(location)?;
        match pending.is_empty() {
            true => Ok(()),
            false => Err(StoreError::Pending { store, pending: pending.join(", ") }),
        }
    }

    /// Brings a store to this program's version, and tells what was pending.
    pub fn migrate(&self, location: &Location) -> Result<Standing, StoreError> {
        let mut database = Database::connect(location, self)?;
        database.with(async |connection| self.bring_up(location, connection).await)
    }

    /// The same on a connection. A store that needs nothing is only read.
    pub(super) async fn bring_up(
        &self,
        location: &Location,
        connection: &mut Connection,
    ) -> Result<Standing, StoreError> {
        let found = self.standing(location, connection).await?;
        if found.pending.is_empty() {
            return Ok(found);
        }
        if !found.applied.is_empty() {
            let pending = found.pending.join(", ");
            tracing::info!(store = %location, pending, "bringing a store to this program's version: a large one takes minutes");
        }
        let refused = |e: sqlx::Error| location.refused(&e);
        match connection {
            Connection::Sqlite(file) => {
                // What an index of a large file is sorted by does not fit into memory.
                prepare(file, FILE_LOCK_TIMEOUT, "FILE").await.map_err(refused)?;
                let done = self.apply_to_file(location, file).await;
                prepare(file, BUSY_TIMEOUT, TEMP_STORE).await.map_err(refused)?;
                done
            }
            Connection::MySql(_) => {
                lock(connection).await.map_err(refused)?.ok_or_else(|| {
                    location.refused(&format!("another process has been migrating it for {LOCK_TIMEOUT_S} s: wait"))
                })?;
                let done = self.apply_on_server(location, connection).await;
                connection.execute("DO RELEASE_ALL_LOCKS()").await.map_err(refused)?;
                done
            }
        }
    }

    async fn apply_to_file(&self, location: &Location, file: &mut SqliteConnection) -> Result<Standing, StoreError> {
        let refused = |e: sqlx::Error| location.refused(&e);
        let mut transaction = file.begin_with("BEGIN IMMEDIATE").await.map_err(refused)?;
        let done = apply(location, &steps(&self.file), &mut *transaction).await?;
        transaction.commit().await.map_err(refused)?;
        Ok(done)
    }

    async fn apply_on_server(&self, location: &Location, connection: &mut Connection) -> Result<Standing, StoreError> {
        let refused = |e: MigrateError| location.refused(&e);
        connection.migrations().ensure_migrations_table().await.map_err(refused)?;
        // One that a process began and did not live to finish: it bears being repeated.
        let forget = "DELETE FROM _sqlx_migrations WHERE success = FALSE";
        connection.execute(forget).await.map_err(|e| location.refused(&e))?;
        apply(location, &steps(&self.server), connection.migrations()).await
    }

    async fn standing(&self, location: &Location, connection: &mut Connection) -> Result<Standing, StoreError> {
        let scripts = match connection {
            Connection::Sqlite(_) => &self.file,
            Connection::MySql(_) => &self.server,
        };
        read(location, &steps(scripts), connection.migrations()).await
    }
}

/// Scripts as sqlx keeps them in a store: with a checksum.
fn steps(scripts: &[Script]) -> Vec<Migration> {
    let step = |Script { version, name, sql }: &Script| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, (*sql).into(), false)
    };
    scripts.iter().map(step).collect()
}

/// How long a file's statements from now on wait for another process's, and where they keep what they sort.
async fn prepare(file: &mut SqliteConnection, busy_timeout: Duration, temp_store: &str) -> sqlx::Result<()> {
    let text = format!("PRAGMA busy_timeout = {}; PRAGMA temp_store = {temp_store}", busy_timeout.as_millis());
    file.execute(&*text).await.map(drop)
}

/// None when it did not come in time. It ends with the connection.
async fn lock(connection: &mut Connection) -> sqlx::Result<Option<()>> {
    let text = "SELECT GET_LOCK(LEFT(CONCAT('ims migrate ', DATABASE()), 64), ?) AS got";
    let got: Option<i64> = connection.query(text).bind(LOCK_TIMEOUT_S).fetch_one().await?.get("got")?;
    Ok((got == Some(1)).then_some(()))
}

async fn apply(location: &Location, steps: &[Migration], connection: &mut dyn Migrate) -> Result<Standing, StoreError> {
    connection.ensure_migrations_table().await.map_err(|e| location.refused(&e))?;
    let found = read(location, steps, connection).await?;
    for migration in steps.iter().filter(|migration| !found.applied.contains(&migration.version)) {
        connection.apply(migration).await.map_err(|e| location.refused(&e))?;
    }
    Ok(found)
}

async fn read(location: &Location, steps: &[Migration], connection: &mut dyn Migrate) -> Result<Standing, StoreError> {
    let applied = match connection.list_applied_migrations().await {
        Ok(applied) => applied,
        Err(MigrateError::Execute(error)) if no_such_table(&error) => return standing(location, steps, &[], None),
        Err(error) => return Err(location.refused(&error)),
    };
    let half_done = connection.dirty_version().await.map_err(|e| location.refused(&e))?;
    if let (Location::File(_), Some(migration)) = (location, half_done) {
        return Err(StoreError::HalfDone { store: location.to_string(), migration });
    }
    standing(location, steps, &applied, half_done)
}

fn standing(
    location: &Location,
    steps: &[Migration],
    applied: &[AppliedMigration],
    half_done: Option<i64>,
) -> Result<Standing, StoreError> {
    let store = location.to_string();
    let mut known: BTreeMap<i64, &Migration> = steps.iter().map(|m| (m.version, m)).collect();
    let mut done = Vec::new();
    for AppliedMigration { version, checksum } in applied.iter().filter(|applied| Some(applied.version) != half_done) {
        match known.remove(version) {
            None => return Err(StoreError::Newer { store, migration: *version }),
            Some(ours) if ours.checksum != *checksum => {
                return Err(StoreError::Altered { store, migration: *version });
            }
            Some(_) => done.push(*version),
        }
    }
    let pending = known.values().map(|m| format!("{:04} {}", m.version, m.description)).collect();
    Ok(Standing { store, applied: done, pending })
}
