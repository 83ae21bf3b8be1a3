use super::*;
use schemas::Lane;
use std::sync::{
    Mutex,
    mpsc::{self, channel},
};
use topology::log::LogError;

/// Appends when it is let, tells how many records came at a time, and keeps who waits for them.
struct Gated {
    let_go: mpsc::Receiver<()>,
    appended: Arc<Mutex<Vec<usize>>>,
    waiting: mpsc::Sender<Told>,
}

impl log::Appender for Gated {
    fn append(&mut self, records: Vec<(Outgoing, Told)>, _: Duration) {
        self.appended.lock().unwrap().push(records.len());
        // A test that has ended lets all go.
        let _ = self.let_go.recv();
        for (_, told) in records {
            let _ = self.waiting.send(told);
        }
    }

    fn reach(&mut self, _: Topic, _: Duration) -> Result<(), LogError> {
        Ok(())
    }
}

struct Fixture {
    appender: Appender,
    gate: mpsc::Sender<()>,
    appended: Arc<Mutex<Vec<usize>>>,
    waiting: mpsc::Receiver<Told>,
}

impl Fixture {
    fn new() -> Self {
        let ((gate, let_go), (tell, waiting)) = (channel(), channel());
        let appended = Arc::default();
        let log = Gated { let_go, appended: Arc::clone(&appended), waiting: tell };
        let appender = Appender::start("test", Box::new(log), Topic::api(Lane::Realtime)).unwrap();
        Self { appender, gate, appended, waiting }
    }

    fn send(&self) -> tokio::task::JoinHandle<Result<(), Problem>> {
        let appender = self.appender.clone();
        tokio::spawn(async move { appender.append(record(), long()).await })
    }

    /// Until so many batches have come.
    async fn appends(&self, batches: usize) {
        while self.appended.lock().unwrap().len() < batches {
            tokio::task::yield_now().await;
        }
    }

    /// Until so many wait behind the batch at hand.
    async fn waits(&self, records: usize) {
        while self.appender.to.len() < records {
            tokio::task::yield_now().await;
        }
    }
}

fn long() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn record() -> Outgoing {
    let topic = Topic::api(Lane::Realtime);
    Outgoing { topic, partition: None, key: None, value: Some("a".into()), headers: Vec::new() }
}

#[tokio::test]
async fn what_comes_while_one_is_acknowledged_goes_together() {
    let log = Fixture::new();
    let first = log.send();
    log.appends(1).await;
    let others: Vec<_> = (0..50).map(|_| log.send()).collect();
    log.waits(50).await;
    log.gate.send(()).unwrap();
    log.waiting.recv().unwrap()(Ok(()));
    assert_eq!(first.await.unwrap(), Ok(()));
    log.gate.send(()).unwrap();
    for other in others {
        log.waiting.recv().unwrap()(Ok(()));
        drop(other);
    }
    assert_eq!(*log.appended.lock().unwrap(), [1, 50]);
}

#[tokio::test]
async fn each_is_told_of_its_own_record() {
    let log = Fixture::new();
    let mut asked = Vec::new();
    for n in 1..=4 {
        asked.push(log.send());
        log.appends(n).await;
        log.gate.send(()).unwrap();
    }
    let [stuck, refused, there, dropped] = [(); 4].map(|()| log.waiting.recv().unwrap());
    refused(Err(LogError::Away("its partition has no leader".into())));
    there(Ok(()));
    drop(dropped);
    assert_eq!(asked.pop().unwrap().await.unwrap(), Err(Problem::NotConfirmed), "nobody will ever tell");
    assert_eq!(asked.pop().unwrap().await.unwrap(), Ok(()));
    assert_eq!(asked.pop().unwrap().await.unwrap(), Err(Problem::NotConfirmed));
    let first = asked.pop().unwrap();
    assert!(!first.is_finished(), "its record has not ended");
    stuck(Ok(()));
    assert_eq!(first.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_log_that_says_nothing_confirms_nothing_and_those_who_gave_up_are_left_out() {
    let log = Fixture::new();
    let soon = || Instant::now() + Duration::from_millis(50);
    // Nobody lets the first go; the second waits behind it. Both are told in time.
    assert_eq!(log.appender.append(record(), soon()).await, Err(Problem::NotConfirmed));
    assert_eq!(log.appender.append(record(), soon()).await, Err(Problem::NotConfirmed));
    log.gate.send(()).unwrap();
    let asked = log.send();
    log.appends(2).await;
    log.gate.send(()).unwrap();
    // Of the first, who waits for it no more; then the last.
    log.waiting.recv().unwrap()(Ok(()));
    log.waiting.recv().unwrap()(Ok(()));
    assert_eq!(asked.await.unwrap(), Ok(()));
    assert_eq!(*log.appended.lock().unwrap(), [1, 1], "the second was not appended");
}

#[tokio::test]
async fn more_than_may_wait_are_told_at_once() {
    let log = Fixture::new();
    let mut waiting = vec![log.send()];
    log.appends(1).await;
    waiting.extend((0..WAITING).map(|_| log.send()));
    log.waits(WAITING).await;
    assert_eq!(log.appender.append(record(), long()).await, Err(Problem::NotConfirmed));
}
