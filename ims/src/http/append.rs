//! Appends records for requests: many at a time, each told when all in-sync replicas have it.

use super::answer::Problem;
use std::{io, thread, time::Duration};
use tokio::sync::{mpsc, oneshot};
use topology::log::{LogError, Outgoing, Producer};

/// Records of one append: what came while the last one was acknowledged goes with the next.
const RECORDS: usize = 1_000;
/// Bytes of their values.
const BYTES: usize = 4 << 20;
/// Records that may wait for their append; more are not confirmed.
const WAITING: usize = 4_096;

struct Waiting {
    record: Outgoing,
    acknowledged: oneshot::Sender<()>,
}

/// A producer on a thread of its own.
#[derive(Clone)]
pub struct Appender {
    to: mpsc::Sender<Waiting>,
    within: Duration,
}

impl Appender {
    /// Starts the thread; it ends with the last clone. Nobody waits for that end: who still waited for a record has been
    /// told by then.
    pub fn start(name: &str, producer: Box<dyn Producer>, within: Duration) -> io::Result<Self> {
        let (to, from) = mpsc::channel(WAITING);
        thread::Builder::new().name(name.into()).spawn(move || work(producer, from))?;
        Ok(Self { to, within })
    }

    /// Appends a record; it is there when this says so. When it does not it may be there, or come to be, and the same
    /// message_id may be sent again.
    pub async fn append(&self, record: Outgoing) -> Result<(), Problem> {
        let (acknowledged, told) = oneshot::channel();
        self.to.try_send(Waiting { record, acknowledged }).map_err(|_| Problem::NotConfirmed)?;
        match tokio::time::timeout(self.within, told).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Problem::NotConfirmed),
        }
    }
}

fn work(mut producer: Box<dyn Producer>, mut from: mpsc::Receiver<Waiting>) {
    let mut away = false;
    while let Some(first) = from.blocking_recv() {
        let (records, waiting) = batch(first, &mut from);
        if records.is_empty() {
            continue;
        }
        match producer.append(&records) {
            Ok(()) => {
                if std::mem::take(&mut away) {
                    tracing::info!("the log acknowledges again");
                }
                // Who went away meanwhile is told nothing, and asks again.
                for acknowledged in waiting {
                    let _ = acknowledged.send(());
                }
            }
            Err(error @ LogError::Stop(_)) => tracing::error!(%error, "requests are not confirmed (9998)"),
            Err(error) if !std::mem::replace(&mut away, true) => {
                tracing::warn!(%error, "requests are not confirmed (9998) until the log acknowledges again");
            }
            Err(_) => {}
        }
    }
}

/// Takes what is there, without those whose caller has been told 9998 already: Kafka back from an outage has better to
/// do than what will be sent again.
fn batch(first: Waiting, from: &mut mpsc::Receiver<Waiting>) -> (Vec<Outgoing>, Vec<oneshot::Sender<()>>) {
    let (mut records, mut waiting, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut next = Some(first);
    while let Some(Waiting { record, acknowledged }) = next {
        if !acknowledged.is_closed() {
            bytes += record.value.as_ref().map_or(0, |value| value.len());
            records.push(record);
            waiting.push(acknowledged);
        }
        next = if records.len() < RECORDS && bytes < BYTES { from.try_recv().ok() } else { None };
    }
    (records, waiting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Lane, Topic};
    use std::sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    };

    /// Appends when it is let, and tells how many records came at a time.
    struct Gated {
        let_go: Receiver<Result<(), LogError>>,
        appended: Arc<Mutex<Vec<usize>>>,
    }

    impl Producer for Gated {
        fn append(&mut self, records: &[Outgoing]) -> Result<(), LogError> {
            self.appended.lock().unwrap().push(records.len());
            self.let_go.recv().unwrap_or(Ok(()))
        }
    }

    type Appended = Arc<Mutex<Vec<usize>>>;

    fn gated(within: Duration) -> (Appender, Sender<Result<(), LogError>>, Appended) {
        let (gate, let_go) = channel();
        let appended = Appended::default();
        let producer = Gated { let_go, appended: Arc::clone(&appended) };
        (Appender::start("test", Box::new(producer), within).unwrap(), gate, appended)
    }

    fn record() -> Outgoing {
        let topic = Topic::api(Lane::Realtime);
        Outgoing { topic, partition: None, key: None, value: Some("a".into()), headers: Vec::new() }
    }

    #[tokio::test]
    async fn what_comes_while_one_is_acknowledged_goes_together() {
        let (appender, gate, appended) = gated(Duration::from_secs(60));
        let first = tokio::spawn({
            let appender = appender.clone();
            async move { appender.append(record()).await }
        });
        while appended.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = (0..50)
            .map(|_| {
                let appender = appender.clone();
                tokio::spawn(async move { appender.append(record()).await })
            })
            .collect();
        while appender.to.capacity() > WAITING - 50 {
            tokio::task::yield_now().await;
        }
        gate.send(Ok(())).unwrap();
        assert_eq!(first.await.unwrap(), Ok(()));
        gate.send(Ok(())).unwrap();
        for other in others {
            assert_eq!(other.await.unwrap(), Ok(()));
        }
        assert_eq!(*appended.lock().unwrap(), [1, 50]);
    }

    #[tokio::test]
    async fn a_log_that_says_no_or_nothing_confirms_nothing_and_those_who_gave_up_are_left_out() {
        let (appender, gate, appended) = gated(Duration::from_millis(50));
        // Nobody lets the first go; the second waits behind it. Both are told in time.
        assert_eq!(appender.append(record()).await, Err(Problem::NotConfirmed));
        assert_eq!(appender.append(record()).await, Err(Problem::NotConfirmed));
        gate.send(Ok(())).unwrap();
        gate.send(Err(LogError::Away("no broker answers".into()))).unwrap();
        let patient = Appender { within: Duration::from_secs(60), ..appender };
        assert_eq!(patient.append(record()).await, Err(Problem::NotConfirmed));
        gate.send(Ok(())).unwrap();
        assert_eq!(patient.append(record()).await, Ok(()));
        assert_eq!(*appended.lock().unwrap(), [1, 1, 1], "the second was not appended");
    }

    #[tokio::test]
    async fn more_than_may_wait_are_told_at_once() {
        let (appender, _gate, appended) = gated(Duration::from_secs(60));
        let mut waiting = Vec::new();
        for _ in 0..=WAITING {
            let appender = appender.clone();
            waiting.push(tokio::spawn(async move { appender.append(record()).await }));
            while appended.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        }
        while appender.to.capacity() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(appender.append(record()).await, Err(Problem::NotConfirmed));
    }
}
