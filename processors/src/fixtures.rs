//! A customer, its messages and its vendors, for the tests of all decisions.

use crate::reference::{CodeTable, Customer, NightAds, Seed, Vendor};
use schemas::{Accepted, Api, Channel, Family, Lane, MessageType, Recipient, TrackId};

pub const SECOND: i64 = 1_000;
pub const HOUR: i64 = 3_600_000;
/// 2026-03-02 12:00 in Seoul.
pub const NOON: i64 = 1_772_420_400_000;
/// 23:00 of that day.
pub const LATE: i64 = NOON + 11 * HOUR;
/// 08:00 of the next.
pub const MORNING: i64 = NOON + 20 * HOUR;

pub fn track_id(offset: u64) -> TrackId {
    TrackId::new(NOON, Api { cluster: 0, lane: Lane::Mass, partition: 3, offset, receiver: 0 })
}

/// A message of the customer "shop" that expires after two days.
pub fn message(channel: Channel, message_type: MessageType, lane: Lane) -> Accepted {
    let push_tokens = if channel == Channel::Pu { vec!["a:1".to_owned()] } else { Vec::new() };
    Accepted {
        recipient: Recipient { push_tokens, ..Recipient::default() },
        track_id: track_id(7).to_string(),
        username: "shop".into(),
        service_key: "k".repeat(40),
        message_id: "order-1".into(),
        channel,
        message_type,
        requested_channel: channel,
        requested_type: message_type,
        lane,
        expires_at: NOON + 48 * HOUR,
        requested_at: NOON,
        accepted_at: NOON,
        ..Accepted::default()
    }
}

/// Takes everything, answers with Kakao's codes, reports at once.
pub fn vendor(name: &str, weight: u32) -> Vendor {
    Vendor {
        name: name.into(),
        families: Family::ALL.to_vec(),
        codes: CodeTable::Kakao,
        weight,
        tps: 100,
        max_in_flight: 10,
        timeout_ms: 1_000,
        receipts: false,
        receipt_hours: 25,
        in_doubt: Default::default(),
        title_bytes: 50,
        paused: false,
        cost_krw: Default::default(),
        receipt_hours_of: Default::default(),
        protocol: Default::default(),
        url: String::new(),
    }
}

/// The customers "shop", whose ads are held by night, and "strict", whose ads then fail; one vendor "first".
pub fn seed() -> Seed {
    let customer = |username: &str, night_ads| Customer { username: username.into(), night_ads, ..Customer::default() };
    Seed {
        customers: vec![customer("shop", NightAds::Hold), customer("strict", NightAds::Fail)],
        vendors: vec![vendor("first", 1)],
        ..Seed::default()
    }
}
