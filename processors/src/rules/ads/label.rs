//! What looks like the label `(광고)` and is not: `(광 고)`, `[광고]`, full width, other alphabets. Evading filters that
//! way is what the law forbids (시행령 별표 6).

use super::LABEL;

/// How a text starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// With no label.
    None,
    /// With the label itself.
    Exact,
    /// With something that a reader takes for the label and a filter does not.
    Imitated,
}

const OPENING: &str = "([{<（［｛＜〈《「『【〔〖⟨⟪﹙﹛﹝❨❪❬｟«‹";
const CLOSING: &str = ")]}>）］｝＞〉》」』】〕〗⟩⟫﹚﹜﹞❩❫❭｠»›";

/// Spellings of 광고: syllables, conjoining and compatibility jamo, half width, Chinese characters.
const WORDS: [&str; 8] = [
    "광고",
    "\u{1100}\u{116a}\u{11bc}\u{1100}\u{1169}",
    "ㄱㅘㅇㄱㅗ",
    "ㄱㅗㅏㅇㄱㅗ",
    "\u{ffa1}\u{ffcc}\u{ffb7}\u{ffa1}\u{ffcb}",
    "廣告",
    "広告",
    "广告",
];

/// Blanks and what has no shape: zero-width characters, fillers, marks of direction, controls.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'
                ..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        )
}

/// Whether a character is a letter or a number: of Korean texts nearly always a syllable.
fn is_of_a_word(c: char) -> bool {
    matches!(c, '가'..='힣') || c.is_alphanumeric()
}

/// How `text` starts. Looks at its first characters only.
pub fn of(text: &str) -> Label {
    if text.starts_with(LABEL) {
        return Label::Exact;
    }
    let mut visible = text.chars().filter(|&c| !is_invisible(c)).take(24);
    if !visible.next().is_some_and(|c| OPENING.contains(c)) {
        return Label::None;
    }
    let mut word = String::new();
    for c in visible {
        if !is_of_a_word(c) {
            if CLOSING.contains(c) {
                return if WORDS.contains(&word.as_str()) { Label::Imitated } else { Label::None };
            }
        } else if word.is_empty() && !WORDS.iter().any(|spelt| spelt.starts_with(c)) {
            // Most texts that open with a bracket name their sender in it, and are known by its first character.
            return Label::None;
        } else {
            word.push(c);
            if !WORDS.iter().any(|spelt| spelt.starts_with(&word)) {
                return Label::None;
            }
        }
    }
    Label::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_label_itself_is_the_label() {
        assert_eq!(of("(광고)"), Label::Exact);
        assert_eq!(of("(광고) 봄 할인"), Label::Exact);
    }

    #[test]
    fn what_looks_like_the_label_is_an_imitation() {
        for text in [
            "(광 고) 할인",
            "( 광고 ) 할인",
            "[광고] 할인",
            "（광고） 할인",
            "(광고） 할인",
            "［광고］할인",
            "<광고>할인",
            "【광고】할인",
            "{광고}할인",
            "(광.고) 할인",
            "(광/고) 할인",
            "(광\u{200b}고) 할인",
            "(\u{3164}광고) 할인",
            " (광고) 할인",
            "\n(광고) 할인",
            "\u{feff}(광고) 할인",
            "((광고)) 할인",
            "(\u{1100}\u{116a}\u{11bc}\u{1100}\u{1169}) 할인",
            "(ㄱㅘㅇㄱㅗ) 할인",
            "(廣告) 할인",
            "(广告) 할인",
        ] {
            assert_eq!(of(text), Label::Imitated, "{text:?}");
        }
    }

    #[test]
    fn other_brackets_and_words_are_text() {
        for text in [
            "",
            "광고",
            "광고 문의는 02-123-4567",
            "[Web발신] 안녕하세요",
            "(주)한빛 주문 안내",
            "(광고주) 정산 안내",
            "(광고 수신 동의) 안내",
            "[인증번호] 1234",
            "주문 (광고) 안내",
            "(광고",
            "<",
        ] {
            assert_eq!(of(text), Label::None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn blanks_and_marks_inside_make_an_imitation(
            a in "[ .·\u{200b}\u{3164}]{0,3}", b in "[ .·\u{200b}]{0,3}", c in "[ .·\u{200b}]{0,3}",
        ) {
            let text = format!("({a}광{b}고{c}) 봄 할인");
            let exact = a.is_empty() && b.is_empty() && c.is_empty();
            prop_assert_eq!(of(&text), if exact { Label::Exact } else { Label::Imitated });
        }

        #[test]
        fn no_text_panics(text: String) {
            of(&text);
        }
    }
}
