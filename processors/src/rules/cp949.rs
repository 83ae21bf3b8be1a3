//! Bytes of a text in CP949 (Windows-949): ASCII has one, everything else it can hold has two.

use super::field::Field;
use crate::reference::Unencodable;
use crate::refusal::{Code, Refusal};
use encoding_rs::{EUC_KR, EncoderResult};
use schemas::Text;

/// A character that CP949 cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmappable {
    /// The character.
    pub character: char,
    /// Its place in the text, the first being 1.
    pub position: usize,
}

/// Bytes that one character takes, if CP949 holds it.
fn width(character: char) -> Option<usize> {
    match character {
        '\0'..='\u{7f}' => Some(1),
        // All 11,172 syllables: CP949 extends EUC-KR by exactly the ones it lacks.
        '가'..='힣' => Some(2),
        other => {
            let (mut source, mut bytes) = ([0; 4], [0; 4]);
            let text = other.encode_utf8(&mut source);
            match EUC_KR.new_encoder().encode_from_utf8_without_replacement(text, &mut bytes, true) {
                (EncoderResult::InputEmpty, _, written) => Some(written),
                _ => None,
            }
        }
    }
}

/// Counts the bytes of a text, or names the first character that CP949 cannot hold.
pub fn bytes(text: &str) -> Result<usize, Unmappable> {
    if text.is_ascii() {
        return Ok(text.len());
    }
    text.chars().enumerate().try_fold(0, |sum, (i, character)| match width(character) {
        Some(width) => Ok(sum + width),
        None => Err(Unmappable { character, position: i + 1 }),
    })
}

/// Counts the bytes; what CP949 cannot hold is refused or becomes `?`, as the customer set it.
pub fn count<S: Text>(field: &Field<'_>, text: &mut S, unencodable: Unencodable) -> Result<usize, Refusal> {
    match (bytes(text), unencodable) {
        (Ok(bytes), _) => Ok(bytes),
        (Err(Unmappable { character, position }), Unencodable::Refuse) => Err(Refusal::bad(
            field,
            format_args!(
                "U+{:04X} at character {position} is not in CP949, which text messages are written in",
                u32::from(character)
            ),
        )),
        (Err(_), Unencodable::Replace) => {
            let replaced: String = text.chars().map(|c| if width(c).is_some() { c } else { '?' }).collect();
            *text = S::from(replaced);
            // Nothing is left that could fail.
            Ok(text.chars().map(|c| width(c).unwrap_or(1)).sum())
        }
    }
}

/// Refuses text of more than `limit` bytes.
pub fn at_most<S: Text>(
    field: &Field<'_>,
    text: &mut S,
    limit: usize,
    unencodable: Unencodable,
) -> Result<usize, Refusal> {
    match count(field, text, unencodable)? {
        got if got > limit => {
            Err(Refusal::new(Code::TooLong, field, format_args!("got {got} bytes in CP949, at most {limit}")))
        }
        got => Ok(got),
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::top;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_count_is_the_length_of_what_the_encoder_writes(text in "[ -~가-힣ㄱ-ㅎぁ-ん漢字★℃€ÄÖ\n]{0,60}") {
            let (encoded, _, lost) = EUC_KR.encode(&text);
            match bytes(&text) {
                Ok(count) => {
                    prop_assert!(!lost);
                    prop_assert_eq!(count, encoded.len());
                }
                Err(_) => prop_assert!(lost),
            }
        }

        #[test]
        fn replacing_leaves_only_what_cp949_holds(text: String) {
            let mut replaced = text.clone();
            let count = count(&top("message"), &mut replaced, Unencodable::Replace).unwrap();
            prop_assert_eq!(bytes(&replaced), Ok(count));
            prop_assert_eq!(replaced.chars().count(), text.chars().count());
        }
    }

    #[test]
    fn syllables_outside_euc_kr_are_in_cp949() {
        // 뷁, 똠방각하's 똠 and 펲 are the ones that EUC-KR's 2,350 syllables lack.
        for syllable in ["뷁", "똠", "펲", "힣", "갂"] {
            assert_eq!(bytes(syllable), Ok(2), "{syllable}");
            let (_, _, lost) = EUC_KR.encode(syllable);
            assert!(!lost);
        }
    }

    #[test]
    fn every_syllable_takes_two_bytes() {
        let all: String = ('가'..='힣').collect();
        let (encoded, _, lost) = EUC_KR.encode(&all);
        assert!(!lost);
        assert_eq!(encoded.len(), 2 * 11_172);
    }

    #[test]
    fn the_refusal_names_the_character_and_its_place() {
        let refused = count(&top("message"), &mut "안녕😀".to_owned(), Unencodable::Refuse).unwrap_err();
        assert_eq!(refused.code, Code::BadRequest);
        assert_eq!(
            refused.message,
            "message: U+1F600 at character 3 is not in CP949, which text messages are written in"
        );
    }

    #[test]
    fn an_emoji_becomes_one_question_mark() {
        let mut text = "가😀a".to_owned();
        assert_eq!(at_most(&top("message"), &mut text, 4, Unencodable::Replace), Ok(4));
        assert_eq!(text, "가?a");
        let over = at_most(&top("message"), &mut text, 3, Unencodable::Replace).unwrap_err();
        assert_eq!(over.message, "message: got 4 bytes in CP949, at most 3");
    }
}
