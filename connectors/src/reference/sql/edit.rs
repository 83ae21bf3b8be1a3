//! Changes a few rows of one customer: under the lock, the version and the audit of every change.

use super::{
    SCHEMA,
    counts::Bounds,
    held::{Map, by_key},
    list::{Which, select},
    row::{Kind, Owned},
    writing::{Writing, Written},
};
use crate::{
    cipher::Cipher,
    sql::{Connection, Database, Location, StoreError},
};
use processors::{
    access::Holder,
    ports::Away,
    reference::{Customer, Reference, User},
};
use std::{sync::Arc, time::Duration};

/// How long a change may take, waiting for others included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Changes rows.
#[derive(Debug)]
pub struct Editor {
    pub(super) database: Database,
    pub(super) cipher: Arc<Cipher>,
    pub(super) bounds: Bounds,
}

/// Who changes something, and when.
#[derive(Debug, Clone)]
pub struct By {
    /// Who: as the audit names it.
    pub actor: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Who came in at a door to do so: he must still be let in when it is done. None: a process of ours, or who needs no key.
    pub holder: Option<Holder>,
}

impl By {
    /// Whom nobody had to let in.
    pub fn named(actor: impl Into<String>, at_ms: i64) -> Self {
        Self { actor: actor.into(), at_ms, holder: None }
    }

    /// Whether who came in would be let in now: running processes hear of a key that was taken out some seconds later, and
    /// until then it shall not make itself a successor. One that was given an end makes nobody who has none; a key that it
    /// makes is held against its row by whoever decides.
    async fn stands(&self, connection: &mut Connection, cipher: &Cipher, of_users: bool) -> sqlx::Result<bool> {
        let now = match &self.holder {
            None => return Ok(true),
            Some(Holder::Key(key)) => {
                let of_key = Which::of([("username", &*key.username), ("name", &*key.name)]);
                rows(connection, cipher, &of_key).await?.pop().map(Holder::Key)
            }
            Some(Holder::User(user)) => {
                let of_user = Which::of([("login", &*user.login)]);
                rows(connection, cipher, &of_user).await?.pop().map(Holder::User)
            }
        };
        let stands = |(before, now): (&Holder, Holder)| {
            before.stands(&now, self.at_ms) && !(of_users && before.is_cut_short(&now))
        };
        Ok(self.holder.as_ref().zip(now).is_some_and(stands))
    }
}

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unchanged<E> {
    /// Who asks would not be let in any more.
    Stranger,
    /// Who decides what becomes of the rows refuses.
    Refused(E),
    /// They would contradict themselves or what the store can hold; said without secrets.
    Contents(String),
    /// The customer would have more rows than it may.
    Full {
        /// Of which table, or `file_bytes`.
        what: &'static str,
        /// How many it may have.
        most: u64,
    },
}

impl Editor {
    /// Opens the store, and brings it to this program's version.
    pub fn open(location: &Location, cipher: Arc<Cipher>, bounds: Bounds) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(location, &SCHEMA)?.patient(PATIENCE), cipher, bounds })
    }

    /// Lets `decide` see some rows as they are now, while nobody else changes any, and makes of them what it leaves:
    /// rows that are new, changed or gone. All of it happens, and then running processes take it up, or nothing.
    ///
    /// Rows of another customer are seen when `which` names them, and stay as they are.
    pub fn change<K: Owned, T, E>(
        &mut self,
        by: &By,
        username: &str,
        which: &Which,
        decide: impl FnOnce(&mut Vec<K>) -> Result<T, E>,
    ) -> Result<Result<T, Unchanged<E>>, Away> {
        let Self { database, cipher, bounds } = self;
        let done = database.transact(
            async |connection| {
                let mut writing = Writing::begin(connection, cipher, &by.actor, by.at_ms).await?;
                if !by.stands(writing.connection, cipher, K::TABLE == User::TABLE).await? {
                    return Ok((Err(Unchanged::Stranger), false));
                }
                let before: Vec<Arc<K>> = rows(writing.connection, cipher, which).await?;
                let mut after: Vec<K> = before.iter().map(|row| (**row).clone()).collect();
                let told = match decide(&mut after) {
                    Ok(told) => told,
                    Err(refusal) => return Ok((Err(Unchanged::Refused(refusal)), false)),
                };
                let after: Vec<Arc<K>> = after.into_iter().map(Arc::new).collect();
                let more = after.len().saturating_sub(before.len());
                if let Err(full) = bounds.check(writing.connection, K::TABLE, username, more).await? {
                    return Ok((Err(full), false));
                }
                // A row that no process could take up would hold up every change after it.
                let mut to_be = K::alone(after.clone());
                if K::TABLE != Customer::TABLE {
                    let owner = Which::of([("username", username)]);
                    to_be.customers = rows::<Customer>(writing.connection, cipher, &owner).await?;
                }
                if let Err(wrong) = Reference::of(to_be) {
                    return Ok((Err(Unchanged::Contents(wrong.0.join("; "))), false));
                }
                let (before, after): (Map<K>, Map<K>) = (by_key(&before, false), by_key(&after, false));
                writing.exchange(&before, &after).await?;
                Ok(match writing.end().await? {
                    Written::Rows => (Ok(told), true),
                    // A version without a row would make every process look for nothing.
                    Written::Nothing => (Ok(told), false),
                    Written::Unfit(row, reason) => (Err(Unchanged::Contents(format!("{row}: {reason}"))), false),
                })
            },
            |(_, changed)| *changed,
        );
        done.map(|(told, _)| told)
    }

    /// The rows that there are now.
    pub fn rows<K: Owned>(&mut self, which: &Which) -> Result<Vec<Arc<K>>, Away> {
        let Self { database, cipher, .. } = self;
        database.run(async |connection| rows(connection, cipher, which).await)
    }
}

/// Rows that are not removed.
async fn rows<K: Kind>(connection: &mut Connection, cipher: &Cipher, which: &Which) -> sqlx::Result<Vec<Arc<K>>> {
    let text = select(K::TABLE, which);
    let found = which.bind(connection.query(&text)).fetch_all().await?;
    found.iter().map(|record| Ok(K::read(record, cipher)?.row)).collect()
}
