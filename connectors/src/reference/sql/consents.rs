//! Who agreed to the ads of whom: kept one by one, found by the HMAC of the recipient. They have no version, because nobody
//! holds them.

use super::{
    SCHEMA,
    audit::Line,
    counts::{count, counted},
    edit::{By, Editor, Unchanged},
    lots::lots_of,
    row::{decode, encode},
    writing::Writing,
};
use crate::{
    cipher::Cipher,
    sql::{Connection, Database, Insert, Location, Merge, Record, StoreError},
};
use jiff::Timestamp;
use processors::{
    center::consent::{Agreed, Kind, Named, Word, stands, withdrawn},
    ports::{AskedConsent, Away, Consents},
    reference::Consent,
};
use rustc_hash::FxHashMap;
use schemas::Channel;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    iter::repeat_n,
    sync::Arc,
    time::Duration,
};

/// Its table, and the name under which its rows are counted.
pub(super) const CONSENTS: &str = "consents";
/// How long an answer may take: rows by their key, which a lane waits for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Consents of a store, as ingest asks for them.
#[derive(Debug)]
pub struct SqlConsents {
    database: Database,
    cipher: Arc<Cipher>,
}

/// A consent that is given.
#[derive(Debug, Clone)]
pub struct GivenConsent {
    /// The consent.
    pub consent: Consent,
    /// Who gives it says when; otherwise it may have been given long ago, and a word that stands stays as it is.
    pub dated: bool,
}

/// A consent that is taken back.
#[derive(Debug, Clone)]
pub struct Withdrawal {
    /// Who takes it back.
    pub who: Named,
    /// Of this channel; None: of all.
    pub channel: Option<Channel>,
    /// To ads, and then to those by night too, or to these alone.
    pub kind: Kind,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// A consent of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedConsent {
    /// The consent.
    pub consent: Consent,
    /// Where the list goes on behind it.
    pub behind: ConsentPlace,
}

/// The last consent of a page; says nothing of whom it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentPlace {
    changed_at_ms: i64,
    lookup: String,
    channel: String,
    kind: Kind,
}

/// The key of a row: customer, HMAC, channel, kind.
type Key = (String, Vec<u8>, String, Kind);

/// A row as it is written.
#[derive(Clone, PartialEq)]
struct Row {
    sealed: Vec<u8>,
    app_user: bool,
    word: Word,
    noticed_ms: Option<i64>,
}

impl SqlConsents {
    /// Connects.
    pub fn open(location: &Location, cipher: Arc<Cipher>) -> Result<Self, StoreError> {
        Ok(Self { database: Database::connect(location, &SCHEMA)?.patient(PATIENCE), cipher })
    }
}

impl Consents for SqlConsents {
    fn agreed(&mut self, asked: &[AskedConsent]) -> Result<Vec<Agreed>, Away> {
        let Self { database, cipher } = self;
        let of = |asked: &AskedConsent| -> Vec<(String, Vec<u8>)> {
            asked.names.iter().map(|name| (asked.username.clone(), cipher.lookup(name))).collect()
        };
        let keys: Vec<_> = asked.iter().map(of).collect();
        let all = keys.concat();
        if all.is_empty() {
            return Ok(asked.iter().map(|asked| Agreed::of(&[], &asked.channels)).collect());
        }
        let found = database.run(async |connection| {
            let mut found: FxHashMap<(String, Vec<u8>), Vec<Word>> = FxHashMap::default();
            for record in known(connection, &all).await? {
                found
                    .entry((record.get("username")?, record.get("recipient_lookup")?))
                    .or_default()
                    .push(word(&record)?);
            }
            Ok(found)
        })?;
        let words =
            |keys: &Vec<_>| -> Vec<Word> { keys.iter().filter_map(|key| found.get(key)).flatten().copied().collect() };
        Ok(keys.iter().zip(asked).map(|(keys, asked)| Agreed::of(&words(keys), &asked.channels)).collect())
    }
}

impl Editor {
    /// Keeps consents of a customer; how many changed something. What is older than what is kept changes nothing.
    pub fn consent<E>(
        &mut self,
        by: &By,
        username: &str,
        consents: &[GivenConsent],
    ) -> Result<Result<u64, Unchanged<E>>, Away> {
        let Self { database, cipher, bounds } = self;
        let most = u64::from(bounds.consents);
        database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                let changed = writing.add_consents(consents.iter().map(|one| (&one.consent, one.dated))).await?;
                if changed > 0 && counted(writing.connection, username, CONSENTS).await? > most {
                    return Ok(Err(Unchanged::Full { what: CONSENTS, most }));
                }
                writing.end_fitting().await.map(|()| Ok(changed))
            },
            |told| told.as_ref().is_ok_and(|changed| *changed > 0),
        )
    }

    /// Takes consents of a customer back, also where none is kept: an older one may come in later. How many stood.
    pub fn withdraw(&mut self, by: &By, username: &str, withdrawals: &[Withdrawal]) -> Result<u64, Away> {
        let Self { database, cipher, .. } = self;
        let done = database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                let ended = writing.end_consents(username, withdrawals).await?;
                writing.end_fitting().await.map(|()| ended)
            },
            |(written, _)| *written > 0,
        );
        done.map(|(_, stood)| stood)
    }

    /// A customer's consents in the order of their changes, behind a place.
    pub fn consents(
        &mut self,
        username: &str,
        behind: Option<&ConsentPlace>,
        most: u32,
    ) -> Result<Vec<ListedConsent>, Away> {
        let Self { database, cipher, .. } = self;
        database.run(async |connection| {
            let mut found = Vec::new();
            if let Some(place) = behind {
                let (lookup, channel) = (hex::decode(&place.lookup).unwrap_or_default(), place.channel.as_str());
                let query =
                    connection.query(LISTED[0]).bind(username).bind(place.changed_at_ms).bind(lookup.as_slice());
                let query = query.bind(lookup.as_slice()).bind(channel).bind(channel).bind(place.kind.as_str());
                found = query.bind(most).fetch_all().await?;
            }
            let left = most.saturating_sub(found.len() as u32);
            if left > 0 {
                let at_ms = behind.map_or(i64::MIN, |place| place.changed_at_ms);
                found.extend(connection.query(LISTED[1]).bind(username).bind(at_ms).bind(left).fetch_all().await?);
            }
            found.iter().map(|record| listed(record, cipher)).collect()
        })
    }

    /// What some recipients of a customer agreed to.
    pub fn consents_of(&mut self, username: &str, recipients: &[String]) -> Result<Vec<ListedConsent>, Away> {
        let Self { database, cipher, .. } = self;
        let keys: BTreeSet<_> = recipients.iter().map(|of| (username.to_owned(), cipher.lookup(of))).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let mut found = database.run(async |connection| {
            let records = known(connection, &keys).await?;
            records.iter().map(|record| listed(record, cipher)).collect::<sqlx::Result<Vec<_>>>()
        })?;
        found.sort_by(|a, b| {
            (&a.consent.recipient, &a.behind.channel, a.behind.kind).cmp(&(
                &b.consent.recipient,
                &b.behind.channel,
                b.behind.kind,
            ))
        });
        Ok(found)
    }
}

impl Writing<'_> {
    /// Keeps those that say something newer than what is kept, each with whether its time was said; how many.
    pub async fn add_consents<'c>(
        &mut self,
        consents: impl Iterator<Item = (&'c Consent, bool)> + Clone,
    ) -> sqlx::Result<u64> {
        let cipher = self.cipher;
        let keys: BTreeSet<_> =
            consents.clone().map(|(one, _)| (one.username.clone(), cipher.lookup(&one.recipient))).collect();
        let mut kept = self.kept(&keys.into_iter().collect::<Vec<_>>()).await?;
        let before = kept.clone();
        for (one, dated) in consents {
            let key = (one.username.clone(), cipher.lookup(&one.recipient), word_of(one.channel).to_owned(), one.kind);
            let of_all =
                kept.get(&(key.0.clone(), key.1.clone(), word_of(None).to_owned(), one.kind)).map(|row| row.word);
            let noticed_ms = one.noticed_at.map(|at| at.as_millisecond());
            match kept.get_mut(&key) {
                // Whoever sends a list each night says nothing new, and the two years go on.
                Some(row) if !dated && row.word.stands_beside(of_all.as_ref()) => {}
                Some(row) => {
                    let word = row.word.after(one.word());
                    // A notice is of the consent that it told of.
                    let of_this = word.consented_ms == one.word().consented_ms;
                    let told = if word.consented_ms == row.word.consented_ms { row.noticed_ms } else { None };
                    (row.noticed_ms, row.word) = (if of_this { told.max(noticed_ms) } else { told }, word);
                }
                None => {
                    let sealed = cipher.seal(&place(&one.username), one.recipient.as_bytes()).map_err(encode)?;
                    kept.insert(key, Row { sealed, app_user: one.app_user, word: one.word(), noticed_ms });
                }
            }
        }
        self.write_consents(&before, kept, "kept").await
    }

    /// How many rows were written, and how many words stood.
    async fn end_consents(&mut self, username: &str, withdrawals: &[Withdrawal]) -> sqlx::Result<(u64, u64)> {
        let cipher = self.cipher;
        let keys: BTreeSet<_> =
            withdrawals.iter().map(|one| (username.to_owned(), cipher.lookup(&one.who.recipient))).collect();
        let mut kept = self.kept(&keys.into_iter().collect::<Vec<_>>()).await?;
        let (before, mut stood) = (kept.clone(), 0);
        for one in withdrawals {
            let lookup = cipher.lookup(&one.who.recipient);
            let words: Vec<Word> = kept.iter().filter(|(key, _)| key.1 == lookup).map(|(_, row)| row.word).collect();
            for word in withdrawn(&words, one.kind, one.channel, one.at_ms) {
                stood += u64::from(match word.channel {
                    Some(channel) => stands(&words, word.kind, channel),
                    None => words.iter().any(|own| (own.kind, own.channel) == (word.kind, None) && own.stands()),
                });
                let key = (username.to_owned(), lookup.clone(), word_of(word.channel).to_owned(), word.kind);
                match kept.get_mut(&key) {
                    Some(row) => row.word = word,
                    None => {
                        let sealed = cipher.seal(&place(username), one.who.recipient.as_bytes()).map_err(encode)?;
                        kept.insert(key, Row { sealed, app_user: one.who.app_user, word, noticed_ms: None });
                    }
                }
            }
        }
        Ok((self.write_consents(&before, kept, "withdrawn").await?, stood))
    }

    async fn kept(&mut self, keys: &[(String, Vec<u8>)]) -> sqlx::Result<BTreeMap<Key, Row>> {
        let mut kept = BTreeMap::new();
        for record in known(self.connection, keys).await? {
            let word = word(&record)?;
            let key = (record.get("username")?, record.get("recipient_lookup")?, record.get("channel")?, word.kind);
            let (sealed, app_user) = (record.get("recipient")?, record.get("app_user")?);
            kept.insert(key, Row { sealed, app_user, word, noticed_ms: record.get("noticed_at")? });
        }
        Ok(kept)
    }

    /// Writes those that differ; how many.
    async fn write_consents(
        &mut self,
        before: &BTreeMap<Key, Row>,
        after: BTreeMap<Key, Row>,
        what: &str,
    ) -> sqlx::Result<u64> {
        let rows: Vec<(Key, Row)> = after.into_iter().filter(|(key, row)| before.get(key) != Some(row)).collect();
        let mut changed: BTreeMap<&str, (u64, i64)> = BTreeMap::new();
        for (key, _) in &rows {
            let (all, new) = changed.entry(&key.0).or_default();
            (*all, *new) = (*all + 1, *new + i64::from(!before.contains_key(key)));
        }
        let tail = self.connection.dialect().on_conflict(
            "username, recipient_lookup, channel, kind",
            Merge::Replace,
            &COLUMNS[5..],
        );
        let head = format!("INSERT INTO consents ({})", COLUMNS.join(", "));
        let (insert, at_ms) = (Insert::new(&head, &tail), self.at_ms());
        let inserted = insert.rows(self.connection, &rows, |((username, lookup, channel, kind), row), to| {
            let Word { consented_ms, withdrawn_ms, .. } = row.word;
            to.put(username.as_str())?.put(lookup.as_slice())?.put(channel.as_str())?.put(kind.as_str())?;
            to.put(row.sealed.as_slice())?
                .put(row.app_user)?
                .put(consented_ms)?
                .put(withdrawn_ms)?
                .put(row.noticed_ms)?;
            // When it is to be told again is reckoned by who tells it, as the law stands then.
            to.put(row.word.stands().then_some(0i64))?.put(None::<i64>)?.put(None::<i64>)?.put(at_ms).map(drop)
        });
        if let Some(refused) = inserted.await?.refused.first() {
            return Err(encode(format!("{CONSENTS}: {}", refused.reason)));
        }
        let lines: Vec<_> = changed.iter().map(|(username, (all, new))| ((*username).to_owned(), *all, *new)).collect();
        for (username, all, new) in lines {
            count(self.connection, &username, CONSENTS, new).await?;
            self.note(Line::counted(CONSENTS, &username, &username, what, all));
        }
        Ok(rows.len() as u64)
    }
}

/// Columns in the order in which they are written; the first four are the key, and the fifth stays as it was first written.
const COLUMNS: [&str; 13] = [
    "username",
    "recipient_lookup",
    "channel",
    "kind",
    "recipient",
    "app_user",
    "consented_at",
    "withdrawn_at",
    "noticed_at",
    "notice_years",
    "notice_day",
    "notice_begun_at",
    "changed_at",
];

/// The questions for a page: what is left of a moment, and what changed after it. A file of ten thousand lines is one moment.
pub(super) const LISTED: [&str; 2] = [
    "SELECT * FROM consents WHERE username = ? AND changed_at = ? AND recipient_lookup >= ? \
     AND (recipient_lookup > ? OR channel > ? OR (channel = ? AND kind > ?)) \
     ORDER BY recipient_lookup, channel, kind LIMIT ?",
    "SELECT * FROM consents WHERE username = ? AND changed_at > ? \
     ORDER BY changed_at, recipient_lookup, channel, kind LIMIT ?",
];

/// The question for all that so many recipients said. As an OR of pairs it goes by the primary key on every server.
pub(super) fn text(size: usize) -> String {
    let pairs = repeat_n("(username = ? AND recipient_lookup = ?)", size).collect::<Vec<_>>().join(" OR ");
    format!("SELECT * FROM consents WHERE {pairs}")
}

async fn known(connection: &mut Connection, keys: &[(String, Vec<u8>)]) -> sqlx::Result<Vec<Record>> {
    let mut found = Vec::new();
    for (size, lot) in lots_of(keys) {
        let text = text(size);
        let query = lot.fold(connection.query(&text), |query, (username, lookup)| {
            query.bind(username.as_str()).bind(lookup.as_slice())
        });
        found.extend(query.fetch_all().await?);
    }
    Ok(found)
}

fn word_of(channel: Option<Channel>) -> &'static str {
    channel.map_or("", Channel::as_str)
}

/// Where an encrypted recipient belongs.
fn place(username: &str) -> String {
    format!("consents/{username}/recipient")
}

fn word(record: &Record) -> sqlx::Result<Word> {
    let (channel, kind): (&str, &str) = (record.get("channel")?, record.get("kind")?);
    Ok(Word {
        channel: Some(channel)
            .filter(|word| !word.is_empty())
            .map(|word| word.parse().map_err(|error| decode("channel", error)))
            .transpose()?,
        kind: Kind::of(kind).ok_or_else(|| decode("kind", "no word that is known"))?,
        consented_ms: record.get("consented_at")?,
        withdrawn_ms: record.get("withdrawn_at")?,
    })
}

/// A row as the customer's own data have it.
pub(super) fn read(record: &Record, cipher: &Cipher) -> sqlx::Result<Consent> {
    let (username, sealed): (String, Vec<u8>) = (record.get("username")?, record.get("recipient")?);
    let opened = cipher.open(&place(&username), &sealed).map_err(|error| decode("recipient", error))?;
    let word = word(record)?;
    let at = |ms: i64| Timestamp::from_millisecond(ms).map_err(|error| decode("consented_at", error));
    let noticed_ms: Option<i64> = record.get("noticed_at")?;
    Ok(Consent {
        recipient: String::from_utf8(opened).map_err(|error| decode("recipient", error.utf8_error()))?,
        app_user: record.get("app_user")?,
        channel: word.channel,
        kind: word.kind,
        consented_at: at(word.consented_ms)?,
        withdrawn_at: word.withdrawn_ms.map(at).transpose()?,
        noticed_at: noticed_ms.map(at).transpose()?,
        username,
    })
}

fn listed(record: &Record, cipher: &Cipher) -> sqlx::Result<ListedConsent> {
    let lookup: Vec<u8> = record.get("recipient_lookup")?;
    let consent = read(record, cipher)?;
    Ok(ListedConsent {
        behind: ConsentPlace {
            changed_at_ms: record.get("changed_at")?,
            lookup: hex::encode(lookup),
            channel: word_of(consent.channel).to_owned(),
            kind: consent.kind,
        },
        consent,
    })
}
