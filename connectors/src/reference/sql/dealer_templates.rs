//! Templates at the dealer that registers them at Kakao: which wait for it, what it said of them, and which process asks it.

use super::{
    edit::{By, Editor, Unchanged},
    list::Which,
    lots::lots_of,
    row::Kind,
};
use crate::sql::{Insert, Merge, Record, word};
use processors::{
    ports::Away,
    reference::{Approval, Template},
};
use rustc_hash::FxHashMap;
use schemas::Channel;
use std::{iter::repeat_n, sync::Arc};

/// A template that waits for its inspection, of a sender profile that is approved.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The template.
    pub template: Arc<Template>,
    /// Whether its `sender_key` is a group's.
    pub of_group: bool,
}

/// What a dealer said of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtDealer {
    /// Which dealer.
    pub vendor: String,
    /// registered, requested, approved, rejected or refused.
    pub state: String,
    /// Why it was rejected or refused.
    pub comment: Option<String>,
    /// When that was noted, Unix milliseconds.
    pub noted_at_ms: i64,
}

/// A template that a dealer holds and nobody here has any more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Leftover {
    /// Its channel.
    pub channel: Channel,
    /// Who had it.
    pub username: String,
    /// Its code.
    pub code: String,
    /// What it was registered under.
    pub sender_key: String,
}

/// Longest comment, characters: four bytes each fit the server's column.
const COMMENT_CHARS: usize = 4_000;

/// As much of a comment as its column holds.
pub(super) fn kept(comment: Option<&str>) -> Option<String> {
    comment.map(|text| text.chars().take(COMMENT_CHARS).collect())
}

impl AtDealer {
    pub(super) fn read(record: &Record) -> sqlx::Result<Self> {
        Ok(Self {
            vendor: record.get("vendor")?,
            state: record.get("state")?,
            comment: record.get("comment")?,
            noted_at_ms: record.get("noted_at")?,
        })
    }
}

/// The question for some of those that wait, in the order of their keys. Whoever registers a template for a profile that is not
/// proven to be his has it registered nowhere.
pub(super) const WAITING: &str = "SELECT t.*, p.sender_key IS NULL AS of_group FROM templates t \
     LEFT JOIN sender_profiles p ON p.sender_key = t.sender_key AND p.username = t.username \
     AND p.state = 'approved' AND NOT p.removed \
     LEFT JOIN sender_groups g ON g.group_key = t.sender_key AND g.username = t.username \
     AND g.state = 'approved' AND NOT g.removed \
     WHERE t.channel = ? AND t.state = 'requested' AND NOT t.removed \
     AND (t.username > ? OR (t.username = ? AND t.code > ?)) \
     AND (p.sender_key IS NOT NULL OR g.group_key IS NOT NULL) ORDER BY t.username, t.code LIMIT ?";

/// The question for some of a channel that a dealer holds and nobody has any more, in the order of their keys.
pub(super) const LEFTOVERS: &str = "SELECT d.channel, d.username, d.code, d.sender_key FROM dealer_templates d \
     WHERE d.channel = ? AND d.vendor = ? AND (d.username > ? OR (d.username = ? AND d.code > ?) \
     OR (d.username = ? AND d.code = ? AND d.sender_key > ?)) \
     AND NOT EXISTS (SELECT 1 FROM templates t WHERE t.sender_key = d.sender_key AND t.code = d.code \
     AND t.channel = d.channel AND NOT t.removed) ORDER BY d.username, d.code, d.sender_key LIMIT ?";

impl Editor {
    /// At most so many of a channel behind a customer and its code.
    pub fn waiting(&mut self, channel: Channel, behind: (&str, &str), most: u32) -> Result<Vec<Waiting>, Away> {
        let Self { database, cipher, .. } = self;
        let (username, code) = behind;
        database.run(async |connection| {
            let query = connection.query(WAITING).bind(channel.as_str()).bind(username).bind(username).bind(code);
            let found = query.bind(most).fetch_all().await?;
            let told = found.iter().map(|record| {
                Ok(Waiting { template: Template::read(record, cipher)?.row, of_group: record.get("of_group")? })
            });
            told.collect()
        })
    }

    /// Notes what a dealer said of a template.
    pub fn note_at_dealer(&mut self, template: &Template, said: &AtDealer) -> Result<(), Away> {
        let Self { database, .. } = self;
        let columns = ["vendor", "state", "comment", "noted_at"];
        let comment = kept(said.comment.as_deref());
        database.run(async |connection| {
            let key = "channel, username, code, sender_key";
            let tail = connection.dialect().on_conflict(key, Merge::Replace, &columns);
            let insert = Insert::new(&format!("INSERT INTO dealer_templates ({key}, {})", columns.join(", ")), &tail);
            let rows = [(template, said, comment)];
            let inserted = insert.rows(connection, &rows, |(template, said, comment), to| {
                to.put(template.channel.as_str())?.put(template.username.as_str())?.put(template.code.as_str())?;
                to.put(template.sender_key.as_deref().unwrap_or_default())?.put(said.vendor.as_str())?;
                to.put(said.state.as_str())?.put(comment.as_deref())?.put(said.noted_at_ms).map(drop)
            });
            inserted.await.map(drop)
        })
    }

    /// What dealers said of these templates, by the place that each has among them.
    pub fn at_dealers(&mut self, templates: &[&Template]) -> Result<FxHashMap<usize, AtDealer>, Away> {
        let Self { database, .. } = self;
        let under = |(place, template): (usize, &&Template)| {
            let key = [template.channel.as_str(), &template.username, &template.code, template.sender_key.as_deref()?];
            Some((key.map(str::to_owned), place))
        };
        let places: FxHashMap<[String; 4], usize> = templates.iter().enumerate().filter_map(under).collect();
        let keys: Vec<&[String; 4]> = places.keys().collect();
        database.run(async |connection| {
            let mut told = FxHashMap::default();
            for (size, lot) in lots_of(&keys) {
                let text = text(size);
                let bound = lot.flat_map(|key| key.iter());
                let query = bound.fold(connection.query(&text), |query, part| query.bind(part.as_str()));
                for record in query.fetch_all().await? {
                    let part = |column| record.get::<String>(column);
                    let key = [part("channel")?, part("username")?, part("code")?, part("sender_key")?];
                    let said = AtDealer::read(&record)?;
                    told.extend(places.get(&key).map(|place| (*place, said)));
                }
            }
            Ok(told)
        })
    }

    /// Writes what a dealer's inspection came to, if the template still says what was inspected. Whether it does.
    pub fn settle(&mut self, by: &By, template: &Template, to: Approval) -> Result<bool, Away> {
        let Template { channel, username, code, .. } = template;
        let which = Which::of([("channel", channel.as_str()), ("username", username), ("code", code)]);
        let done = self.change(by, username, &which, |rows: &mut Vec<Template>| {
            let there = rows.first_mut().filter(|row| **row == *template).ok_or(())?;
            there.state = to;
            Ok::<_, ()>(())
        })?;
        if let Err(Unchanged::Contents(cause)) = &done {
            tracing::warn!(
                customer = username,
                template = code,
                cause,
                "a template cannot be made what its dealer says"
            );
        }
        Ok(done.is_ok())
    }

    /// At most so many of a channel that a dealer holds and nobody has any more, behind a customer, its code and sender key.
    pub fn leftovers(
        &mut self,
        channel: Channel,
        vendor: &str,
        behind: (&str, &str, &str),
        most: u32,
    ) -> Result<Vec<Leftover>, Away> {
        let Self { database, .. } = self;
        let (username, code, sender_key) = behind;
        database.run(async |connection| {
            let query = connection.query(LEFTOVERS).bind(channel.as_str()).bind(vendor).bind(username).bind(username);
            let query = query.bind(code).bind(username).bind(code).bind(sender_key).bind(most);
            let found = query.fetch_all().await?;
            let told = found.iter().map(|record| {
                Ok(Leftover {
                    channel: word(record, "channel")?,
                    username: record.get("username")?,
                    code: record.get("code")?,
                    sender_key: record.get("sender_key")?,
                })
            });
            told.collect()
        })
    }

    /// A dealer holds it no more.
    pub fn forget_leftover(&mut self, gone: &Leftover) -> Result<(), Away> {
        let Self { database, .. } = self;
        database.run(async |connection| {
            let text =
                "DELETE FROM dealer_templates WHERE channel = ? AND username = ? AND code = ? AND sender_key = ?";
            let query = connection.query(text).bind(gone.channel.as_str()).bind(gone.username.as_str());
            query.bind(gone.code.as_str()).bind(gone.sender_key.as_str()).execute().await.map(drop)
        })
    }

    /// Whether it is this process that asks a dealer, until then. One that has died is followed by another after that.
    pub fn take_turn(&mut self, vendor: &str, holder: &str, now_ms: i64, until_ms: i64) -> Result<bool, Away> {
        let Self { database, .. } = self;
        database.run(async |connection| {
            // One that is there stays as it is: its name is the same.
            let kept = connection.dialect().on_conflict("vendor", Merge::Replace, &["vendor"]);
            let text = format!("INSERT INTO dealer_turns (vendor, holder, held_until) VALUES (?, '', 0) {kept}");
            connection.query(&text).bind(vendor).execute().await?;
            let text = "UPDATE dealer_turns SET holder = ?, held_until = ? \
                 WHERE vendor = ? AND (holder = ? OR held_until <= ?)";
            let query = connection.query(text).bind(holder).bind(until_ms).bind(vendor).bind(holder);
            query.bind(now_ms).execute().await?;
            let text = "SELECT holder FROM dealer_turns WHERE vendor = ?";
            let now: String = connection.query(text).bind(vendor).fetch_one().await?.get("holder")?;
            Ok(now == holder)
        })
    }
}

/// The question for so many. As an OR it goes by the primary key on every server.
pub(super) fn text(size: usize) -> String {
    let one = "channel = ? AND username = ? AND code = ? AND sender_key = ?";
    format!("SELECT * FROM dealer_templates WHERE {}", repeat_n(one, size).collect::<Vec<_>>().join(" OR "))
}
