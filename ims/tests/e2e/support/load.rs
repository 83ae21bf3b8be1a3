//! What customers send: the shared examples, each message with an id and a receiver of its own. No advertisements:
//! they would wait for the morning.

use super::{Deployment, PATIENCE, until};
use schemas::{Lane, SendRequest, Topic, examples};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{Scope, ScopedJoinHandle},
    time::Duration,
};
use topology::log::Outgoing;

/// Examples of each lane, in turn.
const AUTH: &[&str] = &["at_otp", "sms_otp"];
const REALTIME: &[&str] = &["at", "sms", "push", "ai", "rcslms", "mms", "email", "rcstmpl"];
const MASS: &[&str] = &["lms", "at", "sms", "at", "push", "lms"];

static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// The example with an id that no other has.
pub fn request(example: &str) -> SendRequest {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut request = examples::request(example);
    request.message_id = format!("E{number:08}");
    if request.phone_number.is_some() {
        request.phone_number = Some(format!("010{:08}", 20_000_000 + number % 70_000_000));
    }
    request
}

impl Deployment {
    /// The request as any producer writes it.
    pub fn record(&self, lane: Lane, request: &SendRequest) -> Outgoing {
        Outgoing {
            topic: Topic::api(lane),
            partition: None,
            key: Some(request.message_id.clone().into_bytes().into()),
            value: Some(self.schemas.encode(request).into()),
            headers: Vec::new(),
        }
    }

    /// So many messages of a lane.
    pub fn messages(&self, lane: Lane, count: usize) -> Vec<Outgoing> {
        let examples = match lane {
            Lane::Auth => AUTH,
            Lane::Mass => MASS,
            _ => REALTIME,
        };
        self.messages_like(examples, lane, count)
    }

    /// So many messages like these examples.
    pub fn messages_like(&self, examples: &[&str], lane: Lane, count: usize) -> Vec<Outgoing> {
        (0..count).map(|n| self.record(lane, &request(examples[n % examples.len()]))).collect()
    }

    /// Sends so many messages of a lane.
    pub fn send(&self, lane: Lane, count: usize) {
        for part in self.messages(lane, count).chunks(2_000) {
            self.append(part);
        }
    }
}

/// Messages of AUTH and MASS that keep coming until it ends.
pub struct Stream<'s> {
    ended: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    sending: Option<ScopedJoinHandle<'s, ()>>,
}

impl<'s> Stream<'s> {
    /// So many of each lane every 200 ms.
    pub fn start<'e>(scope: &'s Scope<'s, 'e>, deployment: &'e Deployment, auth: usize, mass: usize) -> Self {
        let (ended, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (until, count) = (Arc::clone(&ended), Arc::clone(&sent));
        let sending = scope.spawn(move || {
            let mut producer = deployment.producer();
            while !until.load(Ordering::SeqCst) {
                let records = [deployment.messages(Lane::Auth, auth), deployment.messages(Lane::Mass, mass)].concat();
                producer.append(&records).unwrap();
                count.fetch_add(records.len(), Ordering::SeqCst);
                std::thread::park_timeout(Duration::from_millis(200));
            }
        });
        Self { ended, sent, sending: Some(sending) }
    }

    /// Waits until so many are sent.
    #[track_caller]
    pub fn until_sent(&self, messages: usize) {
        until("so much is sent", PATIENCE, || (self.sent.load(Ordering::SeqCst) >= messages).then_some(()));
    }

    /// No more; how many it were.
    pub fn end(mut self) -> usize {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(sending) = self.sending.take() {
            sending.join().unwrap();
        }
        self.sent.load(Ordering::SeqCst)
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}
