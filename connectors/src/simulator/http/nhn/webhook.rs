//! How NHN Cloud brings a result: with the words of the customer as they are.

use super::request_id;
use crate::{
    simulator::{
        http::hooks::{Hook, Speech},
        receipts::Due,
    },
    vendors::Shared,
};
use jiff::{Timestamp, tz::Offset};
use processors::{
    codes::{Class, judge},
    reference::CodeTable,
};
use serde_json::json;

/// NHN Cloud.
#[derive(Clone, Copy)]
pub struct Nhn;

impl Speech for Nhn {
    fn hook(self, shared: &Shared, secret: &str, due: &Due, now_ms: i64) -> Hook {
        let receipt = &due.receipt;
        let at = Timestamp::from_millisecond(receipt.at_ms).unwrap_or_default();
        let at = Offset::constant(9).to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let done = judge(shared.vendor.codes, &receipt.code).class == Class::Done;
        let id = request_id(&receipt.serial_number);
        let (product, mut hook) = if shared.vendor.codes == CodeTable::NhnKakao {
            ("KakaoTalk Bizmessage", json!({"kakaoMessageType": "ALIMTALK_NORMAL", "createDate": at}))
        } else {
            let status = if done { "COMPLETED" } else { "FAILED" };
            ("SMS", json!({"senderType": format!("NORMAL_{}", due.family), "messageStatus": status, "messageCount": 1}))
        };
        for (name, value) in [
            ("hookId", json!(format!("{id}-{}", receipt.at_ms))),
            ("requestId", json!(id)),
            ("recipientSeq", json!(1)),
            ("requestDate", json!(at)),
            ("receiveDate", json!(at)),
            ("resultCode", json!(receipt.code)),
            ("senderGroupingKey", json!(null)),
            ("recipientGroupingKey", json!(receipt.serial_number)),
        ] {
            hook[name] = value;
        }
        let body = json!({
            "hooksId": format!("{now_ms}{id}"), "webhookConfigId": "simulated", "productName": product,
            "appKey": shared.app_key, "event": "MESSAGE_RESULT_UPDATE", "hooks": [hook],
        });
        Hook { headers: vec![("X-Toast-Webhook-Signature", secret.to_owned())], body: body.to_string() }
    }

    fn told(self, _: &Due, _: &[u8]) -> bool {
        true
    }
}
