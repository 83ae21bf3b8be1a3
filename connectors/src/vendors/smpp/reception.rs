//! What comes in: ids of messages with answers, delivery receipts with or without them, and a connection of the
//! process's own for receipts when nothing is sent.

use super::{
    Access, Bind, Client, Ids, answer, locked,
    receipt::{self, Told},
    session::Name,
};
use crate::vendors::receipts::Batch;
use processors::{
    codes::{Class, judge},
    ports::{Clock, Half, Meeting, Receipt, Reply},
    reference::Vendor,
    standing::{Lasting, News, Standing, Word},
};
use rusmpp::pdus::DeliverSm;
use std::{
    sync::{Arc, PoisonError, mpsc},
    time::Duration,
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

/// Delivery receipts of carriers, by vendor and outcome: matched, early, kept, part, news, message, unreadable, put_off.
pub const REPORTS: &str = "ims_vendor_smpp_receipts_total";
/// How long a receipt may take into the log until the carrier is asked to bring it again.
const INTO_LOG: Duration = Duration::from_secs(10);
/// How long a receipt that came before its answer is offered to whoever takes receipts.
const OFFERED: Duration = Duration::from_secs(60);
/// How often.
const OFFER: Duration = Duration::from_millis(200);
/// Receipts may come so much later than their vendor's time, and still be told apart from foreign ones.
const LATER: Duration = Duration::from_secs(3_600);

/// What every connection to a carrier shares.
#[derive(Clone)]
pub struct Desk {
    pub access: Arc<Access>,
    pub ids: Arc<Ids>,
    pub clock: Arc<dyn Clock>,
    pub vendor: Arc<Vendor>,
}

impl Desk {
    /// A submit was accepted under this id.
    pub async fn sent(&self, id: Option<&str>, name: Name) {
        let form = self.access.smpp.receipt_ids;
        let Some(message_id) = id.and_then(|id| form.of_answer(id)) else {
            let (vendor, serial_number) = (&self.vendor.name, &name.serial_number);
            return tracing::warn!(vendor, serial_number, "an answer without an id: no receipt will be known as its");
        };
        let half = Half::Sent { serial_number: name.serial_number.clone(), last: name.last };
        if let Ok(Some(Half::Reported { code, at_ms })) = self.ids.meet(self.meeting(message_id, half)).await {
            let desk = self.clone();
            // The answer need not wait for it.
            tokio::spawn(async move { desk.offer(&name.serial_number, name.last, code, at_ms).await });
        }
    }

    /// A receipt that came before its answer: offered until it is in the log.
    async fn offer(&self, serial_number: &str, last: bool, code: String, at_ms: i64) {
        let end = Instant::now() + OFFERED;
        while Instant::now() < end {
            if self.hand_over(serial_number, last, &code, at_ms).await {
                return self.count("matched");
            }
            sleep(OFFER).await;
        }
        tracing::warn!(vendor = self.vendor.name, serial_number, "nobody took a receipt that came before its answer");
    }

    /// What is answered to a deliver_sm; None: one that cannot be read.
    pub async fn delivered(&self, deliver: Option<DeliverSm>) -> u32 {
        let told = deliver.map_or(Told::Unreadable, |deliver| receipt::told(&deliver, self.access.smpp.receipt_ids));
        let (message_id, code) = match told {
            Told::Receipt { message_id, code } => (message_id, code),
            Told::Unreadable => {
                tracing::warn!(vendor = self.vendor.name, "a delivery receipt that cannot be read is dropped");
                self.count("unreadable");
                return answer::OK;
            }
            Told::Message => {
                self.count("message");
                return answer::OK;
            }
        };
        // On the way: nothing to be told.
        if judge(self.vendor.codes, &code).class == Class::Poll {
            self.count("news");
            return answer::OK;
        }
        let at_ms = self.clock.now_ms();
        let half = Half::Reported { code: code.clone(), at_ms };
        match self.ids.meet(self.meeting(message_id.clone(), half)).await {
            Ok(Some(Half::Sent { serial_number, last })) => {
                if self.hand_over(&serial_number, last, &code, at_ms).await {
                    self.count(if last { "matched" } else { "part" });
                    return answer::OK;
                }
                self.count("put_off");
                answer::LATER
            }
            Ok(_) => {
                // Its answer may still come, to whichever process asked.
                tracing::info!(
                    vendor = self.vendor.name,
                    message_id,
                    code,
                    "a receipt of a message without an answer is kept"
                );
                self.count("kept");
                answer::OK
            }
            Err(_) => {
                self.count("put_off");
                answer::LATER
            }
        }
    }

    /// Whether it is in the log, or need not be: the success of a part is none of the message.
    async fn hand_over(&self, serial_number: &str, last: bool, code: &str, at_ms: i64) -> bool {
        if !last && judge(self.vendor.codes, code).class == Class::Done {
            return true;
        }
        let receipt = Receipt {
            serial_number: serial_number.to_owned(),
            vendor: self.vendor.name.clone(),
            code: code.to_owned(),
            text: String::new(),
            at_ms,
        };
        let (confirmed, waiting) = oneshot::channel();
        let batch = Batch { receipts: vec![receipt], confirmed };
        let handed = locked(&self.access.taker).as_ref().is_some_and(|taker| taker.send(batch).is_ok());
        handed && matches!(timeout(INTO_LOG, waiting).await, Ok(Ok(())))
    }

    fn meeting(&self, message_id: String, half: Half) -> Meeting {
        let (vendor, kept) = (self.vendor.name.clone(), self.vendor.longest_receipt_time() + LATER);
        Meeting { vendor, message_id, half, kept }
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!(REPORTS, "vendor" => self.vendor.name.clone(), "outcome" => outcome).increment(1);
    }
}

/// Receives a carrier's receipts for this process, one at a time of all who would.
pub struct Reception {
    /// The carrier.
    pub vendor: Arc<Vendor>,
    /// What is known of it.
    pub access: Arc<Access>,
    /// The ids of messages.
    pub ids: Arc<Ids>,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

impl Reception {
    /// Until it is dropped.
    pub async fn run(self, batches: mpsc::Sender<Batch>) {
        let Self { vendor, access, ids, clock } = self;
        let _alone = access.receiving.lock().await;
        let _taking = Taking::start(&access, batches);
        let bind = if access.smpp.separate_binds { Bind::Receiver } else { Bind::Transceiver };
        let client = match Client::bound(bind, &vendor, Arc::clone(&access), ids, clock) {
            Ok(client) => client,
            Err(error) => {
                return tracing::error!(vendor = vendor.name, error, "no connection to a carrier can be made");
            }
        };
        let mut standing = Standing::default();
        loop {
            match client.session(Instant::now() + Duration::from_millis(u64::from(vendor.timeout_ms))).await {
                Ok(session) => {
                    tell(&vendor, standing.heard(Word::Well, client.desk.clock.now_ms()));
                    session.ended().await;
                }
                Err(reply) => {
                    tell(&vendor, standing.heard(word(&reply), client.desk.clock.now_ms()));
                    sleep(OFFER).await;
                }
            }
        }
    }
}

fn word(reply: &Reply) -> Word<'_> {
    match reply {
        Reply::Code { code, text } => Word::LockedOut(code, text),
        Reply::NotSent(why) => Word::NotSent(why),
        // Nothing else comes of a bind.
        _ => Word::Nothing,
    }
}

fn tell(vendor: &Vendor, news: Option<News>) {
    let vendor = &vendor.name;
    match news {
        None => {}
        Some(News::Begun(Lasting { why, .. })) => {
            tracing::warn!(vendor, why, "no receipts come from a carrier: no connection is bound");
        }
        Some(News::Ended(_)) => tracing::info!(vendor, "a connection for a carrier's receipts is bound again"),
    }
}

/// Takes what comes over any connection, while it lasts.
struct Taking<'a>(&'a Access);

impl<'a> Taking<'a> {
    fn start(access: &'a Access, batches: mpsc::Sender<Batch>) -> Self {
        *locked(&access.taker) = Some(batches);
        Self(access)
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        *self.0.taker.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
