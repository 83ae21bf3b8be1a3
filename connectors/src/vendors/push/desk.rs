//! Where senders ask for dead tokens and mailboxes: one thread asks the store for all who wait at that moment.

use processors::ports::{Clock, DeadToken, DeadTokens};
use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

/// How long a push waits for the answer. A store that takes longer holds no push up: the service is asked, and says
/// itself that a token is dead.
const PATIENCE: Duration = Duration::from_millis(250);
/// Tokens of one question.
const MOST: usize = 5_000;

enum Job {
    Ask(Vec<(String, String)>, oneshot::Sender<Vec<Option<String>>>),
    Note(DeadToken),
}

/// The way to the dead tokens. Its thread starts with the first question and ends with this.
pub struct Desk {
    tokens: Mutex<Option<Box<dyn DeadTokens>>>,
    clock: Arc<dyn Clock>,
    /// What counts the answers.
    metric: &'static str,
    jobs: OnceLock<Sender<Job>>,
}

impl Desk {
    /// Asks nobody yet.
    pub fn new(tokens: Box<dyn DeadTokens>, clock: Arc<dyn Clock>, metric: &'static str) -> Self {
        Self { tokens: Mutex::new(Some(tokens)), clock, metric, jobs: OnceLock::new() }
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
        self.send(Job::Ask(asked, answer));
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
        self.send(Job::Note(dead));
    }

    fn send(&self, job: Job) {
        let jobs = self.jobs.get_or_init(|| {
            let (jobs, waiting) = channel();
            let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).take();
            let clock = Arc::clone(&self.clock);
            let work = move || tokens.into_iter().for_each(|tokens| serve(tokens, &waiting, &*clock));
            if let Err(error) = std::thread::Builder::new().name("dead-tokens".into()).spawn(work) {
                tracing::error!(%error, "no thread for what is dead: every token and mailbox is asked about");
            }
            jobs
        });
        // A thread that could not be started answers nobody.
        let _ = jobs.send(job);
    }
}

/// Serves until nobody can ask.
fn serve(mut tokens: Box<dyn DeadTokens>, waiting: &Receiver<Job>, clock: &dyn Clock) {
    let mut away = false;
    while let Ok(first) = waiting.recv() {
        let (mut asked, mut answers, mut dead) = (Vec::new(), Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Ask(some, answer) if !answer.is_closed() => {
                    answers.push((some.len(), answer));
                    asked.extend(some);
                }
                Job::Ask(..) => {}
                Job::Note(token) => dead.push(token),
            }
            next = (asked.len() + dead.len() < MOST).then(|| waiting.try_recv().ok()).flatten();
        }
        let now_ms = clock.now_ms();
        // What was noted counts for the questions beside it.
        let noted = if dead.is_empty() { Ok(()) } else { tokens.note(&dead, now_ms) };
        let known = noted.and_then(|()| if asked.is_empty() { Ok(Vec::new()) } else { tokens.known(&asked, now_ms) });
        match known {
            Ok(known) => {
                away = false;
                let mut known = known.into_iter();
                for (count, answer) in answers {
                    // Who waited for too long has gone on.
                    let _ = answer.send(known.by_ref().take(count).collect());
                }
            }
            Err(error) if !std::mem::replace(&mut away, true) => {
                tracing::warn!(%error, "dead push tokens or mailboxes cannot be looked up or noted: every one is asked about");
            }
            Err(_) => {}
        }
    }
}
