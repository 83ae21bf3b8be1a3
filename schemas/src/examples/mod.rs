//! One realistic example for every record, channel and type, shared by tests, benches, demo and documentation.
//!
//! They tell one story: [`request`]`("at")` is [`accepted`], goes out as [`dispatch`], fails there as [`result`] says,
//! goes on as a text, waits in [`open_step`] (and [`delayed`]) for its receipt, and ends as [`report`], [`history`] and
//! [`analyze_log`] tell. The JSON files lie under `schemas/examples/`, for Python and people as well.

pub mod seed;
mod spoilt;

pub use spoilt::spoilt;

use crate::{Api, TrackId, records::*};
use serde::de::DeserializeOwned;

/// A request that is complete and valid at [`seed::NOW_MS`] for the customer of [`seed`].
#[derive(Debug, Clone, Copy)]
pub struct RequestExample {
    /// Name of its file: the type, and what is special about it.
    pub name: &'static str,
    /// The API topic it belongs on.
    pub lane: Lane,
    /// Its JSON, as an HTTP caller or `ims send` writes it.
    pub json: &'static str,
}

impl RequestExample {
    /// The request.
    pub fn request(&self) -> SendRequest {
        crate::json::send_request(self.json.as_bytes()).unwrap_or_else(|e| panic!("{}.json: {e}", self.name))
    }
}

macro_rules! requests {
    ($($lane:ident $name:literal,)*) => {
        &[$(RequestExample {
            name: $name,
            lane: Lane::$lane,
            json: include_str!(concat!("../../examples/requests/", $name, ".json")),
        }),*]
    };
}

/// Every example request: each type of each channel, authentication codes, advertisements, many receivers, a schedule.
pub const REQUESTS: &[RequestExample] = requests![
    Realtime "at",
    Realtime "at_items",
    Auth "at_otp",
    Realtime "ai",
    Ad "ft",
    Ad "fi",
    Ad "fw",
    Ad "bt_text",
    Ad "bt_image",
    Ad "bt_wide",
    Ad "bt_wide_item_list",
    Ad "bt_carousel_feed",
    Ad "bt_premium_video",
    Ad "bt_commerce",
    Ad "bt_carousel_commerce",
    Ad "bt_catalog",
    Realtime "sms",
    Auth "sms_otp",
    Mass "sms_many",
    Mass "lms",
    Ad "lms_ad",
    Realtime "lms_scheduled",
    Realtime "mms",
    Realtime "rcssms",
    Realtime "rcslms",
    Ad "rcsmms",
    Realtime "rcstmpl",
    Realtime "push",
    Ad "push_ad",
    Realtime "email",
    Ad "email_ad",
];

/// The example request of this name.
///
/// # Panics
/// When there is none: a mistake in the calling test.
pub fn request(name: &str) -> SendRequest {
    REQUESTS.iter().find(|e| e.name == name).unwrap_or_else(|| panic!("no example request {name}")).request()
}

macro_rules! records {
    ($($(#[$doc:meta])* $function:ident -> $record:ident;)*) => {
        $($(#[$doc])*
        pub fn $function() -> $record {
            read(stringify!($function), include_str!(concat!("../../examples/records/", stringify!($function), ".json")))
        })*
    };
}

records! {
    /// The order message of `request("at")`, accepted.
    accepted -> Accepted;
    /// The same on its way to Kakao.
    dispatch -> Dispatch;
    /// Kakao cannot deliver it: 3018.
    result -> StepResult;
    /// The text that follows is with its vendor; its receipt is awaited.
    open_step -> OpenStep;
    /// The first call for the report below failed: it is told once more.
    callback -> Callback;
    /// The customer gave the endpoint up.
    endpoint_state -> EndpointState;
    /// The deadline of that receipt.
    delayed -> Delayed;
    /// What the customer is told at the end.
    report -> Report;
    /// The row of history of the text.
    history -> History;
    /// The text's end, for analysis.
    analyze_log -> AnalyzeLog;
}

/// The n-th row of history of a busy day: an 알림톡 that was mostly delivered, with the sizes that such messages have. One
/// is requested each millisecond; ten customers send them, and a recipient gets one of half a million.
pub fn step(start_ms: i64, n: u64) -> History {
    let at_ms = start_ms + n as i64;
    let api = Api { cluster: 0, lane: Lane::Mass, partition: (n % 20) as u16, offset: n, receiver: 0 };
    let track_id = TrackId::new(at_ms, api).to_string();
    History {
        serial_number: format!("{track_id}-0M"),
        track_id,
        last_step: true,
        username: format!("customer-{}", n % 10),
        service_key: format!("HanbitShopServiceKey00000000000000{:06}", n % 10),
        message_id: format!("order-{n}"),
        requested_channel: Channel::At,
        requested_type: MessageType::At,
        state: if n.is_multiple_of(20) { State::Failed } else { State::Delivered },
        origin: Origin::Vendor,
        code: "0000".into(),
        vendor: "talk-one".into(),
        vendor_code: "0000".into(),
        attempts: 1,
        recipient: Recipient {
            phone_number: Some(format!("10{:08}", n % 500_000)),
            country_code: Some("82".into()),
            ..Recipient::default()
        },
        title: Some("주문 안내".into()),
        message: Some(
            "[한빛상점] 김하늘님, 주문하신 상품이 오늘 발송되었습니다. 운송장 번호는 아래 버튼에서 확인하실 수 있습니다.".into(),
        ),
        received_at: at_ms,
        distribution_at: Some(at_ms + 4),
        sent_at: Some(at_ms + 9),
        report_at: at_ms + 60,
        ..History::default()
    }
}

/// Rows after which [`mixed_step`] has told each kind of each customer.
pub const MIXTURE: u64 = 100;

/// The same of all channels that a customer asks history of: of each hundred rows ten of each customer, of which four are
/// 알림톡, two texts, and one each 친구톡, 브랜드톡, a push and an email. Half of the pushes go to one token, the others to
/// the two of a user.
pub fn mixed_step(start_ms: i64, n: u64) -> History {
    let step = step(start_ms, n);
    let person = n % 500_000;
    let (requested_channel, requested_type) = match n / 10 % 10 {
        0..4 => (Channel::At, MessageType::At),
        4 => (Channel::Ft, MessageType::Ft),
        5 => (Channel::Bt, MessageType::Text),
        6 => (Channel::Mt, MessageType::Sms),
        7 => (Channel::Mt, MessageType::Lms),
        8 => (Channel::Pu, MessageType::Pu),
        _ => (Channel::Em, MessageType::Em),
    };
    let tokens = |count: u64| (0..count).map(|of| format!("{:0>140}", format!("{person}:{of}"))).collect();
    let recipient = match requested_channel {
        Channel::Em => Recipient { to: Some(format!("user-{person}@example.com")), ..Recipient::default() },
        Channel::Pu if n.is_multiple_of(2) => Recipient { push_tokens: tokens(1), ..Recipient::default() },
        Channel::Pu => {
            Recipient { app_user_id: Some(format!("user-{person}")), push_tokens: tokens(2), ..Recipient::default() }
        }
        _ => step.recipient,
    };
    History {
        requested_channel,
        requested_type,
        channel: requested_channel,
        message_type: requested_type,
        recipient,
        ..step
    }
}

fn read<T: DeserializeOwned>(name: &str, json: &str) -> T {
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{name}.json: {e}"))
}

#[cfg(test)]
mod tests;
