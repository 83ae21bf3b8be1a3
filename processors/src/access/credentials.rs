//! What the header `x-ims-key` holds.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::fmt;

/// Longest header, bytes: a name of 64 characters and a secret of 256 bytes have room.
const LONGEST: usize = 700;

/// With or without padding: clients differ.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who somebody says he is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// A customer, by its name.
    Customer(String),
    /// A user, by the login name.
    User(String),
}

/// Name and secret of who asks, not yet known to be right.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Whose secret it is.
    pub who: Who,
    /// The secret, or the password; may be any bytes.
    pub secret: Vec<u8>,
}

impl Credentials {
    /// Reads base64(username:secret_key), or of a user base64(:login:password), which can be no customer's: no name is
    /// empty or has a colon. None when it is something else. Secrets may hold colons.
    pub fn read(header: &[u8]) -> Option<Self> {
        let decoded = BASE64.decode(header.trim_ascii().get(..).filter(|text| text.len() <= LONGEST)?).ok()?;
        let (of_user, rest) = decoded.strip_prefix(b":").map_or((false, &*decoded), |rest| (true, rest));
        let colon = rest.iter().position(|byte| *byte == b':')?;
        let name = std::str::from_utf8(&rest[..colon]).ok().filter(|name| !name.is_empty())?.to_owned();
        let who = if of_user { Who::User(name) } else { Who::Customer(name) };
        Some(Self { who, secret: rest[colon + 1..].to_vec() })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("who", &self.who).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Option<(Who, String)> {
        let Credentials { who, secret } = Credentials::read(header.as_bytes())?;
        Some((who, String::from_utf8(secret).unwrap()))
    }

    #[test]
    fn a_name_and_a_secret_are_read_with_or_without_padding() {
        let pair = |name: &str, secret: &str| Some((Who::Customer(name.to_owned()), secret.to_owned()));
        assert_eq!(read("aGFuYml0OmE6Yg=="), pair("hanbit", "a:b"));
        assert_eq!(read(" aGFuYml0OmE6Yg "), pair("hanbit", "a:b"));
        assert_eq!(read("aGFuYml0Og=="), pair("hanbit", ""));
    }

    #[test]
    fn a_user_begins_with_a_colon() {
        let header = |text: &str| BASE64.encode(text);
        let kim = |password: &str| Some((Who::User("kim".into()), password.to_owned()));
        assert_eq!(read(&header(":kim:a:b ")), kim("a:b "));
        assert_eq!(read(&header(":kim:")), kim(""));
        for wrong in [":", "::", "::kim", ":kim"] {
            assert_eq!(read(&header(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_name_and_secret_is_nobody() {
        // Not base64; no colon; no name; a name that is no text; too long.
        let long = "YTph".repeat(200);
        for wrong in ["", "hanbit:a", "aGFuYml0", "OmE=", "/zph", &long] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_not_written_out() {
        let credentials = Credentials::read(b"aGFuYml0OnNlY3JldA==").unwrap();
        assert_eq!(credentials.secret, b"secret");
        let text = format!("{credentials:?}");
        assert!(text.contains("hanbit") && !text.contains("secret:") && !text.contains("115"), "{text}");
    }
}
