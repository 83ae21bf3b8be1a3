//! Opt-outs one by one: added, removed, listed. They have no version, because nobody holds them.

use super::{
    counts::{OPT_OUTS, counted},
    edit::{By, Editor, Unchanged},
    opt_outs::known,
    row::decode,
    writing::Writing,
};
use processors::{
    center::opt_out::Source,
    ports::{Away, Refusals},
    reference::OptOut,
};
use serde::{Deserialize, Serialize};

/// Enters what vendors tell of.
pub struct SqlRefusals(Editor);

impl SqlRefusals {
    /// Of this store.
    pub fn new(editor: Editor) -> Self {
        Self(editor)
    }
}

impl Refusals for SqlRefusals {
    fn heard(&mut self, outs: &[OptOut], by: &str, at_ms: i64) -> Result<(), Away> {
        let by = By::named(by, at_ms);
        self.0.hear(&by, outs, Source::Call).map(drop)
    }
}

/// An opt-out of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whose ads it is about.
    pub out: OptOut,
    /// How it came.
    pub source: Source,
    /// When we were told, Unix milliseconds.
    pub refused_at_ms: i64,
    /// Where the list goes on behind it.
    pub behind: RefusalPlace,
}

/// The last opt-out of a page; says nothing of whom it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalPlace {
    refused_at_ms: i64,
    lookup: String,
}

impl Editor {
    /// Adds those of a customer that are not there yet; how many.
    pub fn refuse<E>(
        &mut self,
        by: &By,
        username: &str,
        outs: &[OptOut],
        source: Source,
    ) -> Result<Result<u64, Unchanged<E>>, Away> {
        let Self { database, cipher, bounds } = self;
        let most = u64::from(bounds.opt_outs);
        database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                let added = writing.add_opt_outs(outs, source).await?;
                if added > 0 && counted(writing.connection, username, OPT_OUTS).await? > most {
                    return Ok(Err(Unchanged::Full { what: OPT_OUTS, most }));
                }
                writing.end_fitting().await.map(|()| Ok(added))
            },
            |told| told.as_ref().is_ok_and(|added| *added > 0),
        )
    }

    /// Adds what recipients themselves said, however many a customer has: a refusal is not turned away.
    pub fn hear(&mut self, by: &By, outs: &[OptOut], source: Source) -> Result<u64, Away> {
        let Self { database, cipher, .. } = self;
        database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                let added = writing.add_opt_outs(outs, source).await?;
                writing.end_fitting().await.map(|()| added)
            },
            |added| *added > 0,
        )
    }

    /// Takes back those that are there; how many.
    pub fn accept(&mut self, by: &By, outs: &[OptOut]) -> Result<u64, Away> {
        let Self { database, cipher, .. } = self;
        database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                let there = known(writing.connection, cipher, outs).await?;
                let mut removed = 0;
                for (out, _) in outs.iter().zip(there).filter(|(_, there)| *there) {
                    let text = "DELETE FROM opt_outs WHERE username = ? AND recipient_lookup = ?";
                    let query = writing.connection.query(text).bind(out.username.as_str());
                    let gone = query.bind(cipher.lookup(&out.recipient)).execute().await?;
                    writing.note_removed(&out.username, gone).await?;
                    removed += gone;
                }
                writing.end_fitting().await.map(|()| removed)
            },
            |removed| *removed > 0,
        )
    }

    /// A customer's opt-outs, the oldest first, behind a place.
    pub fn refusals(&mut self, username: &str, behind: Option<&RefusalPlace>, most: u32) -> Result<Vec<Refusal>, Away> {
        let Self { database, cipher, .. } = self;
        let at_ms = behind.map_or(i64::MIN, |place| place.refused_at_ms);
        let lookup = behind.and_then(|place| hex::decode(&place.lookup).ok()).unwrap_or_default();
        database.run(async |connection| {
            let query = connection.query(REFUSALS).bind(username).bind(at_ms).bind(at_ms).bind(lookup.as_slice());
            let mut listed = Vec::new();
            for record in query.bind(most).fetch_all().await? {
                let (sealed, lookup): (Vec<u8>, Vec<u8>) = (record.get("recipient")?, record.get("recipient_lookup")?);
                let opened = cipher.open(&format!("opt_outs/{username}/recipient"), &sealed);
                let recipient = String::from_utf8(opened.map_err(|error| decode("recipient", error))?)
                    .map_err(|error| decode("recipient", error.utf8_error()))?;
                let source: &str = record.get("source")?;
                let refused_at_ms = record.get("refused_at")?;
                listed.push(Refusal {
                    out: OptOut { username: username.to_owned(), recipient },
                    source: Source::of(source).ok_or_else(|| decode("source", "no word that is known"))?,
                    refused_at_ms,
                    behind: RefusalPlace { refused_at_ms, lookup: hex::encode(lookup) },
                });
            }
            Ok(listed)
        })
    }
}

/// The question for a page.
pub(super) const REFUSALS: &str = "SELECT * FROM opt_outs WHERE username = ? AND refused_at >= ? \
     AND (refused_at > ? OR recipient_lookup > ?) ORDER BY refused_at, recipient_lookup LIMIT ?";
