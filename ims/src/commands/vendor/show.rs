//! The vendors, for people and for programs.

use crate::commands::stands;
use comfy_table::{CellAlignment, Table, presets};
use processors::reference::{Protocol, Reference, Vendor, VendorWeight};
use schemas::Family;
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// One vendor.
#[derive(Debug, Serialize)]
pub struct Shown {
    name: String,
    protocol: Protocol,
    url: String,
    /// Of its families' messages that are sent now, by family, apart from those that `weights` speak of; nothing goes to one
    /// that is paused.
    shares_percent: BTreeMap<&'static str, f64>,
    weight: u32,
    /// For some messages, in the place of `weight`.
    weights: Vec<VendorWeight>,
    paused: bool,
    tps: u32,
    max_in_flight: u32,
    cost_krw: BTreeMap<&'static str, f64>,
    /// How it stands with the `ims run` of this configuration, as /health/ready tells it; null: that is not known.
    now: Option<Value>,
}

/// All of them, each once, by name; `stand`: how they stand with a running process.
pub fn all(reference: &Reference, stand: &Value) -> Vec<Shown> {
    let of_family = |family: Family| reference.vendors(family).iter().map(move |vendor| (family, vendor));
    let mut vendors: BTreeMap<&str, &Arc<Vendor>> = BTreeMap::new();
    let mut shares: BTreeMap<&str, BTreeMap<&'static str, f64>> = BTreeMap::new();
    for (family, vendor) in Family::ALL.into_iter().flat_map(of_family) {
        vendors.insert(&vendor.name, vendor);
        let weight = |vendor: &Vendor| if vendor.paused { 0 } else { u64::from(vendor.weight) };
        let all: u64 = reference.vendors(family).iter().map(|vendor| weight(vendor)).sum();
        let share = if all == 0 { 0.0 } else { weight(vendor) as f64 * 100.0 / all as f64 };
        shares.entry(&vendor.name).or_default().insert(family.as_str(), (share * 10.0).round() / 10.0);
    }
    let shown = |vendor: &Arc<Vendor>| Shown {
        name: vendor.name.clone(),
        protocol: vendor.protocol,
        url: vendor.url.clone(),
        shares_percent: shares.remove(vendor.name.as_str()).unwrap_or_default(),
        weight: vendor.weight,
        weights: weights_of(reference, vendor),
        paused: vendor.paused,
        tps: vendor.tps,
        max_in_flight: vendor.max_in_flight,
        cost_krw: vendor.cost_krw.iter().map(|(family, krw)| (family.as_str(), *krw)).collect(),
        now: stand.as_array().into_iter().flatten().find(|now| now["vendor"] == *vendor.name).cloned(),
    };
    vendors.into_values().map(shown).collect()
}

fn weights_of(reference: &Reference, vendor: &Vendor) -> Vec<VendorWeight> {
    let rows = reference.vendor_weights().filter(|row| row.vendor == vendor.name);
    let mut rows: Vec<VendorWeight> = rows.map(|row| (**row).clone()).collect();
    rows.sort_by_cached_key(messages);
    rows
}

/// Of which messages a weight is.
pub fn messages(row: &VendorWeight) -> String {
    let words = [row.family.map(|family| family.as_str()), row.priority.map(|priority| priority.as_str())];
    let words = words.into_iter().chain([row.username.as_deref()]);
    words.flatten().collect::<Vec<_>>().join(" ")
}

/// A line for each.
pub fn table(shown: &[Shown]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "vendor",
        "speaks",
        "weight",
        "",
        "tps",
        "in flight",
        "share of its families, %",
        "weight for some",
        "cost, won",
        "now",
    ]);
    for vendor in shown {
        let listed = |figures: &BTreeMap<&'static str, f64>| {
            figures.iter().map(|(family, figure)| format!("{family} {figure}")).collect::<Vec<_>>().join("  ")
        };
        let speaks = serde_json::to_value(vendor.protocol).ok().and_then(|word| Some(word.as_str()?.to_owned()));
        table.add_row([
            vendor.name.clone(),
            speaks.unwrap_or_default(),
            vendor.weight.to_string(),
            if vendor.paused { "paused".to_owned() } else { String::new() },
            vendor.tps.to_string(),
            vendor.max_in_flight.to_string(),
            listed(&vendor.shares_percent),
            vendor.weights.iter().map(|row| format!("{} {}", messages(row), row.weight)).collect::<Vec<_>>().join("\n"),
            listed(&vendor.cost_krw),
            vendor.now.as_ref().map_or_else(String::new, stands::short),
        ]);
    }
    for column in [2, 4, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let now = shown.iter().filter_map(|vendor| vendor.now.clone()).collect();
    let why: String = stands::hindered(&Value::Array(now)).map(|line| format!("\n{line}")).collect();
    format!("{table}{why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use processors::reference::Seed;
    use serde_json::json;

    #[test]
    fn a_vendor_that_is_down_is_listed_with_the_reason_and_others_without() {
        let row = |name: &str| {
            serde_json::from_value(json!({"name": name, "families": ["SMS"], "codes": "text", "weight": 1, "tps": 1,
                "max_in_flight": 1, "timeout_ms": 1000}))
        };
        let vendors = vec![row("one").unwrap(), row("two").unwrap()];
        let reference = Reference::new(Seed { vendors, ..Seed::default() }).unwrap();
        let stand = json!([{"vendor": "two", "state": "not_reached", "reached": false, "breaker": "half_open",
            "since_ms": 7, "why": "connection refused", "in_flight": 0, "waiting": 3}]);
        let shown = all(&reference, &stand);
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!((&json[0]["now"], &json[1]["now"]), (&Value::Null, &stand[0]));
        let text = table(&shown);
        assert!(text.contains("not reached since 1970-01-01T00:00:00.007Z, breaker half open, 3 wait"), "{text}");
        assert!(text.ends_with("3 wait: connection refused"), "{text}");
    }
}
