//! Which message a carrier's id is: noted with the answer, looked up with the receipt; whichever comes first waits for
//! the other. One thread asks the store for all who wait at that moment.

mod memory;
mod redis;
#[cfg(test)]
mod tests;

pub use memory::MemoryMessageIds;
pub use redis::RedisMessageIds;

use super::locked;
use processors::ports::{Away, Clock, Half, Meeting, MessageIds};
use std::{
    sync::{
        Arc, Mutex, OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

/// How long a question may take. An answer to a submit waits no longer for its note; a receipt is brought again.
const PATIENCE: Duration = Duration::from_millis(500);
/// Meetings of one question.
const MOST: usize = 2_000;

type Told = Result<Option<Half>, Away>;

/// The way to the ids. Its thread starts with the first question and ends with this.
pub struct Ids {
    store: Mutex<Option<Box<dyn MessageIds>>>,
    clock: Arc<dyn Clock>,
    jobs: OnceLock<Sender<(Meeting, oneshot::Sender<Told>)>>,
}

impl Ids {
    /// Asks nobody yet.
    pub fn new(store: Box<dyn MessageIds>, clock: Arc<dyn Clock>) -> Self {
        Self { store: Mutex::new(Some(store)), clock, jobs: OnceLock::new() }
    }

    /// Notes a half; the other one, if it was noted before.
    pub async fn meet(&self, meeting: Meeting) -> Told {
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.get_or_init(|| self.start());
        // A thread that could not be started answers nobody.
        let _ = jobs.send((meeting, answer));
        let away = |cause: &str| Away { dependency: "message ids", cause: cause.into() };
        match timeout(PATIENCE, answered).await {
            Ok(Ok(told)) => told,
            Ok(Err(_)) => Err(away("nobody answers")),
            Err(_) => Err(away("no answer in time")),
        }
    }

    fn start(&self) -> Sender<(Meeting, oneshot::Sender<Told>)> {
        let (jobs, waiting) = channel();
        let (store, clock) = (locked(&self.store).take(), Arc::clone(&self.clock));
        let work = move || store.into_iter().for_each(|store| serve(store, &waiting, &*clock));
        if let Err(error) = std::thread::Builder::new().name("message-ids".into()).spawn(work) {
            tracing::error!(%error, "no thread for carriers' message ids: receipts are put off");
        }
        jobs
    }
}

/// Serves until nobody can ask.
fn serve(mut store: Box<dyn MessageIds>, waiting: &Receiver<(Meeting, oneshot::Sender<Told>)>, clock: &dyn Clock) {
    let mut away = false;
    while let Ok(first) = waiting.recv() {
        let (mut meetings, mut answers) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some((meeting, answer)) = next {
            meetings.push(meeting);
            answers.push(answer);
            next = (meetings.len() < MOST).then(|| waiting.try_recv().ok()).flatten();
        }
        match store.meet(&meetings, clock.now_ms()) {
            Ok(told) => {
                away = false;
                for (answer, told) in answers.into_iter().zip(told) {
                    // Who waited for too long has gone on.
                    let _ = answer.send(Ok(told));
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut away, true) {
                    tracing::warn!(%error, "carriers' message ids cannot be noted: their receipts are put off");
                }
                for answer in answers {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }
}
