//! Vendors and their weights.

use super::{
    super::{
        held::key_of,
        row::{Kind, Placed, count, said, understood},
    },
    families::{by_family, families, json_by_family, names_of},
};
use crate::{
    cipher::Cipher,
    sql::{Arguments, Record, word},
};
use processors::reference::{Vendor, VendorWeight};
use std::sync::Arc;

impl Kind for Vendor {
    const TABLE: &'static str = "vendors";
    const KEY: usize = 1;
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "position",
        "families",
        "codes",
        "weight",
        "tps",
        "max_in_flight",
        "timeout_ms",
        "receipts",
        "receipt_hours",
        "in_doubt",
        "title_bytes",
        "protocol",
        "url",
        "paused",
        "cost_krw",
        "receipt_hours_of",
    ];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        row.name.clone()
    }

    fn bind<'q>(Placed { position, row }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(row.name.as_str())?.put(*position)?.put(names_of(&row.families))?.put(said(&row.codes)?)?;
        for number in [row.weight, row.tps, row.max_in_flight, row.timeout_ms] {
            to.put(i64::from(number))?;
        }
        to.put(row.receipts)?.put(i64::from(row.receipt_hours))?.put(said(&row.in_doubt)?)?;
        to.put(i64::from(row.title_bytes))?.put(said(&row.protocol)?)?.put(row.url.as_str())?;
        to.put(row.paused)?.put(json_by_family(&row.cost_krw)?)?;
        to.put(json_by_family(&row.receipt_hours_of)?).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        let row = Self {
            name: record.get("name")?,
            families: families(record, "families")?,
            codes: understood(record, "codes")?,
            weight: count(record, "weight")?,
            tps: count(record, "tps")?,
            max_in_flight: count(record, "max_in_flight")?,
            timeout_ms: count(record, "timeout_ms")?,
            receipts: record.get("receipts")?,
            receipt_hours: count(record, "receipt_hours")?,
            in_doubt: understood(record, "in_doubt")?,
            title_bytes: count(record, "title_bytes")?,
            protocol: understood(record, "protocol")?,
            url: record.get("url")?,
            paused: record.get("paused")?,
            cost_krw: by_family(record, "cost_krw")?,
            receipt_hours_of: by_family(record, "receipt_hours_of")?,
        };
        Ok(Placed { position: record.get("position")?, row: Arc::new(row) })
    }
}

impl Kind for VendorWeight {
    const TABLE: &'static str = "vendor_weights";
    const KEY: usize = 4;
    const COLUMNS: &'static [&'static str] = &["vendor", "family", "priority", "username", "weight"];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        let family = row.family.map_or("", |family| family.as_str());
        let priority = row.priority.map_or("", |lane| lane.as_str());
        key_of(&[&row.vendor, family, priority, row.username.as_deref().unwrap_or_default()])
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        // A key has no NULL: what holds for all is empty.
        to.put(row.vendor.as_str())?.put(row.family.map_or("", |family| family.as_str()))?;
        to.put(row.priority.map_or("", |lane| lane.as_str()))?;
        to.put(row.username.as_deref().unwrap_or_default())?.put(i64::from(row.weight)).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        let priority: String = record.get("priority")?;
        let username: String = record.get("username")?;
        Ok(Placed::from(Self {
            vendor: record.get("vendor")?,
            family: families(record, "family")?.first().copied(),
            priority: if priority.is_empty() { None } else { Some(word(record, "priority")?) },
            username: (!username.is_empty()).then_some(username),
            weight: count(record, "weight")?,
        }))
    }
}
