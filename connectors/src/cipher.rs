//! Personal data at rest: AES-256-GCM under a key of each day, and a keyed hash that finds a recipient without decrypting
//! every row.

use crate::sql::StoreError;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac, rand};
use processors::korea::{AHEAD_MS, DAY_MS};
use rustc_hash::FxHashMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

/// Bytes of the key; its file holds them as 64 hexadecimal digits.
pub const KEY_BYTES: usize = 32;
/// First byte of what is stored: under one key for all days, as it was written once.
const OF_ALL_DAYS: u8 = 1;
/// First byte of what is stored: under the key of its day.
const OF_A_DAY: u8 = 2;
/// Bytes of the day.
const DAY_BYTES: usize = 2;
/// Bytes of the look-up hash that are kept: enough that two recipients never meet.
const LOOKUP_BYTES: usize = 16;
/// Keys of days that are held at once: more than history is kept for, and less than a megabyte.
const KEYS_HELD: usize = 1_000;

/// Encrypts and hashes with keys derived from one secret.
///
/// A stored value is 2 (1 byte), day (2, big-endian, days since 1970 in Korea), nonce (12, random), ciphertext, tag (16);
/// before there were days, 1 (1 byte), nonce, ciphertext, tag. Random nonces are safe up to 2^32 values under one key, so
/// each day has its own (docs/adr/0034).
#[derive(Debug)]
pub struct Cipher {
    /// What the keys of days are derived from.
    days: hkdf::Prk,
    /// Keys of days, as they are needed.
    keys: RwLock<FxHashMap<u16, Arc<RandomizedNonceKey>>>,
    of_all_days: RandomizedNonceKey,
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
            days: hkdf::Salt::new(hkdf::HKDF_SHA256, b"ims at rest: encrypt by day").extract(secret),
            keys: RwLock::default(),
            // A SHA-256 tag is as long as the key must be: this cannot fail.
            of_all_days: RandomizedNonceKey::new(&AES_256_GCM, derived("ims at rest: encrypt").as_ref())
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
        self.seal_on(today(), place, plain)
    }

    fn seal_on(&self, day: u16, place: &str, plain: &[u8]) -> Result<Vec<u8>, Unreadable> {
        const NONCE: usize = 1 + DAY_BYTES;
        const HEAD: usize = NONCE + NONCE_LEN;
        let mut sealed = Vec::with_capacity(HEAD + plain.len() + AES_256_GCM.tag_len());
        sealed.push(OF_A_DAY);
        sealed.extend_from_slice(&day.to_be_bytes());
        sealed.extend_from_slice(&[0; NONCE_LEN]);
        sealed.extend_from_slice(plain);
        let key = self.key_of(day)?;
        let (nonce, tag) =
            key.seal_in_place_separate_tag(Aad::from(place), &mut sealed[HEAD..]).map_err(|_| Unreadable)?;
        sealed[NONCE..HEAD].copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Decrypts a value of that place, of whichever day.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let (version, rest) = sealed.split_first().ok_or(Unreadable)?;
        match *version {
            OF_ALL_DAYS => open(&self.of_all_days, place, rest),
            OF_A_DAY => {
                let (day, rest) = rest.split_first_chunk::<DAY_BYTES>().ok_or(Unreadable)?;
                open(&*self.key_of(u16::from_be_bytes(*day))?, place, rest)
            }
            _ => Err(Unreadable),
        }
    }

    /// The key of a day: derived once, then held.
    fn key_of(&self, day: u16) -> Result<Arc<RandomizedNonceKey>, Unreadable> {
        if let Some(key) = self.keys.read().unwrap_or_else(PoisonError::into_inner).get(&day) {
            return Ok(Arc::clone(key));
        }
        let mut bytes = [0; KEY_BYTES];
        let day_bytes = day.to_be_bytes();
        let derived = self.days.expand(&[&day_bytes], hkdf::HKDF_SHA256).and_then(|key| key.fill(&mut bytes));
        derived.map_err(|_| Unreadable)?;
        let key = Arc::new(RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| Unreadable)?);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEYS_HELD {
            keys.clear();
        }
        keys.insert(day, Arc::clone(&key));
        Ok(key)
    }

    /// What a value is found by: the same for the same value and key, nothing to who has no key.
    pub fn lookup(&self, value: &str) -> Vec<u8> {
        hmac::sign(&self.lookup, value.as_bytes()).as_ref()[..LOOKUP_BYTES].to_vec()
    }
}

fn open(key: &RandomizedNonceKey, place: &str, sealed: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unreadable)?;
    let mut body = body.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let plain = key.open_in_place(nonce, Aad::from(place), &mut body).map_err(|_| Unreadable)?.len();
    body.truncate(plain);
    Ok(body)
}

/// Days since 1970 in Korea, up to 2149.
fn today() -> u16 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    u16::try_from((since + AHEAD_MS) / DAY_MS).unwrap_or(u16::MAX)
}

fn random() -> Result<[u8; KEY_BYTES], StoreError> {
    let mut secret = [0; KEY_BYTES];
    rand::fill(&mut secret).map_err(|_| StoreError::Key("the system gives no random bytes".into()))?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Written by Python's `cryptography`: secret of 7s, place "a/0/title", text "주문 안내", nonce 0, 1, … 11.
    /// Under HMAC-SHA256(secret, "ims at rest: encrypt").
    const BEFORE_DAYS: &str = "01000102030405060708090a0bcd42f99634337f0e353886f6408be0664b9e34fdd7c05c8ce9039530b7";
    /// Under HKDF-SHA256(salt "ims at rest: encrypt by day", secret, info 20500 big-endian).
    const OF_DAY_20500: &str =
        "025014000102030405060708090a0bab6d2c3e5e589b29440fa28c4730f5495dbce539bdc5d2934fafbaaa8e";

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
    fn each_day_has_a_key_of_its_own_and_every_day_is_read() {
        let cipher = Cipher::new(&[7; KEY_BYTES]);
        let sealed: Vec<Vec<u8>> = [0, 20_500, u16::MAX].map(|day| cipher.seal_on(day, "p", b"x").unwrap()).into();
        // A process that starts later.
        let later = Cipher::new(&[7; KEY_BYTES]);
        for (value, other) in sealed.iter().zip(sealed.iter().cycle().skip(1)) {
            assert_eq!(later.open("p", value).unwrap(), b"x");
            let moved = [&other[..3], &value[3..]].concat();
            assert_eq!(later.open("p", &moved), Err(Unreadable), "a day's value under another day's key");
        }
        let now = cipher.seal("p", b"x").unwrap();
        assert_eq!((now[0], u16::from_be_bytes([now[1], now[2]])), (OF_A_DAY, today()));
        assert!(today() > 20_500, "2026");
    }

    #[test]
    fn what_is_stored_is_read_whatever_wrote_it_and_when() {
        for stored in [BEFORE_DAYS, OF_DAY_20500] {
            let sealed = hex::decode(stored).unwrap();
            let cipher = Cipher::new(&[7; KEY_BYTES]);
            assert_eq!(cipher.open("a/0/title", &sealed).unwrap(), "주문 안내".as_bytes());
            assert_eq!(cipher.open("a/1/title", &sealed), Err(Unreadable));
            assert_eq!(Cipher::new(&[8; KEY_BYTES]).open("a/0/title", &sealed), Err(Unreadable));
        }
    }

    #[test]
    fn days_that_somebody_made_up_are_no_room_for_ever() {
        let cipher = Cipher::new(&[7; KEY_BYTES]);
        for day in 0..3_000 {
            assert_eq!(cipher.open("p", &cipher.seal_on(day, "p", b"x").unwrap()).unwrap(), b"x");
        }
        assert!(cipher.keys.read().unwrap().len() <= KEYS_HELD);
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
