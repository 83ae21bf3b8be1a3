//! The signature of a webhook: HMAC-SHA256 over the text of `X-IB-Timestamp`, in `X-IB-Signature`.
//!
//! Published as covering the timestamp alone: it shows who calls, not that the body is theirs. Whether it is written in
//! hexadecimal digits or Base64 is published as not confirmed, so both are taken.

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::header::HeaderValue;

/// Published advice: how far a timestamp may be from now, milliseconds.
const TOLERANCE_MS: u64 = 300_000;

/// Whether a call is signed with the secret, now. `timestamp` is Unix milliseconds.
pub fn signed(secret: &HeaderValue, timestamp: &str, signature: &str, now_ms: i64) -> bool {
    let Ok(at_ms) = timestamp.parse::<i64>() else { return false };
    if at_ms.abs_diff(now_ms) > TOLERANCE_MS {
        return false;
    }
    let Some(signature) = bytes(signature) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, timestamp.as_bytes(), &signature).is_ok()
}

/// How far from now a call was signed with the secret, milliseconds; None: it was not.
pub fn signed_apart(secret: &HeaderValue, timestamp: &str, signature: &str, now_ms: i64) -> Option<i64> {
    let at_ms: i64 = timestamp.parse().ok()?;
    signed(secret, timestamp, signature, at_ms).then(|| at_ms.saturating_sub(now_ms))
}

fn bytes(signature: &str) -> Option<Vec<u8>> {
    if signature.len() != 64 {
        return BASE64_STANDARD.decode(signature).ok();
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    signature.as_bytes().chunks(2).map(|two| Some(digit(two[0])? << 4 | digit(*two.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 has no case with these; computed by `printf 1772420400000 | openssl dgst -sha256 -hmac secret`.
    const HEX: &str = "1dada49edb93a7b12e9cba09aafe3b07e6f317d94acbd976f1c83ad159676b2f";
    const AT: &str = "1772420400000";
    const NOW: i64 = 1_772_420_400_000;

    #[test]
    fn only_the_secret_signs_and_only_for_some_minutes() {
        let secret = HeaderValue::from_static("secret");
        let base64 = BASE64_STANDARD.encode(bytes(HEX).unwrap());
        for good in [HEX, &HEX.to_uppercase(), &base64] {
            assert!(signed(&secret, AT, good, NOW) && signed(&secret, AT, good, NOW - 300_000), "{good}");
            assert!(!signed(&secret, AT, good, NOW + 300_001), "{good}");
            assert!(!signed(&secret, AT, good, NOW - 300_001), "a clock that is ahead: {good}");
            assert!(!signed(&HeaderValue::from_static("other"), AT, good, NOW));
            assert!(!signed(&secret, "1772420400001", good, NOW));
        }
        assert_eq!(signed_apart(&secret, AT, HEX, NOW - 86_400_000), Some(86_400_000));
        assert_eq!(signed_apart(&HeaderValue::from_static("other"), AT, HEX, NOW - 86_400_000), None);
        for bad in ["", "00", &HEX[..63], &"0".repeat(64), &"g".repeat(64), "한글"] {
            assert!(!signed(&secret, AT, bad, NOW), "{bad:?}");
        }
        for bad in ["", "now", "99999999999999999999", "-9223372036854775808"] {
            assert!(!signed(&secret, bad, HEX, NOW), "{bad:?}");
        }
    }
}
