//! What is nobody's to read where settings are shown.

use serde::Serialize;
use std::collections::BTreeMap;

/// Properties with secrets hidden: a password, key or token is nobody's to read in a log.
pub(super) fn shown(properties: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let secret = |name: &str| {
        ["password", "passphrase", "secret", "key.pem", "oauthbearer.config"].iter().any(|s| name.contains(s))
    };
    properties.iter().map(|(k, v)| (k.as_str(), if secret(k) { "…" } else { v.as_str() })).collect()
}

pub(super) fn hide_secrets<S: serde::Serializer>(
    properties: &BTreeMap<String, String>,
    to: S,
) -> Result<S::Ok, S::Error> {
    shown(properties).serialize(to)
}

/// A URL, or several separated by commas, without name and password: these are nobody's to read either. What follows a comma
/// and begins with no scheme belongs to the URL before: a host of MongoDB's, or the rest of a password.
pub(super) fn without_user_info(urls: &str) -> String {
    let mut whole: Vec<String> = Vec::new();
    for part in urls.split(',') {
        match whole.last_mut() {
            Some(url) if !has_scheme(part) => *url = format!("{url},{part}"),
            _ => whole.push(part.to_owned()),
        }
    }
    whole.iter().map(|url| of_one(url)).collect::<Vec<_>>().join(",")
}

fn of_one(url: &str) -> String {
    let host = |(scheme, rest): (&str, &str)| Some(format!("{scheme}://…@{}", rest.rsplit_once('@')?.1));
    url.split_once("://").and_then(host).unwrap_or_else(|| url.to_owned())
}

fn has_scheme(text: &str) -> bool {
    let is_scheme = |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    text.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
}

pub(super) fn hide_user_info<S: serde::Serializer>(url: &str, to: S) -> Result<S::Ok, S::Error> {
    without_user_info(url).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_password_is_shown_whatever_it_has() {
        for (url, shown) in [
            ("mysql://ims:pa,ss@db/ims", "mysql://…@db/ims"),
            ("mongodb://ims:p@a,b@db1:27017,db2:27017/x", "mongodb://…@db1:27017,db2:27017/x"),
            ("redis://ims:geheim@a:6379,rediss://ims:geheim@b:6379", "redis://…@a:6379,rediss://…@b:6379"),
            ("redis://a:6379,redis://b:6379", "redis://a:6379,redis://b:6379"),
            ("", ""),
        ] {
            assert_eq!(without_user_info(url), shown);
        }
        let properties = BTreeMap::from(
            ["sasl.oauthbearer.assertion.private.key.passphrase".into(), "ssl.ca.location".into()]
                .map(|name: String| (name, "geheim".to_owned())),
        );
        assert_eq!(shown(&properties).into_values().collect::<Vec<_>>(), ["…", "geheim"]);
    }
}
