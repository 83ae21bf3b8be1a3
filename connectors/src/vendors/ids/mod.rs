//! Which message a vendor's own id is: noted with the answer, looked up with the report; whichever comes first waits for
//! the other.

mod memory;
mod redis;
#[cfg(test)]
mod tests;

pub use memory::MemoryMessageIds;
pub use redis::RedisMessageIds;

use super::asked::{Asked, Question};
use processors::ports::{Away, Clock, Half, Meeting, MessageIds};
use std::{sync::Arc, time::Duration};
use tokio::{sync::oneshot, time::timeout};

/// How long a question may take. An answer to a request waits no longer for its note; a report is brought again.
const PATIENCE: Duration = Duration::from_millis(500);

type Told = Result<Option<Half>, Away>;

/// A meeting, and who waits for its other half.
struct Wanted(Meeting, oneshot::Sender<Told>);

impl Question for Wanted {
    type Store = dyn MessageIds;
    const THREAD: &'static str = "message-ids";
    const AWAY: &'static str = "vendors' ids of messages cannot be noted: reports that name them are put off";
    const MOST: usize = 2_000;

    fn size(&self) -> usize {
        1
    }

    fn ask(all: Vec<Self>, store: &mut Self::Store, now_ms: i64) -> Result<(), Away> {
        let (meetings, answers): (Vec<_>, Vec<_>) =
            all.into_iter().map(|Self(meeting, answer)| (meeting, answer)).unzip();
        let met = store.meet(&meetings, now_ms);
        let told = match &met {
            Ok(told) => told.iter().cloned().map(Ok).collect(),
            Err(error) => vec![Err(error.clone()); answers.len()],
        };
        for (answer, told) in answers.into_iter().zip(told) {
            // Who waited for too long has gone on.
            let _ = answer.send(told);
        }
        met.map(drop)
    }
}

/// The way to the ids.
pub struct Ids(Asked<Wanted>);

impl Ids {
    /// Asks nobody yet.
    pub fn new(store: Box<dyn MessageIds>, clock: Arc<dyn Clock>) -> Self {
        Self(Asked::new(store, clock))
    }

    /// Panics when nobody will ever be answered again.
    pub fn must_work(&self) {
        self.0.must_work();
    }

    /// Notes a half; the other one, if it was noted before.
    pub async fn meet(&self, meeting: Meeting) -> Told {
        let (answer, answered) = oneshot::channel();
        self.0.ask(Wanted(meeting, answer));
        let away = |cause: &str| Away { dependency: "message ids", cause: cause.into() };
        match timeout(PATIENCE, answered).await {
            Ok(Ok(told)) => told,
            Ok(Err(_)) => Err(away("nobody answers")),
            Err(_) => Err(away("no answer in time")),
        }
    }
}
