//! `#{name}`: filling variables, and telling whether a text came from a template with variables.

use super::field::Field;
use super::room::Room;
use crate::refusal::{Code, Refusal};
use memchr::{memchr, memchr_iter};
use schemas::Text;
use std::collections::BTreeMap;

/// A text as literal pieces and variables. A variable is `#{`, a name of at least one character without braces, `}`;
/// anything else is literal.
pub struct Pieces<'t> {
    rest: &'t str,
    /// The variable behind the literal that was given last.
    ahead: Option<&'t str>,
}

/// One piece.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text as it stands.
    Literal(&'t str),
    /// Name of a variable.
    Variable(&'t str),
}

impl<'t> Pieces<'t> {
    /// The pieces of a text.
    pub fn of(text: &'t str) -> Self {
        Self { rest: text, ahead: None }
    }
}

/// The name, when a variable starts at the beginning of `text`.
fn variable(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("#{")?;
    let end = inner.bytes().position(|b| b == b'{' || b == b'}')?;
    (end > 0 && inner.as_bytes()[end] == b'}').then(|| &inner[..end])
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        if let Some(name) = self.ahead.take() {
            return Some(Piece::Variable(name));
        }
        let text = self.rest;
        let next = memchr_iter(b'#', text.as_bytes()).find_map(|at| Some((at, variable(&text[at..])?)));
        let Some((at, name)) = next else {
            self.rest = "";
            return (!text.is_empty()).then_some(Piece::Literal(text));
        };
        self.rest = &text[at + "#{".len() + name.len() + "}".len()..];
        if at == 0 {
            return Some(Piece::Variable(name));
        }
        self.ahead = Some(name);
        Some(Piece::Literal(&text[..at]))
    }
}

/// What variables stand for, and the room that there is for it; the first map that knows a name wins.
#[derive(Debug)]
pub struct Values<'v, S>(pub [&'v BTreeMap<S, S>; 3], pub &'v Room);

impl<S> Clone for Values<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Values<'_, S> {}

impl<'v, S: Text> Values<'v, S> {
    fn get(&self, name: &str) -> Option<&'v str> {
        self.0.iter().find_map(|map| map.get(name)).map(|value| &**value)
    }
}

/// Fills the variables of a text once: what a value brings is not looked at again. A name without a value is refused
/// (2050), and so is a value that there is no room for (2010).
pub fn fill<S: Text>(field: &Field<'_>, text: &mut S, values: &Values<'_, S>) -> Result<(), Refusal> {
    // One pass for one byte: most texts have none.
    if memchr(b'#', text.as_bytes()).is_some() {
        *text = S::from(filled(field, text, values)?);
    }
    Ok(())
}

fn filled<S: Text>(field: &Field<'_>, text: &str, values: &Values<'_, S>) -> Result<String, Refusal> {
    let mut out = String::with_capacity(text.len() + 32);
    for piece in Pieces::of(text) {
        match piece {
            Piece::Literal(literal) => out.push_str(literal),
            Piece::Variable(name) => match values.get(name) {
                Some(value) => {
                    values.1.take(field, value.len())?;
                    out.push_str(value);
                }
                None => {
                    let name: String = name.chars().take(40).collect();
                    return Err(Refusal::new(
                        Code::Unfilled,
                        field,
                        format_args!("nothing fills #{{{name}}}: give it in mapping"),
                    ));
                }
            },
        }
    }
    Ok(out)
}

/// Whether a text is a template with some value for each variable; if not, the character (from 1) where they part.
pub fn matches(template: &str, text: &str) -> Result<(), usize> {
    let parted = |rest: &str| text[..text.len() - rest.len()].chars().count() + 1;
    let mut rest = text;
    let mut after_variable = false;
    let mut pieces = Pieces::of(template).peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Variable(_) => after_variable = true,
            Piece::Literal(literal) if !after_variable => match rest.strip_prefix(literal) {
                Some(after) => rest = after,
                None => {
                    let same = literal.chars().zip(rest.chars()).take_while(|(a, b)| a == b).count();
                    return Err(parted(rest) + same);
                }
            },
            // The last literal must end the text; one before takes its first place, which leaves the most for the rest.
            Piece::Literal(literal) if pieces.peek().is_none() => {
                return if rest.ends_with(literal) { Ok(()) } else { Err(parted(rest)) };
            }
            Piece::Literal(literal) => {
                let at = rest.find(literal).ok_or_else(|| parted(rest))?;
                rest = &rest[at + literal.len()..];
                after_variable = false;
            }
        }
    }
    if after_variable || rest.is_empty() { Ok(()) } else { Err(parted(rest)) }
}

#[cfg(test)]
mod tests {
    use super::super::field::top;
    use super::*;
    use proptest::prelude::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn fill_with(text: &str, pairs: &[(&str, &str)]) -> Result<String, Refusal> {
        let (own, none) = (map(pairs), BTreeMap::new());
        let mut text = text.to_owned();
        fill(&top("message"), &mut text, &Values([&own, &none, &none], &Room::default()))?;
        Ok(text)
    }

    proptest! {
        #[test]
        fn the_pieces_put_together_are_the_text(text in "[#{}ab가 ]{0,40}") {
            let joined: String = Pieces::of(&text)
                .map(|p| match p {
                    Piece::Literal(l) => l.to_owned(),
                    Piece::Variable(n) => format!("#{{{n}}}"),
                })
                .collect();
            prop_assert_eq!(joined, text);
        }

        #[test]
        fn a_filled_template_matches_its_template(
            template in "[가나 a]{0,8}(#\\{[xy]\\}[가나 a]{0,5}){0,4}", x in "[가나a #]{0,6}", y in "[나 a{}]{0,6}",
        ) {
            let text = fill_with(&template, &[("x", &x), ("y", &y)]).unwrap();
            prop_assert_eq!(matches(&template, &text), Ok(()));
        }

        #[test]
        fn text_without_variables_stays_as_it_is(text in "[^#]{0,60}") {
            prop_assert_eq!(fill_with(&text, &[]).unwrap(), text);
        }

        #[test]
        fn matching_never_panics(template: String, text: String) {
            let _ = matches(&template, &text);
        }
    }

    #[test]
    fn values_are_not_filled_again() {
        assert_eq!(fill_with("#{a}#{b}", &[("a", "#{b}"), ("b", "2")]).unwrap(), "#{b}2");
    }

    #[test]
    fn the_receivers_value_wins_over_the_requests() {
        let (own, common, none) = (map(&[("n", "1")]), map(&[("n", "2"), ("m", "3")]), BTreeMap::new());
        let mut text = "#{n}#{m}".to_owned();
        fill(&top("message"), &mut text, &Values([&own, &common, &none], &Room::default())).unwrap();
        assert_eq!(text, "13");
    }

    #[test]
    fn a_value_that_is_named_too_often_is_refused_when_there_is_no_more_room() {
        let (named, value) = (100_000, "v".repeat(100));
        let refused = fill_with(&"#{a}".repeat(named), &[("a", &value)]).map(|text| text.len()).unwrap_err();
        assert_eq!((refused.code, refused.field.as_str()), (Code::TooLong, "message"));
        let told = "message: got 921700 bytes from templates and variables so far, at most 921600 in a message";
        assert_eq!(refused.message, told);
        assert_eq!(fill_with(&"#{a}".repeat(9_216), &[("a", &value)]).unwrap().len(), 921_600);
    }

    #[test]
    fn what_is_no_variable_is_text() {
        for text in ["#{", "#{}", "#{a", "a#b{c}", "#{{a}", "##", "{a}"] {
            assert_eq!(fill_with(text, &[("a", "1")]).unwrap(), text, "{text}");
        }
        assert_eq!(fill_with("#{#{a}}", &[("a", "1")]).unwrap(), "#{1}");
        assert_eq!(fill_with("##{a}", &[("a", "1")]).unwrap(), "#1");
    }

    #[test]
    fn an_unfilled_name_is_named() {
        let refused = fill_with("#{이름}님 #{금액}원", &[("이름", "x")]).unwrap_err();
        assert_eq!((refused.code, refused.field.as_str()), (Code::Unfilled, "message"));
        assert_eq!(refused.message, "message: nothing fills #{금액}: give it in mapping");
    }

    #[test]
    fn a_text_that_differs_says_where() {
        let template = "#{이름}님, 주문 #{번호}번이 발송되었습니다.";
        assert_eq!(matches(template, "김하나님, 주문 12번이 발송되었습니다."), Ok(()));
        assert_eq!(matches(template, "님, 주문 번이 발송되었습니다."), Ok(()));
        assert_eq!(matches(template, "김하나님, 주문 12번이 발송됐습니다."), Err(10));
        assert_eq!(matches("인증번호 #{n}", "인증 번호 1"), Err(3));
        assert_eq!(matches("인증번호", "인증번호!"), Err(5));
        assert_eq!(matches("인증번호", "인증"), Err(3));
        assert_eq!(matches("", ""), Ok(()));
        assert_eq!(matches("", "a"), Err(1));
    }
}
