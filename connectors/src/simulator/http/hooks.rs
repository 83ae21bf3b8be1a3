//! Reports brought to the customer: one a call, three times more when it is not answered as published.

use crate::{
    simulator::{
        Simulator,
        receipts::{Due, confirmation},
    },
    vendors::{Client, Shared, Times},
};
use http_body_util::Full;
use hyper::{Request, body::Bytes, header::CONTENT_TYPE};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// Calls at a time.
const AT_ONCE: usize = 50;
/// How long an answer may take, and how often a report is brought again, as Bizgo publishes it.
const TIMEOUT: Duration = Duration::from_secs(5);
const AGAIN: usize = 3;
/// Between two looks for what is due, and before a report is brought again.
const PAUSE: Duration = Duration::from_millis(20);
const BEFORE_AGAIN: Duration = Duration::from_secs(1);
const MOST_ANSWER: usize = 64 << 10;

/// One call.
pub struct Hook {
    /// Headers beside the content type.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// How a vendor says it.
pub trait Speech: Copy + Send + 'static {
    /// A report, by a vendor with this secret, now.
    fn hook(self, shared: &Shared, secret: &str, due: &Due, now_ms: i64) -> Hook;

    /// Whether an answer with status 200 says that the report is there.
    fn told(self, due: &Due, answer: &[u8]) -> bool;
}

/// Brings the reports of a vendor that has a webhook, for ever.
pub async fn bring(simulator: Arc<Simulator>, shared: Shared, speech: impl Speech) {
    let url = simulator.settings.of(&shared.vendor.name).receipts.webhook_url.clone();
    let (Some(url), Some(secret)) = (url, shared.webhook_secret.clone()) else { return };
    let client = match Client::new(TIMEOUT) {
        Ok(client) => client,
        Err(error) => return tracing::error!(error, "no customer can be called"),
    };
    let name = shared.vendor.name.clone();
    let way = Arc::new(Way { simulator, client, shared, url, secret });
    loop {
        let mut calls = JoinSet::new();
        for due in way.simulator.deliveries.due_of(&name, AT_ONCE) {
            let way = Arc::clone(&way);
            calls.spawn(async move {
                if !way.bring(&due, speech).await {
                    tracing::warn!(serial_number = due.receipt.serial_number, "a report was brought in vain");
                }
                // A vendor that gave up does not begin again.
                if let Err(error) = way.simulator.confirm(&[confirmation(&due.receipt)]) {
                    tracing::error!(%error, "reports that were brought cannot be noted");
                }
            });
        }
        while calls.join_next().await.is_some() {}
        tokio::time::sleep(PAUSE).await;
    }
}

struct Way {
    simulator: Arc<Simulator>,
    client: Client,
    shared: Shared,
    url: String,
    secret: String,
}

impl Way {
    /// Whether the customer answered as published.
    async fn bring(&self, due: &Due, speech: impl Speech) -> bool {
        let due = &self.simulator.as_told(due);
        for attempt in 0..=AGAIN {
            if attempt > 0 {
                tokio::time::sleep(BEFORE_AGAIN).await;
            }
            let Hook { headers, body } = {
                let now_ms = self.simulator.now_ms_at(&self.shared.vendor.name);
                speech.hook(&self.shared, &self.secret, due, now_ms)
            };
            let request = headers
                .into_iter()
                .fold(Request::post(&self.url), |request, (name, value)| request.header(name, value))
                .header(CONTENT_TYPE, "application/json;charset=UTF-8")
                .body(Full::new(Bytes::from(body)));
            let Ok(request) = request else { return false };
            let times = Times { first_byte: TIMEOUT, total: TIMEOUT };
            if let Ok(answered) = self.client.exchange(request, times, MOST_ANSWER).await
                && answered.status == 200
                && speech.told(due, &answered.body)
            {
                return true;
            }
        }
        false
    }
}
