//! Delivery reports, by polling or webhook: handed on, and acknowledged only when they are in the log. A process that dies
//! in between is given them again.

use super::{
    POLLS, Vendors,
    bizgo::Bizgo,
    nhn::{Cursor, Nhn},
    smpp, smtp, webhook, wires,
};
use crate::threads::ended;
use axum::Router;
use processors::{
    ports::{Clock, Receipt, Receipts},
    reference::{Protocol, Vendor},
    standing::{Lasting, News, Standing, Word},
};
use rustc_hash::FxHashMap;
use std::{
    future::Future,
    io,
    net::TcpListener,
    pin::Pin,
    sync::{
        Arc,
        mpsc::{self, TryRecvError},
    },
    time::Duration,
};
use tokio::{sync::oneshot, task::JoinHandle};

/// Name of the thread that polls.
const THREAD: &str = "vendor-reports";
/// How often the reference data is looked at for vendors that come and go.
const LOOK: Duration = Duration::from_secs(1);
/// While the simulator may owe receipts too, none of its waits longer for one of a wire.
const TURN: Duration = Duration::from_millis(50);
/// Longest wait after polls that failed.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Serves a port, with bounds on connections, headers and time, until it is dropped.
pub type Serve = Arc<dyn Fn(TcpListener, Router) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send>> + Send + Sync>;

/// Reports of one poll or call, and who is told that they are in the log.
pub struct Batch {
    pub receipts: Vec<Receipt>,
    pub confirmed: oneshot::Sender<()>,
}

/// What a vendor's poll gave.
pub struct Reports {
    /// By what it is acknowledged; empty: the vendor wants no word.
    pub id: String,
    /// The reports.
    pub receipts: Vec<Receipt>,
}

/// The delivery reports of all vendors, polled on a thread that ends with this.
pub struct Polled {
    vendors: Vendors,
    simulated: Box<dyn Receipts>,
    batches: mpsc::Receiver<Batch>,
    /// Of what was taken and is not confirmed.
    taken: Vec<oneshot::Sender<()>>,
    _running: oneshot::Sender<()>,
}

impl Polled {
    /// Begins to poll.
    pub fn start(vendors: Vendors, simulated: Box<dyn Receipts>, serve: Serve) -> io::Result<Self> {
        let (batch, batches) = mpsc::channel();
        let (running, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let of_thread = vendors.clone();
        let port = webhook::bind(&vendors)?;
        std::thread::Builder::new().name(THREAD.into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = webhook::open(port, of_thread.clone(), batch.clone(), serve) => {}
                    () = follow(of_thread, batch) => {}
                    _ = ended => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { vendors, simulated, batches, taken: Vec::new(), _running: running })
    }

    fn keep(&mut self, batch: Option<Batch>, into: &mut Vec<Receipt>) {
        if let Some(Batch { receipts, confirmed }) = batch {
            into.extend(receipts);
            self.taken.push(confirmed);
        }
    }
}

impl Receipts for Polled {
    fn take(&mut self, wait: Duration, into: &mut Vec<Receipt>) {
        let before = into.len();
        self.vendors.must_work();
        loop {
            match self.batches.try_recv() {
                Ok(batch) => self.keep(Some(batch), into),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => ended(THREAD),
            }
        }
        let alone = wires(&self.vendors.reference.current()).is_empty();
        let more = into.len() > before;
        self.simulated.take(if alone && !more { wait } else { Duration::ZERO }, into);
        if alone || wait.is_zero() || into.len() > before {
            return;
        }
        let batch = self.batches.recv_timeout(wait.min(TURN)).ok();
        self.keep(batch, into);
    }

    fn confirm(&mut self) {
        self.simulated.confirm();
        for confirmed in self.taken.drain(..) {
            // One whose poller has ended is polled again by the next.
            let _ = confirmed.send(());
        }
    }
}

/// Keeps a poller for each vendor that reports over a wire.
async fn follow(vendors: Vendors, batches: mpsc::Sender<Batch>) {
    let mut pollers: FxHashMap<String, (Arc<Vendor>, JoinHandle<()>)> = FxHashMap::default();
    loop {
        let wanted = wires(&vendors.reference.current());
        pollers.retain(|name, (polled, poller)| {
            let same = wanted.iter().any(|vendor| vendor.name == *name && same_way(vendor, polled));
            if !same {
                poller.abort();
            }
            same && !poller.is_finished()
        });
        for vendor in wanted {
            if pollers.contains_key(&vendor.name) {
                continue;
            }
            let mail = vendors.mail.get(&vendor.name).filter(|mail| mail.bounces.is_some());
            let mail = mail.filter(|_| vendor.protocol == Protocol::Smtp);
            let polled = vendors.access.get(&vendor.name).is_some_and(|access| access.webhook.is_none());
            let poller = match (vendors.reception(&vendor), mail) {
                (Some(reception), _) => tokio::spawn(reception.run(batches.clone())),
                (None, Some(mail)) => {
                    let (of_mail, mail) = (Arc::clone(&vendor), Arc::clone(mail));
                    tokio::spawn(smtp::collect(vendors.clone(), of_mail, mail, batches.clone()))
                }
                (None, None) if polled => tokio::spawn(poll(vendors.clone(), Arc::clone(&vendor), batches.clone())),
                (None, None) => continue,
            };
            pollers.insert(vendor.name.clone(), (vendor, poller));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn same_way(one: &Vendor, other: &Vendor) -> bool {
    let of = |vendor: &Vendor| (vendor.protocol, vendor.timeout_ms, vendor.receipts, vendor.longest_receipt_time());
    one.url == other.url && of(one) == of(other)
}

impl Vendors {
    /// What receives the receipts of a carrier that gives them; None: it is none, or none can be reached.
    fn reception(&self, vendor: &Arc<Vendor>) -> Option<smpp::Reception> {
        let carrier = vendor.protocol == Protocol::Smpp && vendor.receipts;
        let access = self.carriers.get(&vendor.name).filter(|access| carrier && access.mistake(vendor).is_none())?;
        Some(smpp::Reception {
            vendor: Arc::clone(vendor),
            access: Arc::clone(access),
            ids: Arc::clone(&self.message_ids),
            clock: Arc::clone(&self.clock),
        })
    }
}

/// A vendor that is polled, and how far.
enum Polls<'w> {
    Bizgo(Bizgo<'w>),
    Nhn(Nhn<'w>, Cursor),
}

impl Polls<'_> {
    async fn poll(&mut self, clock: &dyn Clock) -> Result<Option<Reports>, String> {
        match self {
            Self::Bizgo(wire) => wire.poll(clock).await,
            Self::Nhn(wire, cursor) => wire.poll(cursor, clock).await,
        }
    }

    /// What was polled is in the log.
    async fn acknowledge(&mut self, id: &str, clock: &dyn Clock) -> Result<(), String> {
        match self {
            Self::Bizgo(wire) => wire.acknowledge(id).await,
            Self::Nhn(_, cursor) => {
                cursor.given(clock.now_ms());
                Ok(())
            }
        }
    }
}

/// Polls a vendor until nobody takes its reports.
async fn poll(vendors: Vendors, vendor: Arc<Vendor>, batches: mpsc::Sender<Batch>) {
    let Some(access) = vendors.access.get(&vendor.name) else { return };
    let client = match access.settings.client(&vendor) {
        Ok(client) => client,
        Err(error) => return tracing::error!(vendor = vendor.name, error, "no connection to a vendor can be made"),
    };
    let mut wire = match (vendor.protocol, &access.settings.nhn) {
        (Protocol::Nhn, Some(nhn)) => {
            let cursor = Cursor::new(vendors.clock.now_ms(), nhn.look_back_h);
            Polls::Nhn(Nhn { client: &client, access, vendor: &vendor, ids: &vendors.message_ids }, cursor)
        }
        _ => Polls::Bizgo(Bizgo { client: &client, access, vendor: &vendor }),
    };
    let turn = || access.pace.turn(|| (vendors.part)(&vendor));
    let every = access.settings.poll();
    let mut failed_for = every;
    let count = |outcome: &'static str| {
        metrics::counter!(POLLS, "vendor" => vendor.name.clone(), "outcome" => outcome).increment(1);
    };
    let mut standing = Standing::default();
    let tell = |news: Option<News>| match news {
        None => {}
        Some(News::Begun(Lasting { why, .. })) => {
            tracing::warn!(vendor = vendor.name, why, "delivery reports cannot be polled: asking again");
        }
        Some(News::Ended(_)) => tracing::info!(vendor = vendor.name, "delivery reports are polled again"),
    };
    loop {
        turn().await;
        match wire.poll(&*vendors.clock).await {
            Err(reason) => {
                count("failed");
                tell(standing.heard(Word::NotSent(&reason), vendors.clock.now_ms()));
                tokio::time::sleep(failed_for).await;
                failed_for = (failed_for * 2).min(LONGEST_WAIT);
                continue;
            }
            Ok(None) => {
                count("empty");
                tokio::time::sleep(every).await;
            }
            Ok(Some(Reports { id, receipts })) => {
                count("batch");
                let (confirmed, waiting) = oneshot::channel();
                let nothing = receipts.is_empty();
                if !nothing && (batches.send(Batch { receipts, confirmed }).is_err() || waiting.await.is_err()) {
                    return;
                }
                if !id.is_empty() {
                    turn().await;
                }
                if let Err(reason) = wire.acknowledge(&id, &*vendors.clock).await {
                    // It comes again, which is allowed.
                    tracing::warn!(vendor = vendor.name, reason, "a batch of reports cannot be acknowledged");
                    tokio::time::sleep(every).await;
                }
            }
        }
        failed_for = every;
        tell(standing.heard(Word::Well, vendors.clock.now_ms()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::{
        contract::Now,
        testing::{Fixed, Nobody},
    };
    use processors::reference::{Reference, Seed};
    use std::{
        collections::BTreeMap,
        panic::{AssertUnwindSafe, catch_unwind},
    };

    #[test]
    fn who_takes_reports_ends_with_the_thread_that_brings_them() {
        let reference = Fixed(Arc::new(Reference::new(Seed::default()).unwrap()));
        let vendors = Vendors::open(&BTreeMap::new(), "", Arc::new(reference), Arc::new(Now));
        let (batch, batches) = mpsc::channel();
        let _running = oneshot::channel().0;
        let mut polled = Polled { vendors, simulated: Box::new(Nobody), batches, taken: Vec::new(), _running };
        let mut panics = || catch_unwind(AssertUnwindSafe(|| polled.take(Duration::ZERO, &mut Vec::new()))).is_err();
        assert!(!panics());
        drop(batch);
        assert!(panics(), "none would ever come");
    }
}
