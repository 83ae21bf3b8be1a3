//! Lengths in characters: a character is one Unicode scalar value (SPEC §3).

use super::field::Field;
use crate::refusal::{Code, Refusal};
use memchr::memchr;
use schemas::Text;

/// Counts scalar values, but only in text whose bytes could be over the limit.
pub fn characters_over(text: &str, limit: usize) -> Option<usize> {
    // A character has at least one byte, so a text of at most `limit` bytes cannot be over.
    if text.len() <= limit {
        return None;
    }
    let got = text.chars().count();
    (got > limit).then_some(got)
}

/// Refuses text of more than `limit` characters with `code`.
pub fn at_most(code: Code, field: &Field<'_>, text: &str, limit: usize) -> Result<(), Refusal> {
    match characters_over(text, limit) {
        None => Ok(()),
        Some(got) => Err(Refusal::new(code, field, format_args!("got {got} characters, at most {limit}"))),
    }
}

/// The same for a field that may be absent.
pub fn given_at_most<S: Text>(code: Code, field: &Field<'_>, text: &Option<S>, limit: usize) -> Result<(), Refusal> {
    text.as_ref().map_or(Ok(()), |t| at_most(code, field, t, limit))
}

/// The value of a field that must be there and not blank.
pub fn needed<'t, S: Text>(field: &Field<'_>, text: &'t Option<S>, needed_by: &str) -> Result<&'t str, Refusal> {
    given(text).ok_or_else(|| Refusal::missing(field, needed_by))
}

/// The value of a field, unless it is absent or blank.
pub fn given<S: Text>(text: &Option<S>) -> Option<&str> {
    text.as_deref().filter(|t| !is_blank(t))
}

/// Whether there is nothing to see. Nearly always the first character tells.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// Y or N.
pub fn yes_or_no<S: Text>(field: &Field<'_>, value: &Option<S>) -> Result<Option<bool>, Refusal> {
    match given(value) {
        None => Ok(None),
        Some("Y") => Ok(Some(true)),
        Some("N") => Ok(Some(false)),
        Some(other) => {
            Err(Refusal::bad(field, format_args!("got {} characters, Y or N is allowed", other.chars().count())))
        }
    }
}

/// Refuses line breaks and other control characters, which would end a header of a protocol.
pub fn one_line(field: &Field<'_>, text: &str) -> Result<(), Refusal> {
    match text.chars().position(char::is_control) {
        None => Ok(()),
        Some(at) => {
            Err(Refusal::bad(field, format_args!("a control character stands at {}, one line is allowed", at + 1)))
        }
    }
}

/// Whether a text has U+0000, which ends it where a program in C reads it: a vendor's, a phone's.
pub fn has_nul(text: &str) -> bool {
    memchr(0, text.as_bytes()).is_some()
}

/// Refuses what has such a text; `way` is where it stands in the record at `at` (its `text_where`).
pub fn without_nul(at: &Field<'_>, way: Option<String>) -> Result<(), Refusal> {
    let Some(way) = way else { return Ok(()) };
    let at = at.to_string();
    let field = if at.is_empty() { way } else { format!("{at}.{way}") };
    Err(Refusal::named(Code::BadRequest, field, "has the character U+0000, which no text may have"))
}

#[cfg(test)]
mod tests {
    use super::super::field::top;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_is_over_exactly_when_it_has_more_scalar_values_than_the_limit(text: String, limit in 0usize..40) {
            let count = text.chars().count();
            prop_assert_eq!(characters_over(&text, limit), (count > limit).then_some(count));
        }
    }

    #[test]
    fn hangul_counts_one_character_a_syllable() {
        let field = top("message");
        assert!(at_most(Code::TooLong, &field, &"가".repeat(10), 10).is_ok());
        let over = at_most(Code::TooLong, &field, &"가".repeat(11), 10).unwrap_err();
        assert_eq!(over.message, "message: got 11 characters, at most 10");
    }

    #[test]
    fn a_flag_is_y_or_n_and_nothing_else() {
        let field = top("ad_flag");
        let flag = |v: &str| yes_or_no(&field, &Some(v.to_owned()));
        assert_eq!(
            (flag("Y"), flag("N"), yes_or_no(&field, &None::<String>)),
            (Ok(Some(true)), Ok(Some(false)), Ok(None))
        );
        for wrong in ["y", "yes", "1", "true", "YN"] {
            assert_eq!(flag(wrong).unwrap_err().code, Code::BadRequest, "{wrong}");
        }
    }

    #[test]
    fn a_blank_field_is_a_missing_one() {
        let field = top("title");
        assert_eq!(needed::<String>(&field, &Some(" \n".into()), "EM").unwrap_err().code, Code::Missing);
        assert_eq!(needed::<String>(&field, &None, "EM").unwrap_err().message, "title: missing, EM needs it");
        assert_eq!(needed::<String>(&field, &Some("x".into()), "EM"), Ok("x"));
    }
}
