//! Where senders ask for dead tokens and mailboxes.

use crate::vendors::asked::{Asked, Question};
use processors::ports::{Away, Clock, DeadToken, DeadTokens};
use std::{sync::Arc, time::Duration};
use tokio::{sync::oneshot, time::timeout};

/// How long a push waits for the answer. A store that takes longer holds no push up: the service is asked, and says
/// itself that a token is dead.
const PATIENCE: Duration = Duration::from_millis(250);

enum Job {
    Ask(Vec<(String, String)>, oneshot::Sender<Vec<Option<String>>>),
    Note(DeadToken),
}

impl Question for Job {
    type Store = dyn DeadTokens;
    const THREAD: &'static str = "dead-tokens";
    const AWAY: &'static str = "dead push tokens or mailboxes cannot be looked up or noted: every one is asked about";
    const MOST: usize = 5_000;

    fn size(&self) -> usize {
        match self {
            Self::Ask(some, answer) if !answer.is_closed() => some.len(),
            Self::Ask(..) => 0,
            Self::Note(_) => 1,
        }
    }

    fn ask(all: Vec<Self>, tokens: &mut Self::Store, now_ms: i64) -> Result<(), Away> {
        let (mut asked, mut answers, mut dead) = (Vec::new(), Vec::new(), Vec::new());
        for job in all {
            match job {
                Self::Ask(some, answer) if !answer.is_closed() => {
                    answers.push((some.len(), answer));
                    asked.extend(some);
                }
                Self::Ask(..) => {}
                Self::Note(token) => dead.push(token),
            }
        }
        // What was noted counts for the questions beside it.
        if !dead.is_empty() {
            tokens.note(&dead, now_ms)?;
        }
        let known = if asked.is_empty() { Vec::new() } else { tokens.known(&asked, now_ms)? };
        let mut known = known.into_iter();
        for (count, answer) in answers {
            // Who waited for too long has gone on.
            let _ = answer.send(known.by_ref().take(count).collect());
        }
        Ok(())
    }
}

/// The way to the dead tokens.
pub struct Desk {
    tokens: Asked<Job>,
    /// What counts the answers.
    metric: &'static str,
}

impl Desk {
    /// Asks nobody yet.
    pub fn new(tokens: Box<dyn DeadTokens>, clock: Arc<dyn Clock>, metric: &'static str) -> Self {
        Self { tokens: Asked::new(tokens, clock), metric }
    }

    /// Panics when nobody will ever be answered again.
    pub fn must_work(&self) {
        self.tokens.must_work();
    }

    /// Which of these tokens are dead, in order: what their service said. Nothing is known of them when the store does
    /// not answer.
    pub async fn known<'t>(&self, vendor: &str, tokens: impl Iterator<Item = &'t str>) -> Vec<Option<String>> {
        let asked: Vec<_> = tokens.map(|token| (vendor.to_owned(), token.to_owned())).collect();
        let count = |outcome: &'static str, of: usize| {
            let labels = [("vendor", vendor.to_owned()), ("outcome", outcome.to_owned())];
            metrics::counter!(self.metric, &labels).increment(of as u64);
        };
        let (all, (answer, answered)) = (asked.len(), oneshot::channel());
        self.tokens.ask(Job::Ask(asked, answer));
        match timeout(PATIENCE, answered).await {
            Ok(Ok(known)) => {
                count("skipped", known.iter().flatten().count());
                known
            }
            Ok(Err(_)) | Err(_) => {
                count("unchecked", all);
                vec![None; all]
            }
        }
    }

    /// Notes that a token is dead. A note that cannot be written is lost: the service says it again.
    pub fn note(&self, dead: DeadToken) {
        self.tokens.ask(Job::Note(dead));
    }
}
