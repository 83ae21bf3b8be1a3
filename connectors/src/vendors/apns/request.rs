//! A step as `POST /3/device/{token}`: its headers and its payload.

use crate::vendors::push;
use aws_lc_rs::digest::{SHA256, digest};
use http_body_util::Full;
use hyper::{
    Request,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use processors::reference::Vendor;
use schemas::Dispatch;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Payload<'d> {
    aps: Aps<'d>,
    #[serde(flatten)]
    data: BTreeMap<&'d str, &'d str>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Aps<'d> {
    alert: Alert<'d>,
    sound: &'static str,
    /// Lets the app fetch the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    mutable_content: Option<u8>,
}

#[derive(Serialize)]
struct Alert<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'d str>,
    body: &'d str,
}

/// The payload, the same for all tokens. Link and image stand among the customer's data, for the app, which knows what to
/// do with them; data of its own by these names win, and none stands in the place of `aps`.
pub fn payload(dispatch: &Dispatch) -> Bytes {
    let content = &dispatch.accepted.content;
    let mut data = push::data(dispatch);
    data.remove("aps");
    let image = push::image(dispatch);
    if let Some(image) = image {
        data.entry("image").or_insert(image);
    }
    let payload = Payload {
        aps: Aps {
            alert: Alert {
                title: content.title.as_deref().filter(|title| !title.is_empty()),
                body: content.message.as_deref().unwrap_or_default(),
            },
            sound: "default",
            mutable_content: image.map(|_| 1),
        },
        data,
    };
    // A struct of strings always becomes JSON.
    serde_json::to_vec(&payload).unwrap_or_default().into()
}

/// The request for one token, which is hexadecimal digits.
pub fn request(
    vendor: &Vendor,
    topic: &str,
    dispatch: &Dispatch,
    token: &str,
    key: &HeaderValue,
    payload: Bytes,
    life: push::Life,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let accepted = &dispatch.accepted;
    Request::post(format!("{}/3/device/{token}", vendor.url.trim_end_matches('/')))
        .header(AUTHORIZATION, key)
        .header(CONTENT_TYPE, "application/json")
        .header("apns-topic", topic)
        .header("apns-push-type", "alert")
        .header("apns-priority", if accepted.ad { "5" } else { "10" })
        .header("apns-expiration", life.until_s)
        .header("apns-collapse-id", push::shown_as(dispatch))
        .header("apns-id", apns_id(&dispatch.serial_number, token))
        .body(Full::new(payload))
}

/// The UUID of a step's request for a token, the same on each repeat: version 8 (RFC 9562 §5.8), of a SHA-256.
pub fn apns_id(serial_number: &str, token: &str) -> String {
    let hash = digest(&SHA256, format!("{serial_number}/{token}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
