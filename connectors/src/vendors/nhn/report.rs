//! Delivery reports: 결과 업데이트 기준 메시지 검색 of the SMS API, and the event MESSAGE_RESULT_UPDATE of webhooks.

use super::{NhnSettings, Product, poll::PAGE, time};
use crate::vendors::{UNREAD, webhook::Brought};
use processors::{
    center::opt_out,
    ports::Receipt,
    reference::{OptOut, Vendor},
    rules::field::top,
};
use serde::Deserialize;
use serde_json::Value;

/// The event that tells results.
const UPDATED: &str = "MESSAGE_RESULT_UPDATE";
/// The event that tells who refused ads by a call of a free number.
const UNSUBSCRIBED: &str = "UNSUBSCRIBE";

/// A page of results. Rows are read each by itself: a strange one keeps nobody else's back.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// Of text.
    body: Option<Body>,
    /// Of 알림톡: what was sent.
    message_search_result_response: Option<Sent>,
    /// Of 알림톡: results, without a word of how many there are.
    messages: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    messages: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    total_count: usize,
    #[serde(default)]
    data: Option<Data>,
}

/// Published twice: as a list in the example, as an object around it in the table.
#[derive(Deserialize)]
#[serde(untagged)]
enum Data {
    List(Vec<Value>),
    #[serde(rename_all = "camelCase")]
    Around {
        result_update_list: Vec<Value>,
    },
}

/// What is told of one message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    request_id: String,
    recipient_seq: i64,
    #[serde(default)]
    message_status: Option<String>,
    #[serde(default)]
    result_code: Option<String>,
    #[serde(default)]
    result_code_name: Option<String>,
    #[serde(default)]
    result_date: Option<String>,
    /// What 알림톡 has instead.
    #[serde(default)]
    receive_date: Option<String>,
    #[serde(default)]
    update_date: Option<String>,
    #[serde(default)]
    create_date: Option<String>,
    #[serde(default)]
    recipient_grouping_key: Option<String>,
}

impl Page {
    /// The vendor's id of the message with this serial number, empty where its row does not say it; None: it is not
    /// listed.
    pub fn id_of(&self, serial_number: &str) -> Option<String> {
        let sent = self.message_search_result_response.iter().flat_map(|sent| &sent.messages);
        let told = match self.body.as_ref().and_then(|body| body.data.as_ref()) {
            None => &[][..],
            Some(Data::List(told) | Data::Around { result_update_list: told }) => told,
        };
        let mut listed = sent.chain(told);
        let found = listed.find(|row| row["recipientGroupingKey"] == serial_number)?;
        Some(found["requestId"].as_str().unwrap_or_default().to_owned())
    }

    /// Whether this page, by its number, is the last one, and its rows.
    pub fn open(self, number: usize) -> (bool, Vec<Value>) {
        if let Some(told) = self.messages {
            return (told.len() < PAGE, told);
        }
        let Some(Body { total_count, data }) = self.body else { return (true, Vec::new()) };
        let told = match data {
            None => Vec::new(),
            Some(Data::List(told) | Data::Around { result_update_list: told }) => told,
        };
        (told.is_empty() || number.saturating_mul(PAGE) >= total_count, told)
    }
}

impl Told {
    /// A row; None: it cannot be read.
    pub fn read(row: &Value, product: Product) -> Option<Self> {
        let told = Self::deserialize(row).ok()?;
        let result_code = code(told.result_code, told.message_status.as_deref(), product);
        Some(Self { result_code, ..told })
    }

    /// What tells it from every other.
    pub fn known_by(&self) -> (String, i64, Option<String>) {
        (self.request_id.clone(), self.recipient_seq, self.result_code.clone())
    }

    /// When the vendor noted it, Unix milliseconds; where it does not say so, when that was at the earliest.
    pub fn updated_ms(&self) -> Option<i64> {
        let Self { update_date, result_date, receive_date, create_date, .. } = self;
        [update_date, result_date, receive_date, create_date].into_iter().find_map(|date| time::read(date.as_deref()?))
    }

    /// What the vendor calls the message: a request has one.
    pub fn id(&self) -> &str {
        &self.request_id
    }

    /// What it says; None: nothing yet.
    pub fn code(&self) -> Option<&str> {
        self.result_code.as_deref()
    }

    /// The same of the message with this serial number.
    pub fn of(self, serial_number: String) -> Self {
        Self { recipient_grouping_key: Some(serial_number), ..self }
    }

    /// As our own; None: it says nothing yet. `now_ms`: when it does not say when.
    pub fn receipt(self, vendor: &str, now_ms: i64) -> Option<Receipt> {
        let at_ms = self.result_date.or(self.receive_date).as_deref().and_then(time::read).unwrap_or(now_ms);
        Some(Receipt {
            serial_number: self.recipient_grouping_key.unwrap_or_default(),
            vendor: vendor.to_owned(),
            code: self.result_code?,
            text: self.result_code_name.unwrap_or_default(),
            at_ms,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    app_key: String,
    event: String,
    #[serde(default)]
    hooks: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hook {
    #[serde(default)]
    message_status: Option<String>,
    #[serde(default)]
    result_code: Option<String>,
    #[serde(default)]
    result_code_name: Option<String>,
    #[serde(default)]
    receive_date: Option<String>,
    /// The published example misspells it.
    #[serde(default, alias = "recipientGropuingKey")]
    recipient_grouping_key: Option<String>,
}

/// A refusal, and the free number that was called.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unsubscribed {
    recipient_no: String,
    unsubscribe_no: String,
}

/// Who refused whose ads. A number that no customer is named for is told: bringing it again would not help.
fn refused(hooks: Vec<Value>, settings: &NhnSettings, vendor: &str) -> Vec<OptOut> {
    let mut outs = Vec::new();
    for hook in hooks {
        let read = Unsubscribed::deserialize(hook).ok().and_then(|told| {
            let recipient = opt_out::recipient(&top("recipientNo"), &told.recipient_no, false).ok()?;
            Some((told.unsubscribe_no.replace('-', ""), recipient))
        });
        let Some((number, recipient)) = read else {
            tracing::error!(vendor, "a refusal of ads that cannot be read is left out: look for it in the console");
            continue;
        };
        match settings.unsubscribe_numbers.get(&number) {
            Some(username) => outs.push(OptOut { username: username.clone(), recipient }),
            None => tracing::error!(
                vendor,
                number,
                "somebody refused ads by a number that no customer is named for: write it into unsubscribe_numbers, and \
                 add who called, as the console lists them, by the center API"
            ),
        }
    }
    outs
}

/// What a webhook brings, of this app key; None: it is none. Other events bring nothing.
pub fn brought(body: &[u8], settings: &NhnSettings, vendor: &Vendor, now_ms: i64) -> Option<Brought> {
    let call: Call = serde_json::from_slice(body).ok().filter(|call: &Call| call.app_key == settings.app_key)?;
    if call.event == UNSUBSCRIBED {
        let refused = refused(call.hooks, settings, &vendor.name);
        return Some(Brought { receipts: Vec::new(), refused, answer: "{}".into() });
    }
    let (mut receipts, mut unread) = (Vec::new(), 0);
    let hooks = if call.event == UPDATED { call.hooks } else { Vec::new() };
    for hook in hooks {
        match Hook::deserialize(hook).map(|hook| receipt(hook, vendor, now_ms)) {
            Ok(Ok(receipt)) => receipts.push(receipt),
            Ok(Err(serial_number)) => {
                tracing::error!(vendor = vendor.name, serial_number, "a report without a code says nothing");
            }
            Err(_) => unread += 1,
        }
    }
    count_unread(&vendor.name, unread);
    Some(Brought { receipts, refused: Vec::new(), answer: "{}".into() })
}

/// A report, or the serial number of one that says nothing.
fn receipt(hook: Hook, vendor: &Vendor, now_ms: i64) -> Result<Receipt, String> {
    let serial_number = hook.recipient_grouping_key.unwrap_or_default();
    let at_ms = hook.receive_date.as_deref().and_then(time::read).unwrap_or(now_ms);
    match code(hook.result_code, hook.message_status.as_deref(), Product::of(vendor)) {
        Some(code) => {
            let text = hook.result_code_name.unwrap_or_default();
            Ok(Receipt { serial_number, vendor: vendor.name.clone(), code, text, at_ms })
        }
        None => Err(serial_number),
    }
}

/// The code of a result. What never reached a carrier or Kakao has none of theirs: one that says the same.
fn code(told: Option<String>, status: Option<&str>, product: Product) -> Option<String> {
    told.filter(|code| !code.is_empty()).or_else(|| {
        let code = match (status?, product) {
            ("FAILED", Product::Sms) => "E999",
            ("FAILED", Product::Kakao) => "-1031",
            ("FAILED_AD", _) => "E919",
            ("DUPLICATED", _) => "E915",
            _ => return None,
        };
        Some(code.into())
    })
}

/// Counts rows that cannot be read.
pub fn count_unread(vendor: &str, rows: usize) {
    if rows > 0 {
        metrics::counter!(UNREAD, "vendor" => vendor.to_owned()).increment(rows as u64);
        tracing::error!(
            vendor,
            rows,
            "results that cannot be read are left out: their messages wait for receipt_hours"
        );
    }
}
