//! Templates: what they give to a message that says nothing itself, and whether a message is its template's.

use super::field::Field;
use super::room::counted;
use super::text::given;
use super::variables::matches;
use crate::reference::Template;
use crate::refusal::{Code, Refusal};
use schemas::{Button, ButtonOf, ContentOf, Text};
use std::cell::Cell;

/// Without a message, text, title, header, HTML, attachment and quick replies come from the template; what the request
/// does give stays. Answers how many bytes it gave.
pub fn apply<S: Text>(content: &mut ContentOf<S>, template: &Template) -> usize {
    if given(&content.message).is_some() {
        return 0;
    }
    let Template { message, title, header, html, attachment, supplement, .. } = template;
    let bytes = Cell::new(0);
    let count = counted(&bytes);
    let own = |text: &String| {
        count(text);
        S::from(text.clone())
    };
    content.message = (!message.is_empty()).then(|| own(message));
    content.title = content.title.take().or_else(|| title.as_ref().map(own));
    content.header = content.header.take().or_else(|| header.as_ref().map(own));
    content.html = content.html.take().or_else(|| html.as_ref().map(own));
    if content.attachment.is_none() {
        content.attachment = attachment.clone().map(|given| Box::new(given.with_texts()));
        content.attachment.as_ref().and_then(|given| given.text_where(&count));
    }
    if content.supplement.is_none() {
        content.supplement = supplement.clone().map(|given| Box::new(given.with_texts()));
        content.supplement.as_ref().and_then(|given| given.text_where(&count));
    }
    bytes.get()
}

/// Whether the text is the template's own, its variables not filled yet: then the filled text matches it too.
pub fn is_verbatim<S: Text>(content: &ContentOf<S>, template: &Template) -> bool {
    content.message.as_deref() == Some(&template.message)
}

/// Refuses an 알림톡 whose text (3016), buttons or quick replies (3027) are not its template's, as Kakao would. What the
/// registration does not hold is not compared, nor a text that is `verbatim`.
pub fn compare<S: Text>(
    at: &Field<'_>,
    content: &ContentOf<S>,
    template: &Template,
    verbatim: bool,
) -> Result<(), Refusal> {
    let message = content.message.as_deref().unwrap_or_default();
    if !verbatim
        && !template.message.is_empty()
        && let Err(position) = matches(&template.message, message)
    {
        let reason = format_args!("parts from template {} at character {position}", template.code);
        return Err(Refusal::new(Code::TemplateMismatch, &at.of("message"), reason));
    }
    if let Some(registered) = &template.attachment {
        let sent = content.attachment.as_ref().map_or(&[][..], |a| &a.button);
        buttons(&at.of("attachment"), "button", sent, &registered.button, &template.code)?;
    }
    match &template.supplement {
        None => Ok(()),
        Some(registered) => {
            let sent = content.supplement.as_ref().map_or(&[][..], |s| &s.quick_reply);
            buttons(&at.of("supplement"), "quick_reply", sent, &registered.quick_reply, &template.code)
        }
    }
}

fn buttons<S: Text>(
    at: &Field<'_>,
    name: &'static str,
    sent: &[ButtonOf<S>],
    registered: &[Button],
    code: &str,
) -> Result<(), Refusal> {
    if sent.len() != registered.len() {
        let reason = format_args!("got {}, template {code} has {}", sent.len(), registered.len());
        return Err(Refusal::new(Code::ButtonMismatch, &at.of(name), reason));
    }
    for (i, (sent, registered)) in sent.iter().zip(registered).enumerate() {
        if let Some(field) = difference(sent, registered) {
            let reason = format_args!("is not that of template {code}");
            return Err(Refusal::new(Code::ButtonMismatch, &at.entry(name, i).of(field), reason));
        }
    }
    Ok(())
}

/// The first field in which a button differs from the registered one, whose texts may have variables.
fn difference<S: Text>(sent: &ButtonOf<S>, registered: &Button) -> Option<&'static str> {
    if *sent.r#type != *registered.r#type {
        return Some("type");
    }
    let fields = [
        ("name", &sent.name, &registered.name),
        ("url_mobile", &sent.url_mobile, &registered.url_mobile),
        ("url_pc", &sent.url_pc, &registered.url_pc),
        ("scheme_android", &sent.scheme_android, &registered.scheme_android),
        ("scheme_ios", &sent.scheme_ios, &registered.scheme_ios),
    ];
    fields
        .into_iter()
        // The name of a button that adds the channel is Kakao's.
        .filter(|(name, ..)| !(*name == "name" && &*sent.r#type == "AC"))
        .find(|(_, sent, registered)| {
            matches(given(registered).unwrap_or_default(), given(sent).unwrap_or_default()).is_err()
        })
        .map(|(name, ..)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Attachment, Button, Content, Supplement};

    fn button(name: &str, url: Option<&str>) -> Button {
        Button { r#type: "WL".into(), name: Some(name.into()), url_mobile: url.map(Into::into), ..Button::default() }
    }

    fn attachment(button: Vec<Button>) -> Attachment {
        Attachment { button, ..Attachment::default() }
    }

    fn template() -> Template {
        Template {
            code: "T1".into(),
            message: "#{name}님의 주문".into(),
            title: Some("주문".into()),
            attachment: Some(attachment(vec![button("주문 보기", Some("https://m.example.kr/#{no}"))])),
            supplement: Some(Supplement { quick_reply: vec![button("문의", Some("https://m.example.kr/qa"))] }),
            ..Template::default()
        }
    }

    fn message(text: &str, buttons: Vec<Button>) -> Content {
        let mut content = Content { message: Some(text.into()), ..Content::default() };
        content.attachment = Some(Box::new(attachment(buttons)));
        content.supplement = template().supplement.map(Box::new);
        content
    }

    fn compared(content: &Content, template: &Template) -> Result<(), (Code, String)> {
        compare(&Field::REQUEST, content, template, false).map_err(|r| (r.code, r.field))
    }

    #[test]
    fn a_message_that_says_nothing_says_what_its_template_says() {
        let mut content = Content { header: Some("머리말".into()), ..Content::default() };
        apply(&mut content, &template());
        assert_eq!(content.message.as_deref(), Some("#{name}님의 주문"));
        assert_eq!(content.title.as_deref(), Some("주문"));
        assert_eq!(content.header.as_deref(), Some("머리말"));
        assert_eq!(content.attachment.map(|a| *a), template().attachment);
        assert_eq!(content.supplement.map(|s| *s), template().supplement);
    }

    #[test]
    fn a_message_that_speaks_for_itself_is_left_alone() {
        let mut content = Content { message: Some("내 글".into()), ..Content::default() };
        apply(&mut content, &template());
        assert!(content == Content { message: Some("내 글".into()), ..Content::default() });
    }

    #[test]
    fn text_and_buttons_of_the_template_pass() {
        let sent = vec![button("주문 보기", Some("https://m.example.kr/123"))];
        assert_eq!(compared(&message("김하늘님의 주문", sent), &template()), Ok(()));
    }

    #[test]
    fn another_text_is_3016() {
        let sent = vec![button("주문 보기", Some("https://m.example.kr/123"))];
        let refused = compared(&message("김하늘님의 예약", sent), &template());
        assert_eq!(refused, Err((Code::TemplateMismatch, "message".into())));
    }

    #[test]
    fn other_buttons_are_3027() {
        let of = |buttons| compared(&message("김하늘님의 주문", buttons), &template());
        let mismatch = |field: &str| Err((Code::ButtonMismatch, field.to_owned()));
        assert_eq!(of(vec![]), mismatch("attachment.button"));
        assert_eq!(of(vec![button("주문", Some("https://m.example.kr/1"))]), mismatch("attachment.button[0].name"));
        let elsewhere = vec![button("주문 보기", Some("https://example.kr/1"))];
        assert_eq!(of(elsewhere), mismatch("attachment.button[0].url_mobile"));
        let keyword = Button { r#type: "BK".into(), ..button("주문 보기", None) };
        assert_eq!(of(vec![keyword]), mismatch("attachment.button[0].type"));
        let on_pc = Button {
            url_pc: Some("https://example.kr".into()),
            ..button("주문 보기", Some("https://m.example.kr/1"))
        };
        assert_eq!(of(vec![on_pc]), mismatch("attachment.button[0].url_pc"));
        let mut unanswered = message("김하늘님의 주문", vec![button("주문 보기", Some("https://m.example.kr/1"))]);
        unanswered.supplement = None;
        assert_eq!(compared(&unanswered, &template()), mismatch("supplement.quick_reply"));
    }

    #[test]
    fn what_the_registration_does_not_hold_is_not_compared() {
        let bare = Template { message: String::new(), attachment: None, supplement: None, ..template() };
        assert_eq!(compared(&message("아무 글", vec![button("아무", None)]), &bare), Ok(()));
    }
}
