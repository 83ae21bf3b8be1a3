//! The variables of a template.

use crate::{
    reference::Template,
    refusal::{Code, Refusal},
    rules::{
        field::top,
        variables::{Piece, Pieces},
    },
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Most variables of a template (spec/kakao.md §1).
const MOST: usize = 40;
/// Longest name that is told, characters.
const TOLD: usize = 40;

/// Names of variables.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// All of them, in order of their letters.
    pub names: Vec<String>,
    /// Those that links begin with.
    pub links: BTreeSet<String>,
}

/// Finds them in everything that a template says. What looks like a variable and is none is refused.
pub fn of(template: &Template) -> Result<Found, Refusal> {
    let mut seen = Seen::default();
    let texts = [
        ("message", Some(&template.message)),
        ("title", template.title.as_ref()),
        ("header", template.header.as_ref()),
        ("html", template.html.as_ref()),
    ];
    for (field, text) in texts.into_iter().filter_map(|(field, text)| Some((field, text?))) {
        seen.text(field, text, false)?;
    }
    seen.value("attachment", &serde_json::to_value(&template.attachment).unwrap_or_default(), false)?;
    seen.value("supplement", &serde_json::to_value(&template.supplement).unwrap_or_default(), false)?;
    if seen.names.len() > MOST {
        let reason = format_args!("the template has {} variables, at most {MOST}", seen.names.len());
        return Err(Refusal::new(Code::TooLong, &top("message"), reason));
    }
    Ok(Found { names: seen.names.into_iter().collect(), links: seen.links })
}

#[derive(Default)]
struct Seen {
    names: BTreeSet<String>,
    links: BTreeSet<String>,
}

impl Seen {
    fn text(&mut self, field: &'static str, text: &str, link: bool) -> Result<(), Refusal> {
        for (place, piece) in Pieces::of(text).enumerate() {
            match piece {
                Piece::Variable(name) => {
                    self.names.insert(name.to_owned());
                    if link && place == 0 {
                        self.links.insert(name.to_owned());
                    }
                }
                Piece::Literal(literal) => {
                    if let Some(at) = literal.find("#{") {
                        let shown: String = literal[at..].chars().take(TOLD).collect();
                        let reason = format_args!("{shown:?} is no variable: write #{{name}}");
                        return Err(Refusal::bad(&top(field), reason));
                    }
                }
            }
        }
        Ok(())
    }

    /// Every text in a part.
    fn value(&mut self, field: &'static str, value: &Value, link: bool) -> Result<(), Refusal> {
        match value {
            Value::String(text) => self.text(field, text, link),
            Value::Array(values) => values.iter().try_for_each(|value| self.value(field, value, link)),
            Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
                let link = ["url", "link", "scheme"].iter().any(|part| name.contains(part));
                self.value(field, value, link)
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Attachment, Button, Supplement};

    fn found(template: &Template) -> Result<Vec<String>, String> {
        of(template).map(|found| found.names).map_err(|refusal| refusal.message)
    }

    #[test]
    fn variables_are_found_wherever_they_stand_and_told_once() {
        let button = |name: &str, url: &str| Button {
            name: Some(name.into()),
            url_mobile: Some(url.into()),
            ..Button::default()
        };
        let template = Template {
            message: "#{이름}님 ##{이름} #{금액}원".into(),
            title: Some("#{title}".into()),
            attachment: Some(Attachment { button: vec![button("#{b}", "#{url}/#{id}")], ..Attachment::default() }),
            supplement: Some(Supplement { quick_reply: vec![button("q", "https://a.kr/#{q}")] }),
            ..Template::default()
        };
        let told = of(&template).unwrap();
        assert_eq!(told.names, ["b", "id", "q", "title", "url", "금액", "이름"]);
        assert_eq!(told.links, ["url".to_owned()].into());
    }

    #[test]
    fn what_looks_like_one_and_is_none_is_refused() {
        for text in ["#{", "#{}", "금액 #{금액", "#{a{b}}"] {
            let template = Template { message: text.into(), ..Template::default() };
            assert!(found(&template).unwrap_err().contains("is no variable: write #{name}"), "{text}");
        }
        assert_eq!(found(&Template { message: "# {a} {b}".into(), ..Template::default() }), Ok(vec![]));
    }

    #[test]
    fn forty_are_allowed() {
        let of = |count: usize| (0..count).map(|n| format!("#{{v{n}}}")).collect::<String>();
        assert_eq!(found(&Template { message: of(40), ..Template::default() }).unwrap().len(), 40);
        let told = found(&Template { message: of(41), ..Template::default() }).unwrap_err();
        assert_eq!(told, "message: the template has 41 variables, at most 40");
    }
}
