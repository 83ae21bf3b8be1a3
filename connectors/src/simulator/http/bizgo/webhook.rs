//! How Bizgo brings a report: signed over the time, and answered with its key.

use super::{msg_key, report};
use crate::{
    simulator::{
        http::hooks::{Hook, Speech},
        receipts::Due,
    },
    vendors::Shared,
};
use aws_lc_rs::hmac;

/// Infobank Bizgo.
#[derive(Clone, Copy)]
pub struct Bizgo;

impl Speech for Bizgo {
    fn hook(self, shared: &Shared, secret: &str, due: &Due, now_ms: i64) -> Hook {
        let timestamp = now_ms.to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signature = hex::encode(hmac::sign(&key, timestamp.as_bytes()));
        Hook {
            headers: vec![("X-IB-Timestamp", timestamp), ("X-IB-Signature", signature)],
            body: report(&shared.vendor, due).to_string(),
        }
    }

    fn told(self, due: &Due, answer: &[u8]) -> bool {
        serde_json::from_slice::<serde_json::Value>(answer)
            .is_ok_and(|answer| answer["msgKey"] == msg_key(&due.receipt.serial_number))
    }
}
