//! One realistic example for every record, channel and type, shared by tests, benches, demo and documentation.
//!
//! They tell one story: [`request`]`("at")` is [`accepted`], goes out as [`dispatch`], fails there as [`result`] says,
//! goes on as a text, waits in [`open_step`] (and [`delayed`]) for its receipt, and ends as [`report`], [`history`] and
//! [`analyze_log`] tell. The JSON files lie under `schemas/examples/`, for Python and people as well.

pub mod seed;

use crate::records::*;
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

fn read<T: DeserializeOwned>(name: &str, json: &str) -> T {
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{name}.json: {e}"))
}

#[cfg(test)]
mod tests;
