//! Secrets as the reference data hold them: hashed with argon2id.

use argon2::{
    Argon2, Params, PasswordHasher, PasswordVerifier,
    password_hash::phc::{Ident, PasswordHash},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Bounds of what a hash may cost: memory in KiB, turns, lanes. One that costs more would let anybody who asks take the
/// machine's memory; `ims reference secret` makes them with 19456, 2 and 1 (OWASP's advice).
const MOST_KIB: u32 = 65_536;
const MOST_TURNS: u32 = 10;
const MOST_LANES: u32 = 4;

/// A hashed secret, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretHash(String);

/// Why text is no hash that is taken. It does not repeat the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}: `ims reference secret` makes one")]
pub struct HashError(String);

impl SecretHash {
    /// Hashes a secret with a salt that no other has.
    pub fn of(secret: &[u8], salt: &[u8; 16]) -> Result<Self, HashError> {
        Self::with(Params::DEFAULT, secret, salt)
    }

    fn with(params: Params, secret: &[u8], salt: &[u8; 16]) -> Result<Self, HashError> {
        let hashed = Argon2::from(params).hash_password_with_salt(secret, salt);
        hashed.map(|hash| Self(hash.to_string())).map_err(|error| HashError(format!("no hash could be made: {error}")))
    }

    /// Whether it is this secret's; compared in constant time.
    pub fn is_of(&self, secret: &[u8]) -> bool {
        Argon2::default().verify_password(secret, self.0.as_str()).is_ok()
    }

    /// As it stands in the reference data.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let wrong = |reason: String| Err(HashError(reason));
        let hash = match PasswordHash::new(text) {
            Ok(hash) => hash,
            Err(_) => return wrong("not a hash in PHC form, $argon2id$…".into()),
        };
        if Ident::new("argon2id").is_ok_and(|id| id != hash.algorithm) || hash.version != Some(19) {
            return wrong("not a hash of argon2id, version 19".into());
        }
        if hash.salt.is_none() || hash.hash.is_none() {
            return wrong("a hash without salt or without hash".into());
        }
        match Params::try_from(&hash) {
            Ok(params)
                if params.m_cost() <= MOST_KIB && params.t_cost() <= MOST_TURNS && params.p_cost() <= MOST_LANES =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => wrong(format!("a hash costs at most m={MOST_KIB}, t={MOST_TURNS}, p={MOST_LANES}")),
        }
    }
}

impl TryFrom<String> for SecretHash {
    type Error = HashError;

    fn try_from(text: String) -> Result<Self, HashError> {
        text.parse()
    }
}

impl From<SecretHash> for String {
    fn from(hash: SecretHash) -> Self {
        hash.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn cheap(secret: &str) -> SecretHash {
        SecretHash::with(Params::new(8, 1, 1, None).unwrap(), secret.as_bytes(), b"of a test, 16 by").unwrap()
    }

    #[test]
    fn a_hash_is_read_back_and_knows_its_secret() {
        let hash = SecretHash::of(b"secret", &[7; 16]).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert_eq!(hash.as_str().parse(), Ok(hash.clone()));
        assert!(hash.is_of(b"secret") && !hash.is_of(b"secre") && !hash.is_of(b""));
        assert_ne!(SecretHash::of(b"secret", &[8; 16]).unwrap(), hash, "salted");
        assert_eq!(format!("{hash:?}"), "SecretHash(…)");
    }

    #[test]
    fn no_hash_at_all_is_nobodys() {
        assert!(!SecretHash::default().is_of(b""));
    }

    #[test]
    fn other_hashes_and_dear_ones_are_refused_without_being_repeated() {
        let right = cheap("secret").as_str().to_owned();
        for (text, reason) in [
            ("plain words".to_owned(), "PHC form"),
            (right.replace("argon2id", "argon2i"), "argon2id, version 19"),
            (right.replace("v=19", "v=16"), "argon2id, version 19"),
            (right.replace("m=8", "m=65537"), "costs at most m=65536"),
            (right.replace("t=1", "t=11"), "costs at most"),
            (right.rsplit_once('$').unwrap().0.to_owned(), "without"),
        ] {
            let error = text.parse::<SecretHash>().unwrap_err().to_string();
            assert!(error.contains(reason) && !error.contains(&text), "{text}: {error}");
        }
    }
}
