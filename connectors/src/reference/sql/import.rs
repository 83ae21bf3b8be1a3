//! Writes reference data: all of a change or nothing, with a line in the audit for each row.

use super::{
    SCHEMA,
    audit::{self, Change, Line, lots},
    held::{Held, Map},
    opt_outs::known,
    row::{Kind, Placed, encode},
    version_of,
};
use crate::{
    cipher::Cipher,
    reference::ReferenceError,
    sql::{Connection, Database, Insert, Location, Merge},
};
use jiff::Timestamp;
use processors::{
    ports::Away,
    reference::{Changes, OptOut, Reference, Rows, Seed, SeedErrors},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// How long a whole change may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// After how long somebody is told that another change is being written.
const UNTOLD: Duration = Duration::from_secs(1);
/// How long it is waited for then: 150,000 rows take some five seconds.
const OTHERS: Duration = Duration::from_secs(120);

/// Puts the rows of a seed in the place of a store's.
#[derive(Debug)]
pub struct Importer {
    database: Database,
    cipher: Arc<Cipher>,
}

/// What is to be written.
struct Import<'a> {
    rows: Rows,
    /// The same, checked.
    after: Reference,
    opt_outs: Vec<OptOut>,
    by: &'a str,
    at_ms: i64,
}

/// What a transaction came to.
enum Done {
    Nothing,
    Changed(Changes, u64),
    Row(String, String),
    Refused(SeedErrors),
}

impl Importer {
    /// Opens the store, and brings it to this program's version.
    pub fn open(location: &Location, cipher: Arc<Cipher>) -> Result<Self, ReferenceError> {
        let database = Database::open(location, &SCHEMA)?.patient(PATIENCE);
        Ok(Self { database, cipher })
    }

    /// Makes the store say what the seed says: rows are added, changed and removed, in one transaction. Opt-outs are
    /// added only: those that came in since the seed was written are nobody's to forget. The answer is what changed,
    /// and how many opt-outs were added; None: the store said the same already, and nothing was written.
    ///
    /// While somebody else writes a change this one waits, for two minutes at most; `on_wait` is told.
    ///
    /// # Errors
    /// A seed that contradicts itself or leaves nobody, or a row that the store cannot hold: nothing is written.
    pub fn import(
        &mut self,
        name: &str,
        seed: Seed,
        by: &str,
        at_ms: i64,
        on_wait: impl FnOnce(),
    ) -> Result<Option<(Changes, u64)>, ReferenceError> {
        let mut rows = Rows::from(seed);
        for key in &mut rows.service_keys {
            if let Some(whole) = in_milliseconds(key.callback_enabled_at) {
                Arc::make_mut(key).callback_enabled_at = Some(whole);
            }
        }
        for key in &mut rows.secret_keys {
            if let Some(whole) = in_milliseconds(key.expires_at) {
                Arc::make_mut(key).expires_at = Some(whole);
            }
        }
        let refused = |cause| ReferenceError::Contents { name: name.to_owned(), cause };
        let mut after = Reference::of(rows.clone()).map_err(refused)?;
        if after.is_empty() {
            return Err(ReferenceError::Nobody { name: name.to_owned() });
        }
        let opt_outs = after.take_opt_outs();
        let change = Import { rows, after, opt_outs, by, at_ms };
        let done = match self.within(UNTOLD, &change)? {
            Some(done) => done,
            None => {
                on_wait();
                self.within(OTHERS, &change)?.ok_or_else(|| Away {
                    dependency: SCHEMA.name,
                    cause: format!(
                        "another change has been written for more than {} s: import again when it has ended",
                        OTHERS.as_secs()
                    ),
                })?
            }
        };
        match done {
            Done::Nothing => Ok(None),
            Done::Changed(changes, opt_outs) => Ok(Some((changes, opt_outs))),
            Done::Row(row, reason) => Err(ReferenceError::Row { row, reason }),
            Done::Refused(cause) => Err(refused(cause)),
        }
    }

    /// None: others were writing for so long, and nothing was done.
    fn within(&mut self, longest: Duration, import: &Import<'_>) -> Result<Option<Done>, Away> {
        let Self { database, cipher } = self;
        let Import { rows, after, opt_outs, by, at_ms } = import;
        database.transact_within(
            longest,
            async |connection| {
                // Locks the row: another writer waits here.
                connection.execute("UPDATE reference_version SET version = version + 1").await?;
                let change = Change { by, at_ms: *at_ms, version: version_of(connection).await? };
                let mut held = Held::default();
                held.fetch(connection, cipher, -1).await?;
                let wanted = Held::of(rows);
                let mut writing = Writing { connection, cipher, change, lines: Vec::new(), unfit: None };
                writing.exchange(&held.customers, &wanted.customers).await?;
                writing.exchange(&held.service_keys, &wanted.service_keys).await?;
                writing.exchange(&held.secret_keys, &wanted.secret_keys).await?;
                writing.exchange(&held.sender_profiles, &wanted.sender_profiles).await?;
                writing.exchange(&held.templates, &wanted.templates).await?;
                writing.exchange(&held.sender_numbers, &wanted.sender_numbers).await?;
                writing.exchange(&held.routing_groups, &wanted.routing_groups).await?;
                writing.exchange(&held.patterns, &wanted.patterns).await?;
                writing.exchange(&held.vendors, &wanted.vendors).await?;
                let added = writing.add_opt_outs(opt_outs).await?;
                let Writing { connection, lines, unfit, .. } = writing;
                if let Some((row, reason)) = unfit {
                    return Ok(Done::Row(row, reason));
                }
                if lines.is_empty() {
                    return Ok(Done::Nothing);
                }
                audit::write(connection, change, &lines).await?;
                // What stood there was in force, or it is what this change mends.
                let before = Reference::of(held.rows()).unwrap_or_default();
                Ok(match before.may_become(after) {
                    Ok(()) => Done::Changed(Changes::between(&before, after), added),
                    Err(cause) => Done::Refused(cause),
                })
            },
            |done| matches!(done, Done::Changed(..)),
        )
    }
}

/// A time that is finer than the store keeps, without what is too fine.
fn in_milliseconds(at: Option<Timestamp>) -> Option<Timestamp> {
    let whole = Timestamp::from_millisecond(at?.as_millisecond()).ok();
    whole.filter(|whole| Some(*whole) != at)
}

/// A transaction under way.
struct Writing<'w> {
    connection: &'w mut Connection,
    cipher: &'w Cipher,
    change: Change<'w>,
    lines: Vec<Line>,
    /// The first row that the store cannot hold, and why.
    unfit: Option<(String, String)>,
}

impl Writing<'_> {
    /// Writes what differs.
    async fn exchange<K: Kind>(&mut self, held: &Map<K>, wanted: &Map<K>) -> sqlx::Result<()> {
        let mut rows: Vec<(Placed<K>, bool)> = Vec::new();
        // In the order of their keys: two runs write the same.
        let keys: BTreeSet<&String> = held.keys().chain(wanted.keys()).collect();
        for key in keys {
            let (before, after) = (held.get(key), wanted.get(key));
            match (before, after) {
                (before, Some(after)) if before != Some(after) => rows.push((after.clone(), false)),
                (Some(before), None) => rows.push((K::remains(before), true)),
                _ => continue,
            }
            self.lines.push(Line::of(key, before, after)?);
        }
        let Self { connection, cipher, change, unfit, .. } = self;
        let columns = K::COLUMNS.join(", ");
        let replaced = [&K::COLUMNS[K::KEY..], &["version", "removed"]].concat();
        let key = K::COLUMNS[..K::KEY].join(", ");
        let tail = connection.dialect().on_conflict(&key, Merge::Replace, &replaced);
        let insert = Insert::new(&format!("INSERT INTO {} ({columns}, version, removed)", K::TABLE), &tail);
        for lot in lots(&rows, |(row, _)| row.row.bytes()) {
            let inserted = insert.rows(connection, lot, |(row, removed), to| {
                K::bind(row, cipher, to)?;
                to.put(change.version)?.put(*removed).map(drop)
            });
            let inserted = inserted.await?;
            if let Some(refused) = inserted.refused.first() {
                let subject = K::subject(&K::key(&lot[refused.row].0));
                unfit.get_or_insert_with(|| (format!("{} {subject}", K::TABLE), refused.reason.clone()));
            }
        }
        Ok(())
    }

    /// Adds those that are not there; how many.
    async fn add_opt_outs(&mut self, opt_outs: &[OptOut]) -> sqlx::Result<u64> {
        let Self { connection, cipher, change, .. } = self;
        let there = known(connection, cipher, opt_outs).await?;
        let mut fresh: BTreeMap<(&str, Vec<u8>), Vec<u8>> = BTreeMap::new();
        for (out, _) in opt_outs.iter().zip(there).filter(|(_, there)| !there) {
            let place = format!("opt_outs/{}/recipient", out.username);
            let sealed = cipher.seal(&place, out.recipient.as_bytes()).map_err(encode)?;
            fresh.insert((&out.username, cipher.lookup(&out.recipient)), sealed);
        }
        let rows: Vec<_> = fresh.into_iter().collect();
        let insert = Insert::new("INSERT INTO opt_outs (username, recipient_lookup, recipient, refused_at)", "");
        let inserted = insert.rows(connection, &rows, |((username, lookup), sealed), to| {
            to.put(*username)?.put(lookup.as_slice())?.put(sealed.as_slice())?.put(change.at_ms).map(drop)
        });
        let inserted = inserted.await?;
        if let Some(refused) = inserted.refused.first() {
            self.unfit.get_or_insert_with(|| ("opt_outs".to_owned(), refused.reason.clone()));
        }
        let mut added: BTreeMap<&str, usize> = BTreeMap::new();
        rows.iter().for_each(|((username, _), _)| *added.entry(username).or_default() += 1);
        self.lines.extend(added.into_iter().map(|(username, added)| Line::opt_outs(username, added)));
        Ok(rows.len() as u64)
    }
}
