//! Reports brought to the customer: one a call, signed, three times more when it does not answer as published.

use super::{msg_key, report};
use crate::{
    simulator::{
        Simulator,
        receipts::{Due, confirmation},
    },
    vendors::{Client, Shared, Times},
};
use aws_lc_rs::hmac;
use http_body_util::Full;
use hyper::{Request, body::Bytes, header::CONTENT_TYPE};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// Calls at a time.
const AT_ONCE: usize = 50;
/// Published: how long an answer may take, and how often a report is brought again.
const TIMEOUT: Duration = Duration::from_secs(5);
const AGAIN: usize = 3;
/// Between two looks for what is due, and before a report is brought again.
const PAUSE: Duration = Duration::from_millis(20);
const BEFORE_AGAIN: Duration = Duration::from_secs(1);
const MOST_ANSWER: usize = 64 << 10;

/// Brings the reports of a vendor that has a webhook, for ever.
pub async fn webhook(simulator: Arc<Simulator>, shared: Shared) {
    let Shared { vendor, webhook_secret, .. } = shared;
    let url = simulator.settings.of(&vendor.name).receipts.webhook_url.clone();
    let (Some(url), Some(secret)) = (url, webhook_secret) else { return };
    let client = match Client::new(TIMEOUT) {
        Ok(client) => Arc::new(client),
        Err(error) => return tracing::error!(error, "no customer can be called"),
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    loop {
        let mut calls = JoinSet::new();
        for due in simulator.deliveries.due_of(&vendor.name, AT_ONCE) {
            let (simulator, client, url, key) = (Arc::clone(&simulator), Arc::clone(&client), url.clone(), key.clone());
            let body = report(&vendor, &due, simulator.ahead_ms(&vendor.name)).to_string();
            calls.spawn(async move {
                let told = bring(&simulator, &client, &url, &key, body, &due).await;
                if !told {
                    tracing::warn!(serial_number = due.receipt.serial_number, "a report was brought in vain");
                }
                // A vendor that gave up does not begin again.
                if let Err(error) = simulator.confirm(&[confirmation(&due.receipt)]) {
                    tracing::error!(%error, "reports that were brought cannot be noted");
                }
            });
        }
        while calls.join_next().await.is_some() {}
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the customer answered as published.
async fn bring(simulator: &Simulator, client: &Client, url: &str, key: &hmac::Key, body: String, due: &Due) -> bool {
    for attempt in 0..=AGAIN {
        if attempt > 0 {
            tokio::time::sleep(BEFORE_AGAIN).await;
        }
        let timestamp = simulator.now_ms_at(&due.receipt.vendor).to_string();
        let signature = hex::encode(hmac::sign(key, timestamp.as_bytes()));
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("X-IB-Timestamp", timestamp)
            .header("X-IB-Signature", signature)
            .body(Full::new(Bytes::from(body.clone())));
        let Ok(request) = request else { return false };
        let times = Times { first_byte: TIMEOUT, total: TIMEOUT };
        if let Ok(answered) = client.exchange(request, times, MOST_ANSWER).await
            && answered.status == 200
            && serde_json::from_slice::<serde_json::Value>(&answered.body)
                .is_ok_and(|answer| answer["msgKey"] == msg_key(&due.receipt.serial_number))
        {
            return true;
        }
    }
    false
}
