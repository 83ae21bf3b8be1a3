//! One sender's way to the vendors: requests over a wire wait together on a thread of its own, with its own connections.

use super::{
    Access, Vendors, apns,
    bizgo::Bizgo,
    fcm,
    http::Client,
    images::Desk,
    nhn::{self, Nhn},
    smpp, smtp,
};
use futures_util::{FutureExt as _, future::join_all};
use processors::{
    ports::{Answer, Provider, Reply, Request},
    reference::{OptOut, Protocol, Vendor},
};
use rustc_hash::FxHashMap;
use schemas::{Accepted, Dispatch};
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    time::Duration,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// While the simulator owes answers too, none of its waits longer for one of a wire.
const TURN: Duration = Duration::from_millis(1);

/// How long connections that are taken leave of may hold up the end of their sender.
const GOODBYE: Duration = Duration::from_millis(1_500);

/// What is told of a vendor that the settings do not know, or know too little of.
const NO_KEY: &str = "the vendor has no key";

/// What a request is told that made this program panic.
const DEFECT: &str = "a defect: this program panicked";

/// The vendors, simulated or not.
pub struct Wires {
    vendors: Vendors,
    simulated: Box<dyn Provider>,
    /// Simulated requests that are not answered yet.
    simulated_in_flight: usize,
    requests: Option<UnboundedSender<Request>>,
    /// Closed when the thread of requests has ended.
    ended: Option<mpsc::Receiver<()>>,
    answered: mpsc::Sender<Answer>,
    answers: mpsc::Receiver<Answer>,
}

impl Wires {
    /// Starts no thread before the first request that needs one.
    pub fn new(vendors: Vendors, simulated: Box<dyn Provider>) -> Self {
        let (answered, answers) = mpsc::channel();
        Self { vendors, simulated, simulated_in_flight: 0, requests: None, ended: None, answered, answers }
    }

    fn start(&mut self) -> io::Result<UnboundedSender<Request>> {
        let (requests, incoming) = unbounded_channel();
        let (ending, ended) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (vendors, answered) = (self.vendors.clone(), self.answered.clone());
        std::thread::Builder::new().name("vendor-wires".into()).spawn(move || {
            runtime.block_on(serve(incoming, answered, vendors));
            // A name that is still being looked up holds nobody up.
            runtime.shutdown_background();
            drop::<mpsc::Sender<()>>(ending);
        })?;
        self.ended = Some(ended);
        Ok(requests)
    }

    fn not_sent(&self, ticket: u64, reason: &str) {
        let at_ms = self.vendors.clock.now_ms();
        // The receiver is ours.
        let _ = self.answered.send(Answer { ticket, reply: Reply::NotSent(reason.to_owned()), at_ms });
    }

    fn simulated(&mut self, wait: Duration, into: &mut Vec<Answer>) {
        let before = into.len();
        self.simulated.answers(wait, into);
        self.simulated_in_flight = self.simulated_in_flight.saturating_sub(into.len() - before);
    }
}

impl Provider for Wires {
    fn submit(&mut self, request: Request) {
        if !request.vendor.protocol.is_wire() {
            self.simulated_in_flight += 1;
            return self.simulated.submit(request);
        }
        if self.requests.is_none() {
            match self.start() {
                Ok(requests) => self.requests = Some(requests),
                Err(error) => {
                    tracing::error!(%error, "no thread for requests to vendors");
                    return self.not_sent(request.ticket, "no thread for requests to vendors");
                }
            }
        }
        let ticket = request.ticket;
        if self.requests.as_ref().is_none_or(|requests| requests.send(request).is_err()) {
            tracing::error!("the thread of requests to vendors has ended");
            self.requests = None;
            self.not_sent(ticket, "the thread of requests to vendors has ended");
        }
    }

    fn answers(&mut self, wait: Duration, into: &mut Vec<Answer>) {
        self.vendors.must_work();
        let before = into.len();
        let alone = self.requests.is_none();
        self.simulated(if alone { wait } else { Duration::ZERO }, into);
        into.extend(self.answers.try_iter());
        if into.len() > before || wait.is_zero() || alone {
            return;
        }
        let turn = if self.simulated_in_flight > 0 { wait.min(TURN) } else { wait };
        into.extend(self.answers.recv_timeout(turn).ok());
        into.extend(self.answers.try_iter());
        self.simulated(Duration::ZERO, into);
    }

    fn parts(&self, dispatch: &Dispatch, vendor: &Vendor) -> u32 {
        let carrier = self.vendors.carriers.get(&vendor.name).filter(|_| vendor.protocol == Protocol::Smpp);
        carrier.map_or(1, |access| smpp::parts_of(dispatch, access, vendor))
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(ended) = self.ended.take() {
            // Carriers are taken leave of; nothing is ever sent here.
            let _ = ended.recv_timeout(GOODBYE);
        }
    }
}

/// Makes requests until nobody can ask for more.
async fn serve(mut incoming: UnboundedReceiver<Request>, answered: mpsc::Sender<Answer>, vendors: Vendors) {
    let mut ways = FxHashMap::default();
    while let Some(request) = incoming.recv().await {
        let way = catch_unwind(AssertUnwindSafe(|| way(&mut ways, &vendors, &request.vendor)));
        let way = way.unwrap_or_else(|_| {
            tracing::error!(vendor = request.vendor.name, "a way to a vendor makes this program panic");
            Err(DEFECT.into())
        });
        let (answered, vendors) = (answered.clone(), vendors.clone());
        tokio::spawn(async move {
            let reply = match way {
                // A request whose answer never comes would keep its place at the vendor, and its record, for ever.
                Ok(way) => {
                    AssertUnwindSafe(exchange(&way, &request, &vendors)).catch_unwind().await.unwrap_or_else(|_| {
                        let (vendor, track_id) = (&request.vendor.name, &request.dispatch.accepted.track_id);
                        tracing::error!(
                            vendor,
                            track_id,
                            "a request makes this program panic: whether it left is not known"
                        );
                        Reply::NoAnswer(DEFECT.into())
                    })
                }
                Err(reason) => Reply::NotSent(reason),
            };
            // Nobody listens any more when the sender has ended.
            let _ = answered.send(Answer { ticket: request.ticket, reply, at_ms: vendors.clock.now_ms() });
        });
    }
    let carriers = ways.values().filter_map(|way| match way {
        Way::Carrier(client) => Some(client.close()),
        _ => None,
    });
    join_all(carriers).await;
}

/// Connections to a vendor and what it is reached by.
#[derive(Clone)]
enum Way {
    /// With the time of a connection that it was made with.
    Http(Arc<Client>, Arc<Access>, Duration),
    Mail(Arc<smtp::Client>),
    Google(Arc<fcm::Client>),
    Apple(Arc<apns::Client>),
    Carrier(Arc<smpp::Client>),
}

/// The way to a vendor. Reference data that came after the start may name one that has no key: it is as good as down.
fn way(ways: &mut FxHashMap<String, Way>, vendors: &Vendors, vendor: &Vendor) -> Result<Way, String> {
    let known = ways.get(&vendor.name).filter(|way| match way {
        Way::Http(_, access, connect) => {
            matches!(vendor.protocol, Protocol::Bizgo | Protocol::Nhn)
                && *connect == access.settings.connect(vendor)
                && vendors.lacks(vendor).is_none()
        }
        Way::Mail(client) => vendor.protocol == Protocol::Smtp && client.url == vendor.url,
        Way::Google(client) => vendor.protocol == Protocol::Fcm && client.is_for(vendor),
        Way::Apple(client) => vendor.protocol == Protocol::Apns && client.is_for(vendor),
        Way::Carrier(client) => vendor.protocol == Protocol::Smpp && client.is_for(vendor),
    });
    if let Some(way) = known {
        return Ok(way.clone());
    }
    if let Some(lack) = vendors.lacks(vendor) {
        tracing::error!(lack, "a vendor cannot be reached: mend it and start again");
        return Err(NO_KEY.into());
    }
    let way = open(vendors, vendor).inspect_err(|error| {
        tracing::error!(vendor = vendor.name, error, "no connection to a vendor can be made");
    })?;
    ways.insert(vendor.name.clone(), way.clone());
    Ok(way)
}

fn open(vendors: &Vendors, vendor: &Vendor) -> Result<Way, String> {
    let none = || NO_KEY.to_owned();
    match vendor.protocol {
        Protocol::Smtp => {
            let access = vendors.mail.get(&vendor.name).ok_or_else(none)?;
            return smtp::Client::new(&vendor.url, Arc::clone(access)).map(Arc::new).map(Way::Mail);
        }
        Protocol::Fcm => {
            let access = vendors.google.get(&vendor.name).ok_or_else(none)?;
            return fcm::Client::new(vendor, Arc::clone(access)).map(Arc::new).map(Way::Google);
        }
        Protocol::Apns => {
            let access = vendors.apple.get(&vendor.name).ok_or_else(none)?;
            return apns::Client::new(vendor, Arc::clone(access)).map(Arc::new).map(Way::Apple);
        }
        Protocol::Smpp => {
            let access = vendors.carriers.get(&vendor.name).ok_or_else(none)?;
            let (ids, clock) = (Arc::clone(&vendors.message_ids), Arc::clone(&vendors.clock));
            return smpp::Client::new(vendor, Arc::clone(access), ids, clock).map(Arc::new).map(Way::Carrier);
        }
        Protocol::Simulated | Protocol::Bizgo | Protocol::Nhn => {}
    }
    let access = vendors.access.get(&vendor.name).ok_or_else(none)?;
    let client = access.settings.client(vendor)?;
    Ok(Way::Http(Arc::new(client), Arc::new(access.clone()), access.settings.connect(vendor)))
}

/// A recipient whom the vendor has on its list of those who refused ads is asked about no more: it is entered here too.
fn note_refusal(vendors: &Vendors, vendor: &Arc<Vendor>, dispatch: &Dispatch, reply: &Reply) {
    let Accepted { ad, username, recipient, .. } = &dispatch.accepted;
    let refused = matches!(reply, Reply::Code { code, .. } if *ad && code == nhn::OPTED_OUT);
    if let (true, Some(code), Some(number)) = (refused, &recipient.country_code, &recipient.phone_number) {
        let out = OptOut { username: username.clone(), recipient: format!("{code}{number}") };
        let (vendors, vendor) = (vendors.clone(), Arc::clone(vendor));
        // The answer does not wait for it: what is not entered now is refused there again.
        tokio::spawn(async move { vendors.heard(&vendor, vec![out], vendors.clock.now_ms()).await });
    }
}

async fn exchange(way: &Way, request: &Request, vendors: &Vendors) -> Reply {
    let Request { dispatch, vendor, .. } = request;
    let (clock, night) = (&*vendors.clock, &*vendors.night);
    let reference = vendors.reference.current();
    let customer = reference.customer(&dispatch.accepted.username);
    let origin_code = customer.map(|customer| customer.origin_code.as_str()).unwrap_or_default();
    match way {
        Way::Mail(client) => client.send(vendor, dispatch, vendors.files(), &vendors.dead_mailboxes, clock).await,
        Way::Carrier(client) => client.send(dispatch, origin_code, night).await,
        Way::Google(client) => client.send(vendor, dispatch, &vendors.dead_tokens, clock, night).await,
        Way::Apple(client) => client.send(vendor, dispatch, &vendors.dead_tokens, clock, night).await,
        Way::Http(client, access, _) => {
            let desk = Desk { files: vendors.files(), part: &vendors.part, clock, night };
            match vendor.protocol {
                Protocol::Nhn => {
                    let ids = &vendors.message_ids;
                    let reply = Nhn { client, access, vendor, ids }.send(dispatch, origin_code, &desk).await;
                    note_refusal(vendors, vendor, dispatch, &reply);
                    reply
                }
                _ => Bizgo { client, access, vendor }.send(dispatch, origin_code, &desk).await,
            }
        }
    }
}
