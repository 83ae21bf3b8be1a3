//! Families of messages in columns.

use super::super::row::{decode, json, maybe_of_json};
use crate::sql::Record;
use schemas::Family;
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;

/// Families in a text column, separated by blanks.
pub(super) fn families(record: &Record, column: &str) -> sqlx::Result<Vec<Family>> {
    let names: &str = record.get(column)?;
    let family = |name: &str| {
        let known = Family::ALL.into_iter().find(|family| family.as_str() == name);
        known.ok_or_else(|| decode(column, format_args!("{name:?} is no family")))
    };
    names.split(' ').filter(|name| !name.is_empty()).map(family).collect()
}

/// What messages cost, by family; none: nothing is known.
pub(super) fn by_family<T: DeserializeOwned>(record: &Record, column: &str) -> sqlx::Result<BTreeMap<Family, T>> {
    let listed: Option<BTreeMap<String, T>> = maybe_of_json(record, column)?;
    let one = |(name, value): (String, T)| {
        let known = Family::ALL.into_iter().find(|family| family.as_str() == name);
        Ok((known.ok_or_else(|| decode(column, format_args!("{name:?} is no family")))?, value))
    };
    listed.into_iter().flatten().map(one).collect()
}

/// NULL when there is nothing.
pub(super) fn json_by_family<T: Serialize>(of: &BTreeMap<Family, T>) -> sqlx::Result<Option<String>> {
    let named: BTreeMap<&str, &T> = of.iter().map(|(family, value)| (family.as_str(), value)).collect();
    (!named.is_empty()).then(|| json(&named)).transpose()
}

pub(super) fn names_of(families: &[Family]) -> String {
    families.iter().map(|family| family.as_str()).collect::<Vec<_>>().join(" ")
}
