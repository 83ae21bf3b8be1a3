//! Standard Webhooks, symmetric: `v1,` and the Base64 of HMAC-SHA256 over `id.timestamp.body`.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// A secret that a customer checks signatures with: `whsec_` and Base64 of 24 to 64 bytes. Never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Secret(Vec<u8>);

/// A text that is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is whsec_ and the Base64 of 24 to 64 bytes: make one with `echo whsec_$(openssl rand -base64 32)`")]
pub struct NoSecret;

impl TryFrom<String> for Secret {
    type Error = NoSecret;
    fn try_from(text: String) -> Result<Self, NoSecret> {
        let encoded = text.strip_prefix("whsec_").ok_or(NoSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NoSecret)?;
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(NoSecret) }
    }
}

impl Secret {
    /// As the customer has it, for a store that encrypts it.
    pub fn reveal(&self) -> String {
        format!("whsec_{}", STANDARD.encode(&self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whsec_…")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str("whsec_…")
    }
}

/// webhook-signature: one for each secret, so that a customer may exchange his at leisure.
pub fn signature(secrets: &[Secret], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let one = |Secret(key): &Secret| {
        let mut hmac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        hmac.update(format!("{id}.{timestamp_s}.").as_bytes());
        hmac.update(body);
        format!("v1,{}", STANDARD.encode(hmac.sign()))
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}
