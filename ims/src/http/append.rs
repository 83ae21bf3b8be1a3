//! Appends records for requests: many at a time, each told when all in-sync replicas have its own.

use super::{answer::Problem, standing::Standing};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use schemas::Topic;
use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;
use topology::{
    engine::status::{Status, note},
    log::{self, Outgoing, Told},
};

/// Records of one append: what came while the last one was acknowledged goes with the next.
const RECORDS: usize = 1_000;
/// Bytes of their values: no more than one request to a broker takes, or the producer spins on what is behind it.
const BYTES: usize = 1_500_000;
/// Records that may wait for their append; more are not confirmed.
const WAITING: usize = 4_096;
/// How long a batch is waited for before the next goes: what has no leader holds the others up for no longer.
const TURN: Duration = Duration::from_millis(10);
/// How often it is judged whether the log acknowledges.
const LOOK: Duration = Duration::from_secs(1);

struct Waiting {
    record: Outgoing,
    acknowledged: oneshot::Sender<()>,
}

/// An appender of the log on a thread of its own.
#[derive(Clone)]
pub struct Appender {
    to: Sender<Waiting>,
}

impl Appender {
    /// Starts the thread, which ends with the last clone; /health/ready tells of it under its name. It asks whether
    /// `topic` can be appended to when nothing else tells.
    pub fn start(name: &'static str, log: Box<dyn log::Appender>, topic: Topic) -> io::Result<Self> {
        let (to, from) = bounded(WAITING);
        note(name, Status::Ready);
        thread::Builder::new().name(name.into()).spawn(move || work(name, log, topic, &from))?;
        Ok(Self { to })
    }

    /// Appends a record; it is there when this says so. When it does not it may be there, or come to be, and the same
    /// message_id may be sent again. It is waited for until then.
    pub async fn append(&self, record: Outgoing, until: Instant) -> Result<(), Problem> {
        if until <= Instant::now() {
            return Err(Problem::NotConfirmed);
        }
        let (acknowledged, told) = oneshot::channel();
        self.to.try_send(Waiting { record, acknowledged }).map_err(|_| Problem::NotConfirmed)?;
        match tokio::time::timeout_at(until.into(), told).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Problem::NotConfirmed),
        }
    }
}

fn work(name: &'static str, mut log: Box<dyn log::Appender>, topic: Topic, from: &Receiver<Waiting>) {
    let standing = Arc::new(Standing::new(name));
    let mut looked = Instant::now();
    loop {
        match from.recv_timeout(LOOK) {
            Ok(first) => {
                let records = batch(first, from, &standing);
                if !records.is_empty() {
                    log.append(records, TURN);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            standing.judge(|| log.reach(topic, LOOK / 2));
        }
    }
    note(name, Status::Ended);
}

/// Takes what is there, without those whose caller has been told 9998 already: Kafka back from an outage has better to
/// do than what will be sent again.
fn batch(first: Waiting, from: &Receiver<Waiting>, standing: &Arc<Standing>) -> Vec<(Outgoing, Told)> {
    let (mut records, mut bytes) = (Vec::new(), 0);
    let mut next = Some(first);
    while let Some(Waiting { record, acknowledged }) = next {
        if !acknowledged.is_closed() {
            bytes += record.value.as_ref().map_or(0, |value| value.len());
            records.push((record, told(acknowledged, Arc::clone(standing))));
        }
        next = if records.len() < RECORDS && bytes < BYTES { from.try_recv().ok() } else { None };
    }
    records
}

/// Tells a caller of its own record. Who went away meanwhile is told nothing, and asks again.
fn told(acknowledged: oneshot::Sender<()>, standing: Arc<Standing>) -> Told {
    Box::new(move |end| {
        if end.is_ok() {
            let _ = acknowledged.send(());
        }
        standing.note(end);
    })
}

#[cfg(test)]
mod tests;
