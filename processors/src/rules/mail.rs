//! Email (EM): subject, body, sender.

use super::field::Field;
use super::{address, attachment, text};
use crate::refusal::{Code, Refusal};
use schemas::{ContentOf, Text};

/// Largest body, text and HTML together, bytes.
pub const BODY_BYTES: usize = 512 * 1024;
/// Most attached files (NHN Email).
const FILES: usize = 10;

/// Checks everything that an email says. Line breaks in subject or names would end a header, so there are none.
pub fn check<S: Text>(at: &Field<'_>, content: &ContentOf<S>) -> Result<(), Refusal> {
    let subject = text::needed(&at.of("title"), &content.title, "EM")?;
    text::at_most(Code::TooLong, &at.of("title"), subject, 255)?;
    text::one_line(&at.of("title"), subject)?;
    if text::given(&content.message).is_none() && text::given(&content.html).is_none() {
        return Err(Refusal::missing(&at.of("message"), "EM"));
    }
    let length = |text: &Option<S>| text.as_deref().map_or(0, str::len);
    let got = length(&content.message) + length(&content.html);
    if got > BODY_BYTES {
        let reason = format_args!("got {got} bytes with html, at most {BODY_BYTES}");
        return Err(Refusal::new(Code::TooLong, &at.of("message"), reason));
    }
    let from = text::needed(&at.of("from_email"), &content.from_email, "EM")?;
    address::mailbox(&at.of("from_email"), from, 100)?;
    if let Some(name) = text::given(&content.from_name) {
        text::at_most(Code::BadRequest, &at.of("from_name"), name, 100)?;
        text::one_line(&at.of("from_name"), name)?;
    }
    if let Some(given) = &content.attachment {
        attachment::only(&at.of("attachment"), given, &[], "EM")?;
    }
    match content.attach_file_list.len() {
        got if got > FILES => Err(Refusal::bad(&at.of("attach_file_list"), format_args!("got {got}, at most {FILES}"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::Content;

    fn mail() -> Content {
        Content {
            title: Some("주문 안내".into()),
            message: Some("가".into()),
            from_email: Some("shop@example.kr".into()),
            ..Content::default()
        }
    }

    fn run(content: &Content) -> Result<(), (Code, String)> {
        check(&Field::REQUEST, content).map_err(|r| (r.code, r.field))
    }

    #[test]
    fn fields_hold_at_the_limit_and_fail_beyond() {
        let titled = |n: usize| Content { title: Some("가".repeat(n)), ..mail() };
        assert_eq!(run(&titled(255)), Ok(()));
        assert_eq!(run(&titled(256)), Err((Code::TooLong, "title".into())));
        let body = |text: usize, html: usize| Content {
            message: Some("a".repeat(text)),
            html: Some("b".repeat(html)),
            ..mail()
        };
        assert_eq!(run(&body(24, BODY_BYTES - 24)), Ok(()));
        assert_eq!(run(&body(25, BODY_BYTES - 24)), Err((Code::TooLong, "message".into())));
        let named = |n: usize| Content { from_name: Some("가".repeat(n)), ..mail() };
        assert_eq!(run(&named(100)), Ok(()));
        assert_eq!(run(&named(101)), Err((Code::BadRequest, "from_name".into())));
        let from =
            |n: usize| Content { from_email: Some(format!("a@{}.{}.kr", "b".repeat(50), "c".repeat(n))), ..mail() };
        assert_eq!(run(&from(44)), Ok(()));
        assert_eq!(run(&from(45)), Err((Code::BadRequest, "from_email".into())));
        let files = |n: usize| Content { attach_file_list: vec!["f".into(); n], ..mail() };
        assert_eq!(run(&files(10)), Ok(()));
        assert!(run(&files(11)).is_err());
    }

    #[test]
    fn html_alone_is_a_body() {
        assert_eq!(run(&Content { message: None, html: Some("<p>가</p>".into()), ..mail() }), Ok(()));
        assert_eq!(run(&Content { message: None, ..mail() }), Err((Code::Missing, "message".into())));
    }

    #[test]
    fn a_subject_cannot_smuggle_a_header() {
        assert_eq!(
            run(&Content { title: Some("a\r\nBcc: b@example.kr".into()), ..mail() }),
            Err((Code::BadRequest, "title".into()))
        );
        assert!(run(&Content { from_name: Some("a\nb".into()), ..mail() }).is_err());
    }

    #[test]
    fn subject_and_sender_are_mandatory() {
        assert_eq!(run(&Content { title: None, ..mail() }), Err((Code::Missing, "title".into())));
        assert_eq!(run(&Content { from_email: None, ..mail() }), Err((Code::Missing, "from_email".into())));
    }
}
