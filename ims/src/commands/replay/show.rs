//! What came back, for people and for programs.

use super::Letter;
use crate::output::thousands;
use schemas::Topic;
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write};

/// Letters that the text names; JSON names all.
const NAMED: usize = 20;

/// What came back, or would.
#[derive(Debug, Serialize)]
pub struct Replayed {
    /// Nothing was brought: this is what would be.
    dry_run: bool,
    /// Where to.
    topic: String,
    pub(super) replayed: usize,
    /// Came back before, or fell to the same fault twice: the newest letter stands for all.
    pub(super) left_out: usize,
    pub(super) letters: Vec<Letter>,
}

impl Replayed {
    /// Puts it together.
    pub fn new(source: Topic, letters: Vec<Letter>, left_out: usize, dry_run: bool) -> Self {
        Self { dry_run, topic: source.to_string(), replayed: letters.len(), left_out, letters }
    }

    /// As people read it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        for letter in &self.letters {
            *reasons.entry(&letter.reason).or_default() += 1;
        }
        for letter in self.letters.iter().take(NAMED) {
            let _ = writeln!(text, "{:>10}  {}  {}", letter.offset, letter.origin, letter.reason);
        }
        if self.letters.len() > NAMED {
            let _ = writeln!(text, "… in all, by reason:");
            reasons.iter().for_each(|(reason, count)| text.push_str(&format!("{:>10}  {reason}\n", thousands(*count))));
        }
        let (did, count) = (if self.dry_run { "would bring" } else { "brought" }, thousands(self.replayed as u64));
        let _ = write!(text, "{did} {count} dead letters back to {}", self.topic);
        if self.left_out > 0 {
            let _ = write!(text, "; left out {} that came back before", thousands(self.left_out as u64));
        }
        text
    }
}
