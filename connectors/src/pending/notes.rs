//! Notes of the callback role, on their way to a store that may be slow or away.

use super::{PendingReports, ReportName};
use processors::{callback::data, ports::PendingNotes};
use rustc_hash::FxHashMap;
use schemas::Report;
use std::{
    io,
    sync::mpsc::{Receiver, SyncSender, TryRecvError, channel, sync_channel},
    thread,
    time::Duration,
};

/// Notes that wait while the store is slow or away; what comes beyond is dropped. Some 15 MB at most.
const WAITING: usize = 10_000;
/// Names that are written together.
const BATCH: usize = 1_000;
/// From a failure to the next try.
const AGAIN: Duration = Duration::from_millis(500);
/// How long the end of the role may take for the last ones.
const LEAVE: Duration = Duration::from_secs(1);
/// Notes that were dropped.
const DROPPED: &str = "ims_callback_pending_dropped_total";

/// Tells the recorder what the metrics of pending reports mean.
pub fn describe_metrics() {
    metrics::describe_counter!(
        DROPPED,
        "Pending reports whose note was dropped because Redis was away for long or too full: their look-up finds none, \
         or one that has ended. Their calls are made all the same."
    );
}

/// A report under its name; None: it is pending no more.
type Change = (ReportName, Option<String>);

/// Hands notes to a thread of its own, and waits for nothing.
pub struct Notes {
    changes: Option<SyncSender<Change>>,
    ended: Receiver<()>,
}

impl Notes {
    /// Starts the thread.
    pub fn start(store: Box<dyn PendingReports>) -> io::Result<Self> {
        let (changes, incoming) = sync_channel(WAITING);
        let (end, ended) = channel();
        let keeper = Keeper { incoming, store, owed: FxHashMap::default(), away: false };
        thread::Builder::new().name("callback-pending".into()).spawn(move || {
            keeper.run();
            // Nobody listens any more when its time was over.
            let _ = end.send(());
        })?;
        Ok(Self { changes: Some(changes), ended })
    }

    fn note(&mut self, report: &Report, json: Option<String>) {
        let Some(changes) = &self.changes else { return };
        if changes.try_send((ReportName::of(report), json)).is_err() {
            metrics::counter!(DROPPED).increment(1);
        }
    }
}

impl PendingNotes for Notes {
    fn failed(&mut self, reports: &[Report]) {
        for report in reports {
            // Texts, numbers and lists of them always make JSON.
            self.note(report, Some(serde_json::to_string(&data(report)).unwrap_or_default()));
        }
    }

    fn ended(&mut self, reports: &[Report]) {
        reports.iter().for_each(|report| self.note(report, None));
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        self.changes = None;
        // A store that hangs keeps nobody: its thread ends with the process.
        let _ = self.ended.recv_timeout(LEAVE);
    }
}

/// The other end.
struct Keeper {
    incoming: Receiver<Change>,
    store: Box<dyn PendingReports>,
    /// Of several changes to a name the newest counts.
    owed: FxHashMap<ReportName, Option<String>>,
    away: bool,
}

impl Keeper {
    fn run(mut self) {
        loop {
            let open = self.take();
            if !self.write() && !open {
                metrics::counter!(DROPPED).increment(self.owed.len() as u64);
                return;
            }
            if !open && self.owed.is_empty() {
                return;
            }
        }
    }

    /// Takes what there is, waiting for the first or, with something owed, for the time to try again. False: nobody
    /// notes any more, and nothing is left to take.
    fn take(&mut self) -> bool {
        let first = match self.owed.len() {
            0 => self.incoming.recv().map_err(|_| TryRecvError::Disconnected),
            owed => {
                thread::sleep(AGAIN);
                // What is owed is one write: more waits where it is counted.
                if owed < BATCH { self.incoming.try_recv() } else { Err(TryRecvError::Empty) }
            }
        };
        match first {
            Ok((name, json)) => drop(self.owed.insert(name, json)),
            Err(TryRecvError::Empty) => return true,
            Err(TryRecvError::Disconnected) => return false,
        }
        while self.owed.len() < BATCH {
            let Ok((name, json)) = self.incoming.try_recv() else { break };
            self.owed.insert(name, json);
        }
        true
    }

    /// Writes what is owed; whether that was done.
    fn write(&mut self) -> bool {
        let (mut put, mut remove) = (Vec::new(), Vec::new());
        for (name, json) in &self.owed {
            match json {
                Some(json) => put.push((name.clone(), json.clone())),
                None => remove.push(name.clone()),
            }
        }
        let removed = if remove.is_empty() { Ok(()) } else { self.store.remove(&remove) };
        let written = removed.and_then(|()| if put.is_empty() { Ok(true) } else { self.store.put(&put) });
        match written {
            Ok(kept) => {
                if !kept {
                    metrics::counter!(DROPPED).increment(put.len() as u64);
                }
                self.owed.clear();
                if std::mem::take(&mut self.away) {
                    tracing::info!("pending reports are noted again");
                }
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.away, true) {
                    tracing::warn!(%error, "pending reports are not noted: their look-up finds none, calls go on");
                }
                false
            }
        }
    }
}
