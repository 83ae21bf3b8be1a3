//! Delivery reports: published schemas ReportPollingResponse and Report.

use crate::vendors::receipts::Reports;
use jiff::Timestamp;
use processors::ports::Receipt;
use serde::Deserialize;

#[derive(Deserialize)]
struct Polled {
    data: Service,
}

#[derive(Deserialize)]
struct Service {
    data: Batch,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    /// Empty when there are none.
    #[serde(default)]
    report_id: Option<String>,
    /// Null when there are none.
    #[serde(default)]
    report: Option<Vec<Report>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(default)]
    msg_key: Option<String>,
    #[serde(default)]
    report_time: Option<String>,
    #[serde(default)]
    report_code: Option<String>,
    #[serde(default)]
    report_text: Option<String>,
    /// The serial number that the request gave.
    #[serde(default)]
    r#ref: Option<String>,
}

/// The reports of an answer that was not refused; None: there are none now. `now_ms`: when a report does not say so
/// itself.
pub fn reports(body: &[u8], vendor: &str, now_ms: i64) -> Result<Option<Reports>, String> {
    // The error's own text may quote the body.
    let Polled { data: Service { data } } =
        serde_json::from_slice(body).map_err(|_| "an answer that is no batch of reports".to_owned())?;
    let Some(id) = data.report_id.filter(|id| !id.is_empty()) else { return Ok(None) };
    // Acknowledged, a batch is forgotten by the vendor: one that cannot be read must not be.
    let told = data.report.ok_or("a batch without a list of reports")?;
    let (told, without): (Vec<Report>, Vec<Report>) = told.into_iter().partition(|report| report.report_code.is_some());
    for report in without {
        tracing::error!(vendor, serial_number = report.r#ref, "a report without a code says nothing: it is left out");
    }
    Ok(Some(Reports { id, receipts: told.into_iter().map(|report| receipt(report, vendor, now_ms)).collect() }))
}

/// The report that a webhook brings, and the message key that its answer repeats.
pub fn report(body: &[u8], vendor: &str, now_ms: i64) -> Option<(String, Receipt)> {
    let mut report: Report = serde_json::from_slice(body).ok()?;
    let msg_key = report.msg_key.take()?;
    report.report_code.as_ref()?;
    Some((msg_key, receipt(report, vendor, now_ms)))
}

fn receipt(report: Report, vendor: &str, now_ms: i64) -> Receipt {
    let at = report.report_time.and_then(|time| time.parse::<Timestamp>().ok());
    Receipt {
        serial_number: report.r#ref.unwrap_or_default(),
        vendor: vendor.to_owned(),
        code: report.report_code.unwrap_or_default(),
        text: report.report_text.unwrap_or_default(),
        at_ms: at.map_or(now_ms, Timestamp::as_millisecond),
    }
}
