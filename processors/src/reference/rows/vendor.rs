//! Vendors and their weights.

use super::family::{by_family, families, maybe_family};
use crate::reference::Protocol;
use schemas::{Family, Lane};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, time::Duration};

/// What a sender does with a request that was started and whose end was lost in a crash (DESIGN §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InDoubt {
    /// Repeat with the same serial number: the vendor refuses duplicates.
    #[default]
    Repeat,
    /// Wait for the receipt, then uncertain.
    Receipt,
    /// End as uncertain at once.
    Uncertain,
    /// Ask the vendor by the serial number: what it has is sent, what it has not is uncertain.
    Query,
}

/// Whose code table a vendor answers with (spec/).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeTable {
    /// spec/kakao.md §4.
    Kakao,
    /// spec/mt.md §3, NHN reception codes.
    Text,
    /// spec/push-email-rcs.md §4.
    Rcs,
    /// spec/push-email-rcs.md §1.
    Fcm,
    /// spec/push-email-rcs.md §2.
    Apns,
    /// spec/push-email-rcs.md §3, enhanced status codes.
    Smtp,
    /// Infobank Bizgo, `error-codes.json` (2026-09-23).
    Bizgo,
    /// SMPP 3.4 §5.1.3 and appendix B.
    Smpp,
    /// NHN Cloud SMS, `error-code.md` (2026-06-23).
    #[serde(rename = "nhn-sms")]
    NhnSms,
    /// NHN Cloud KakaoTalk Bizmessage, `error-code.md` (2026-06-23).
    #[serde(rename = "nhn-kakao")]
    NhnKakao,
}

/// A vendor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// Name, as metrics and reports show it.
    pub name: String,
    /// Send families that it takes: AT FT BT SMS LMS MMS RCS PUSH EMAIL.
    #[serde(with = "families")]
    pub families: Vec<Family>,
    /// Its code table.
    pub codes: CodeTable,
    /// Share of its families' messages, relative to the other vendors'; 0 drains it.
    pub weight: u32,
    /// Nothing leaves to it: what it was to get goes to another vendor, or waits. Its reports are still taken.
    #[serde(default)]
    pub paused: bool,
    /// What a message that it takes costs, by family, won.
    #[serde(default, with = "by_family", skip_serializing_if = "BTreeMap::is_empty")]
    pub cost_krw: BTreeMap<Family, f64>,
    /// Requests a second that it allows to all of us together.
    pub tps: u32,
    /// Requests in flight at most, per process.
    #[serde(default = "in_flight")]
    pub max_in_flight: u32,
    /// Time-out of one request, milliseconds.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u32,
    /// Reports delivery later: success of a request is then only "sent".
    #[serde(default)]
    pub receipts: bool,
    /// How long a receipt may take before the message is uncertain, hours.
    #[serde(default = "receipt_hours")]
    pub receipt_hours: u32,
    /// The same of families that have a time of their own (NHN Cloud: LMS and MMS 80).
    #[serde(default, with = "by_family", skip_serializing_if = "BTreeMap::is_empty")]
    pub receipt_hours_of: BTreeMap<Family, u32>,
    /// After a crash in the middle of a request.
    #[serde(default)]
    pub in_doubt: InDoubt,
    /// Longest title in CP949 bytes (40 at some, 50 in the contract).
    #[serde(default = "title_bytes")]
    pub title_bytes: u32,
    /// What it speaks.
    #[serde(default)]
    pub protocol: Protocol,
    /// Where: the beginning of its addresses, `https://mars.ibapi.kr`; empty for a simulated one.
    #[serde(default)]
    pub url: String,
}

impl Vendor {
    /// How long a receipt of a family may take.
    pub fn receipt_time(&self, family: Family) -> Duration {
        let hours = self.receipt_hours_of.get(&family).copied().unwrap_or(self.receipt_hours);
        Duration::from_secs(u64::from(hours) * 3600)
    }

    /// How long a receipt of any of its families may take.
    pub fn longest_receipt_time(&self) -> Duration {
        self.families.iter().map(|family| self.receipt_time(*family)).max().unwrap_or_default()
    }
}

/// A vendor's weight for some messages, in the place of that of its row: of a customer, a priority, a family, or of
/// several of these. Where several rows speak of a message, one of its customer wins, then one of its priority, then one
/// of its family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorWeight {
    /// The vendor.
    pub vendor: String,
    /// Of this family alone.
    #[serde(default, with = "maybe_family", skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// Of this priority alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Lane>,
    /// Of this customer alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// As in the vendor's row; 0: none of them.
    pub weight: u32,
}

impl fmt::Display for VendorWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vendor, family, priority, username, .. } = self;
        write!(f, "weight of vendor {vendor} for")?;
        let parts = [family.map(|family| family.as_str()), priority.map(|lane| lane.as_str()), username.as_deref()];
        parts.into_iter().flatten().try_for_each(|part| write!(f, " {part}"))
    }
}

fn in_flight() -> u32 {
    1000
}

fn timeout_ms() -> u32 {
    10_000
}

fn receipt_hours() -> u32 {
    25
}

fn title_bytes() -> u32 {
    50
}
