//! How a carrier is reached, beside its row and what every vendor's settings say.

use super::{request::octets, text::Encoding};
use crate::vendors::{VendorSettings, key::Key, receipts::Batch, tls};
use processors::reference::Vendor;
use serde::{Deserialize, Serialize};
use std::{
    ops::RangeInclusive,
    path::PathBuf,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};
use tokio_rustls::TlsConnector;
use url::Url;

/// What the configuration says of a carrier, `[vendors.NAME.smpp]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmppSettings {
    /// Who we are; the password is in the vendor's `key_file`.
    pub system_id: String,
    /// What kind of system we are, where the carrier asks for it.
    pub system_type: String,
    /// Binds as transmitter and receiver, where the carrier takes no transceivers.
    pub separate_binds: bool,
    /// Speaks to another machine without TLS: over a private line.
    pub plaintext: bool,
    /// Authority of the carrier's certificate in PEM form; empty: the system's.
    pub ca_file: PathBuf,
    /// Submits of one connection that wait for their answers, at most.
    pub window: u32,
    /// How often the carrier is asked whether it is there, seconds; one that says nothing for twice as long is not.
    pub enquire_link_s: u32,
    /// How long a sender waits that the carrier throttles, milliseconds.
    pub throttle_pause_ms: u32,
    /// How texts are written.
    pub encoding: Encoding,
    /// data_coding of all texts; left out: that of the encoding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_coding: Option<u8>,
    /// Bytes of one short message at most; left out: those of the encoding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_bytes: Option<u8>,
    /// How what is longer goes.
    pub long: Long,
    /// How recipients' numbers are written.
    pub numbers: Numbers,
    /// Type of the sender's number.
    pub source_ton: u8,
    /// Plan of the sender's number.
    pub source_npi: u8,
    /// Service, where the carrier asks for it.
    pub service_type: String,
    /// Sends our serial number as billing_identification, for carriers that keep one.
    pub billing_identification: bool,
    /// Tag of the carrier's own parameter for the customer's code of the first sender (최초 발신사업자 식별코드); left out: it is
    /// not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_tag: Option<u16>,
    /// How receipts write the ids that answers give.
    pub receipt_ids: ReceiptIds,
}

/// Tags of parameters that a carrier defines (§5.3.2).
const VENDORS_OWN: RangeInclusive<u16> = 0x1400..=0x3FFF;

/// How a text goes that is longer than one short message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Long {
    /// In parts that the device joins by their headers.
    #[default]
    Udh,
    /// Whole, as message_payload: the carrier makes parts of it.
    Payload,
}

/// How a recipient's number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Numbers {
    /// With its country, 821012345678.
    #[default]
    International,
    /// As it is dialled in Korea, 01012345678; those of other countries with them.
    National,
}

/// How receipts write the ids that answers give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptIds {
    /// The same.
    #[default]
    Same,
    /// As decimal numbers, answers as hexadecimal ones.
    Decimal,
    /// As hexadecimal numbers, answers as decimal ones.
    Hexadecimal,
}

impl ReceiptIds {
    /// An answer's id as it is looked up; None: it is none.
    pub fn of_answer(self, id: &str) -> Option<String> {
        match self {
            Self::Same => word(id),
            Self::Decimal => number(id, 16),
            Self::Hexadecimal => number(id, 10),
        }
    }

    /// A receipt's.
    pub fn of_receipt(self, id: &str) -> Option<String> {
        match self {
            Self::Same => word(id),
            Self::Decimal => number(id, 10),
            Self::Hexadecimal => number(id, 16),
        }
    }
}

fn word(id: &str) -> Option<String> {
    let id = id.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

fn number(id: &str, radix: u32) -> Option<String> {
    u128::from_str_radix(id.trim(), radix).ok().map(|number| number.to_string())
}

impl Default for SmppSettings {
    fn default() -> Self {
        Self {
            system_id: String::new(),
            system_type: String::new(),
            separate_binds: false,
            plaintext: false,
            ca_file: PathBuf::new(),
            window: 10,
            enquire_link_s: 30,
            throttle_pause_ms: 1_000,
            encoding: Encoding::Auto,
            data_coding: None,
            short_bytes: None,
            long: Long::Udh,
            numbers: Numbers::International,
            source_ton: 0,
            source_npi: 0,
            service_type: String::new(),
            billing_identification: false,
            origin_tag: None,
            receipt_ids: ReceiptIds::Same,
        }
    }
}

impl SmppSettings {
    pub(super) fn pause(&self) -> Duration {
        Duration::from_millis(u64::from(self.throttle_pause_ms))
    }

    pub(super) fn enquire_every(&self) -> Duration {
        Duration::from_secs(u64::from(self.enquire_link_s))
    }

    fn mistakes(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut refuse = |is_wrong: bool, reason: &str| {
            if is_wrong {
                wrong.push(format!("smpp.{reason}"));
            }
        };
        let fits = |text: &str, most: usize| text.len() <= most && text.bytes().all(|byte| byte.is_ascii_graphic());
        refuse(
            self.system_id.is_empty() || !fits(&self.system_id, 15),
            "system_id is none: write the one that the carrier gave you, 1 to 15 visible ASCII characters",
        );
        refuse(!fits(&self.system_type, 12), "system_type is longer than 12 visible ASCII characters");
        refuse(octets::<6>(&self.service_type).is_none(), "service_type is longer than 5 ASCII characters");
        refuse(!(1..=10_000).contains(&self.window), "window: 1 to 10000 are allowed");
        refuse(!(1..=3_600).contains(&self.enquire_link_s), "enquire_link_s: 1 to 3600 are allowed");
        refuse(!(1..=900_000).contains(&self.throttle_pause_ms), "throttle_pause_ms: 1 to 900000 are allowed");
        refuse(
            self.short_bytes.is_some_and(|bytes| !(20..=254).contains(&bytes)),
            "short_bytes: 20 to 254 are allowed, which is what a short_message can hold",
        );
        refuse(
            self.origin_tag.is_some_and(|tag| !VENDORS_OWN.contains(&tag)),
            "origin_tag: 5120 to 16383 (0x1400 to 0x3FFF) are allowed, the tags of carriers' own parameters",
        );
        refuse(self.source_ton > 6, "source_ton: 0 to 6 are allowed");
        refuse(
            !matches!(self.source_npi, 0 | 1 | 3 | 4 | 6 | 8 | 9 | 10 | 14 | 18),
            "source_npi: 0, 1, 3, 4, 6, 8, 9, 10, 14 and 18 are allowed",
        );
        wrong
    }
}

/// What a process knows of a carrier besides its row.
pub struct Access {
    /// Times.
    pub times: VendorSettings,
    /// The rest.
    pub smpp: SmppSettings,
    /// The password.
    pub password: Key,
    /// Makes a connection TLS.
    pub tls: TlsConnector,
    /// Held by whoever receives this carrier's receipts in this process.
    pub(super) receiving: tokio::sync::Mutex<()>,
    /// Where receipts go that came over any connection; None: nobody takes them now.
    pub(super) taker: Mutex<Option<mpsc::Sender<Batch>>>,
}

impl Access {
    /// Reads the password. The error is every mistake with its remedy.
    pub fn open(name: &str, times: &VendorSettings, smpp: &SmppSettings) -> Result<Arc<Self>, Vec<String>> {
        let mut wrong = smpp.mistakes();
        let password = Key::read(&times.key_file)
            .and_then(|key| match octets::<9>(&key.reveal()) {
                Some(_) => Ok(key),
                None => Err("a password of SMPP has at most 8 characters".into()),
            })
            .map_err(|reason| wrong.push(format!("key_file {:?}: {reason}", times.key_file)));
        let tls = tls::config(&smpp.ca_file, CA_FILE).map_err(|reason| wrong.push(reason));
        match (password, tls) {
            (Ok(password), Ok(tls)) if wrong.is_empty() => Ok(Arc::new(Self {
                times: times.clone(),
                smpp: smpp.clone(),
                password,
                tls: TlsConnector::from(Arc::new(tls)),
                receiving: tokio::sync::Mutex::default(),
                taker: Mutex::default(),
            })),
            _ => Err(wrong.into_iter().map(|reason| format!("vendors.{name}.{reason}")).collect()),
        }
    }

    /// Why this carrier cannot be reached as its row and the settings say together.
    pub fn mistake(&self, vendor: &Vendor) -> Option<String> {
        let server = Server::of(&vendor.url)?;
        let (what, name) = (format!("vendor {}, {}", vendor.name, vendor.url), &vendor.name);
        let SmppSettings { plaintext, ca_file, .. } = &self.smpp;
        if server.tls && *plaintext {
            return Some(format!("{what}, is TLS from the start: leave out [vendors.{name}.smpp] plaintext"));
        }
        if !server.tls && !ca_file.as_os_str().is_empty() {
            return Some(format!(
                "{what}, is spoken to without TLS: write smpps://, or no [vendors.{name}.smpp] ca_file"
            ));
        }
        (!server.tls && !plaintext && !server.is_loopback()).then(|| {
            format!(
                "{what}, would be sent its password without TLS: write smpps://, or set [vendors.{name}.smpp] plaintext \
                 for a private line"
            )
        })
    }
}

/// The setting of its authority.
pub const CA_FILE: &str = "smpp.ca_file";

/// Where a message centre listens: `smpp://HOST[:2775]`, or `smpps://HOST[:3550]` for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Name or address, an IPv6 one without its brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS before the first PDU.
    pub tls: bool,
}

impl Server {
    /// None: no such address, which the reference data refuse.
    pub fn of(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let tls = match url.scheme() {
            "smpp" => false,
            "smpps" => true,
            _ => return None,
        };
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        Some(Self { host, port: url.port().unwrap_or(if tls { 3550 } else { 2775 }), tls })
    }

    fn is_loopback(&self) -> bool {
        self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}
