//! The key of a door: from a file or the environment, never from the command line, which everybody can read.

use crate::exit::usage;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::HeaderValue;
use std::{fs, path::Path};

/// Holds username:secret_key.
const VARIABLE: &str = "IMS_HTTP_KEY";

/// The header of each request.
pub fn read(file: Option<&Path>) -> anyhow::Result<HeaderValue> {
    let key = match file {
        Some(file) => fs::read_to_string(file).map_err(|error| {
            usage(format!("{}: {error}: name a file that holds username:secret_key", file.display()))
        })?,
        None => std::env::var(VARIABLE)
            .map_err(|_| usage(format!("no key: set {VARIABLE} to username:secret_key, or name --key-file")))?,
    };
    header(key.trim_end_matches(['\r', '\n']))
}

fn header(key: &str) -> anyhow::Result<HeaderValue> {
    let whole = key.split_once(':').is_some_and(|(username, secret)| !username.is_empty() && !secret.is_empty());
    if !whole {
        return Err(usage("the key is not username:secret_key"));
    }
    let mut header = HeaderValue::from_str(&STANDARD.encode(key))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_name_and_a_secret_and_is_not_written_out() {
        let read = header("hanbit-shop:a:b").unwrap();
        assert_eq!(read, "aGFuYml0LXNob3A6YTpi");
        assert!(!format!("{read:?}").contains("aGFu"));
        for wrong in ["", "hanbit-shop", ":secret", "hanbit-shop:"] {
            let error = header(wrong).unwrap_err().to_string();
            assert_eq!(error, "the key is not username:secret_key");
        }
    }
}
