//! Channels that customers claim as sender profiles: asked for, handed in, brought to their dealer. Nobody holds them, so they
//! have no version.

use super::{
    audit::Line,
    dealer_templates::kept,
    edit::{By, Editor, Unchanged},
    row::{decode, encode, json},
    writing::Writing,
};
use crate::{
    cipher::Cipher,
    sql::{Connection, Merge, Record},
};
use processors::{
    center::claim::{self, Before, Handed, KEPT_MS, MOST_TRIES, REMEMBERED_MS, Stage},
    ports::Away,
    refusal::{Code, Refusal},
};
use serde::{Deserialize, Serialize};

/// The table, as the audit names it.
const CLAIMS: &str = "sender_claims";

/// A channel that a customer claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who claims it.
    pub username: String,
    /// Its id, with @.
    pub channel_id: String,
    /// How far it is.
    pub stage: Stage,
    /// What the dealer gave for the token.
    pub sender_key: Option<String>,
    /// Why it was refused, or what is not known.
    pub comment: Option<String>,
    /// When that was noted, Unix milliseconds.
    pub noted_at_ms: i64,
    /// When its dealer is told, Unix milliseconds.
    pub due_at_ms: i64,
    tries: u32,
    revision: i64,
}

/// A claim that its dealer is to be told of, with what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueClaim {
    /// The claim.
    pub claim: Claim,
    /// The phone of the channel's manager.
    pub phone: String,
    /// What was handed in; None: a token is to be asked for.
    pub handed: Option<Handed>,
}

/// What only the dealer is told.
#[derive(Serialize, Deserialize)]
struct Sealed {
    phone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handed: Option<Handed>,
}

/// The question for those that are due, the longest due first.
pub(super) const DUE: &str = "SELECT * FROM sender_claims WHERE stage = ? AND due_at <= ? \
     ORDER BY stage, due_at LIMIT ?";

fn place(username: &str, channel_id: &str) -> String {
    format!("sender_claims/{username}/{channel_id}/sealed")
}

impl Sealed {
    fn write(&self, cipher: &Cipher, username: &str, channel_id: &str) -> sqlx::Result<Vec<u8>> {
        cipher.seal(&place(username, channel_id), json(self)?.as_bytes()).map_err(encode)
    }

    fn read(record: &Record, cipher: &Cipher, claim: &Claim) -> sqlx::Result<Self> {
        let sealed: Vec<u8> = record.get("sealed")?;
        let opened = cipher.open(&place(&claim.username, &claim.channel_id), &sealed);
        serde_json::from_slice(&opened.map_err(|error| decode("sealed", error))?).map_err(|e| decode("sealed", e))
    }
}

fn read(record: &Record) -> sqlx::Result<Claim> {
    let (stage, tries): (&str, i64) = (record.get("stage")?, record.get("tries")?);
    Ok(Claim {
        username: record.get("username")?,
        channel_id: record.get("channel_id")?,
        stage: Stage::of(stage).ok_or_else(|| decode("stage", "no word that is known"))?,
        sender_key: record.get("sender_key")?,
        comment: record.get("comment")?,
        noted_at_ms: record.get("noted_at")?,
        due_at_ms: record.get("due_at")?,
        tries: u32::try_from(tries).unwrap_or(u32::MAX),
        revision: record.get("revision")?,
    })
}

async fn found(connection: &mut Connection, username: &str, channel_id: &str) -> sqlx::Result<Option<Record>> {
    let text = "SELECT * FROM sender_claims WHERE username = ? AND channel_id = ?";
    connection.query(text).bind(username).bind(channel_id).fetch_optional().await
}

/// What was asked for before, as it is counted.
async fn before(connection: &mut Connection, lookup: &[u8], username: &str, since_ms: i64) -> sqlx::Result<Before> {
    let text = "SELECT COUNT(*) AS asked, MAX(requested_at) AS newest FROM sender_token_requests \
         WHERE phone_lookup = ? AND requested_at > ?";
    let of_phone = connection.query(text).bind(lookup).bind(since_ms).fetch_one().await?;
    let text = "SELECT COUNT(*) AS asked FROM sender_token_requests WHERE username = ? AND requested_at > ?";
    let of_customer = connection.query(text).bind(username).bind(since_ms).fetch_one().await?;
    let asked = |record: &Record| Ok::<_, sqlx::Error>(record.get::<i64>("asked")?.unsigned_abs());
    Ok(Before { of_phone: asked(&of_phone)?, of_customer: asked(&of_customer)?, last_ms: of_phone.get("newest")? })
}

/// The claim as it will be written, one change later.
struct Written<'c> {
    claim: &'c Claim,
    sealed: Vec<u8>,
}

impl Written<'_> {
    async fn put(self, connection: &mut Connection) -> sqlx::Result<()> {
        let key = ["username", "channel_id"];
        let others = ["stage", "sealed", "tries", "sender_key", "comment", "noted_at", "due_at", "revision"];
        let tail = connection.dialect().on_conflict(&key.join(", "), Merge::Replace, &others);
        let columns = [&key[..], &others[..]].concat();
        let marks = vec!["?"; columns.len()].join(", ");
        let text = format!("INSERT INTO sender_claims ({}) VALUES ({marks}) {tail}", columns.join(", "));
        let Self { claim, sealed } = self;
        let query = connection.query(&text).bind(claim.username.as_str()).bind(claim.channel_id.as_str());
        let query = query.bind(claim.stage.word()).bind(sealed).bind(i64::from(claim.tries));
        let query = query.bind(claim.sender_key.as_deref()).bind(claim.comment.as_deref()).bind(claim.noted_at_ms);
        query.bind(claim.due_at_ms).bind(claim.revision).execute().await.map(drop)
    }
}

impl Editor {
    /// Notes that a customer wants a token sent to the phone of a channel's manager: `phone` in plain digits.
    pub fn ask_token(
        &mut self,
        by: &By,
        username: &str,
        channel_id: &str,
        phone: &str,
    ) -> Result<Result<Claim, Unchanged<Refusal>>, Away> {
        let Self { database, cipher, .. } = self;
        let now_ms = by.at_ms;
        database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, now_ms).await?;
                let lookup = cipher.lookup(phone);
                let asked = before(writing.connection, &lookup, username, now_ms - REMEMBERED_MS).await?;
                if let Err(refusal) = claim::may_ask(asked, now_ms) {
                    return Ok(Err(Unchanged::Refused(refusal)));
                }
                let text = "INSERT INTO sender_token_requests (phone_lookup, requested_at, username) VALUES (?, ?, ?)";
                let query = writing.connection.query(text).bind(lookup.as_slice()).bind(now_ms).bind(username);
                query.execute().await?;
                let there = found(writing.connection, username, channel_id).await?;
                let revision = there.map_or(Ok(0), |record| record.get::<i64>("revision"))? + 1;
                let claim = Claim {
                    username: username.to_owned(),
                    channel_id: channel_id.to_owned(),
                    stage: Stage::Asked,
                    sender_key: None,
                    comment: None,
                    noted_at_ms: now_ms,
                    due_at_ms: now_ms,
                    tries: 0,
                    revision,
                };
                let sealed = Sealed { phone: phone.to_owned(), handed: None };
                let sealed = sealed.write(cipher, username, channel_id)?;
                Written { claim: &claim, sealed }.put(writing.connection).await?;
                writing.note(Line::counted(CLAIMS, username, channel_id, "tokens_asked_for", 1));
                writing.end_fitting().await.map(|()| Ok(claim))
            },
            |told| told.is_ok(),
        )
    }

    /// Notes what a customer handed in for a channel; None: it claims no such channel.
    pub fn hand_token(
        &mut self,
        by: &By,
        username: &str,
        channel_id: &str,
        handed: &Handed,
    ) -> Result<Option<Result<Claim, Unchanged<Refusal>>>, Away> {
        let Self { database, cipher, .. } = self;
        database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                let Some(record) = found(writing.connection, username, channel_id).await? else { return Ok(None) };
                let there = read(&record)?;
                let refused = |code, reason: &str| Some(Err(Unchanged::Refused(Refusal::named(code, "token", reason))));
                if there.stage == Stage::Registered {
                    return Ok(refused(Code::Exists, "the channel is registered already"));
                }
                if there.tries >= MOST_TRIES {
                    return Ok(refused(Code::QuotaUsedUp, "none may be handed in so often: ask for another token"));
                }
                let sealed = Sealed { handed: Some(handed.clone()), ..Sealed::read(&record, cipher, &there)? };
                let claim = Claim {
                    stage: Stage::Handed,
                    // What came of another token proves nothing of this one.
                    sender_key: None,
                    comment: None,
                    noted_at_ms: by.at_ms,
                    due_at_ms: by.at_ms,
                    tries: there.tries + 1,
                    revision: there.revision + 1,
                    ..there
                };
                let sealed = sealed.write(cipher, username, channel_id)?;
                Written { claim: &claim, sealed }.put(writing.connection).await?;
                writing.note(Line::counted(CLAIMS, username, channel_id, "tokens_handed_in", 1));
                writing.end_fitting().await.map(|()| Some(Ok(claim)))
            },
            |told| matches!(told, Some(Ok(_))),
        )
    }

    /// The channels that a customer claims, the newest last; or one of them.
    pub fn claims(&mut self, username: &str, channel_id: Option<&str>) -> Result<Vec<Claim>, Away> {
        let Self { database, .. } = self;
        database.run(async |connection| {
            if let Some(channel_id) = channel_id {
                let found = found(connection, username, channel_id).await?;
                return found.iter().map(read).collect();
            }
            let text = "SELECT * FROM sender_claims WHERE username = ? ORDER BY noted_at, channel_id";
            let found = connection.query(text).bind(username).fetch_all().await?;
            found.iter().map(read).collect()
        })
    }

    /// At most so many that are due in a stage, the longest due first.
    pub fn due_claims(&mut self, stage: Stage, now_ms: i64, most: u32) -> Result<Vec<DueClaim>, Away> {
        let Self { database, cipher, .. } = self;
        database.run(async |connection| {
            let query = connection.query(DUE).bind(stage.word()).bind(now_ms).bind(most);
            let found = query.fetch_all().await?;
            let told = found.iter().map(|record| {
                let claim = read(record)?;
                let Sealed { phone, handed } = Sealed::read(record, cipher, &claim)?;
                Ok(DueClaim { claim, phone, handed })
            });
            told.collect()
        })
    }

    /// Writes how far a claim is by now, if nobody changed it meanwhile: then it is of that revision. Whether it was written.
    pub fn move_claim(&mut self, claim: &mut Claim) -> Result<bool, Away> {
        let Self { database, .. } = self;
        let comment = kept(claim.comment.as_deref());
        let written = database.run(async |connection| {
            // Whoever has a profile needs its token no more.
            let erased = if claim.stage == Stage::Registered { ", sealed = x''" } else { "" };
            let text = format!(
                "UPDATE sender_claims SET stage = ?, sender_key = ?, comment = ?, noted_at = ?, \
                 due_at = ?, revision = ?{erased} WHERE username = ? AND channel_id = ? AND revision = ?"
            );
            let query = connection.query(&text).bind(claim.stage.word());
            let query = query.bind(claim.sender_key.as_deref()).bind(comment.as_deref()).bind(claim.noted_at_ms);
            let query = query.bind(claim.due_at_ms).bind(claim.revision + 1).bind(claim.username.as_str());
            query.bind(claim.channel_id.as_str()).bind(claim.revision).execute().await
        })?;
        claim.revision += 1;
        Ok(written > 0)
    }

    /// Forgets claims that nothing has changed of for long, and what was asked for before it is counted.
    pub fn forget_claims(&mut self, now_ms: i64) -> Result<(), Away> {
        let Self { database, .. } = self;
        database.run(async |connection| {
            let text = "DELETE FROM sender_claims WHERE noted_at < ?";
            connection.query(text).bind(now_ms - KEPT_MS).execute().await?;
            let text = "DELETE FROM sender_token_requests WHERE requested_at < ?";
            connection.query(text).bind(now_ms - REMEMBERED_MS).execute().await.map(drop)
        })
    }
}
