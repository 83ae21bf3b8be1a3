//! Secrets that are made here and told once.

use aws_lc_rs::rand::fill;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use processors::{access::SecretHash, callback::Secret};

/// The system gives no randomness: nothing can be kept secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness")]
pub struct NoRandomness;

/// Random bytes.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    fill(&mut bytes).map(|()| bytes).map_err(|_| NoRandomness)
}

/// A secret key of a customer and its hash, which takes tens of milliseconds.
pub fn secret_key() -> anyhow::Result<(String, SecretHash)> {
    let secret = URL_SAFE_NO_PAD.encode(random::<32>()?);
    let hash = SecretHash::of(secret.as_bytes(), &random()?)?;
    Ok((secret, hash))
}

/// The hash of a password that somebody chose; it takes as long.
pub fn hash_of(password: &str) -> anyhow::Result<SecretHash> {
    Ok(SecretHash::of(password.as_bytes(), &random()?)?)
}

/// What a customer sends as x-ims-key.
pub fn header(username: &str, secret: &str) -> String {
    STANDARD.encode(format!("{username}:{secret}"))
}

/// What callbacks are signed with.
pub fn webhook_secret() -> anyhow::Result<Secret> {
    Ok(format!("whsec_{}", STANDARD.encode(random::<32>()?)).try_into()?)
}

/// A service key: 40 letters and digits.
pub fn service_key() -> Result<String, NoRandomness> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut key = String::with_capacity(40);
    while key.len() < 40 {
        // What lies beyond a multiple of 62 would make the first letters likelier.
        let fair = random::<64>()?.into_iter().filter(|byte| *byte < 248);
        key.extend(fair.take(40 - key.len()).map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()])));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_of_their_form_and_never_the_same() {
        let (secret, hash) = secret_key().unwrap();
        assert!(secret.len() == 43 && hash.is_of(secret.as_bytes()));
        let keys = [service_key().unwrap(), service_key().unwrap()];
        assert!(keys.iter().all(|key| key.len() == 40 && key.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        assert_ne!(keys[0], keys[1]);
        assert_ne!(webhook_secret().unwrap(), webhook_secret().unwrap());
    }
}
