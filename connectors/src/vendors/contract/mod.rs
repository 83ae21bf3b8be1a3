//! What every vendor must do on a bad day: each dealer over HTTP before servers that misbehave (`contract!`), and each kind
//! of vendor before the simulator, beside others that have a good day (`days`).

mod days;
mod hooks;
mod server;

pub use hooks::*;
pub use server::*;

use super::testing::{Fixed, Nobody, PATIENCE};
use super::{Shared, VendorSettings, Vendors};
use crate::{
    cipher::Cipher,
    files::{File, FileStore},
    simulator::{Behaviour, Listener, Simulator, SimulatorSettings},
};
use processors::{
    ports::{Answer, Clock, Provider, Reply, Request},
    reference::{self, Reference, Seed, Vendor},
};
use schemas::{Accepted, Channel, Dispatch, MessageType};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tempfile::NamedTempFile;

/// What a customer is known by.
pub const KEY: &str = "test-api-key";
/// What reports are signed with.
pub const SECRET: &str = "webhook-secret";

/// A dealer, and what tests of all of them need to know of it.
pub struct Dealer {
    /// Its row besides name, address and times.
    pub row: fn() -> Value,
    /// Its settings besides the key.
    pub settings: fn() -> VendorSettings,
    /// The header of the key.
    pub key_header: &'static str,
    /// The body of an answer that accepts one message, and its code.
    pub accepted: (&'static str, &'static str),
    /// Status line and body of an answer that refuses the key, and its code.
    pub no_key: (&'static str, &'static str, &'static str),
    /// Headers of a call of its webhook, with a secret at a time.
    pub signed: fn(&str, i64) -> String,
    /// Path of its webhooks.
    pub hooks: &'static str,
    /// Body of a call: serial number S-0R, and as it is taken; and what it is answered with.
    pub report: (&'static str, &'static str, &'static str),
}

/// The clock of this machine.
pub struct Now;

impl Clock for Now {
    fn now_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
    }
}

/// A dealer's row.
pub fn vendor(dealer: &Dealer, url: &str, timeout_ms: u32) -> Vendor {
    let mut row = (dealer.row)();
    let rest = serde_json::json!({
        "name": "dealer", "weight": 1, "tps": 100, "receipts": true, "url": url, "timeout_ms": timeout_ms,
    });
    row.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    serde_json::from_value(row).unwrap()
}

/// A customer of a dealer at some address.
pub struct Bench {
    pub key: NamedTempFile,
    pub vendor: Arc<Vendor>,
    pub vendors: Vendors,
    pub provider: Box<dyn Provider>,
}

impl Bench {
    pub fn of(dealer: &Dealer, url: &str) -> Self {
        Self::within(dealer, url, 5_000, (dealer.settings)())
    }

    /// With a bound on each request, milliseconds.
    pub fn within(dealer: &Dealer, url: &str, timeout_ms: u32, settings: VendorSettings) -> Self {
        Self::listening(dealer, url, timeout_ms, settings, "")
    }

    /// With a port for webhooks.
    pub fn listening(dealer: &Dealer, url: &str, timeout_ms: u32, settings: VendorSettings, listen: &str) -> Self {
        Self::at(vendor(dealer, url, timeout_ms), settings, listen)
    }

    /// Of this row.
    pub fn at(vendor: Vendor, settings: VendorSettings, listen: &str) -> Self {
        let key = NamedTempFile::new().unwrap();
        std::fs::write(key.path(), KEY).unwrap();
        let customers = vec![reference::Customer { username: "hanbit-shop".into(), ..reference::Customer::default() }];
        let seed = Seed { vendors: vec![vendor.clone()], customers, ..Seed::default() };
        let reference = Reference::new(seed).unwrap();
        let settings = VendorSettings { key_file: key.path().to_owned(), poll_ms: 20, ..settings };
        let known = BTreeMap::from([("dealer".to_owned(), settings)]);
        let vendors = Vendors::open(&known, listen, Arc::new(Fixed(Arc::new(reference))), Arc::new(Now));
        let provider = vendors.provider(Box::new(Nobody));
        Self { key, vendor: Arc::new(vendor), vendors, provider }
    }

    /// The same where hanbit-shop has a file under this key.
    pub fn with_file(self, key: &str, content_type: &str, bytes: &[u8]) -> Self {
        self.with_files(&[key], content_type, bytes)
    }

    /// The same with the file under each of these keys.
    pub fn with_files(mut self, keys: &[&str], content_type: &str, bytes: &[u8]) -> Self {
        let files = FileStore::in_memory(Arc::new(Cipher::new(&[7; 32])));
        let file = File { name: "봄 소식.jpg".into(), content_type: content_type.into(), bytes: bytes.into() };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for key in keys {
            runtime.block_on(files.write("hanbit-shop", key, &file)).unwrap();
        }
        self.provider = self.vendors.clone().with_files(files).provider(Box::new(Nobody));
        self
    }

    pub fn submit(&mut self, ticket: u64, dispatch: Dispatch) {
        self.provider.submit(Request { ticket, dispatch: Arc::new(dispatch), vendor: Arc::clone(&self.vendor) });
    }

    pub fn next(&mut self) -> Answer {
        let mut answers = Vec::new();
        self.provider.answers(PATIENCE, &mut answers);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }

    /// What comes of a request for a message.
    pub fn reply_to(&mut self, dispatch: Dispatch) -> Reply {
        self.submit(1, dispatch);
        self.next().reply
    }

    /// What comes of one request.
    pub fn reply(&mut self) -> Reply {
        self.reply_to(sms("S-0R"))
    }
}

/// 2100-01-01T00:00:00Z
const FAR_MS: i64 = 4_102_444_800_000;

/// A step with a text, which has all the time there is.
pub fn dispatch(serial_number: &str, channel: Channel, message_type: MessageType) -> Dispatch {
    let mut accepted = Accepted { channel, message_type, expires_at: FAR_MS, ..Accepted::default() };
    accepted.recipient.country_code = Some("82".into());
    accepted.recipient.phone_number = Some("1012345678".into());
    accepted.content.callback = Some("0212345678".into());
    accepted.content.message = Some("준비되었습니다".into());
    Dispatch { serial_number: serial_number.into(), attempt: 1, accepted, ..Dispatch::default() }
}

pub fn at(serial_number: &str) -> Dispatch {
    let mut dispatch = dispatch(serial_number, Channel::At, MessageType::At);
    dispatch.accepted.content.sender_key = Some("f".repeat(40));
    dispatch.accepted.content.template_code = Some("ORDER_01".into());
    dispatch
}

pub fn sms(serial_number: &str) -> Dispatch {
    dispatch(serial_number, Channel::Mt, MessageType::Sms)
}

/// An MMS of hanbit-shop with these files.
pub fn mms(files: &[&str]) -> Dispatch {
    let mut dispatch = dispatch("S-0R", Channel::Mt, MessageType::Mms);
    dispatch.accepted.username = "hanbit-shop".into();
    dispatch.accepted.content.attach_file_list = files.iter().map(|key| (*key).to_owned()).collect();
    dispatch
}

/// One code, whatever happens.
pub fn always(code: &str) -> BTreeMap<String, f64> {
    BTreeMap::from([(code.to_owned(), 1.0)])
}

/// The simulator of a dealer, which this app key is a customer of too.
pub fn listening(dealer: &Dealer, app_key: &str, log: Option<&Path>, behaviour: Behaviour, port: u16) -> Listener {
    let settings = SimulatorSettings {
        every_vendor: behaviour,
        request_log: log.map(Path::to_owned),
        ..SimulatorSettings::default()
    };
    let simulator = Simulator::open(settings, Arc::new(Now)).unwrap();
    let vendor = Arc::new(vendor(dealer, "http://127.0.0.1:1", 1_000));
    let known = vec![Shared {
        vendor,
        key: KEY.to_owned(),
        app_key: app_key.to_owned(),
        password: String::new(),
        bounces: None,
        webhook_secret: Some(SECRET.to_owned()),
    }];
    let at = format!("127.0.0.1:{port}");
    // A port of before may be closing still.
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Listener::open(Arc::clone(&simulator), &at, known.clone()) {
            Ok(listener) => return listener,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The code of an answer, asked for or not.
pub fn code(reply: &Reply) -> &str {
    match reply {
        Reply::Code { code, .. } | Reply::Unasked { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

/// The suite, for one dealer.
macro_rules! contract {
    ($dealer:expr; $($law:ident)*) => {
        $(
            #[test]
            fn $law() {
                crate::vendors::contract::$law(&$dealer);
            }
        )*
    };
    ($dealer:expr) => {
        crate::vendors::contract::contract! {
            $dealer;
            a_refused_connection_sent_nothing
            a_handshake_that_never_ends_sent_nothing
            a_scheme_that_is_wrong_is_told_with_the_remedy
            a_server_that_hangs_leaves_it_open
            a_body_that_does_not_end_leaves_it_open
            a_body_without_end_is_not_read_to_it
            a_connection_that_ends_after_the_request_leaves_it_open
            too_many_requests_and_nonsense_are_told_apart
            what_fails_inside_a_dealer_may_have_been_taken
            a_key_that_was_exchanged_is_read_again_when_the_old_one_is_refused
            requests_wait_together_and_connections_are_used_again
            a_poll_that_hangs_ends_by_a_time_of_its_own
            a_report_is_answered_when_it_is_in_the_log_and_not_before
            a_report_that_is_not_in_the_log_in_time_is_asked_for_again
            only_the_dealer_may_bring_reports
            of_a_strangers_call_no_byte_of_the_body_is_waited_for
        }
    };
}
pub(crate) use contract;
