//! Text by a carrier over SMPP 3.4: SMS, and LMS as a message in parts or as one payload.
//!
//! Source: SMPP Protocol Specification v3.4 issue 1.2; 3GPP TS 23.038 (alphabets), 23.040 §9.2.3.24.1 (parts). PDUs are
//! coded by the crate rusmpp.
//!
//! Each lane has a connection of its own, bound as transmitter or transceiver; delivery receipts come over all that
//! are bound as transceivers, and over one of the process's own. The carrier knows a message by the id that its answer
//! gives it and by nothing else: a request without an answer cannot be asked about, and a repeat of it is a second
//! message. What a receipt names is looked up among the ids of answers ([`super::ids`]).

mod answer;
mod receipt;
mod reception;
mod request;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod text;
mod wire;

pub use reception::{REPORTS, Reception};
pub use settings::{Access, SmppSettings};

use super::{arrival, ids::Ids};
use futures_util::future::join_all;
use processors::{
    night::Night,
    ports::{Clock, Reply},
    reference::Vendor,
};
use reception::Desk;
use request::Part;
use schemas::{Accepted, Dispatch, Family};
use session::{Failed, Limits, Name, Session};
use settings::Server;
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout_at};

/// How long an unbind may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// The first wait after a connection that could not be made, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// How long before the end of a receipt's time a carrier gives up, so that its word comes within it; of a shorter time half.
const OF_RECEIPT: Duration = Duration::from_secs(3_600);

/// What a connection is bound for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bind {
    Transmitter,
    Receiver,
    Transceiver,
}

impl std::fmt::Display for Bind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Transmitter => "transmitter",
            Self::Receiver => "receiver",
            Self::Transceiver => "transceiver",
        })
    }
}

/// How many short messages a message is sent as.
pub fn parts_of(dispatch: &Dispatch, access: &Access, vendor: &Vendor) -> u32 {
    let asked =
        request::Asked { smpp: &access.smpp, receipts: vendor.receipts, origin_code: "", until_ms: 0, now_ms: 0 };
    request::parts(dispatch, asked).map_or(1, |parts| parts.len() as u32)
}

/// A connection to a carrier: one at a time, made anew when it is lost.
pub struct Client {
    vendor: Arc<Vendor>,
    server: Server,
    desk: Desk,
    bind: Bind,
    state: tokio::sync::Mutex<State>,
}

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    /// Why there is none, how often in a row, and until when nobody tries.
    down: Option<(Reply, u32, Instant)>,
}

impl Client {
    /// Connects to nothing yet.
    pub fn new(vendor: &Vendor, access: Arc<Access>, ids: Arc<Ids>, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let bind = if access.smpp.separate_binds { Bind::Transmitter } else { Bind::Transceiver };
        Self::bound(bind, vendor, access, ids, clock)
    }

    fn bound(
        bind: Bind,
        vendor: &Vendor,
        access: Arc<Access>,
        ids: Arc<Ids>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let server = Server::of(&vendor.url).ok_or("the address of the message centre is none")?;
        let vendor = Arc::new(vendor.clone());
        let desk = Desk { access, ids, clock, vendor: Arc::clone(&vendor) };
        Ok(Self { vendor, server, desk, bind, state: tokio::sync::Mutex::default() })
    }

    /// Whether it leads to where the row says.
    pub fn is_for(&self, vendor: &Vendor) -> bool {
        let of = |vendor: &Vendor| (vendor.timeout_ms, vendor.receipts, vendor.longest_receipt_time());
        self.vendor.url == vendor.url && of(&self.vendor) == of(vendor)
    }

    /// Sends one message. `origin_code`: the customer's code of the first sender, empty when it has none.
    pub async fn send(&self, dispatch: &Dispatch, origin_code: &str, night: &Night) -> Reply {
        let now_ms = self.desk.clock.now_ms();
        let asked = request::Asked {
            smpp: &self.desk.access.smpp,
            receipts: self.vendor.receipts,
            origin_code,
            until_ms: self.until_ms(dispatch, night, now_ms),
            now_ms,
        };
        let mut parts = match request::parts(dispatch, asked) {
            Ok(parts) => parts.into_iter(),
            // What the carrier would answer, without a request that could only be refused.
            Err(unfit) => return answer::code(unfit.status()).unasked(),
        };
        let (now, total) = (Instant::now(), Duration::from_millis(u64::from(self.vendor.timeout_ms)));
        let limits = Limits { turn: now + total / 2, answer: self.desk.access.times.first_byte(), end: now + total };
        let name = |last| Name { serial_number: dispatch.serial_number.clone(), last };
        let Some(first) = parts.next() else { return answer::code(request::Unfit::Nothing.status()).unasked() };
        let more = parts.len() > 0;
        // What is wrong with the number or the sender shows at the first part: then no others leave.
        let reply = self.submit(first, name(!more), limits).await;
        if !more || !answer::is_taken(&reply) {
            return reply;
        }
        let last = parts.len() - 1;
        let rest = parts.enumerate().map(|(at, part)| self.submit_rest(part, name(at == last), limits));
        match join_all(rest).await.into_iter().find(|reply| !answer::is_taken(reply)) {
            None => reply,
            Some(other) => Reply::NoAnswer(format!("a part of a message that has others was not taken: {other:?}")),
        }
    }

    /// Until when the carrier may try, Unix milliseconds: as long as the message may arrive, and what becomes of it is heard
    /// within the time of its receipt.
    fn until_ms(&self, dispatch: &Dispatch, night: &Night, now_ms: i64) -> i64 {
        let until_ms = arrival::until_ms(dispatch, night, now_ms);
        if !self.vendor.receipts {
            return until_ms;
        }
        let Accepted { channel, message_type, .. } = dispatch.accepted;
        let awaited = self.vendor.receipt_time(Family::of(channel, message_type));
        let tried = awaited.saturating_sub(OF_RECEIPT).max(awaited / 2);
        until_ms.min(now_ms.saturating_add(tried.as_millis() as i64))
    }

    /// A part of a message whose first part was taken: again while the carrier has certainly not taken it.
    async fn submit_rest(&self, part: Part, name: Name, limits: Limits) -> Reply {
        // Half a message is worse than a late one.
        let limits = Limits { turn: limits.end, ..limits };
        loop {
            let reply = self.submit(part.clone(), name.clone(), limits).await;
            let wait = match &reply {
                Reply::Throttled(pause) => *pause,
                Reply::NotSent(_) => WAITS.0,
                _ => return reply,
            };
            if Instant::now() + wait >= limits.end {
                return reply;
            }
            sleep(wait).await;
        }
    }

    async fn submit(&self, part: Part, name: Name, limits: Limits) -> Reply {
        loop {
            let session = match self.session(limits.turn).await {
                Ok(session) => session,
                Err(reply) => return reply,
            };
            match session.submit(part.clone(), name.clone(), limits).await {
                Ok(status) => {
                    if answer::is_unbound(status) {
                        self.forget(&session).await;
                    }
                    return answer::reply(status, self.desk.access.smpp.pause());
                }
                // The carrier has closed it while nobody looked: another one.
                Err(Failed::Gone) if Instant::now() < limits.turn => self.forget(&session).await,
                Err(Failed::Gone) => return Reply::NotSent("the connection is gone".into()),
                Err(Failed::NotSent(reason)) => return Reply::NotSent(reason.into()),
                Err(Failed::NoAnswer(reason)) => return Reply::NoAnswer(reason.into()),
            }
        }
    }

    /// The connection; who comes while it is made waits for it, who comes soon after it failed is told so.
    async fn session(&self, end: Instant) -> Result<Arc<Session>, Reply> {
        let not_in_time = || Reply::NotSent("no connection in time".into());
        let mut state = timeout_at(end, self.state.lock()).await.map_err(|_| not_in_time())?;
        if let Some(session) = state.session.as_ref().filter(|session| session.is_open()) {
            return Ok(Arc::clone(session));
        }
        state.session = None;
        let now = Instant::now();
        if let Some((reason, _, until)) = &state.down
            && now < *until
        {
            return Err(reason.clone());
        }
        let by = end.min(now + self.desk.access.times.connect(&self.vendor));
        let opened = timeout_at(by, Session::open(&self.server, self.bind, &self.desk)).await;
        match opened.unwrap_or_else(|_| Err(not_in_time())) {
            Ok(session) => {
                state.down = None;
                Ok(Arc::clone(state.session.insert(Arc::new(session))))
            }
            Err(reply) => {
                let times = state.down.as_ref().map_or(0, |(_, times, _)| *times);
                let longest = WAITS.0.saturating_mul(1 << times.min(10)).min(WAITS.1);
                // Processes that lost the same carrier do not come back in step.
                let wait = longest.mul_f64(rand::random_range(0.5..1.0));
                state.down = Some((reply.clone(), times.saturating_add(1), Instant::now() + wait));
                Err(reply)
            }
        }
    }

    async fn forget(&self, session: &Arc<Session>) {
        let mut state = self.state.lock().await;
        if state.session.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
            state.session = None;
        }
    }

    /// Takes leave of the carrier.
    pub async fn close(&self) {
        let session = self.state.lock().await.session.take();
        if let Some(session) = session {
            // Who is gone needs no goodbye.
            let _ = tokio::time::timeout(GOODBYE, session.close()).await;
        }
    }
}

/// A lock that no panic keeps.
fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
