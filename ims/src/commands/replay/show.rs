//! What came back, for people and for programs.

use super::{Letter, audit::Audit};
use crate::output::thousands;
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write};

/// Letters that the text names; JSON names all.
const NAMED: usize = 20;

/// What came back, or would.
#[derive(Debug, Serialize)]
pub struct Replayed {
    #[serde(flatten)]
    pub(super) audit: Audit,
    pub(super) letters: Vec<Letter>,
}

impl Replayed {
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
        text + &self.audit.text("dead letters")
    }
}
