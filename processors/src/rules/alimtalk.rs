//! 알림톡 (AT, AI): text, title, header, items, highlight, buttons, quick replies (spec/kakao.md §1).

use super::button::{self, Limits, Place};
use super::field::Field;
use super::link::TEMPLATE_LINK;
use super::{attachment, text};
use crate::refusal::{Code, Refusal};
use schemas::{AttachmentOf, ContentOf, HighlightOf, ItemListOf, ItemOf, SupplementOf, Text};

/// Longest text, characters; with an item list, [`TEXT_WITH_ITEMS`].
pub const TEXT: usize = 1000;
/// Longest text beside an item list, characters.
pub const TEXT_WITH_ITEMS: usize = 700;

/// Checks everything that an 알림톡 says.
pub fn check<S: Text>(at: &Field<'_>, content: &ContentOf<S>) -> Result<(), Refusal> {
    let message = text::needed(&at.of("message"), &content.message, "an 알림톡")?;
    let items = content.attachment.as_ref().is_some_and(|a| a.item.is_some());
    text::at_most(Code::TooLong, &at.of("message"), message, if items { TEXT_WITH_ITEMS } else { TEXT })?;
    text::given_at_most(Code::TooLong, &at.of("title"), &content.title, 50)?;
    text::given_at_most(Code::TooLong, &at.of("header"), &content.header, 16)?;
    if let Some(attachment) = &content.attachment {
        parts(&at.of("attachment"), attachment)?;
    }
    content.supplement.as_ref().map_or(Ok(()), |supplement| quick_replies(&at.of("supplement"), supplement))
}

fn parts<S: Text>(at: &Field<'_>, given: &AttachmentOf<S>) -> Result<(), Refusal> {
    attachment::only(at, given, &["button", "image", "item", "item_highlight"], "an 알림톡")?;
    let limits = Limits { place: Place::Alimtalk, name: 14, link: TEMPLATE_LINK };
    button::list(at, "button", &given.button, (0, 5), limits)?;
    if let Some(image) = &given.image {
        attachment::image(&at.of("image"), image, TEMPLATE_LINK)?;
    }
    if let Some(list) = &given.item {
        items(&at.of("item"), list)?;
    }
    given.item_highlight.as_ref().map_or(Ok(()), |given| highlight(&at.of("item_highlight"), given))
}

fn quick_replies<S: Text>(at: &Field<'_>, supplement: &SupplementOf<S>) -> Result<(), Refusal> {
    let limits = Limits { place: Place::QuickReply, name: 14, link: TEMPLATE_LINK };
    button::list(at, "quick_reply", &supplement.quick_reply, (0, 5), limits)
}

/// Over the lengths are Kakao's 3037 and 3039, other characters in a summary its 3040.
fn items<S: Text>(at: &Field<'_>, items: &ItemListOf<S>) -> Result<(), Refusal> {
    attachment::count(&at.of("list"), items.list.len(), (2, 10))?;
    for (i, item) in items.list.iter().enumerate() {
        row(&at.entry("list", i), item, 23)?;
    }
    let Some(summary) = &items.summary else { return Ok(()) };
    let at = at.of("summary");
    let amount = row(&at, summary, 14)?;
    match amount.chars().position(|c| !is_amount(c)) {
        None => Ok(()),
        Some(position) => Err(Refusal::new(
            Code::Attachment,
            &at.of("description"),
            format_args!("character {}: digits, comma, dot and units of currency are allowed", position + 1),
        )),
    }
}

fn row<'i, S: Text>(at: &Field<'_>, item: &'i ItemOf<S>, longest: usize) -> Result<&'i str, Refusal> {
    if text::is_blank(&item.title) {
        return Err(Refusal::new(Code::Attachment, &at.of("title"), "missing"));
    }
    text::at_most(Code::Attachment, &at.of("title"), &item.title, 6)?;
    let Some(description) = text::given(&item.description) else {
        return Err(Refusal::new(Code::Attachment, &at.of("description"), "missing"));
    };
    text::at_most(Code::Attachment, &at.of("description"), description, longest)?;
    Ok(description)
}

/// Digits, punctuation of amounts, and the signs, names and ISO codes of currencies.
fn is_amount(c: char) -> bool {
    matches!(c, '0'..='9' | ',' | '.' | ' ' | 'A'..='Z') || "₩￦$€¥￥£元원달러유로엔위안".contains(c)
}

/// Over the lengths are Kakao's 3034 and 3035.
fn highlight<S: Text>(at: &Field<'_>, highlight: &HighlightOf<S>) -> Result<(), Refusal> {
    let (title, description) = if highlight.img_url.is_some() { (21, 13) } else { (30, 19) };
    text::at_most(Code::Attachment, &at.of("title"), &highlight.title, title)?;
    text::at_most(Code::Attachment, &at.of("description"), &highlight.description, description)?;
    match text::given(&highlight.img_url) {
        None => Ok(()),
        Some(url) => super::link::web(Code::Attachment, &at.of("img_url"), url, TEMPLATE_LINK),
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::Field;
    use super::*;
    use schemas::{Attachment, Button, Content, Highlight, Item, ItemList, Supplement};

    fn content(length: usize) -> Content {
        Content { message: Some("가".repeat(length)), ..Content::default() }
    }

    fn with(attachment: Attachment) -> Content {
        Content { attachment: Some(Box::new(attachment)), ..content(1) }
    }

    fn item(title: usize, description: &str) -> Item {
        Item { title: "가".repeat(title), description: Some(description.into()), ..Item::default() }
    }

    fn with_items(rows: Vec<Item>, summary: Option<Item>) -> Content {
        let list = ItemList { list: rows, summary: summary.map(Box::new) };
        with(Attachment { item: Some(Box::new(list)), ..Attachment::default() })
    }

    fn with_highlight(title: usize, description: usize, thumbnail: bool) -> Content {
        let highlight = Highlight {
            title: "가".repeat(title),
            description: "나".repeat(description),
            img_url: thumbnail.then(|| "https://img.example.kr/1.png".into()),
        };
        with(Attachment { item_highlight: Some(Box::new(highlight)), ..Attachment::default() })
    }

    fn refused(content: &Content) -> (Code, String) {
        check(&Field::REQUEST, content).map_err(|r| (r.code, r.message)).unwrap_err()
    }

    fn passes(content: &Content) -> bool {
        check(&Field::REQUEST, content).is_ok()
    }

    #[test]
    fn texts_hold_at_the_limit_and_fail_beyond() {
        assert!(passes(&content(1000)));
        assert_eq!(refused(&content(1001)), (Code::TooLong, "message: got 1001 characters, at most 1000".into()));
        let titled = |n| Content { title: Some("가".repeat(n)), ..content(1) };
        assert!(passes(&titled(50)));
        assert_eq!(refused(&titled(51)), (Code::TooLong, "title: got 51 characters, at most 50".into()));
        let headed = |n| Content { header: Some("가".repeat(n)), ..content(1) };
        assert!(passes(&headed(16)));
        assert_eq!(refused(&headed(17)), (Code::TooLong, "header: got 17 characters, at most 16".into()));
        let listed = |n| Content { message: Some("가".repeat(n)), ..with_items(vec![item(6, "1"); 2], None) };
        assert!(passes(&listed(700)));
        assert_eq!(refused(&listed(701)).0, Code::TooLong);
        assert_eq!(refused(&content(0)).0, Code::Missing);
    }

    #[test]
    fn items_hold_at_the_limit_and_fail_beyond() {
        let rows = |n| with_items(vec![item(6, &"가".repeat(23)); n], None);
        assert!(passes(&rows(2)) && passes(&rows(10)));
        assert_eq!(refused(&rows(1)).1, "attachment.item.list: got 1, 2 to 10 are allowed");
        assert_eq!(refused(&rows(11)).0, Code::Attachment);
        let second = |row| with_items(vec![item(1, "1"), row], None);
        assert_eq!(refused(&second(item(7, "1"))).1, "attachment.item.list[1].title: got 7 characters, at most 6");
        assert_eq!(
            refused(&second(item(1, &"가".repeat(24)))).1,
            "attachment.item.list[1].description: got 24 characters, at most 23"
        );
        assert_eq!(refused(&second(item(0, "1"))).1, "attachment.item.list[1].title: missing");
    }

    #[test]
    fn a_summary_is_an_amount() {
        let sum = |title, description: &str| with_items(vec![item(1, "1"); 2], Some(item(title, description)));
        for amount in ["10,000원", "₩ 1,234.50", "USD 12", "99 달러", "12345678901234"] {
            assert!(passes(&sum(6, amount)), "{amount}");
        }
        assert!(!passes(&sum(7, "1원")));
        assert!(!passes(&sum(6, "123456789012345")));
        let refused = refused(&sum(6, "10개"));
        assert!(refused.1.starts_with("attachment.item.summary.description: character 3:"), "{}", refused.1);
    }

    #[test]
    fn a_highlight_is_shorter_beside_a_thumbnail() {
        assert!(passes(&with_highlight(30, 19, false)) && passes(&with_highlight(21, 13, true)));
        for (title, description, thumbnail) in [(31, 19, false), (30, 20, false), (22, 13, true), (21, 14, true)] {
            assert!(!passes(&with_highlight(title, description, thumbnail)), "{title} {description} {thumbnail}");
        }
    }

    #[test]
    fn five_buttons_and_five_quick_replies_are_the_most() {
        let keyword = Button { r#type: "BK".into(), name: Some("메뉴".into()), ..Button::default() };
        let buttons = |n| with(Attachment { button: vec![keyword.clone(); n], ..Attachment::default() });
        assert!(passes(&buttons(5)));
        assert_eq!(refused(&buttons(6)), (Code::Attachment, "attachment.button: got 6, 0 to 5 are allowed".into()));
        let replies = |n| Content {
            supplement: Some(Box::new(Supplement { quick_reply: vec![keyword.clone(); n] })),
            ..content(1)
        };
        assert!(passes(&replies(5)));
        assert_eq!(
            refused(&replies(6)),
            (Code::Supplement, "supplement.quick_reply: got 6, 0 to 5 are allowed".into())
        );
    }

    #[test]
    fn parts_of_other_messages_are_refused() {
        let linked = Attachment { link: Some("https://example.kr".into()), ..Attachment::default() };
        assert_eq!(refused(&with(linked)), (Code::Attachment, "attachment.link: an 알림톡 takes none".into()));
    }
}
