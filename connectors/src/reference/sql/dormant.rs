//! What the store knows of inspected templates, for their dormancy.

use super::{
    edit::{By, Editor, Unchanged},
    list::Which,
    row::understood,
};
use crate::sql::word;
use processors::{
    ports::Away,
    reference::{Approval, Template},
};
use rustc_hash::FxHashMap;
use schemas::Channel;

/// An inspected template that is in use or sleeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// Whose it is.
    pub username: String,
    /// Its channel.
    pub channel: Channel,
    /// Its code.
    pub code: String,
    /// Approved or dormant.
    pub state: Approval,
    /// When it was changed last, Unix milliseconds: when it came to its state.
    pub since_ms: i64,
}

/// The question for some of them, in the order of their keys.
pub(super) const SOME: &str = "SELECT t.channel, t.username, t.code, t.state, (SELECT MIN(a.at) FROM audit a WHERE a.version = t.version) AS since \
     FROM templates t WHERE channel = ? AND (username > ? OR (username = ? AND code > ?)) \
     AND state IN ('approved', 'dormant') AND NOT removed ORDER BY username, code LIMIT ?";

/// The question which were woken since a time.
pub(super) const WOKEN: &str = "SELECT subject, MAX(at) AS woken_at FROM audit WHERE kind = 'templates' AND at >= ? \
     AND state_before LIKE '%\"state\":\"dormant\"%' AND state_after LIKE '%\"state\":\"approved\"%' GROUP BY subject";

impl Editor {
    /// At most so many of a channel behind a customer and its code.
    pub fn inspected(&mut self, channel: Channel, behind: (&str, &str), most: u32) -> Result<Vec<Inspected>, Away> {
        let Self { database, .. } = self;
        let (username, code) = behind;
        database.run(async |connection| {
            let query = connection.query(SOME).bind(channel.as_str()).bind(username).bind(username).bind(code);
            let rows = query.bind(most).fetch_all().await?;
            let told = rows.iter().map(|row| {
                let since: Option<i64> = row.get("since")?;
                Ok(Inspected {
                    username: row.get("username")?,
                    channel: word(row, "channel")?,
                    code: row.get("code")?,
                    state: understood(row, "state")?,
                    // Nobody wrote down when: long ago.
                    since_ms: since.unwrap_or(0),
                })
            });
            told.collect()
        })
    }

    /// Templates that were woken since a time, by how the audit calls them, and when last.
    pub fn woken(&mut self, since_ms: i64) -> Result<FxHashMap<String, i64>, Away> {
        let Self { database, .. } = self;
        database.run(async |connection| {
            let rows = connection.query(WOKEN).bind(since_ms).fetch_all().await?;
            rows.iter().map(|row| Ok((row.get("subject")?, row.get("woken_at")?))).collect()
        })
    }

    /// Makes a template dormant, or takes it out (None), if its state is still what it was. Whether it was.
    pub fn retire(&mut self, by: &By, template: &Inspected, to: Option<Approval>) -> Result<bool, Away> {
        let Inspected { username, channel, code, state, .. } = template;
        let which = Which::of([("channel", channel.as_str()), ("username", username), ("code", code)]);
        let done = self.change(by, username, &which, |rows: &mut Vec<Template>| {
            let there = rows.first_mut().filter(|row| row.state == *state).ok_or(())?;
            match to {
                Some(to) => there.state = to,
                None => rows.clear(),
            }
            Ok(())
        })?;
        match done {
            Ok(()) => Ok(true),
            Err(Unchanged::Refused(())) => Ok(false),
            Err(Unchanged::Contents(cause)) => {
                tracing::warn!(customer = username, template = code, cause, "a template cannot be made dormant");
                Ok(false)
            }
            // It makes no row more, and nobody had to be let in.
            Err(Unchanged::Full { .. } | Unchanged::Stranger) => Ok(false),
        }
    }
}
