//! One bound connection: submits go out and their answers come back in any order, at most a window of them at a time;
//! receipts come in between (SMPP 3.4 §2).
//!
//! Whether a submit has left is known: what was handed to the connection has, what still waited for it has not.

use super::{
    Bind,
    answer::{self, QUEUE_FULL},
    locked,
    reception::Desk,
    request::{Part, octets},
    settings::{CA_FILE, Server},
    wire::{self, ANSWER, DELIVER_SM, ENQUIRE_LINK, Frame, GENERIC_NACK, SUBMIT_SM, UNBIND},
};
use crate::vendors::unreached::words;
use bytes::BytesMut;
use processors::ports::Reply;
use rusmpp::{
    Pdu,
    pdus::{BindReceiver, BindTransceiver, BindTransmitter, DeliverSmResp},
    types::COctetString,
    values::{InterfaceVersion, Npi, Ton},
};
use rustc_hash::FxHashMap;
use rustls::pki_types::ServerName;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    net::TcpStream,
    sync::{
        OwnedSemaphorePermit, Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel},
        oneshot,
    },
    time::{Instant, timeout, timeout_at},
};

/// Receipts of one connection that are under way to the log, at most.
const MOST_RECEIPTS: usize = 1_000;
/// Submits that are written at once, at most.
const AT_ONCE: usize = 256;
/// A submit whose answer came too late is known for so long: its id may still join a receipt.
const LATE: Duration = Duration::from_secs(600);
/// How long a carrier may take for an answer to unbind.
const GOODBYE: Duration = Duration::from_secs(1);
/// sequence_number at most (§3.2).
const LAST_SEQUENCE: u32 = 0x7FFF_FFFF;

/// What is spoken over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}
type Wire = Box<dyn Stream>;

/// What a submit is for.
#[derive(Debug, Clone)]
pub struct Name {
    /// Our serial number.
    pub serial_number: String,
    /// Whether its delivery is the step's.
    pub last: bool,
}

/// How long a submit may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until when it may wait for a connection and its turn: then there is still time for an answer.
    pub turn: Instant,
    /// For its answer.
    pub answer: Duration,
    /// Everything.
    pub end: Instant,
}

/// Why there is no answer to a submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// It did not leave: the connection is gone.
    Gone,
    /// It did not leave.
    NotSent(&'static str),
    /// It may have arrived.
    NoAnswer(&'static str),
}

enum Outgoing {
    Submit {
        part: Box<Part>,
        name: Name,
        answer: oneshot::Sender<Result<u32, Failed>>,
    },
    Answer {
        status: u32,
        sequence: u32,
        pdu: Box<Pdu>,
    },
    /// The last of all; `unbind`: it is ours to say so.
    End {
        unbind: bool,
    },
}

struct Waiting {
    name: Name,
    answer: oneshot::Sender<Result<u32, Failed>>,
    since: Instant,
}

/// Submits that left, by their sequence_number.
type Open = Arc<Mutex<FxHashMap<u32, Waiting>>>;

/// A bound connection.
pub struct Session {
    outgoing: UnboundedSender<Outgoing>,
    window: Arc<Semaphore>,
}

impl Session {
    /// Connects and binds; nothing of a message has left when this fails.
    pub async fn open(server: &Server, bind: Bind, desk: &Desk) -> Result<Self, Reply> {
        let not_sent = |reason: String| Reply::NotSent(reason);
        let mut wire = connect(server, desk).await.map_err(not_sent)?;
        let mut read = BytesMut::new();
        let password = desk.access.password.header();
        let mut bytes = BytesMut::new();
        wire::write(&mut bytes, 0, 1, pdu(bind, desk));
        wire.write_all(&bytes).await.map_err(|error| not_sent(error.kind().to_string()))?;
        wire.flush().await.map_err(|error| not_sent(error.kind().to_string()))?;
        let status = loop {
            match wire::read(&mut wire, &mut read).await {
                Ok(Some(frame)) if frame.sequence == 1 && frame.id & ANSWER != 0 => break frame.status,
                Ok(Some(_)) => {}
                Ok(None) => return Err(not_sent("closed before the bind was answered".into())),
                Err(error) => return Err(not_sent(error.kind().to_string())),
            }
        };
        if status != answer::OK {
            if answer::wants_credential(status) {
                desk.access.password.renew(&password);
            }
            return Err(match answer::wants_credential(status) {
                true => answer::code(status),
                false => not_sent(format!("the bind as {bind} is refused, 0x{status:08X}")),
            });
        }
        Ok(Self::start(wire, read, desk))
    }

    fn start(wire: Wire, read: BytesMut, desk: &Desk) -> Self {
        let (outgoing, waiting) = unbounded_channel();
        let (from, to) = tokio::io::split(wire);
        let open = Open::default();
        let window = Arc::new(Semaphore::new(desk.access.smpp.window as usize));
        let reader = Reader {
            from,
            read,
            open: Arc::clone(&open),
            outgoing: outgoing.downgrade(),
            desk: desk.clone(),
            receipts: Arc::new(Semaphore::new(MOST_RECEIPTS)),
        };
        let every = desk.access.smpp.enquire_every();
        let writer = tokio::spawn(write(to, waiting, open, every));
        tokio::spawn(reader.run(writer, every));
        Self { outgoing, window }
    }

    /// Whether it can still be written to.
    pub fn is_open(&self) -> bool {
        !self.outgoing.is_closed()
    }

    /// Until it is no more.
    pub async fn ended(&self) {
        self.outgoing.closed().await;
    }

    /// Submits a part; its command_status.
    pub async fn submit(&self, part: Part, name: Name, limits: Limits) -> Result<u32, Failed> {
        let turn = timeout_at(limits.turn, Arc::clone(&self.window).acquire_owned()).await;
        let _turn: OwnedSemaphorePermit = match turn {
            Ok(Ok(turn)) => turn,
            Ok(Err(_)) => return Err(Failed::Gone),
            Err(_) => return Err(Failed::NotSent("no place in the window in time")),
        };
        let (answer, answered) = oneshot::channel();
        let submit = Outgoing::Submit { part: Box::new(part), name, answer };
        self.outgoing.send(submit).map_err(|_| Failed::Gone)?;
        match timeout_at(limits.end.min(Instant::now() + limits.answer), answered).await {
            Ok(Ok(answered)) => answered,
            // It was still waiting when the connection ended.
            Ok(Err(_)) => Err(Failed::Gone),
            // Whether it has left by now does not matter: it may yet.
            Err(_) => Err(Failed::NoAnswer("no answer in time")),
        }
    }

    /// Says goodbye and waits for the end.
    pub async fn close(&self) {
        if self.outgoing.send(Outgoing::End { unbind: true }).is_ok() {
            self.ended().await;
        }
    }
}

async fn connect(server: &Server, desk: &Desk) -> Result<Wire, String> {
    let tcp = TcpStream::connect((server.host.as_str(), server.port)).await.map_err(|error| words(&error, CA_FILE))?;
    tcp.set_nodelay(true).map_err(|error| error.kind().to_string())?;
    if !server.tls {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(server.host.clone()).map_err(|_| "no name that a certificate can be for")?;
    let tls = desk.access.tls.connect(name, tcp).await.map_err(|error| words(&error, CA_FILE))?;
    Ok(Box::new(tls))
}

fn pdu(bind: Bind, desk: &Desk) -> Pdu {
    let smpp = &desk.access.smpp;
    // Their lengths are looked at when the settings are.
    let system_id = octets(&smpp.system_id).unwrap_or_default();
    let password = octets(&desk.access.password.reveal()).unwrap_or_default();
    let system_type = octets(&smpp.system_type).unwrap_or_default();
    let (version, ton, npi) = (InterfaceVersion::from(0x34), Ton::Unknown, Npi::Unknown);
    let range = COctetString::empty();
    match bind {
        Bind::Transmitter => BindTransmitter::new(system_id, password, system_type, version, ton, npi, range).into(),
        Bind::Receiver => BindReceiver::new(system_id, password, system_type, version, ton, npi, range).into(),
        Bind::Transceiver => BindTransceiver::new(system_id, password, system_type, version, ton, npi, range).into(),
    }
}

/// Writes what is to go out, and asks now and then whether the carrier is there. Ends with an unbind, or when the
/// connection does.
async fn write(mut to: WriteHalf<Wire>, mut waiting: UnboundedReceiver<Outgoing>, open: Open, every: Duration) {
    let (mut batch, mut bytes, mut sequence) = (Vec::new(), BytesMut::new(), 1);
    let mut asked = Instant::now();
    loop {
        let got = timeout_at(asked + every, waiting.recv_many(&mut batch, AT_ONCE)).await;
        let mut next = || {
            sequence = if sequence >= LAST_SEQUENCE { 2 } else { sequence + 1 };
            sequence
        };
        // Whoever could send has gone.
        let mut ends = got == Ok(0);
        let mut unbind = ends;
        if got.is_err() {
            asked = Instant::now();
            locked(&open).retain(|_, waiting| waiting.since.elapsed() < LATE);
            wire::write(&mut bytes, 0, next(), Pdu::EnquireLink);
        }
        for outgoing in batch.drain(..) {
            match outgoing {
                // It has not left.
                Outgoing::Submit { .. } if ends => {}
                Outgoing::Submit { part, name, answer } => {
                    let sequence = next();
                    // From here on it may arrive.
                    locked(&open).insert(sequence, Waiting { name, answer, since: Instant::now() });
                    wire::write(&mut bytes, 0, sequence, *part);
                }
                Outgoing::Answer { status, sequence, pdu } => wire::write(&mut bytes, status, sequence, *pdu),
                Outgoing::End { unbind: ours } => (ends, unbind) = (true, ours),
            }
        }
        if unbind {
            wire::write(&mut bytes, 0, next(), Pdu::Unbind);
        }
        if to.write_all(&bytes).await.is_err() || to.flush().await.is_err() || ends {
            return;
        }
        bytes.clear();
    }
}

struct Reader {
    from: ReadHalf<Wire>,
    read: BytesMut,
    open: Open,
    outgoing: WeakUnboundedSender<Outgoing>,
    desk: Desk,
    receipts: Arc<Semaphore>,
}

impl Reader {
    /// Reads until the connection ends, says nothing for too long, or is taken leave of.
    async fn run(mut self, mut writer: tokio::task::JoinHandle<()>, every: Duration) {
        let mut written = false;
        let why = loop {
            let patience = if written { GOODBYE } else { every * 2 };
            let frame = tokio::select! {
                frame = timeout(patience, wire::read(&mut self.from, &mut self.read)) => frame,
                _ = &mut writer, if !written => {
                    written = true;
                    continue;
                }
            };
            match frame {
                Err(_) => break "the carrier says nothing",
                Ok(Ok(None)) => break "the connection is closed",
                Ok(Err(_)) => break "the connection is cut",
                Ok(Ok(Some(frame))) if frame.id == UNBIND => {
                    self.answer(0, frame.sequence, Pdu::UnbindResp);
                    tracing::info!(vendor = self.desk.vendor.name, "a carrier takes its leave");
                    // What it was to answer, it will not.
                    if let Some(outgoing) = self.outgoing.upgrade() {
                        let _ = outgoing.send(Outgoing::End { unbind: false });
                    }
                }
                Ok(Ok(Some(frame))) if frame.id == UNBIND | ANSWER => break "unbound",
                Ok(Ok(Some(frame))) => self.take(frame),
            }
        };
        writer.abort();
        let open: Vec<Waiting> = locked(&self.open).drain().map(|(_, waiting)| waiting).collect();
        if !open.is_empty() {
            tracing::warn!(
                vendor = self.desk.vendor.name,
                unanswered = open.len(),
                why,
                "a connection to a carrier ended"
            );
        }
        for waiting in open {
            // Who waited for too long has gone on.
            let _ = waiting.answer.send(Err(Failed::NoAnswer(why)));
        }
    }

    fn take(&self, frame: Frame) {
        match frame.id {
            ENQUIRE_LINK => self.answer(0, frame.sequence, Pdu::EnquireLinkResp),
            DELIVER_SM => self.receipt(frame),
            id if id == SUBMIT_SM | ANSWER || id == GENERIC_NACK => self.answered(frame),
            id if id & ANSWER != 0 => {}
            // ESME_RINVCMDID
            _ => self.answer(0x03, frame.sequence, Pdu::GenericNack),
        }
    }

    fn answered(&self, frame: Frame) {
        let waiting = locked(&self.open).remove(&frame.sequence);
        let Some(Waiting { name, answer, .. }) = waiting else { return };
        let status = frame.status;
        if status != answer::OK || !self.desk.vendor.receipts {
            let _ = answer.send(Ok(status));
            return;
        }
        let id = match frame.pdu() {
            Some(Pdu::SubmitSmResp(resp)) => Some(resp.message_id().as_str().to_owned()),
            _ => None,
        };
        let desk = self.desk.clone();
        tokio::spawn(async move {
            desk.sent(id.as_deref(), name).await;
            let _ = answer.send(Ok(status));
        });
    }

    fn receipt(&self, frame: Frame) {
        let sequence = frame.sequence;
        let Ok(place) = Arc::clone(&self.receipts).try_acquire_owned() else {
            return self.answer(QUEUE_FULL, sequence, DeliverSmResp::default().into());
        };
        let (desk, outgoing) = (self.desk.clone(), self.outgoing.clone());
        let deliver = match frame.pdu() {
            Some(Pdu::DeliverSm(deliver)) => Some(deliver),
            _ => None,
        };
        tokio::spawn(async move {
            let status = desk.delivered(deliver).await;
            drop(place);
            if let Some(outgoing) = outgoing.upgrade() {
                let _ = outgoing.send(Outgoing::Answer {
                    status,
                    sequence,
                    pdu: Box::new(DeliverSmResp::default().into()),
                });
            }
        });
    }

    fn answer(&self, status: u32, sequence: u32, pdu: Pdu) {
        if let Some(outgoing) = self.outgoing.upgrade() {
            let _ = outgoing.send(Outgoing::Answer { status, sequence, pdu: Box::new(pdu) });
        }
    }
}
