//! What stands in the address of one-click unsubscribe (RFC 8058): who refuses whose ads, sealed. Nobody without the key
//! can read it or make one up, and nothing has to be looked up to understand it, however old the mail is
//! (docs/adr/0041).

use crate::vendors::read_key;
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf, hmac,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use std::path::Path;

/// Fewest characters of a key: `openssl rand -hex 32` writes 64.
const LEAST_KEY: usize = 32;
/// What a token is for: elsewhere it is none.
const PURPOSE: &[u8] = b"ims one-click unsubscribe 1";

/// Who refuses whose ads, by which mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusing {
    /// The customer.
    pub username: String,
    /// The address that the mail went to, as ingest asks for it.
    pub recipient: String,
    /// The mail.
    pub serial_number: String,
}

/// Seals and opens tokens under one key.
pub struct Links {
    seal: LessSafeKey,
    nonce: hmac::Key,
}

impl Links {
    /// Reads the key; the error is the reason with its remedy.
    pub fn read(path: &Path) -> Result<Self, String> {
        let key = read_key(path)?;
        if key.len() < LEAST_KEY {
            return Err(format!("a key has {LEAST_KEY} characters or more: write what `openssl rand -hex 32` prints"));
        }
        Self::new(&key).ok_or_else(|| "no keys can be derived of it".to_owned())
    }

    fn new(key: &str) -> Option<Self> {
        let derived = |what: &[u8]| {
            let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, PURPOSE).extract(key.as_bytes());
            let mut bytes = [0; 32];
            secret.expand(&[what], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut bytes)).ok().map(|()| bytes)
        };
        let seal = UnboundKey::new(&AES_256_GCM, &derived(b"seal")?).ok().map(LessSafeKey::new)?;
        Some(Self { seal, nonce: hmac::Key::new(hmac::HMAC_SHA256, &derived(b"nonce")?) })
    }

    /// The same for the same mail: a repeat has the same bytes. The nonce is an HMAC of what is sealed, so two different
    /// things never share one. URL-safe base64 without padding, of nonce (12), ciphertext, tag (16).
    pub fn token(&self, who: &Refusing) -> Option<String> {
        let parts = [&who.username, &who.recipient, &who.serial_number];
        if parts.iter().any(|part| part.contains('\0')) {
            return None;
        }
        let mut sealed = parts.map(String::as_str).join("\0").into_bytes();
        let nonce = self.nonce_of(&sealed);
        let of = Nonce::try_assume_unique_for_key(&nonce).ok()?;
        self.seal.seal_in_place_append_tag(of, Aad::from(PURPOSE), &mut sealed).ok()?;
        Some(BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// What a token says; None: it is none of ours.
    pub fn open(&self, token: &str) -> Option<Refusing> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let of = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let plain = self.seal.open_in_place(of, Aad::from(PURPOSE), &mut sealed).ok()?;
        let mut parts = std::str::from_utf8(plain).ok()?.split('\0').map(str::to_owned);
        let (username, recipient, serial_number) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Refusing { username, recipient, serial_number })
    }

    fn nonce_of(&self, plain: &[u8]) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&hmac::sign(&self.nonce, plain).as_ref()[..NONCE_LEN]);
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(key: &str) -> Links {
        Links::new(key).unwrap()
    }

    fn who(serial_number: &str) -> Refusing {
        Refusing {
            username: "hanbit-shop".into(),
            recipient: "haneul.kim@mail.example".into(),
            serial_number: serial_number.into(),
        }
    }

    #[test]
    fn a_token_says_who_refuses_to_the_key_alone_and_shows_nobody_else() {
        let ours = links("a-key");
        let token = ours.token(&who("T1-0A")).unwrap();
        assert_eq!(ours.open(&token), Some(who("T1-0A")));
        assert_eq!(ours.token(&who("T1-0A")), Some(token.clone()), "a repeat is the same mail");
        assert_ne!(ours.token(&who("T2-0A")), Some(token.clone()));
        assert_eq!(links("another-key").open(&token), None);
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&token).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("mail.example"));
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{token}");
    }

    #[test]
    fn what_is_spoilt_or_made_up_is_none_of_ours() {
        let ours = links("a-key");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(ours.token(&who("T1-0A")).unwrap()).unwrap();
        for at in 0..bytes.len() {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 1;
            assert_eq!(ours.open(&BASE64_URL_SAFE_NO_PAD.encode(spoilt)), None, "byte {at}");
            assert_eq!(ours.open(&BASE64_URL_SAFE_NO_PAD.encode(&bytes[..at])), None, "{at} bytes");
        }
        for token in ["", "x", "T1-0A.b7ede3a973b0f8ca8a996fd7bc1aa6b9", "비밀"] {
            assert_eq!(ours.open(token), None);
        }
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "short-secret\n").unwrap();
        let told = Links::read(file.path()).err().unwrap();
        assert!(told.contains("openssl rand -hex 32") && !told.contains("short-secret"), "{told}");
        assert!(Links::read(Path::new("/nowhere")).is_err());
    }
}
