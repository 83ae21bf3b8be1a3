//! Delivery reports that no message of ours is known for, out of the log.

use crate::{config::Config, log, output};
use anyhow::Context;
use comfy_table::{Table, presets};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::VecDeque;
use topology::{
    log::{LogError, Place, Reader},
    send::Unmatched,
};

/// One, and when it was kept.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    report: Unmatched,
    /// Unix milliseconds.
    kept_at_ms: i64,
}

/// As people read it.
fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}

/// Shows those of a vendor, or all, the oldest first.
pub fn run(config: &Config, json: bool, vendor: Option<&str>, last: usize) -> anyhow::Result<()> {
    let log = log::open_log(config)?;
    let shown = read(&mut *log.reader()?, vendor, last).with_context(|| log::place(config))?;
    if let (true, Some(vendor)) = (shown.is_empty(), vendor) {
        // A vendor that is gone may have reported something.
        super::must_be_there(config, vendor)?;
    }
    output::result(json, &shown, || table(&shown))
}

fn read(reader: &mut dyn Reader, vendor: Option<&str>, last: usize) -> Result<Vec<Shown>, LogError> {
    let place = Place { topic: Unmatched::topic(), partition: 0 };
    if reader.partitions(place.topic)?.is_empty() {
        return Err(LogError::Stop(format!("topic {} is missing: run `ims topics create`", place.topic)));
    }
    let (first, end) = reader.bounds(place)?;
    let mut shown = VecDeque::new();
    reader.read(place, first, end, &mut |record| {
        let Some(report) = Unmatched::read(&record) else { return };
        if vendor.is_none_or(|vendor| vendor == report.vendor) {
            shown.push_back(Shown { report, kept_at_ms: record.timestamp_ms });
            if shown.len() > last {
                shown.pop_front();
            }
        }
    })?;
    Ok(shown.into())
}

fn table(shown: &[Shown]) -> String {
    if shown.is_empty() {
        return "no delivery report is kept that no message is known for".into();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["kept", "vendor", "number", "code", "dated", "why"]);
    for Shown { report: Unmatched { vendor, serial_number, code, at_ms, why }, kept_at_ms } in shown {
        table.add_row([&time(*kept_at_ms), vendor, serial_number, code, &time(*at_ms), why]);
    }
    table.to_string()
}
