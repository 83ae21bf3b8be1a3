//! How vendors stand, as a running process tells it, in words.

use crate::moment::iso;
use serde_json::Value;

/// Those that something keeps messages from, a line for each.
pub fn hindered(vendors: &Value) -> impl Iterator<Item = String> {
    let hindered = |vendor: &&Value| !matches!(vendor["state"].as_str(), Some("well" | "not_asked"));
    vendors.as_array().into_iter().flatten().filter(hindered).map(|vendor| {
        let why = vendor["why"].as_str().map_or_else(String::new, |why| format!(": {why}"));
        format!("{}: {}{why}", vendor["vendor"].as_str().unwrap_or_default(), short(vendor))
    })
}

/// The same, below what is told of all.
pub fn below(vendors: &Value) -> String {
    hindered(vendors).map(|line| format!("\n  vendor {line}")).collect()
}

/// In a few words: its state, since when, its breaker unless it is closed, how many wait.
pub fn short(vendor: &Value) -> String {
    let word = |field: &str| vendor[field].as_str().unwrap_or_default().replace('_', " ");
    let since = vendor["since_ms"].as_i64().map_or_else(String::new, |ms| format!(" since {}", iso(ms)));
    let breaker = word("breaker");
    let breaker = if breaker == "closed" { String::new() } else { format!(", breaker {breaker}") };
    let waiting = vendor["waiting"].as_u64().filter(|waiting| *waiting > 0);
    let waiting = waiting.map_or_else(String::new, |waiting| format!(", {waiting} wait"));
    format!("{}{since}{breaker}{waiting}", word("state"))
}
