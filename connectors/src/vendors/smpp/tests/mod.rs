//! What is written, what answers and receipts mean, and what carriers that misbehave lead to.

mod bodies;
mod centre;
mod real;
mod receipts;
mod settings;
mod simulated;
mod trouble;

use super::SmppSettings;
use crate::vendors::testing::{Fixed, Nobody, PATIENCE, code, file, serve, until};
use crate::vendors::{VendorSettings, Vendors, VendorsError};
use processors::{
    ports::{Answer, Clock, Provider, Receipt, Receipts, Reply, Request},
    reference::{Customer, Reference, Seed, Vendor},
};
use schemas::{Accepted, Channel, Dispatch, MessageType};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// 2026-03-11T09:00:00Z
const NOW_MS: i64 = 1_773_219_600_000;

struct Then;

impl Clock for Then {
    fn now_ms(&self) -> i64 {
        NOW_MS
    }
}

fn vendor(url: &str, timeout_ms: u32) -> Vendor {
    serde_json::from_value(serde_json::json!({
        "name": "carrier", "families": ["SMS", "LMS"], "codes": "smpp", "weight": 1, "tps": 100,
        "in_doubt": "uncertain", "receipts": true, "protocol": "smpp", "url": url, "timeout_ms": timeout_ms,
    }))
    .unwrap()
}

fn smpp() -> SmppSettings {
    SmppSettings { system_id: "ims".into(), throttle_pause_ms: 50, ..SmppSettings::default() }
}

fn open(vendor: &Vendor, settings: VendorSettings) -> Result<Vendors, VendorsError> {
    let customers =
        vec![Customer { username: "hanbit-shop".into(), origin_code: "123456789".into(), ..Customer::default() }];
    let seed = Seed { vendors: vec![vendor.clone()], customers, ..Seed::default() };
    let reference = Reference::new(seed).unwrap();
    let known = BTreeMap::from([("carrier".to_owned(), settings)]);
    let vendors = Vendors::open(&known, "", Arc::new(Fixed(Arc::new(reference))), Arc::new(Then));
    vendors.can_be_used()?;
    vendors.all_have_keys()?;
    Ok(vendors)
}

/// A sender of texts by a carrier at some address.
struct Bench {
    vendor: Arc<Vendor>,
    vendors: Vendors,
    provider: Option<Box<dyn Provider>>,
    _password: tempfile::NamedTempFile,
}

impl Bench {
    fn new(url: &str) -> Self {
        Self::with(url, 5_000, smpp())
    }

    fn with(url: &str, timeout_ms: u32, smpp: SmppSettings) -> Self {
        Self::of(vendor(url, timeout_ms), VendorSettings { smpp: Some(smpp), ..VendorSettings::default() })
    }

    fn of(vendor: Vendor, settings: VendorSettings) -> Self {
        let (password, key_file) = file("secret\n");
        Self::of_file(vendor, VendorSettings { key_file, ..settings }, password)
    }

    /// With the file of its password.
    fn of_file(vendor: Vendor, settings: VendorSettings, password: tempfile::NamedTempFile) -> Self {
        let vendors = open(&vendor, settings).unwrap();
        let provider = Some(vendors.provider(Box::new(Nobody)));
        Self { vendor: Arc::new(vendor), vendors, provider, _password: password }
    }

    fn submit(&mut self, ticket: u64, dispatch: Dispatch) {
        let request = Request { ticket, dispatch: Arc::new(dispatch), vendor: Arc::clone(&self.vendor) };
        self.provider.as_mut().unwrap().submit(request);
    }

    fn next(&mut self) -> Answer {
        let mut answers = Vec::new();
        self.provider.as_mut().unwrap().answers(PATIENCE, &mut answers);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }

    fn all(&mut self, count: usize) -> Vec<Answer> {
        let (mut answers, deadline) = (Vec::new(), Instant::now() + PATIENCE);
        while answers.len() < count {
            assert!(Instant::now() < deadline, "{answers:?}");
            self.provider.as_mut().unwrap().answers(Duration::from_millis(100), &mut answers);
        }
        answers
    }

    /// What comes of one message.
    fn reply(&mut self, dispatch: Dispatch) -> Reply {
        self.submit(1, dispatch);
        self.next().reply
    }

    fn receipts(&self) -> Box<dyn Receipts> {
        self.vendors.receipts(Box::new(Nobody), serve()).unwrap()
    }
}

/// Receipts as they come, confirmed at once, until there are so many.
fn taken(receipts: &mut dyn Receipts, count: usize) -> Vec<Receipt> {
    let (mut taken, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while taken.len() < count {
        assert!(Instant::now() < deadline, "{taken:?}");
        receipts.take(Duration::from_millis(100), &mut taken);
        receipts.confirm();
    }
    taken
}

fn told(receipts: &[Receipt]) -> Vec<(&str, &str)> {
    receipts.iter().map(|receipt| (receipt.serial_number.as_str(), receipt.code.as_str())).collect()
}

fn text(serial_number: &str, text: &str) -> Dispatch {
    let mut accepted = Accepted { channel: Channel::Mt, message_type: MessageType::Sms, ..Accepted::default() };
    accepted.expires_at = NOW_MS + 5 * 60_000;
    accepted.recipient.phone_number = Some("01012345678".into());
    accepted.content.callback = Some("0212345678".into());
    accepted.content.message = Some(text.into());
    Dispatch { serial_number: serial_number.into(), attempt: 1, accepted, ..Dispatch::default() }
}

/// Of three parts.
fn long(serial_number: &str) -> Dispatch {
    text(serial_number, &"가나다라마".repeat(30))
}
