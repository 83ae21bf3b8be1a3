//! What is sent, what an answer means, and what a server that misbehaves leads to.

mod answers;
mod beside;
mod bodies;
mod images;
mod polls;
mod profiles;
mod server;
mod simulated;
mod templates;
mod uploads;
mod webhooks;

use crate::vendors::VendorSettings;
use crate::vendors::contract::{Bench, Dealer, KEY, Now, SECRET, code, contract, dispatch, sms, vendor};
use crate::vendors::testing::{Fixed, Nobody, PATIENCE, serve};
use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use schemas::{Channel, Content, Dispatch, MessageType, SendRequest};

static DEALER: Dealer = Dealer {
    row: || {
        serde_json::json!({
            "families": ["AT", "FT", "BT", "SMS", "LMS", "MMS", "RCS"], "codes": "bizgo", "protocol": "bizgo",
        })
    },
    settings: VendorSettings::default,
    key_header: "authorization",
    accepted: (
        r#"{"common":{"authCode":"A000","authResult":"Success"},"data":{"code":"A000","result":"Success","data":{"destinations":[{"to":"01012345678","msgKey":"k","code":"A000","result":"Success"}]}}}"#,
        "A000",
    ),
    no_key: ("401 Unauthorized", r#"{"common":{"authCode":"A401","authResult":"Unauthorized"}}"#, "common.A401"),
    signed: |secret, now_ms| signed(secret, &now_ms.to_string()),
    hooks: "bizgo",
    report: (
        r#"{"msgKey":"k-1","reportCode":"10000","reportTime":"2026-03-02T12:00:00+09:00","ref":"S-0R"}"#,
        "S-0R 10000 1772420400000",
        r#"{"msgKey":"k-1"}"#,
    ),
};

contract!(DEALER);

/// Headers of a call that is signed for a time.
fn signed(secret: &str, timestamp: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = BASE64_STANDARD.encode(hmac::sign(&key, timestamp.as_bytes()));
    format!("X-IB-Timestamp: {timestamp}\r\nX-IB-Signature: {signature}\r\n")
}

fn at(serial_number: &str) -> Dispatch {
    let mut dispatch = dispatch(serial_number, Channel::At, MessageType::At);
    dispatch.accepted.content.sender_key = Some("profile".into());
    dispatch.accepted.content.template_code = Some("ORDER_01".into());
    dispatch
}

/// The example of this name, as a step.
fn example(name: &str, channel: Channel, message_type: MessageType) -> Dispatch {
    let request: SendRequest = schemas::examples::request(name);
    let mut dispatch = dispatch(&format!("{name}-0R"), channel, message_type);
    dispatch.accepted.ad = request.ad_flag.as_deref() == Some("Y");
    dispatch.accepted.content = Content {
        sender_key: request.sender_key,
        template_code: request.template_code,
        message: request.message,
        title: request.title,
        header: request.header,
        callback: request.callback,
        attachment: request.attachment,
        targeting: request.targeting,
        content_type: request.content_type,
        additional_content: request.additional_content,
        push_alarm: request.push_alarm,
        adult: request.adult,
        unsubscribe_phone_number: request.unsubscribe_phone_number,
        unsubscribe_auth_number: request.unsubscribe_auth_number,
        copy_allowed: request.copy_allowed,
        footer: request.footer,
        ..Content::default()
    };
    dispatch
}
