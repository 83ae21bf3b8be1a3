//! What is sent, what an answer means, and what a server that misbehaves leads to.

mod answers;
mod beside;
mod bodies;
mod images;
mod polls;
mod server;
mod simulated;
mod uploads;
mod webhooks;

use crate::vendors::testing::{Fixed, Nobody, PATIENCE, serve};
use crate::vendors::{VendorSettings, Vendors};
use processors::{
    ports::{Answer, Clock, Provider, Reply, Request},
    reference::{Reference, Seed, Vendor},
};
use schemas::{Accepted, Channel, Content, Dispatch, MessageType, SendRequest};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tempfile::NamedTempFile;

const KEY: &str = "test-api-key";

struct Now;

impl Clock for Now {
    fn now_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
    }
}

fn vendor(url: &str, timeout_ms: u32) -> Vendor {
    serde_json::from_value(serde_json::json!({
        "name": "dealer", "families": ["AT", "FT", "BT", "SMS", "LMS", "MMS", "RCS"], "codes": "bizgo", "weight": 1, "tps": 100,
        "receipts": true, "protocol": "bizgo", "url": url, "timeout_ms": timeout_ms,
    }))
    .unwrap()
}

/// A customer of a vendor at some address.
struct Bench {
    key: NamedTempFile,
    vendor: Arc<Vendor>,
    vendors: Vendors,
    provider: Box<dyn Provider>,
}

impl Bench {
    fn new(url: &str) -> Self {
        Self::within(url, 5_000, VendorSettings::default())
    }

    /// With a bound on each request, milliseconds.
    fn within(url: &str, timeout_ms: u32, settings: VendorSettings) -> Self {
        Self::listening(url, timeout_ms, settings, "")
    }

    /// With a port for webhooks.
    fn listening(url: &str, timeout_ms: u32, settings: VendorSettings, listen: &str) -> Self {
        let key = NamedTempFile::new().unwrap();
        std::fs::write(key.path(), KEY).unwrap();
        let vendor = vendor(url, timeout_ms);
        let reference = Reference::new(Seed { vendors: vec![vendor.clone()], ..Seed::default() }).unwrap();
        let settings = VendorSettings { key_file: key.path().to_owned(), poll_ms: 20, ..settings };
        let known = BTreeMap::from([("dealer".to_owned(), settings)]);
        let vendors = Vendors::open(&known, listen, Arc::new(Fixed(Arc::new(reference))), Arc::new(Now));
        let provider = vendors.provider(Box::new(Nobody));
        Self { key, vendor: Arc::new(vendor), vendors, provider }
    }

    fn submit(&mut self, ticket: u64, dispatch: Dispatch) {
        self.provider.submit(Request { ticket, dispatch: Arc::new(dispatch), vendor: Arc::clone(&self.vendor) });
    }

    fn next(&mut self) -> Answer {
        let mut answers = Vec::new();
        self.provider.answers(PATIENCE, &mut answers);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }

    /// What comes of one request.
    fn reply(&mut self) -> Reply {
        self.submit(1, sms("S-0R"));
        self.next().reply
    }
}

fn dispatch(serial_number: &str, channel: Channel, message_type: MessageType) -> Dispatch {
    let mut accepted = Accepted { channel, message_type, ..Accepted::default() };
    accepted.recipient.country_code = Some("82".into());
    accepted.recipient.phone_number = Some("1012345678".into());
    accepted.content.callback = Some("0212345678".into());
    accepted.content.message = Some("준비되었습니다".into());
    Dispatch { serial_number: serial_number.into(), attempt: 1, accepted, ..Dispatch::default() }
}

fn sms(serial_number: &str) -> Dispatch {
    dispatch(serial_number, Channel::Mt, MessageType::Sms)
}

fn at(serial_number: &str) -> Dispatch {
    let mut dispatch = dispatch(serial_number, Channel::At, MessageType::At);
    dispatch.accepted.content.sender_key = Some("profile".into());
    dispatch.accepted.content.template_code = Some("ORDER_01".into());
    dispatch
}

/// The example of this name, as a step.
fn example(name: &str, channel: Channel, message_type: MessageType) -> Dispatch {
    let request: SendRequest = schemas::examples::request(name);
    let mut dispatch = dispatch(&format!("{name}-0R"), channel, message_type);
    dispatch.accepted.ad = request.ad_flag.as_deref() == Some("Y");
    dispatch.accepted.content = Content {
        sender_key: request.sender_key,
        template_code: request.template_code,
        message: request.message,
        title: request.title,
        header: request.header,
        callback: request.callback,
        attachment: request.attachment,
        targeting: request.targeting,
        content_type: request.content_type,
        additional_content: request.additional_content,
        push_alarm: request.push_alarm,
        adult: request.adult,
        unsubscribe_phone_number: request.unsubscribe_phone_number,
        unsubscribe_auth_number: request.unsubscribe_auth_number,
        copy_allowed: request.copy_allowed,
        footer: request.footer,
        ..Content::default()
    };
    dispatch
}

fn code(reply: &Reply) -> &str {
    match reply {
        Reply::Code { code, .. } | Reply::Unasked { code, .. } => code,
        other => panic!("{other:?}"),
    }
}
