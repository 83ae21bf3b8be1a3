//! A service account's key file, as Google's console gives it.

use crate::vendors::jwt::SigningKey;
use serde::{Deserialize, Serialize};
use std::path::Path;
use url::{Host, Url};

/// What may be done with a token: send messages.
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// How long a signed request for a token is good, seconds: the longest that Google takes.
const ASSERTION_S: i64 = 3_600;

#[derive(Deserialize)]
struct File {
    r#type: String,
    project_id: String,
    private_key_id: String,
    private_key: String,
    client_email: String,
    token_uri: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

/// A service account.
pub struct ServiceAccount {
    /// The project that it sends for.
    pub project_id: String,
    /// Where it gets its access tokens.
    pub token_uri: String,
    key_id: String,
    client_email: String,
    key: SigningKey,
}

impl ServiceAccount {
    /// Reads one; the error is the reason with its remedy, without what was read.
    pub fn read(path: &Path) -> Result<Self, String> {
        const REMEDY: &str = "name the JSON file that the console gives for a service account";
        if path.as_os_str().is_empty() {
            return Err(REMEDY.into());
        }
        let text = std::fs::read_to_string(path).map_err(|error| format!("{error}: {REMEDY}"))?;
        // The error's own text may quote the key.
        let file: File = serde_json::from_str(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("no key of a service account, at line {line}, column {column}: {REMEDY}")
        })?;
        if file.r#type != "service_account" {
            return Err(format!("its type is not \"service_account\": {REMEDY}"));
        }
        let in_a_path = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:_".contains(&byte);
        if file.project_id.is_empty() || !file.project_id.bytes().all(in_a_path) {
            return Err(format!("its project_id is none: {REMEDY}"));
        }
        if !is_safe(&file.token_uri) {
            return Err("its token_uri is not https: who answers there gets signed requests for tokens".into());
        }
        let key = SigningKey::rsa(&file.private_key).map_err(|reason| format!("its private_key: {reason}"))?;
        let File { project_id, token_uri, private_key_id: key_id, client_email, .. } = file;
        Ok(Self { project_id, token_uri, key_id, client_email, key })
    }

    /// A signed request for an access token.
    pub fn assertion(&self, now_ms: i64) -> Result<String, String> {
        let iat = now_ms.div_euclid(1_000);
        let claims = Claims {
            iss: &self.client_email,
            scope: SCOPE,
            aud: &self.token_uri,
            iat,
            exp: iat.saturating_add(ASSERTION_S),
        };
        self.key.token(&self.key_id, &claims)
    }
}

/// https, or this machine.
fn is_safe(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    let own = match url.host() {
        Some(Host::Ipv4(host)) => host.is_loopback(),
        Some(Host::Ipv6(host)) => host.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    url.has_host() && (url.scheme() == "https" || url.scheme() == "http" && own)
}
