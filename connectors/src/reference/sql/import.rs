//! Writes reference data: all of a change or nothing, with a line in the audit for each row.

use super::{
    SCHEMA,
    held::{Held, Map},
    writing::{Writing, Written},
};
use crate::{
    cipher::Cipher,
    reference::ReferenceError,
    sql::{Database, Location},
};
use jiff::Timestamp;
use processors::{
    center::opt_out::Source,
    ports::Away,
    reference::{Changes, Consent, Customer, OptOut, Reference, Rows, Seed, SeedErrors, UserToken},
};
use std::{sync::Arc, time::Duration};

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

/// What an import changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Imported {
    /// Rows of reference data.
    pub changes: Changes,
    /// How many opt-outs were added.
    pub opt_outs: u64,
    /// How many consents say something newer than before.
    pub consents: u64,
    /// How many push tokens were added.
    pub push_tokens: u64,
    /// Customers whose ads needed consent before, and need none any more.
    pub without_consent: Vec<String>,
}

/// What is to be written.
struct Import<'a> {
    /// Checked.
    rows: Rows,
    opt_outs: Vec<OptOut>,
    consents: Vec<Consent>,
    push_tokens: Vec<UserToken>,
    by: &'a str,
    at_ms: i64,
}

/// What a transaction came to.
enum Done {
    /// With how many users stand otherwise in the store.
    Nothing(u64),
    Changed(Imported, u64),
    Row(String, String),
    Refused(SeedErrors),
}

impl Importer {
    /// Opens the store, and brings it to this program's version.
    pub fn open(location: &Location, cipher: Arc<Cipher>) -> Result<Self, ReferenceError> {
        let database = Database::open(location, &SCHEMA)?.patient(PATIENCE);
        Ok(Self { database, cipher })
    }

    /// Makes the store say what the seed says: rows are added, changed and removed, in one transaction. Opt-outs,
    /// push tokens and users are added only, and of a consent what was said last counts: those that came in since the
    /// seed was written are nobody's to forget, and a password is its user's own. Users go with their customer. The
    /// answer is what changed (None: the store said the same already, and nothing was written), and of how many users
    /// the seed says something else than the store, which keeps what it says.
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
    ) -> Result<(Option<Imported>, u64), ReferenceError> {
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
        for user in &mut rows.users {
            if let Some(whole) = in_milliseconds(user.created_at) {
                Arc::make_mut(user).created_at = Some(whole);
            }
        }
        let refused = |cause| ReferenceError::Contents { name: name.to_owned(), cause };
        let ahead = rows.ahead(at_ms);
        if !ahead.is_empty() {
            return Err(refused(SeedErrors(ahead)));
        }
        let mut alone = Reference::of(rows.clone()).map_err(refused)?;
        if alone.is_empty() {
            return Err(ReferenceError::Nobody { name: name.to_owned() });
        }
        let (opt_outs, consents) = (alone.take_opt_outs(), alone.take_consents());
        let push_tokens = std::mem::take(&mut rows.push_tokens);
        let change = Import { rows, opt_outs, consents, push_tokens, by, at_ms };
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
            Done::Nothing(users_left) => Ok((None, users_left)),
            Done::Changed(imported, users_left) => Ok((Some(imported), users_left)),
            Done::Row(row, reason) => Err(ReferenceError::Row { row, reason }),
            Done::Refused(cause) => Err(refused(cause)),
        }
    }

    /// None: others were writing for so long, and nothing was done.
    fn within(&mut self, longest: Duration, import: &Import<'_>) -> Result<Option<Done>, Away> {
        let Self { database, cipher } = self;
        let Import { rows, opt_outs, consents, push_tokens, by, at_ms } = import;
        database.transact_within(
            longest,
            async |connection| {
                let mut writing = Writing::begin(connection, cipher, by, *at_ms).await?;
                let mut held = Held::default();
                held.fetch(writing.connection, cipher, -1).await?;
                let mut wanted = Held::of(rows);
                let users_left = keep_users(&held, &mut wanted);
                let without_consent = without_consent(&held.customers, &wanted.customers);
                writing.exchange(&held.customers, &wanted.customers).await?;
                writing.exchange(&held.service_keys, &wanted.service_keys).await?;
                writing.exchange(&held.secret_keys, &wanted.secret_keys).await?;
                writing.exchange(&held.users, &wanted.users).await?;
                writing.exchange(&held.sender_profiles, &wanted.sender_profiles).await?;
                writing.exchange(&held.sender_groups, &wanted.sender_groups).await?;
                writing.exchange(&held.templates, &wanted.templates).await?;
                writing.exchange(&held.sender_numbers, &wanted.sender_numbers).await?;
                writing.exchange(&held.routing_groups, &wanted.routing_groups).await?;
                writing.exchange(&held.patterns, &wanted.patterns).await?;
                writing.exchange(&held.vendors, &wanted.vendors).await?;
                writing.exchange(&held.vendor_weights, &wanted.vendor_weights).await?;
                let opt_outs = writing.add_opt_outs(opt_outs, Source::Import).await?;
                let consents = writing.add_consents(consents.iter().map(|one| (one, true))).await?;
                let push_tokens = writing.add_push_tokens(push_tokens, &wanted.service_keys).await?;
                match writing.end().await? {
                    Written::Nothing => return Ok(Done::Nothing(users_left)),
                    Written::Unfit(row, reason) => return Ok(Done::Row(row, reason)),
                    Written::Rows => {}
                }
                // What stood there was in force, or it is what this change mends.
                let before = Reference::of(held.rows()).unwrap_or_default();
                let after = Reference::of(wanted.rows());
                let changes =
                    after.and_then(|after| before.may_become(&after).map(|()| Changes::between(&before, &after)));
                Ok(match changes {
                    Ok(changes) => {
                        let imported = Imported { changes, opt_outs, consents, push_tokens, without_consent };
                        Done::Changed(imported, users_left)
                    }
                    Err(cause) => Done::Refused(cause),
                })
            },
            |done| matches!(done, Done::Changed(..)),
        )
    }
}

/// Customers who stay, and whose ads need no consent any more.
fn without_consent(held: &Map<Customer>, wanted: &Map<Customer>) -> Vec<String> {
    let needs = |of: &Map<Customer>, username: &str| of.get(username).map(|placed| placed.row.ads_by_consent);
    let ends = |username: &&String| needs(held, username) == Some(true) && needs(wanted, username) == Some(false);
    let mut without: Vec<String> = held.keys().filter(ends).cloned().collect();
    without.sort_unstable();
    without
}

/// Keeps the users that stand in a store, of those customers who stay; of how many the seed says something else.
fn keep_users(held: &Held, wanted: &mut Held) -> u64 {
    let mut left = 0;
    for (login, user) in &held.users {
        let stays = user.row.username.as_ref().is_none_or(|username| wanted.customers.contains_key(username));
        if stays {
            let said = wanted.users.insert(login.clone(), user.clone());
            left += u64::from(said.is_some_and(|said| said != *user));
        }
    }
    left
}

/// A time that is finer than the store keeps, without what is too fine.
fn in_milliseconds(at: Option<Timestamp>) -> Option<Timestamp> {
    let whole = Timestamp::from_millisecond(at?.as_millisecond()).ok();
    whole.filter(|whole| Some(*whole) != at)
}
