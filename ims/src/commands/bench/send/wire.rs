//! What is measured: 알림톡 by a dealer's API over HTTP, or text over SMPP.

use super::{super::chain::Customers, bare};
use connectors::{
    simulator::{Behaviour, ReceiptBehaviour, Spread},
    vendors::{SmppSettings, VendorSettings},
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
}

impl Wire {
    /// The role that sends it.
    pub fn role(self) -> &'static str {
        match self {
            Self::Bizgo => "kakao",
            Self::Smpp => "text",
        }
    }

    /// The option of `ims simulate` that says where it listens.
    pub fn option(self) -> &'static str {
        match self {
            Self::Bizgo => "--listen",
            Self::Smpp => "--smpp",
        }
    }

    /// How long the vendor takes for each answer.
    pub fn latency_ms(self) -> f64 {
        match self {
            Self::Bizgo => 50.0,
            Self::Smpp => 1.0,
        }
    }

    /// The key or password.
    pub fn key(self) -> &'static str {
        match self {
            Self::Bizgo => bare::KEY,
            Self::Smpp => "benchkey",
        }
    }

    /// The vendor's row.
    pub fn row(self, vendor: Vendor, address: &str, max_in_flight: u32) -> Vendor {
        let vendor = Vendor { max_in_flight, receipts: true, ..vendor };
        match self {
            Self::Bizgo => {
                let url = format!("http://{address}");
                Vendor { codes: CodeTable::Bizgo, protocol: Protocol::Bizgo, url, ..vendor }
            }
            Self::Smpp => {
                let (families, url) = (vec![Family::Sms, Family::Lms], format!("smpp://{address}"));
                let (codes, protocol, in_doubt) = (CodeTable::Smpp, Protocol::Smpp, InDoubt::Uncertain);
                Vendor { families, codes, protocol, in_doubt, url, ..vendor }
            }
        }
    }

    /// What the configuration says of the vendor.
    pub fn settings(self, key_file: PathBuf) -> VendorSettings {
        let smpp = SmppSettings { system_id: "bench".to_owned(), window: SMPP_WINDOW, ..SmppSettings::default() };
        VendorSettings { key_file, smpp: (self == Self::Smpp).then_some(smpp), ..VendorSettings::default() }
    }

    /// It takes everything in the same time, and reports nothing later.
    pub fn behaviour(self) -> Behaviour {
        let taken = match self {
            Self::Bizgo => "A000",
            Self::Smpp => "0x00000000",
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
        match self {
            Self::Bizgo => request,
            Self::Smpp => {
                let SendRequest { service_key, message_id, .. } = request;
                SendRequest { service_key, message_id, ..examples::request("sms") }
            }
        }
    }
}
