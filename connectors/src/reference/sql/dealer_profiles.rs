//! How sender profiles stand at the dealer that they were registered at: which are to be looked at, what it said, and which are
//! to be woken.

use super::{
    audit::Line,
    dealer_templates::{AtDealer, kept},
    edit::{By, Editor, Unchanged},
    list::Which,
    lots::lots_of,
    row::Kind,
    writing::Writing,
};
use crate::sql::{Insert, Merge, question_marks};
use processors::{
    center::claim::{Category, Standing, Unproven, prove},
    ports::Away,
    reference::{Approval, SenderGroup, SenderProfile},
};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A profile that is to be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct LookedAt {
    /// The profile.
    pub profile: Arc<SenderProfile>,
    /// The word of its standing when it was looked at last.
    pub before: Option<String>,
    /// Whether it is to be woken.
    pub recover: bool,
}

/// Longest code and name of a category.
const CODE_BYTES: usize = 64;
const NAME_CHARS: usize = 255;

/// The question for some that were not looked at since a time, or are to be woken, behind a key. What is rejected or waits for
/// its proof is nobody's.
pub(super) const TO_LOOK_AT: &str = "SELECT p.*, d.state AS stood, COALESCE(d.recover, FALSE) AS wake \
     FROM sender_profiles p LEFT JOIN dealer_profiles d ON d.sender_key = p.sender_key AND d.vendor = ? \
     WHERE p.sender_key > ? AND NOT p.removed AND p.state IN ('approved', 'stopped', 'dormant') \
     AND (d.noted_at IS NULL OR d.noted_at <= ? OR d.recover) ORDER BY p.sender_key LIMIT ?";

impl Editor {
    /// At most so many profiles behind a key that were looked at no later than a time, or are to be woken.
    pub fn to_look_at(&mut self, vendor: &str, behind: &str, until_ms: i64, most: u32) -> Result<Vec<LookedAt>, Away> {
        let Self { database, cipher, .. } = self;
        database.run(async |connection| {
            let query = connection.query(TO_LOOK_AT).bind(vendor).bind(behind).bind(until_ms).bind(most);
            let found = query.fetch_all().await?;
            let told = found.iter().map(|record| {
                let profile = SenderProfile::read(record, cipher)?.row;
                Ok(LookedAt { profile, before: record.get("stood")?, recover: record.get("wake")? })
            });
            told.collect()
        })
    }

    /// Notes what a dealer said of a profile; it is to be woken no more.
    pub fn note_profile(&mut self, sender_key: &str, said: &AtDealer) -> Result<(), Away> {
        let Self { database, .. } = self;
        let columns = ["vendor", "state", "comment", "noted_at", "recover"];
        let comment = kept(said.comment.as_deref());
        database.run(async |connection| {
            let tail = connection.dialect().on_conflict("sender_key", Merge::Replace, &columns);
            let head = format!("INSERT INTO dealer_profiles (sender_key, {})", columns.join(", "));
            let insert = Insert::new(&head, &tail);
            let inserted = insert.rows(connection, &[()], |(), to| {
                to.put(sender_key)?.put(said.vendor.as_str())?.put(said.state.as_str())?.put(comment.as_deref())?;
                to.put(said.noted_at_ms)?.put(false).map(drop)
            });
            inserted.await.map(drop)
        })
    }

    /// What dealers said of these profiles, by their keys.
    pub fn profiles_at_dealers(&mut self, sender_keys: &[String]) -> Result<FxHashMap<String, AtDealer>, Away> {
        let Self { database, .. } = self;
        database.run(async |connection| {
            let mut told = FxHashMap::default();
            for (size, lot) in lots_of(sender_keys) {
                let text = format!("SELECT * FROM dealer_profiles WHERE sender_key IN ({})", question_marks(size));
                let query = lot.fold(connection.query(&text), |query, key| query.bind(key.as_str()));
                for record in query.fetch_all().await? {
                    told.insert(record.get("sender_key")?, AtDealer::read(&record)?);
                }
            }
            Ok(told)
        })
    }

    /// Notes that a customer wants its profile woken; whether its dealer says that it sleeps.
    pub fn wake_profile(&mut self, by: &By, username: &str, sender_key: &str) -> Result<bool, Away> {
        let Self { database, cipher, .. } = self;
        database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                let text = "UPDATE dealer_profiles SET recover = ? WHERE sender_key = ? AND state = ?";
                let query = writing.connection.query(text).bind(true).bind(sender_key).bind(Standing::Dormant.word());
                let sleeps = query.execute().await? > 0;
                if sleeps {
                    writing.note(Line::counted(SenderProfile::TABLE, username, sender_key, "wakings_asked_for", 1));
                }
                writing.end_fitting().await.map(|()| sleeps)
            },
            |sleeps| *sleeps,
        )
    }

    /// Keeps what channels may be about at a dealer, and nothing of before. What fits no column is left out.
    pub fn keep_categories(&mut self, vendor: &str, categories: &[Category]) -> Result<(), Away> {
        let Self { database, .. } = self;
        let fits =
            |category: &&Category| category.code.len() <= CODE_BYTES && category.name.chars().count() <= NAME_CHARS;
        let mut rows: Vec<&Category> = categories.iter().filter(fits).collect();
        rows.sort_unstable_by(|a, b| a.code.cmp(&b.code));
        rows.dedup_by(|a, b| a.code == b.code);
        let kept = database.transact(
            async |connection| {
                let text = "DELETE FROM dealer_categories WHERE vendor = ?";
                connection.query(text).bind(vendor).execute().await?;
                let insert = Insert::new("INSERT INTO dealer_categories (vendor, code, name)", "");
                let inserted = insert.rows(connection, &rows, |category, to| {
                    to.put(vendor)?.put(category.code.as_str())?.put(category.name.as_str()).map(drop)
                });
                inserted.await.map(drop)
            },
            |()| true,
        );
        kept.map(drop)
    }

    /// What channels may be about.
    pub fn categories(&mut self) -> Result<Vec<Category>, Away> {
        let Self { database, .. } = self;
        database.run(async |connection| {
            let found = connection.query("SELECT * FROM dealer_categories ORDER BY vendor, code").fetch_all().await?;
            let told = found.iter();
            told.map(|record| Ok(Category { code: record.get("code")?, name: record.get("name")? })).collect()
        })
    }

    /// Makes of a profile what its dealer says, if it is still in that state.
    pub fn settle_profile(&mut self, by: &By, profile: &SenderProfile, to: Approval) -> Result<bool, Away> {
        let which = Which::of([("sender_key", &*profile.sender_key)]);
        let done = self.change(by, &profile.username, &which, |rows: &mut Vec<SenderProfile>| {
            rows.first_mut().filter(|row| **row == *profile).ok_or(())?.state = to;
            Ok::<_, ()>(())
        })?;
        Ok(done.is_ok())
    }

    /// Makes the profile under a key that Kakao gave for a customer's token the customer's. The error is why it is not.
    pub fn prove_profile(
        &mut self,
        by: &By,
        username: &str,
        sender_key: &str,
    ) -> Result<Result<Approval, String>, Away> {
        let groups = self.rows::<SenderGroup>(&Which::of([("group_key", sender_key)]))?;
        if groups.iter().any(|group| group.state != Approval::Rejected) {
            return Ok(Err("its sender_key is a group's here: an operator sees to it".to_owned()));
        }
        let which = Which::of([("sender_key", sender_key)]);
        let proven = self.change(by, username, &which, |rows| prove(rows, username, sender_key))?;
        Ok(proven.map_err(|unchanged| match unchanged {
            Unchanged::Refused(Unproven::Anothers) => {
                "it is approved for somebody else here: an operator sees to it".to_owned()
            }
            Unchanged::Full { most, .. } => format!("you have {most} sender profiles, and may have no more"),
            Unchanged::Contents(reason) => reason,
            Unchanged::Stranger => "who asks is not let in any more".to_owned(),
        }))
    }
}
