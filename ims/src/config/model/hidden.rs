//! What is nobody's to read where settings are shown.

use serde::Serialize;
use std::collections::BTreeMap;

/// Properties with secrets hidden: a password, key or token is nobody's to read in a log.
pub(super) fn shown(properties: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let secret = |name: &str| ["password", "secret", "key.pem", "oauthbearer.config"].iter().any(|s| name.contains(s));
    properties.iter().map(|(k, v)| (k.as_str(), if secret(k) { "…" } else { v.as_str() })).collect()
}

pub(super) fn hide_secrets<S: serde::Serializer>(
    properties: &BTreeMap<String, String>,
    to: S,
) -> Result<S::Ok, S::Error> {
    shown(properties).serialize(to)
}

/// A URL, or several separated by commas, without name and password: these are nobody's to read either.
pub(super) fn without_user_info(urls: &str) -> String {
    urls.split(',').map(mongodb_without_user_info).collect::<Vec<_>>().join(",")
}

pub(super) fn hide_user_info<S: serde::Serializer>(url: &str, to: S) -> Result<S::Ok, S::Error> {
    without_user_info(url).serialize(to)
}

/// The same of MongoDB, whose commas separate hosts behind one name and password.
pub(super) fn mongodb_without_user_info(url: &str) -> String {
    let host = |(scheme, rest): (&str, &str)| Some(format!("{scheme}://…@{}", rest.rsplit_once('@')?.1));
    url.split_once("://").and_then(host).unwrap_or_else(|| url.to_owned())
}

pub(super) fn hide_mongodb_user_info<S: serde::Serializer>(url: &str, to: S) -> Result<S::Ok, S::Error> {
    mongodb_without_user_info(url).serialize(to)
}
