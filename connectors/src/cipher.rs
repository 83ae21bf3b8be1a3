//! Personal data at rest: AES-256-GCM, and a keyed hash that finds a recipient without decrypting every row.

use crate::sql::StoreError;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hmac, rand};
use std::io::Write as _;
use std::path::Path;

/// Bytes of the key; its file holds them as 64 hexadecimal digits.
pub const KEY_BYTES: usize = 32;
/// First byte of what is stored: which format, and later which key.
const VERSION: u8 = 1;
/// Bytes of the look-up hash that are kept: enough that two recipients never meet.
const LOOKUP_BYTES: usize = 16;

/// Encrypts and hashes with keys derived from one secret.
///
/// A stored value is version (1 byte), nonce (12, random), ciphertext, tag (16). Random nonces are safe up to 2^32 values
/// under one key: at a million messages a day, three values each, for about four years.
#[derive(Debug)]
pub struct Cipher {
    seal: RandomizedNonceKey,
    lookup: hmac::Key,
}

/// Why a stored value cannot be read: another key, another place, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an encrypted value cannot be read: was the store written with another key?")]
pub struct Unreadable;

impl Cipher {
    /// From the secret itself.
    pub fn new(secret: &[u8; KEY_BYTES]) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = |purpose: &str| hmac::sign(&master, purpose.as_bytes());
        Self {
            // A SHA-256 tag is as long as the key must be: this cannot fail.
            seal: RandomizedNonceKey::new(&AES_256_GCM, derived("ims at rest: encrypt").as_ref())
                .expect("a key of 32 bytes"),
            lookup: hmac::Key::new(hmac::HMAC_SHA256, derived("ims at rest: look up").as_ref()),
        }
    }

    /// From 64 hexadecimal digits, as a file or the environment holds them.
    pub fn parse(digits: &str) -> Result<Self, StoreError> {
        let mut secret = [0; KEY_BYTES];
        hex::decode_to_slice(digits.trim(), &mut secret)
            .map_err(|_| StoreError::Key("not 64 hexadecimal digits; make one with `openssl rand -hex 32`".into()))?;
        Ok(Self::new(&secret))
    }

    /// From a file, which is made with a new random key, readable by its owner alone, when it is missing.
    pub fn from_file(path: &Path) -> Result<Self, StoreError> {
        match std::fs::read_to_string(path) {
            Ok(digits) => Self::parse(&digits),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Self::create(path),
            Err(e) => Err(StoreError::Key(format!("{} cannot be read: {e}", path.display()))),
        }
    }

    fn create(path: &Path) -> Result<Self, StoreError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let digits = hex::encode(random()?);
        let write = || {
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(digits.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|e| StoreError::Key(format!("{} cannot be written: {e}", path.display())))?;
        Self::parse(&digits)
    }

    /// With a key that nobody keeps, for stores that end with their process.
    pub fn ephemeral() -> Result<Self, StoreError> {
        Ok(Self::new(&random()?))
    }

    /// Encrypts a value for one place, for example `<track_id>/<step>/title`; elsewhere it cannot be read.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, Unreadable> {
        const HEAD: usize = 1 + NONCE_LEN;
        let mut sealed = Vec::with_capacity(HEAD + plain.len() + AES_256_GCM.tag_len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&[0; NONCE_LEN]);
        sealed.extend_from_slice(plain);
        let (nonce, tag) =
            self.seal.seal_in_place_separate_tag(Aad::from(place), &mut sealed[HEAD..]).map_err(|_| Unreadable)?;
        sealed[1..HEAD].copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Decrypts a value of that place.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let Some((&VERSION, rest)) = sealed.split_first() else { return Err(Unreadable) };
        let Some((nonce, body)) = rest.split_first_chunk::<NONCE_LEN>() else { return Err(Unreadable) };
        let mut body = body.to_vec();
        let plain = self
            .seal
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(place), &mut body)
            .map_err(|_| Unreadable)?
            .len();
        body.truncate(plain);
        Ok(body)
    }

    /// What a value is found by: the same for the same value and key, nothing to who has no key.
    pub fn lookup(&self, value: &str) -> Vec<u8> {
        hmac::sign(&self.lookup, value.as_bytes()).as_ref()[..LOOKUP_BYTES].to_vec()
    }
}

fn random() -> Result<[u8; KEY_BYTES], StoreError> {
    let mut secret = [0; KEY_BYTES];
    rand::fill(&mut secret).map_err(|_| StoreError::Key("the system gives no random bytes".into()))?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_again_in_its_place_and_with_its_key_only() {
        let cipher = Cipher::new(&[7; KEY_BYTES]);
        let sealed = cipher.seal("a/0/title", "주문 안내".as_bytes()).unwrap();
        assert_eq!(cipher.open("a/0/title", &sealed).unwrap(), "주문 안내".as_bytes());
        assert_eq!(cipher.open("a/1/title", &sealed), Err(Unreadable));
        assert_eq!(Cipher::new(&[8; KEY_BYTES]).open("a/0/title", &sealed), Err(Unreadable));
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(cipher.open("a/0/title", &damaged), Err(Unreadable), "byte {at}");
            assert_eq!(cipher.open("a/0/title", &sealed[..at]), Err(Unreadable), "cut at {at}");
        }
    }

    #[test]
    fn the_same_value_is_never_stored_the_same_and_always_found() {
        let cipher = Cipher::new(&[7; KEY_BYTES]);
        assert_ne!(cipher.seal("p", b"x").unwrap(), cipher.seal("p", b"x").unwrap());
        assert_eq!(cipher.lookup("821012345678"), cipher.lookup("821012345678"));
        assert_ne!(cipher.lookup("821012345678"), cipher.lookup("821012345679"));
        assert_ne!(cipher.lookup("821012345678"), Cipher::new(&[8; KEY_BYTES]).lookup("821012345678"));
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.key");
        let sealed = Cipher::from_file(&path).unwrap().seal("p", b"x").unwrap();
        assert_eq!(Cipher::from_file(&path).unwrap().open("p", &sealed).unwrap(), b"x");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_bad_key_is_refused_without_being_told() {
        for bad in ["", "secret", &"g".repeat(64), &"0".repeat(63), &"é".repeat(32)] {
            let refused = Cipher::parse(bad).unwrap_err().to_string();
            assert!(refused.contains("openssl rand -hex 32"), "{refused}");
            assert!(bad.is_empty() || !refused.contains(bad), "{refused}");
        }
    }
}
