//! What is measured: 알림톡 or text by an API over HTTP, text over SMPP, pushes over HTTP/2.

use super::{super::chain::Customers, bare};
use anyhow::Context;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use connectors::{
    simulator::{Behaviour, ReceiptBehaviour, Spread},
    vendors::{FcmSettings, NhnSettings, SmppSettings, VendorSettings},
};
use processors::reference::{CodeTable, InDoubt, Protocol, Vendor};
use schemas::{Family, SendRequest, examples};
use std::path::PathBuf;

/// Submits of one connection that wait for their answers.
const SMPP_WINDOW: u32 = 100;

/// A vendor's protocol, as it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Wire {
    /// 알림톡 by Bizgo's API over HTTP; 50 ms for each answer.
    Bizgo,
    /// SMS over SMPP 3.4, one connection with a window of 100; 1 ms for each answer.
    Smpp,
    /// SMS by NHN Cloud's API over HTTP; 50 ms for each answer.
    Nhn,
    /// Pushes to one device each by FCM's API over HTTP/2; 50 ms for each answer.
    Fcm,
}

impl Wire {
    /// The role that sends it.
    pub fn role(self) -> &'static str {
        match self {
            Self::Bizgo => "kakao",
            Self::Smpp | Self::Nhn => "text",
            Self::Fcm => "push",
        }
    }

    /// The option of `ims simulate` that says where it listens.
    pub fn option(self) -> &'static str {
        match self {
            Self::Bizgo | Self::Nhn | Self::Fcm => "--listen",
            Self::Smpp => "--smpp",
        }
    }

    /// How long the vendor takes for each answer.
    pub fn latency_ms(self) -> f64 {
        match self {
            Self::Bizgo | Self::Nhn | Self::Fcm => 50.0,
            Self::Smpp => 1.0,
        }
    }

    /// What stands in the vendor's key file: a key, a password, or a service account whose tokens come from this address.
    pub fn key(self, address: &str) -> anyhow::Result<String> {
        Ok(match self {
            Self::Bizgo | Self::Nhn => bare::KEY.to_owned(),
            Self::Smpp => "benchkey".to_owned(),
            Self::Fcm => serde_json::json!({
                "type": "service_account",
                "project_id": "bench",
                "private_key_id": "bench",
                "private_key": rsa_key().context("a key for the service account")?,
                "client_email": "ims@bench.iam.gserviceaccount.com",
                "token_uri": format!("http://{address}/token"),
            })
            .to_string(),
        })
    }

    /// The vendor's row.
    pub fn row(self, vendor: Vendor, address: &str, max_in_flight: u32) -> Vendor {
        let (vendor, url) = (Vendor { max_in_flight, receipts: true, ..vendor }, format!("http://{address}"));
        match self {
            Self::Bizgo => Vendor { codes: CodeTable::Bizgo, protocol: Protocol::Bizgo, url, ..vendor },
            Self::Smpp => {
                let (families, url) = (vec![Family::Sms, Family::Lms], format!("smpp://{address}"));
                let (codes, protocol, in_doubt) = (CodeTable::Smpp, Protocol::Smpp, InDoubt::Uncertain);
                Vendor { families, codes, protocol, in_doubt, url, ..vendor }
            }
            Self::Nhn => {
                let families = vec![Family::Sms, Family::Lms, Family::Mms];
                let (codes, protocol, in_doubt) = (CodeTable::NhnSms, Protocol::Nhn, InDoubt::Query);
                Vendor { families, codes, protocol, in_doubt, url, ..vendor }
            }
            Self::Fcm => {
                let (families, receipts) = (vec![Family::Push], false);
                Vendor { families, codes: CodeTable::Fcm, protocol: Protocol::Fcm, receipts, url, ..vendor }
            }
        }
    }

    /// What the configuration says of the vendor.
    pub fn settings(self, key_file: PathBuf) -> VendorSettings {
        let settings = VendorSettings { key_file, ..VendorSettings::default() };
        match self {
            Self::Bizgo => settings,
            Self::Smpp => {
                let system_id = "bench".to_owned();
                let smpp = SmppSettings { system_id, window: SMPP_WINDOW, ..SmppSettings::default() };
                VendorSettings { smpp: Some(smpp), ..settings }
            }
            Self::Nhn => {
                let nhn = NhnSettings { app_key: "bench".to_owned(), ..NhnSettings::default() };
                VendorSettings { nhn: Some(nhn), ..settings }
            }
            Self::Fcm => {
                let fcm = FcmSettings { service_account_file: settings.key_file, ..FcmSettings::default() };
                VendorSettings { fcm: Some(fcm), ..VendorSettings::default() }
            }
        }
    }

    /// It takes everything in the same time, and reports nothing later.
    pub fn behaviour(self) -> Behaviour {
        let taken = match self {
            Self::Bizgo => "A000",
            Self::Smpp => "0x00000000",
            Self::Nhn => "0",
            Self::Fcm => "200",
        };
        Behaviour {
            latency_ms: Spread::exactly(self.latency_ms()),
            codes: [(taken.to_owned(), 1.0)].into(),
            no_answer_share: 0.0,
            throttled_share: 0.0,
            receipts: ReceiptBehaviour { never_share: 1.0, ..ReceiptBehaviour::default() },
            ..Behaviour::default()
        }
    }

    /// The n-th request of all.
    pub fn request(self, customers: &Customers, n: u64) -> SendRequest {
        let request = customers.request(n % customers.count, n);
        let like = |example: &str| {
            let SendRequest { service_key, message_id, .. } = request.clone();
            SendRequest { service_key, message_id, ..examples::request(example) }
        };
        match self {
            Self::Bizgo => request,
            Self::Smpp | Self::Nhn => like("sms"),
            Self::Fcm => SendRequest { push_tokens: vec![format!("bench-{n}:APA91b")], ..like("push") },
        }
    }
}

/// A new key as a PEM file has it.
fn rsa_key() -> anyhow::Result<String> {
    let der: Pkcs8V1Der<'_> = KeyPair::generate(KeySize::Rsa2048)?.as_der()?;
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    Ok(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")))
}
