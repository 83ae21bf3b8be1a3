//! Reference data whose vendors take more than the chain gives: the demo's take 5,000 texts a second, and that would be
//! what is measured.

use anyhow::Context;
use connectors::reference;
use std::path::{Path, PathBuf};

/// Requests a second that each vendor takes.
pub const TPS: u32 = 100_000;

/// Writes the demo's reference data with quick vendors; where it lies.
pub fn quick(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut data: toml::Table = reference::DEMO.parse()?;
    let vendors = data.get_mut("vendors").and_then(toml::Value::as_array_mut).context("the demo has vendors")?;
    for vendor in vendors.iter_mut().filter_map(toml::Value::as_table_mut) {
        vendor.insert("tps".to_owned(), i64::from(TPS).into());
    }
    let path = folder.join("reference.toml");
    std::fs::write(&path, data.to_string())?;
    Ok(path)
}
