//! Consents that are to be told again: which, and by whom it is being done.

use super::{
    audit::Line,
    consents::{CONSENTS, read},
    edit::{By, Editor},
    row::decode,
    writing::Writing,
};
use crate::{cipher::Cipher, sql::Record};
use processors::{
    korea::{day_of, days_since_1970},
    law::next_notice,
    ports::Away,
    reference::Consent,
};

/// Rows that are reckoned anew in one transaction.
const LOT: u32 = 500;

/// So many are counted: of a customer who tells nobody all of millions may be due.
pub const MOST_COUNTED: u32 = 10_000;

/// A consent whose day has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueNotice {
    /// The consent.
    pub consent: Consent,
    /// The day, from 1970-01-01.
    pub day: i64,
    /// A process has begun to tell it before, Unix milliseconds: whether it did is not known.
    pub begun_ms: Option<i64>,
    lookup: Vec<u8>,
}

impl DueNotice {
    /// One message_id for whoever tells this consent on this day, and for no other: it says nothing of whom it is.
    pub fn message_id(&self, cipher: &Cipher) -> String {
        let Consent { username, recipient, channel, kind, consented_at, .. } = &self.consent;
        let of = (username, recipient, channel.map(|of| of.as_str()), kind.as_str(), consented_at.as_millisecond());
        let named = hex::encode(cipher.lookup(&format!("notice of consent/{of:?}/{}", self.day)));
        // 30 characters are a message_id's.
        format!("CN-{}", named.chars().take(26).collect::<String>())
    }

    fn channel(&self) -> &'static str {
        self.consent.channel.map_or("", |of| of.as_str())
    }
}

impl Editor {
    /// Reckons when consents of a customer are to be told again, of those for which that was not done by so many years; how
    /// many were reckoned, of a few hundred at a time.
    pub fn reckon_notices(&mut self, username: &str, years: u8) -> Result<u64, Away> {
        let Self { database, cipher, .. } = self;
        let unreckoned = database.run(async |connection| {
            for text in UNRECKONED {
                let query = connection.query(text).bind(username).bind(i64::from(years)).bind(1);
                if !query.fetch_all().await?.is_empty() {
                    return Ok(true);
                }
            }
            Ok(false)
        })?;
        if !unreckoned {
            return Ok(0);
        }
        database.transact(
            async |connection| {
                // The lock of every change: nobody agrees or takes it back meanwhile.
                let writing = Writing::beside(connection, cipher, "", 0).await?;
                let connection = writing.connection;
                let mut reckoned = 0;
                for text in UNRECKONED {
                    let query = connection.query(text).bind(username).bind(i64::from(years)).bind(LOT);
                    for record in query.fetch_all().await? {
                        let (lookup, channel, kind): (Vec<u8>, String, String) =
                            (record.get("recipient_lookup")?, record.get("channel")?, record.get("kind")?);
                        let (consented_ms, noticed_ms): (i64, Option<i64>) =
                            (record.get("consented_at")?, record.get("noticed_at")?);
                        let consented = day_of(consented_ms);
                        let told = noticed_ms.map_or(consented, day_of);
                        let day = i64::from(days_since_1970(next_notice(consented, years, told.max(consented))));
                        let query = connection.query(RECKONED).bind(i64::from(years)).bind(day).bind(username);
                        reckoned += query.bind(lookup).bind(channel).bind(kind).execute().await?;
                    }
                }
                Ok(reckoned)
            },
            |reckoned| *reckoned > 0,
        )
    }

    /// How many consents of a customer are to be told again by this day, of more than [`MOST_COUNTED`] one more than these.
    pub fn due_notices_of(&mut self, username: &str, years: u8, day: i64) -> Result<u64, Away> {
        let text = format!("SELECT COUNT(*) AS due FROM ({}) AS counted", counted_text());
        let counted = self.database.run(async |connection| {
            let query = connection.query(&text).bind(username).bind(i64::from(years)).bind(day);
            query.bind(MOST_COUNTED + 1).fetch_one().await?.get::<i64>("due")
        })?;
        Ok(counted.max(0).unsigned_abs())
    }

    /// Consents of a customer that are to be told again by this day, behind one of them, the longest due first.
    pub fn due_notices(
        &mut self,
        username: &str,
        years: u8,
        day: i64,
        behind: Option<&DueNotice>,
        most: u32,
    ) -> Result<Vec<DueNotice>, Away> {
        let Self { database, cipher, .. } = self;
        let [of_day, after] = due_texts();
        database.run(async |connection| {
            let mut found = Vec::new();
            if let Some(behind) = behind {
                let (lookup, channel) = (behind.lookup.as_slice(), behind.channel());
                let query = connection.query(&of_day).bind(username).bind(i64::from(years)).bind(behind.day);
                let query = query.bind(lookup).bind(lookup).bind(channel).bind(channel);
                found = query.bind(behind.consent.kind.as_str()).bind(most).fetch_all().await?;
            }
            let left = most.saturating_sub(found.len() as u32);
            if left > 0 {
                let since = behind.map_or(i64::MIN, |behind| behind.day);
                let query = connection.query(&after).bind(username).bind(i64::from(years)).bind(since);
                found.extend(query.bind(day).bind(left).fetch_all().await?);
            }
            found.iter().map(|record| due(record, cipher)).collect()
        })
    }

    /// Takes it upon this process to tell a consent again, unless another has begun since `stale_ms`, or it was told or taken
    /// back; whether it did.
    pub fn begin_notice(&mut self, due: &DueNotice, now_ms: i64, stale_ms: i64) -> Result<bool, Away> {
        let begun = self.database.run(async |connection| {
            let query = connection.query(BEGUN).bind(now_ms).bind(due.consent.username.as_str());
            let query = query.bind(due.lookup.as_slice()).bind(due.channel()).bind(due.consent.kind.as_str());
            query.bind(due.day).bind(stale_ms).execute().await
        })?;
        Ok(begun > 0)
    }

    /// Notes that consents of a customer were told again.
    pub fn noticed(&mut self, by: &By, username: &str, years: u8, told: &[DueNotice]) -> Result<u64, Away> {
        let Self { database, cipher, .. } = self;
        database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                let mut noted = 0;
                for due in told {
                    let day = i64::from(days_since_1970(next_notice(
                        day_of(due.consent.word().consented_ms),
                        years,
                        day_of(by.at_ms),
                    )));
                    let query = writing.connection.query(NOTICED).bind(by.at_ms).bind(i64::from(years)).bind(day);
                    let query = query.bind(username).bind(due.lookup.as_slice()).bind(due.channel());
                    noted += query.bind(due.consent.kind.as_str()).bind(due.day).execute().await?;
                }
                if noted > 0 {
                    writing.note(Line::counted(CONSENTS, username, username, "told again", noted));
                }
                writing.end_fitting().await.map(|()| noted)
            },
            |noted| *noted > 0,
        )
    }
}

/// Rows that were reckoned by fewer years, or not at all, and by more: each a range of the index.
pub(super) const UNRECKONED: [&str; 2] = [
    "SELECT recipient_lookup, channel, kind, consented_at, noticed_at FROM consents \
     WHERE username = ? AND notice_years < ? ORDER BY notice_years LIMIT ?",
    "SELECT recipient_lookup, channel, kind, consented_at, noticed_at FROM consents \
     WHERE username = ? AND notice_years > ? ORDER BY notice_years LIMIT ?",
];

const RECKONED: &str = "UPDATE consents SET notice_years = ?, notice_day = ?, notice_begun_at = NULL \
     WHERE username = ? AND recipient_lookup = ? AND channel = ? AND kind = ?";

const BEGUN: &str = "UPDATE consents SET notice_begun_at = ? \
     WHERE username = ? AND recipient_lookup = ? AND channel = ? AND kind = ? AND notice_day = ? \
     AND (notice_begun_at IS NULL OR notice_begun_at < ?)";

const NOTICED: &str = "UPDATE consents SET noticed_at = ?, notice_years = ?, notice_day = ?, notice_begun_at = NULL \
     WHERE username = ? AND recipient_lookup = ? AND channel = ? AND kind = ? AND notice_day = ?";

/// Those who refused ads since are not told, nor of a word about one channel who took back all of them later.
const STILL: &str = "NOT EXISTS (SELECT 1 FROM opt_outs WHERE opt_outs.username = consents.username \
     AND opt_outs.recipient_lookup = consents.recipient_lookup) \
     AND NOT EXISTS (SELECT 1 FROM consents AS of_all WHERE of_all.username = consents.username \
     AND of_all.recipient_lookup = consents.recipient_lookup AND of_all.channel = '' AND of_all.kind = consents.kind \
     AND of_all.withdrawn_at >= consents.consented_at)";

/// The question for so many of them, of which the rows are counted.
pub(super) fn counted_text() -> String {
    format!("SELECT 1 FROM consents WHERE username = ? AND notice_years = ? AND notice_day <= ? AND {STILL} LIMIT ?")
}

/// The questions for a page: what is left of a day, and the days after it. As one question they would read all of a day
/// for each of its pages.
pub(super) fn due_texts() -> [String; 2] {
    [
        format!(
            "SELECT * FROM consents WHERE username = ? AND notice_years = ? AND notice_day = ? AND recipient_lookup >= ? \
             AND (recipient_lookup > ? OR channel > ? OR (channel = ? AND kind > ?)) AND {STILL} \
             ORDER BY recipient_lookup, channel, kind LIMIT ?"
        ),
        format!(
            "SELECT * FROM consents WHERE username = ? AND notice_years = ? AND notice_day > ? AND notice_day <= ? AND {STILL} \
             ORDER BY notice_day, recipient_lookup, channel, kind LIMIT ?"
        ),
    ]
}

fn due(record: &Record, cipher: &Cipher) -> sqlx::Result<DueNotice> {
    let day: Option<i64> = record.get("notice_day")?;
    Ok(DueNotice {
        consent: read(record, cipher)?,
        day: day.ok_or_else(|| decode("notice_day", "none where one was asked for"))?,
        begun_ms: record.get("notice_begun_at")?,
        lookup: record.get("recipient_lookup")?,
    })
}
