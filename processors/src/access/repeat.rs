//! Requests that are repeated under an `Idempotency-Key`: the same key and request, the same answer.

use aws_lc_rs::digest::{Context, SHA256};
use std::time::Duration;

/// How long an answer is kept under its key.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Longest key, characters.
const LONGEST: usize = 128;

/// A customer's key, hashed: no two customers have the same, and none is longer than others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RepeatKey(pub [u8; 32]);

/// What a request asks, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Contents(pub [u8; 32]);

/// Tells a request under way from another of the same key.
pub type Mark = [u8; 16];

/// What is kept under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept<'k> {
    /// What was asked.
    pub contents: Contents,
    /// What became of it.
    pub end: End<'k>,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End<'k> {
    /// Nothing yet.
    UnderWay(Mark),
    /// It was answered so.
    Answered(&'k [u8]),
}

/// What a request with a key is told before it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is the first, or the one before came to nothing.
    First,
    /// The same was asked before, and answered so.
    Same(Vec<u8>),
    /// Something else was asked under this key.
    Other,
    /// The same is being answered.
    UnderWay,
}

impl RepeatKey {
    /// Reads the header's value: up to 128 characters of printable ASCII, in quotation marks or without. The reason, when
    /// it is something else, without the value.
    pub fn read(header: &[u8], username: &str) -> Result<Self, String> {
        let key = header.trim_ascii();
        let key = key.strip_prefix(b"\"").and_then(|key| key.strip_suffix(b"\"")).unwrap_or(key);
        if key.is_empty() || key.len() > LONGEST {
            return Err(format!("got {} characters, allowed are 1 to {LONGEST}", key.len()));
        }
        if !key.iter().all(|byte| matches!(byte, b'!' | b'#'..=b'~')) {
            return Err("allowed are printable characters of ASCII without blanks and quotation marks".into());
        }
        Ok(Self(hash([username.as_bytes(), key])))
    }
}

impl Contents {
    /// Of the parts of a request that say what it asks.
    pub fn of<const N: usize>(parts: [&[u8]; N]) -> Self {
        Self(hash(parts))
    }
}

/// Where one part ends and the next begins is certain.
fn hash<const N: usize>(parts: [&[u8]; N]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

const UNDER_WAY: u8 = 0;
const ANSWERED: u8 = 1;

impl<'k> Kept<'k> {
    /// As it is stored. It outlives the program that wrote it: what is told here cannot change within a day.
    pub fn to_bytes(self) -> Vec<u8> {
        let (kind, rest) = match &self.end {
            End::UnderWay(mark) => (UNDER_WAY, mark.as_slice()),
            End::Answered(answer) => (ANSWERED, *answer),
        };
        [self.contents.0.as_slice(), &[kind], rest].concat()
    }

    /// Reads it; None: it is nothing of ours.
    pub fn of_bytes(bytes: &'k [u8]) -> Option<Self> {
        let (contents, rest) = bytes.split_first_chunk()?;
        let (kind, rest) = rest.split_first()?;
        let end = match *kind {
            UNDER_WAY => End::UnderWay(rest.try_into().ok()?),
            ANSWERED => End::Answered(rest),
            _ => return None,
        };
        Some(Self { contents: Contents(*contents), end })
    }

    /// What a request of these contents and this mark is told by it.
    pub fn tells(self, contents: Contents, mark: Mark) -> Begun {
        match self.end {
            _ if self.contents != contents => Begun::Other,
            End::UnderWay(of) if of == mark => Begun::First,
            End::UnderWay(_) => Begun::UnderWay,
            End::Answered(answer) => Begun::Same(answer.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_customers_and_the_same_in_quotation_marks() {
        let read = |header: &str, username| RepeatKey::read(header.as_bytes(), username).unwrap();
        assert_eq!(read("8e03978e-40d5", "shop"), read(" \"8e03978e-40d5\" ", "shop"));
        assert_ne!(read("8e03978e-40d5", "shop"), read("8e03978e-40d5", "bank"));
        assert_ne!(read("pa", "sho"), read("a", "shop"), "where the name ends is certain");
        assert_ne!(read("a", "shop"), read("A", "shop"));
        read(&"a".repeat(128), "shop");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        let long = "a".repeat(129);
        for (wrong, reason) in [
            ("", "got 0 characters"),
            ("\"\"", "got 0 characters"),
            (&*long, "got 129 characters, allowed are 1 to 128"),
            ("a b", "printable"),
            ("a\tb", "printable"),
            ("a\"b", "printable"),
            ("\"a", "printable"),
            ("키", "printable"),
        ] {
            let told = RepeatKey::read(wrong.as_bytes(), "shop").unwrap_err();
            assert!(told.contains(reason) && !told.contains("a\"b"), "{wrong:?}: {told}");
        }
    }

    #[test]
    fn what_is_kept_is_read_back_and_tells_who_asks_again() {
        let contents = Contents::of([b"a", b"bc"]);
        assert_ne!(contents, Contents::of([b"ab", b"c"]));
        let under_way = Kept { contents, end: End::UnderWay([7; 16]) }.to_bytes();
        let answered = Kept { contents, end: End::Answered(b"{}") }.to_bytes();
        let tells = |bytes: &[u8], contents, mark| Kept::of_bytes(bytes).unwrap().tells(contents, mark);
        assert_eq!(tells(&under_way, contents, [7; 16]), Begun::First);
        assert_eq!(tells(&under_way, contents, [8; 16]), Begun::UnderWay);
        assert_eq!(tells(&answered, contents, [8; 16]), Begun::Same(b"{}".to_vec()));
        let other = Contents::of([b"b"]);
        for bytes in [&under_way, &answered] {
            assert_eq!(tells(bytes, other, [7; 16]), Begun::Other);
        }
        for strange in [&b""[..], b"12", &[0; 40], &[2; 49]] {
            assert_eq!(Kept::of_bytes(strange), None);
        }
    }
}
