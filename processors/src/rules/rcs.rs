//! RCS (RC): products, their lengths, media and suggestions (spec/push-email-rcs.md §4).

use super::button::telephone;
use super::field::Field;
use super::link::{self, FREE_LINK};
use super::{attachment, text};
use crate::refusal::{Code, Refusal};
use schemas::{AttachmentOf, ButtonOf, ContentOf, MessageType, Text};

/// Kinds of suggestion (infobank-omni-sdk models).
const SUGGESTIONS: [&str; 9] = ["URL", "MAP_LOC", "MAP_QRY", "MAP_SEND", "CALENDAR", "COPY", "COM_T", "COM_V", "DIAL"];

/// What a product allows.
struct Product {
    text: usize,
    buttons: usize,
    /// Media files, least and most.
    media: (usize, usize),
}

impl Product {
    fn of(message_type: MessageType) -> Self {
        match message_type {
            MessageType::Rcssms => Self { text: 100, buttons: 1, media: (0, 0) },
            MessageType::Rcslms => Self { text: 1300, buttons: 3, media: (0, 0) },
            // One card, or a carousel of up to six; two buttons a card.
            MessageType::Rcsmms => Self { text: 1300, buttons: 12, media: (1, 6) },
            // The template decides: text 90, image 500, LMS 1300; its messagebase refuses what is over.
            _ => Self { text: 1300, buttons: 3, media: (0, 6) },
        }
    }
}

/// Checks everything that an RCS message says.
pub fn check<S: Text>(at: &Field<'_>, message_type: MessageType, content: &ContentOf<S>) -> Result<(), Refusal> {
    let kind = message_type.as_str();
    let product = Product::of(message_type);
    let message = text::needed(&at.of("message"), &content.message, kind)?;
    text::at_most(Code::TooLong, &at.of("message"), message, product.text)?;
    text::given_at_most(Code::TooLong, &at.of("title"), &content.title, 30)?;
    text::given_at_most(Code::TooLong, &at.of("footer"), &content.footer, 100)?;
    text::yes_or_no(&at.of("copy_allowed"), &content.copy_allowed)?;
    let none = AttachmentOf::default();
    parts(&at.of("attachment"), content.attachment.as_deref().unwrap_or(&none), kind, &product)
}

fn parts<S: Text>(at: &Field<'_>, given: &AttachmentOf<S>, kind: &str, product: &Product) -> Result<(), Refusal> {
    attachment::only(at, given, &["button", "media"], kind)?;
    attachment::count(&at.of("media"), given.media.len(), product.media)?;
    for (i, media) in given.media.iter().enumerate() {
        let file = media.strip_prefix("maapfile://");
        if !file.is_some_and(|f| !f.is_empty() && !f.contains(char::is_whitespace)) {
            return Err(Refusal::new(Code::Attachment, &at.entry("media", i), "must start with maapfile://"));
        }
    }
    // A carousel has two buttons a card.
    let most = if given.media.is_empty() { product.buttons } else { 2 * given.media.len() };
    attachment::count(&at.of("button"), given.button.len(), (0, most))?;
    given.button.iter().enumerate().try_for_each(|(i, button)| suggestion(&at.entry("button", i), button))
}

fn suggestion<S: Text>(at: &Field<'_>, button: &ButtonOf<S>) -> Result<(), Refusal> {
    let kind = &*button.r#type;
    if !SUGGESTIONS.contains(&kind) {
        let got: String = kind.chars().take(10).collect();
        let allowed = SUGGESTIONS.join(" ");
        return Err(Refusal::new(
            Code::ButtonType,
            &at.of("type"),
            format_args!("got {got:?}, allowed here: {allowed}"),
        ));
    }
    let needed = |name: &'static str, value| {
        text::given(value)
            .ok_or_else(|| Refusal::new(Code::Attachment, &at.of(name), format_args!("missing, {kind} needs it")))
    };
    needed("name", &button.name)?;
    match kind {
        "URL" => {
            let url = needed("url_mobile", &button.url_mobile)?;
            link::web(Code::Attachment, &at.of("url_mobile"), url, FREE_LINK)
        }
        "DIAL" => telephone(Code::Attachment, &at.of("tel_number"), needed("tel_number", &button.tel_number)?),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Attachment, Button, Content};

    fn content(length: usize, attachment: Attachment) -> Content {
        Content { message: Some("가".repeat(length)), attachment: Some(Box::new(attachment)), ..Content::default() }
    }

    fn with(buttons: usize, media: usize) -> Attachment {
        let copy = Button { r#type: "COPY".into(), name: Some("복사".into()), ..Button::default() };
        Attachment { button: vec![copy; buttons], media: vec!["maapfile://f".into(); media], ..Attachment::default() }
    }

    fn run(message_type: MessageType, content: &Content) -> Result<(), (Code, String)> {
        check(&Field::REQUEST, message_type, content).map_err(|r| (r.code, r.message))
    }

    #[test]
    fn products_hold_at_the_limit_and_fail_beyond() {
        let cases = [
            (MessageType::Rcssms, 100, 1, 0),
            (MessageType::Rcslms, 1300, 3, 0),
            (MessageType::Rcsmms, 1300, 2, 1),
            (MessageType::Rcsmms, 1300, 12, 6),
            (MessageType::Rcstmpl, 1300, 3, 0),
        ];
        for (kind, text, buttons, media) in cases {
            assert_eq!(run(kind, &content(text, with(buttons, media))), Ok(()), "{kind}");
            assert_eq!(run(kind, &content(text + 1, with(0, media))).unwrap_err().0, Code::TooLong, "{kind}");
            let over = run(kind, &content(1, with(buttons + 1, media))).unwrap_err();
            assert_eq!(over.0, Code::Attachment, "{kind}");
        }
        assert_eq!(run(MessageType::Rcsmms, &content(1, with(0, 0))).unwrap_err().0, Code::Attachment);
        assert_eq!(run(MessageType::Rcsmms, &content(1, with(0, 7))).unwrap_err().0, Code::Attachment);
        assert_eq!(run(MessageType::Rcslms, &content(1, with(0, 1))).unwrap_err().0, Code::Attachment);
        assert_eq!(run(MessageType::Rcssms, &content(0, with(0, 0))).unwrap_err().0, Code::Missing);
        let titled = |n: usize| Content { title: Some("가".repeat(n)), ..content(1, with(0, 0)) };
        assert_eq!(run(MessageType::Rcslms, &titled(30)), Ok(()));
        assert_eq!(run(MessageType::Rcslms, &titled(31)).unwrap_err().0, Code::TooLong);
        let footed = |n: usize| Content { footer: Some("0".repeat(n)), ..content(1, with(0, 0)) };
        assert_eq!(run(MessageType::Rcslms, &footed(100)), Ok(()));
        assert_eq!(run(MessageType::Rcslms, &footed(101)).unwrap_err().0, Code::TooLong);
    }

    #[test]
    fn a_suggestion_has_what_its_kind_needs() {
        let button = |kind: &str| Button { r#type: kind.into(), name: Some("보기".into()), ..Button::default() };
        let one = |button| {
            let attachment = Attachment { button: vec![button], ..Attachment::default() };
            check(&Field::REQUEST, MessageType::Rcslms, &content(1, attachment)).map_err(|r| r.field)
        };
        assert_eq!(one(Button { url_mobile: Some("https://example.kr".into()), ..button("URL") }), Ok(()));
        assert_eq!(one(button("URL")), Err("attachment.button[0].url_mobile".into()));
        assert_eq!(one(Button { tel_number: Some("15881234".into()), ..button("DIAL") }), Ok(()));
        assert_eq!(one(button("DIAL")), Err("attachment.button[0].tel_number".into()));
        assert_eq!(one(Button { name: None, ..button("COPY") }), Err("attachment.button[0].name".into()));
        assert_eq!(one(button("WL")), Err("attachment.button[0].type".into()));
    }
}
