//! Who brought what again, when, and how much: a line in the log and in the store's audit before and after, and a part
//! of the result.

use super::bound::Bound;
use crate::{
    config::{Config, ReferenceKind},
    moment::iso,
    stores::Stores,
};
use anyhow::Context;
use connectors::reference::{By, Deed, Deeds};
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write};

/// What was ordered, as the audit tells it.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Ordered {
    /// Nothing is brought: it is told what would be.
    pub dry_run: bool,
    /// Where the records stand.
    pub topic: String,
    /// Where they begin; the oldest when there is none.
    pub from: Option<String>,
    /// Where they end; the newest when there is none.
    pub to: Option<String>,
    /// Reports of this customer alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// Dead letters whose reason contains this alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What came back before comes back again.
    #[serde(skip_serializing_if = "is_false")]
    pub again: bool,
    /// Another value was given in place of the one that was found.
    #[serde(skip_serializing_if = "is_false")]
    pub mended: bool,
    /// Where they go.
    pub target: String,
    /// Records a second at most.
    pub per_second: u32,
}

/// What was brought, or would be.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Brought {
    /// Records between the bounds that were looked at.
    pub looked_at: u64,
    /// Records that were brought.
    pub count: u64,
    /// Of them reports, by customer.
    pub by_customer: BTreeMap<String, u64>,
    /// Records of the range that are left out, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
}

impl Brought {
    /// So many records are left out.
    pub fn leave_out(&mut self, reason: &'static str, count: u64) {
        if count > 0 {
            *self.left_out.entry(reason).or_default() += count;
        }
    }
}

/// The record of one replay.
#[derive(Debug, Clone, Serialize)]
pub struct Audit {
    /// Names it, in the log, in calls and in copies.
    pub replay: String,
    /// Login name, number and machine of who ran it.
    pub who: String,
    /// When it began, ISO 8601.
    pub began_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    #[serde(flatten)]
    ordered: Ordered,
    /// Records between the bounds.
    pub looked_at: u64,
    /// Records that were brought.
    pub brought: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by_customer: BTreeMap<String, u64>,
    left_out: BTreeMap<&'static str, u64>,
    /// Why it ended before its time.
    pub error: Option<String>,
}

impl Audit {
    /// A replay that begins.
    pub fn begin(ordered: Ordered, replay: &str, who: String, now_ms: i64) -> Self {
        Self {
            replay: replay.to_owned(),
            who,
            began_at: iso(now_ms),
            ended_at: None,
            ordered,
            looked_at: 0,
            brought: 0,
            by_customer: BTreeMap::new(),
            left_out: BTreeMap::new(),
            error: None,
        }
    }

    /// It ended so.
    pub fn end(&mut self, brought: Brought, error: Option<String>, now_ms: i64) {
        self.ended_at = Some(iso(now_ms));
        (self.looked_at, self.brought) = (brought.looked_at, brought.count);
        (self.by_customer, self.left_out, self.error) = (brought.by_customer, brought.left_out, error);
    }

    /// One line in the log. A dry run changes nothing: there is nothing to note.
    pub fn log(&self) {
        let ordered = &self.ordered;
        if ordered.dry_run {
            return;
        }
        let word = if self.ended_at.is_some() { "ended" } else { "begins" };
        tracing::info!(
            target: "audit",
            replay = self.replay,
            who = self.who,
            topic = ordered.topic,
            from = ordered.from.as_deref().unwrap_or("oldest"),
            to = ordered.to.as_deref().unwrap_or("newest"),
            customer = ordered.customer.as_deref().unwrap_or("all"),
            reason = ordered.reason,
            again = ordered.again,
            mended = ordered.mended,
            target_of_replay = ordered.target,
            per_second = ordered.per_second,
            looked_at = self.looked_at,
            brought = self.brought,
            error = self.error,
            "a replay {word}"
        );
    }

    /// What was done with so many of what, and who did it, as people read it.
    pub fn text(&self, what: &str) -> String {
        let mut text = String::new();
        let mut counts = |counts: Vec<(&str, u64)>, what: &str| {
            for (name, count) in counts {
                let _ = writeln!(text, "{:>10}  {what}{name}", crate::output::thousands(count));
            }
        };
        counts(self.by_customer.iter().map(|(name, count)| (name.as_str(), *count)).collect(), "of ");
        counts(self.left_out.iter().map(|(reason, count)| (*reason, *count)).collect(), "left out: ");
        let Ordered { dry_run, topic, target, .. } = &self.ordered;
        let did = if *dry_run { "would bring" } else { "brought" };
        let count = crate::output::thousands(self.brought);
        let _ = writeln!(text, "{did} {count} {what} of {topic} to {target}");
        if !dry_run {
            let ended = self.ended_at.as_deref().unwrap_or_default();
            let _ = write!(text, "audit: replay {} by {}, {} to {ended}", self.replay, self.who, self.began_at);
        }
        text
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// The audit of the store that a deployment shares, where replays are noted.
pub struct Noted {
    deeds: Option<Deeds>,
    begun: Option<String>,
}

impl Noted {
    /// Opens it. A deployment whose reference data is a file of its own has none, and a dry run, which changes nothing,
    /// needs none.
    pub fn open(config: &Config, dry_run: bool) -> anyhow::Result<Self> {
        let shared = !config.store.url.is_empty() || config.reference.kind == ReferenceKind::Sql;
        let deeds = (shared && !dry_run).then(|| Deeds::open(&Stores::of(config).reference()?)).transpose()?;
        Ok(Self { deeds, begun: None })
    }

    /// Notes how a replay stands: as it begins, and as it ends.
    pub fn note(&mut self, audit: &Audit, now_ms: i64) -> anyhow::Result<()> {
        let Some(deeds) = &mut self.deeds else { return Ok(()) };
        let after = serde_json::to_string(audit)?;
        let by = By::named(audit.who.chars().take(LONGEST_ACTOR).collect::<String>(), now_ms);
        let deed = Deed { kind: "replays", subject: &audit.replay, before: self.begun.as_deref(), after: &after };
        deeds.note(&by, deed).context("the audit of the store")?;
        self.begun = Some(after);
        Ok(())
    }
}

/// Characters that the store has for who did something.
const LONGEST_ACTOR: usize = 160;

/// A bound as the audit tells it.
pub fn text(bound: Bound) -> String {
    match bound {
        Bound::Offset(offset) => offset.to_string(),
        Bound::Time(ms) => iso(ms),
    }
}

/// The name of a replay that begins now.
pub fn name(now_ms: i64) -> String {
    format!("{now_ms}-{:08x}", rand::random::<u32>())
}
