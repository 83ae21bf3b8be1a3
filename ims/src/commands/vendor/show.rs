//! The vendors, for people and for programs.

use comfy_table::{CellAlignment, Table, presets};
use processors::reference::{Protocol, Reference, Vendor, VendorWeight};
use schemas::Family;
use serde::Serialize;
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
}

/// All of them, each once, by name.
pub fn all(reference: &Reference) -> Vec<Shown> {
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
        ]);
    }
    for column in [2, 4, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}
