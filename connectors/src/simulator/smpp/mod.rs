//! The simulated carriers behind a socket, over SMPP 3.4. A customer is known by its system_id, a message by its
//! billing_identification; one without is made up a number for.

mod pdu;
#[cfg(test)]
mod tests;

use super::{
    Answering, Asked, Simulator, Spoiled,
    door::{Cutter, Door, Wire},
    receipts::{Due, confirmation},
};
use crate::vendors::Shared;
use pdu::{Pdu, Submit};
use processors::{ports::Reply, reference::Vendor};
use rustc_hash::FxHashMap;
use schemas::Family;
use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

/// Messages that are remembered, for their receipts and the number of their attempts; then all are forgotten.
const KNOWN: usize = 500_000;
/// How often a carrier looks for receipts that are due.
const LOOK: Duration = Duration::from_millis(20);
/// Receipts that wait for their answers, of one connection.
const WINDOW: usize = 100;
/// How long one may wait.
const PATIENCE: Duration = Duration::from_secs(15);

const ANSWER: u32 = 0x8000_0000;
const SUBMIT_SM: u32 = 0x04;
const DELIVER_SM: u32 = 0x05;
const UNBIND: u32 = 0x06;
const ENQUIRE_LINK: u32 = 0x15;
const NOT_BOUND: u32 = 0x04;

/// An open port; closed, and its connections with it, when this is dropped.
pub struct SmppListener {
    address: SocketAddr,
    scheme: &'static str,
    _stop: oneshot::Sender<()>,
}

struct Served {
    simulator: Arc<Simulator>,
    vendors: Vec<Shared>,
    known: Mutex<FxHashMap<String, Known>>,
    made_up: AtomicU64,
}

/// What a receipt needs of a message, by the name that the request log gives it.
#[derive(Clone)]
struct Known {
    attempts: i32,
    submit: Submit,
}

impl SmppListener {
    /// Opens the port for these carriers.
    pub fn open(simulator: Arc<Simulator>, listen: &str, vendors: Vec<Shared>) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let door = Door::open(&simulator.settings, &[])?;
        let scheme = door.scheme("smpps", "smpp");
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let served = Arc::new(Served { simulator, vendors, known: Mutex::default(), made_up: AtomicU64::new(0) });
        thread::Builder::new().name("simulator-smpp".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    closed = accept(listener, door, served) => tracing::error!(?closed, "the simulator's port of SMPP is closed"),
                    // The owner is gone.
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { address, scheme, _stop: stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, and how it is spoken to.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }
}

async fn accept(listener: TcpListener, door: Door, served: Arc<Served>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let (door, served) = (door.clone(), Arc::clone(&served));
        tokio::spawn(async move {
            if let Ok((wire, cutter)) = door.accept(stream).await {
                connection(wire, cutter, served).await;
            }
        });
    }
}

/// One customer's connection.
async fn connection(wire: Box<dyn Wire>, cutter: Cutter, served: Arc<Served>) {
    let (mut from, mut to) = tokio::io::split(wire);
    // By an empty word the connection is reset.
    let (say, mut said) = mpsc::unbounded_channel::<Vec<u8>>();
    let writer = async move {
        let mut some = Vec::new();
        while said.recv_many(&mut some, 256).await > 0 {
            if some.iter().any(Vec::is_empty) {
                return cutter.reset();
            }
            let octets = some.concat();
            some.clear();
            if to.write_all(&octets).await.is_err() || to.flush().await.is_err() {
                return;
            }
        }
    };
    let reader = async {
        let mut bound: Option<(Arc<Vendor>, u32)> = None;
        let receipts = Arc::new(Receipts::default());
        while let Ok(Some(pdu)) = pdu::read(&mut from).await {
            let answer = |status, body: &[u8]| say.send(pdu::write(pdu.id | ANSWER, status, pdu.sequence, body));
            let _ = match (pdu.id, &bound) {
                (1 | 2 | 9, Some(_)) => answer(0x05, &[]),
                (1 | 2 | 9, None) => match served.customer(&pdu) {
                    None => answer(0x0F, &[]),
                    Some(vendor) => {
                        if pdu.id != 2 && vendor.receipts {
                            let (served, vendor) = (Arc::clone(&served), Arc::clone(&vendor));
                            tokio::spawn(deliver(served, vendor, say.clone(), Arc::clone(&receipts)));
                        }
                        bound = Some((vendor, pdu.id));
                        answer(0, b"simulated\0")
                    }
                },
                (SUBMIT_SM, Some((vendor, 2 | 9))) => {
                    let (served, vendor, say) = (Arc::clone(&served), Arc::clone(vendor), say.clone());
                    tokio::spawn(async move { served.submit(&vendor, pdu, &say).await });
                    continue;
                }
                (SUBMIT_SM, _) => answer(NOT_BOUND, &[]),
                (ENQUIRE_LINK, _) => answer(0, &[]),
                (UNBIND, _) => {
                    let _ = answer(0, &[]);
                    // What is still to be answered is not.
                    sleep(LOOK).await;
                    break;
                }
                (id, _) if id == DELIVER_SM | ANSWER => {
                    receipts.answered(pdu.sequence, pdu.status);
                    continue;
                }
                (id, _) if id & ANSWER != 0 => continue,
                _ => say.send(pdu::write(ANSWER, 0x03, pdu.sequence, &[])),
            };
        }
    };
    tokio::select! {
        () = writer => {}
        () = reader => {}
    }
}

impl Served {
    fn customer(&self, bind: &Pdu) -> Option<Arc<Vendor>> {
        let system_id = pdu::system_id(&bind.body)?;
        self.vendors.iter().find(|shared| shared.key == system_id).map(|shared| Arc::clone(&shared.vendor))
    }

    /// Answers a submit as its fate is.
    async fn submit(&self, vendor: &Vendor, pdu: Pdu, say: &mpsc::UnboundedSender<Vec<u8>>) {
        let answer = |status, body: &[u8]| {
            // Who has gone is told nothing.
            let _ = say.send(pdu::write(SUBMIT_SM | ANSWER, status, pdu.sequence, body));
        };
        let submit = match pdu::submit(&pdu.body) {
            Ok(submit) => submit,
            Err(status) => return answer(status, &[]),
        };
        let serial_number = submit
            .reference
            .clone()
            .unwrap_or_else(|| format!("unnamed-{}", self.made_up.fetch_add(1, Ordering::Relaxed)));
        let part = match submit.part {
            (1, 1) => String::new(),
            (number, total) => format!("{number}/{total}"),
        };
        let family = if submit.length <= 140 && part.is_empty() { Family::Sms } else { Family::Lms };
        let attempt = self.attempt(&name(&vendor.name, &serial_number, &part), submit);
        let asked = Asked { family, serial_number: &serial_number, part: &part, known_by: None, attempt, lasts: None };
        let Answering { after_ms, reply, spoiled } = self.simulator.serve(vendor, &asked);
        sleep(Duration::from_millis(after_ms.max(0) as u64)).await;
        match spoiled {
            None => {}
            Some(Spoiled::Reset) => return drop(say.send(Vec::new())),
            Some(Spoiled::SlowBody) => sleep(Duration::from_millis(u64::from(vendor.timeout_ms) * 2)).await,
            // Half of a header; what comes after it cannot be read either.
            Some(Spoiled::WrongJson) => return drop(say.send(vec![0; 7])),
            // Where a message_id is ASCII.
            Some(Spoiled::WrongCharset) => return answer(0, b"\xbc\xba\xb0\xf8\0"),
        }
        match reply {
            Reply::Code { code, .. } => {
                let digits = code.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok());
                match digits {
                    Some(0) => answer(0, format!("{}\0", message_id(&serial_number, &part)).as_bytes()),
                    // A setting that names no code of this protocol: ESME_RUNKNOWNERR.
                    other => answer(other.unwrap_or(0xFF), &[]),
                }
            }
            Reply::Throttled(_) => answer(0x58, &[]),
            // The socket is open: what a refused connection would be, is here a system that fails.
            Reply::NotSent(_) => answer(0x08, &[]),
            Reply::NoAnswer(_)
            | Reply::Forgotten(_)
            | Reply::Undecided(_)
            | Reply::Unasked { .. }
            | Reply::Tokens(_) => {}
        }
    }

    fn attempt(&self, name: &str, submit: Submit) -> i32 {
        let mut known = self.lock();
        if known.len() >= KNOWN {
            known.clear();
        }
        let known = known.entry(name.to_owned()).or_insert(Known { attempts: 0, submit });
        known.attempts += 1;
        known.attempts
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(vendor: &str, serial_number: &str, part: &str) -> String {
    format!("{vendor}/{serial_number}/{part}")
}

/// The same for a message wherever it is named; FNV-1a.
fn message_id(serial_number: &str, part: &str) -> String {
    let octets = serial_number.bytes().chain([b'/']).chain(part.bytes());
    let hash =
        octets.fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016X}")
}

/// Receipts of one connection that wait for their answers.
#[derive(Default)]
struct Receipts {
    open: Mutex<FxHashMap<u32, oneshot::Sender<u32>>>,
    sequence: AtomicU32,
}

impl Receipts {
    fn answered(&self, sequence: u32, status: u32) {
        if let Some(waiting) = self.lock().remove(&sequence) {
            let _ = waiting.send(status);
        }
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<u32, oneshot::Sender<u32>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Brings a carrier's receipts over one connection until it has ended.
async fn deliver(
    served: Arc<Served>,
    vendor: Arc<Vendor>,
    say: mpsc::UnboundedSender<Vec<u8>>,
    receipts: Arc<Receipts>,
) {
    while !say.is_closed() && Arc::strong_count(&receipts) > 1 {
        let room = WINDOW.saturating_sub(receipts.lock().len());
        for due in served.simulator.deliveries.due_of(&vendor.name, room) {
            let sequence = receipts.sequence.fetch_add(1, Ordering::Relaxed) + 1;
            let (told, answered) = oneshot::channel();
            receipts.lock().insert(sequence, told);
            let _ = match served.receipt(&due) {
                Some(body) => say.send(pdu::write(DELIVER_SM, 0, sequence, &body)).is_ok(),
                // It was asked for failure alone: nothing is said, and nothing is owed.
                None => {
                    receipts.answered(sequence, 0);
                    true
                }
            };
            let (served, receipts) = (Arc::clone(&served), Arc::downgrade(&receipts));
            tokio::spawn(async move {
                let answered = timeout(PATIENCE, answered).await;
                if let Some(receipts) = receipts.upgrade() {
                    receipts.lock().remove(&sequence);
                }
                let taken =
                    matches!(answered, Ok(Ok(0))) && served.simulator.confirm(&[confirmation(&due.receipt)]).is_ok();
                if !taken {
                    sleep(Duration::from_secs(1)).await;
                    served.simulator.deliveries.give_back(vec![due]);
                }
            });
        }
        sleep(LOOK).await;
    }
}

impl Served {
    /// None: nobody asked for it.
    fn receipt(&self, Due { receipt, part, .. }: &Due) -> Option<Vec<u8>> {
        let known = self.lock().get(&name(&receipt.vendor, &receipt.serial_number, part)).cloned();
        let (registered, source, destination) = match known {
            Some(Known { submit, .. }) => (submit.registered, submit.source, submit.destination),
            // Taken by a simulator before this one.
            None => (
                if part.split_once('/').is_none_or(|(number, total)| number == total) { 1 } else { 2 },
                String::new(),
                String::new(),
            ),
        };
        let (state, error) = receipt.code.split_once('.').unwrap_or((&receipt.code, "000"));
        let wanted = match registered {
            0 => false,
            2 => state != "DELIVRD",
            _ => true,
        };
        let id = message_id(&receipt.serial_number, part);
        let text = format!(
            "id:{id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:{state} err:{error} text:"
        );
        wanted.then(|| pdu::receipt(&source, &destination, &text))
    }
}
