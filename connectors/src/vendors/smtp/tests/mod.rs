//! What a mail says, what a reply means, what servers that misbehave lead to, and a real server.

mod bounces;
mod mails;
mod real;
mod replies;
mod server;
mod settings;
mod simulated;

use crate::files::FileStore;
use crate::vendors::testing::{Fixed, Nobody, PATIENCE, code, file};
use crate::vendors::{SmtpSettings, VendorSettings, Vendors, VendorsError};
use processors::{
    ports::{Answer, Clock, Provider, Reply, Request},
    reference::{Reference, Seed, Vendor},
};
use schemas::{Accepted, Channel, Dispatch, MessageType};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// 2026-03-11T09:00:00Z
const NOW_MS: i64 = 1_773_219_600_000;

struct Then;

impl Clock for Then {
    fn now_ms(&self) -> i64 {
        NOW_MS
    }
}

fn vendor(url: &str) -> Vendor {
    serde_json::from_value(serde_json::json!({
        "name": "relay", "families": ["EMAIL"], "codes": "smtp", "weight": 1, "tps": 100, "in_doubt": "uncertain",
        "protocol": "smtp", "url": url, "timeout_ms": 5_000,
        "max_in_flight": 20,
    }))
    .unwrap()
}

/// Without TLS.
fn plain() -> SmtpSettings {
    SmtpSettings { plaintext: true, ..secure() }
}

fn secure() -> SmtpSettings {
    SmtpSettings { hello: "ims.example.kr".into(), ads: false, ..SmtpSettings::default() }
}

/// What the addresses of one-click unsubscribe are sealed with.
const UNSUBSCRIBE_KEY: &str = "0123456789abcdef0123456789abcdef\n";

/// With one-click unsubscribe, sealed with the key of a file.
fn with_ads(key_file: PathBuf, smtp: SmtpSettings) -> SmtpSettings {
    SmtpSettings {
        ads: true,
        relay_signs: true,
        unsubscribe_url: "https://hanbit.example/unsubscribe/".into(),
        unsubscribe_key_file: key_file,
        ..smtp
    }
}

fn with(smtp: SmtpSettings) -> VendorSettings {
    VendorSettings { smtp: Some(smtp), ..VendorSettings::default() }
}

fn open(vendor: &Vendor, settings: VendorSettings) -> Result<Vendors, VendorsError> {
    let reference = Reference::new(Seed { vendors: vec![vendor.clone()], ..Seed::default() }).unwrap();
    let known = BTreeMap::from([("relay".to_owned(), settings)]);
    let vendors = Vendors::open(&known, "", Arc::new(Fixed(Arc::new(reference))), Arc::new(Then));
    vendors.can_be_used()?;
    Ok(vendors)
}

/// A sender of mails through a server at some address.
struct Bench {
    vendor: Arc<Vendor>,
    provider: Box<dyn Provider>,
}

impl Bench {
    fn new(url: &str, settings: VendorSettings) -> Self {
        Self::of(vendor(url), settings)
    }

    /// With files that customers uploaded.
    fn with_files(url: &str, settings: VendorSettings, files: FileStore) -> Self {
        let vendors = open(&vendor(url), settings).unwrap().with_files(files);
        Self { vendor: Arc::new(vendor(url)), provider: vendors.provider(Box::new(Nobody)) }
    }

    fn of(vendor: Vendor, settings: VendorSettings) -> Self {
        let vendors = open(&vendor, settings).unwrap();
        vendors.all_have_keys().unwrap();
        Self { vendor: Arc::new(vendor), provider: vendors.provider(Box::new(Nobody)) }
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

    /// What comes of one mail.
    fn reply(&mut self, dispatch: Dispatch) -> Reply {
        self.submit(1, dispatch);
        self.next().reply
    }
}

fn email(serial_number: &str, to: &str) -> Dispatch {
    let mut accepted = Accepted { channel: Channel::Em, message_type: MessageType::Em, ..Accepted::default() };
    accepted.recipient.to = Some(to.into());
    let content = &mut accepted.content;
    content.from_email = Some("no-reply@hanbit.example".into());
    content.from_name = Some("한빛상점".into());
    content.title = Some("[한빛상점] 김하늘님의 3월 이용 내역서".into());
    content.message = Some("3월 이용 금액은 84,000원입니다.\n.\n고맙습니다.".into());
    content.html = Some("<p>3월 이용 금액은 <b>84,000</b>원입니다.</p>".into());
    Dispatch { serial_number: serial_number.into(), attempt: 1, accepted, ..Dispatch::default() }
}
