//! Vendors in this process: real codes, latencies, failures, outages and delivery reports by settings, on the injected
//! clock. What they take is written to a request log first, so a test can hold it against the ledger after kill -9.
//!
//! A simulator that is opened on its log again knows what it had taken and which receipts it still owes.

mod attempts;
mod codes;
mod door;
mod fate;
mod http;
mod log;
mod provider;
mod receipts;
mod settings;
mod smpp;
mod smtp;
mod taken;
#[cfg(test)]
mod tests;

pub use http::Listener;
pub use log::{Confirmed, RequestLog, Requested};
pub use settings::{
    Behaviour, InspectionBehaviour, Outage, ProfileBehaviour, ReceiptBehaviour, SimulatorSettings, Spoiled,
    SpoiledShares, Spread,
};
pub use smpp::SmppListener;
pub use smtp::SmtpListener;

use fate::Drawn;
use processors::{
    codes::judge,
    ports::{Clock, Provider, Receipts, Reply},
    reference::Vendor,
};
use provider::Connection;
use receipts::Deliveries;
use rustc_hash::FxHashMap;
use schemas::Family;
use std::{
    borrow::Cow,
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use taken::Taken;

/// All vendors of one process.
pub struct Simulator {
    settings: SimulatorSettings,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    deliveries: Arc<Deliveries>,
}

/// One message of a request.
struct Asked<'r> {
    family: Family,
    serial_number: &'r str,
    /// Which of the requests of one step: a push has one for each token. Empty: the only one.
    part: &'r str,
    /// What tells a repeat from another message; None: the vendor cannot.
    known_by: Option<&'r str>,
    attempt: i32,
    /// How long the vendor tries, and what it reports then, if the message says so.
    lasts: Option<Lasts>,
}

/// How long a message lasts.
#[derive(Debug, Clone, Copy)]
struct Lasts {
    ms: i64,
    /// Code of the vendor's table for one that did not arrive in time.
    overdue: &'static str,
}

/// What a request is answered.
struct Answering {
    /// How long it takes, milliseconds.
    after_ms: i64,
    reply: Reply,
    /// What becomes of it on its way.
    spoiled: Option<Spoiled>,
}

struct State {
    log: Option<RequestLog>,
    taken: Taken,
    /// When each of the last requests within a second came, by vendor with a limit.
    recent: FxHashMap<String, VecDeque<i64>>,
    outages: FxHashMap<String, Outage>,
}

impl Simulator {
    /// Opens the simulator, and its request log if the settings name one.
    pub fn open(settings: SimulatorSettings, clock: Arc<dyn Clock>) -> io::Result<Arc<Self>> {
        let mistakes = settings.mistakes();
        if !mistakes.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, mistakes.join("; ")));
        }
        let mut taken = Taken::default();
        let deliveries = Arc::new(Deliveries::new(Arc::clone(&clock)));
        let log = match &settings.request_log {
            None => None,
            Some(path) => {
                let log = RequestLog::open(path)?;
                let requests = RequestLog::read(path)?;
                requests.iter().filter(|r| r.taken).for_each(|r| taken.insert(&r.vendor, &r.serial_number));
                deliveries.restore(requests, RequestLog::read_confirmed(path)?);
                Some(log)
            }
        };
        let outages = FxHashMap::default();
        let state = Mutex::new(State { log, taken, recent: FxHashMap::default(), outages });
        Ok(Arc::new(Self { settings, clock, state, deliveries }))
    }

    /// A connection of one sender.
    pub fn provider(self: &Arc<Self>) -> Box<dyn Provider> {
        Box::new(Connection::new(Arc::clone(self)))
    }

    /// The delivery reports of all vendors.
    pub fn receipts(self: &Arc<Self>) -> Box<dyn Receipts> {
        Box::new(receipts::Taker::new(Arc::clone(self)))
    }

    /// Begins or ends an outage of a vendor; requests under way are answered as they were going to be.
    pub fn outage(&self, vendor: &str, outage: Outage) {
        self.lock().outages.insert(vendor.to_owned(), outage);
    }

    /// Serves a request.
    fn serve(&self, vendor: &Vendor, asked: &Asked<'_>) -> Answering {
        let not_sent =
            |reason: &str| Answering { after_ms: 0, reply: Reply::NotSent(reason.to_owned()), spoiled: None };
        let now_ms = self.clock.now_ms();
        let Asked { family, serial_number, part, known_by, attempt, lasts } = *asked;
        let behaviour = self.settings.of(&vendor.name);
        let drawn_by = match part {
            "" => Cow::Borrowed(serial_number),
            part => Cow::Owned(format!("{serial_number}/{part}")),
        };
        let mut fate = fate::draw(self.settings.seed, behaviour, vendor, &drawn_by, attempt);

        let mut state = self.lock();
        let outage = state.outages.get(&vendor.name).copied().unwrap_or(behaviour.outage);
        if outage == Outage::Refusing {
            return not_sent("connection refused");
        }
        let over = behaviour.tps.and_then(|tps| state.over(&vendor.name, tps, now_ms));
        let duplicate = codes::duplicate(vendor.codes).filter(|_| {
            behaviour.refuses_duplicates && known_by.is_some_and(|id| state.taken.contains(&vendor.name, id))
        });
        if outage == Outage::Silent {
            fate.latency_ms = i64::from(vendor.timeout_ms);
            (fate.answer, fate.taken) = (Drawn::Nothing, false);
        } else if over.is_some() {
            (fate.answer, fate.taken) = (Drawn::Throttled, false);
        } else if let (Some(code), Drawn::Code(_)) = (duplicate, &fate.answer) {
            (fate.answer, fate.taken) = (Drawn::Code(code.to_owned()), false);
        }
        if let Some(Lasts { ms, overdue }) = lasts {
            for (after_ms, code) in fate.receipts.iter_mut().filter(|(after_ms, _)| *after_ms > ms) {
                (*after_ms, *code) = (ms, overdue.to_owned());
            }
        }
        // Unanswered or not, what was taken before is not taken again.
        fate.taken &= duplicate.is_none();
        if !fate.taken {
            fate.receipts.clear();
        }
        if fate.taken {
            state.taken.insert(&vendor.name, known_by.unwrap_or(serial_number));
        }
        let spoiled = fate.spoiled.filter(|_| matches!(fate.answer, Drawn::Code(_)));
        let requested = Requested {
            at_ms: now_ms,
            vendor: vendor.name.clone(),
            family: family.as_str().to_owned(),
            serial_number: serial_number.to_owned(),
            part: part.to_owned(),
            attempt,
            code: match (&fate.answer, spoiled) {
                (_, Some(how)) => Some(how.as_str().to_owned()),
                (Drawn::Code(code), None) => Some(code.clone()),
                (Drawn::Throttled, None) => Some("throttled".to_owned()),
                (Drawn::Nothing, None) => None,
            },
            taken: fate.taken,
            receipts: fate.receipts.into_iter().map(|(after_ms, code)| (now_ms + after_ms, code)).collect(),
        };
        if let Some(log) = &mut state.log
            && let Err(error) = log.append(&requested)
        {
            // A request that cannot be recorded never came: the ledger's check must not miss one.
            tracing::error!(%error, "the simulator's request log cannot be written: refusing the request");
            return not_sent("the simulator cannot write its request log");
        }
        drop(state);
        self.deliveries.owe(&requested);
        let reply = match fate.answer {
            Drawn::Code(code) => Reply::Code { text: judge(vendor.codes, &code).meaning.to_owned(), code },
            Drawn::Throttled => {
                Reply::Throttled(Duration::from_millis(over.unwrap_or(0).max(u64::from(behaviour.retry_after_ms))))
            }
            Drawn::Nothing => Reply::NoAnswer("no answer within the time-out".to_owned()),
        };
        Answering { after_ms: fate.latency_ms, reply, spoiled }
    }

    /// Now by a vendor's own clock, Unix milliseconds.
    fn now_ms_at(&self, vendor: &str) -> i64 {
        self.clock.now_ms() + self.ahead_ms(vendor)
    }

    fn ahead_ms(&self, vendor: &str) -> i64 {
        self.settings.of(vendor).clock_ahead_s * 1_000
    }

    fn confirm(&self, receipts: &[Confirmed]) -> io::Result<()> {
        self.lock().log.as_mut().map_or(Ok(()), |log| log.confirm(receipts))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    /// Whether a request is one too many for its vendor's second; how long until it is not, milliseconds.
    fn over(&mut self, vendor: &str, tps: u32, now_ms: i64) -> Option<u64> {
        let recent = self.recent.entry(vendor.to_owned()).or_default();
        while recent.front().is_some_and(|at| *at <= now_ms - 1_000) {
            recent.pop_front();
        }
        if recent.len() >= tps as usize {
            return Some(recent.front().map_or(1_000, |at| (at + 1_000 - now_ms).max(1) as u64));
        }
        recent.push_back(now_ms);
        None
    }
}
