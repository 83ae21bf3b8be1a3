//! Carousels: cards of text (CAROUSEL_FEED) or of products (CAROUSEL_COMMERCE).

use super::super::button::{self, Limits, Place};
use super::super::field::Field;
use super::super::link::Links;
use super::super::{attachment, text};
use super::shape::Shape;
use super::{add_channel, commerce as product, coupon};
use crate::refusal::{Code, Refusal};
use schemas::{CarouselItemOf, CarouselOf, Text};

/// 2 to 6 cards, each with header, text, image and 1 or 2 buttons; no introduction.
pub fn feed<S: Text>(
    at: &Field<'_>,
    carousel: &CarouselOf<S>,
    shape: &Shape,
    longest_link: usize,
) -> Result<(), Refusal> {
    if carousel.head.is_some() {
        return Err(Refusal::new(Code::Attachment, &at.of("head"), "CAROUSEL_FEED takes none"));
    }
    attachment::count(&at.of("list"), carousel.list.len(), (2, 6))?;
    for (i, card) in carousel.list.iter().enumerate() {
        let at = at.entry("list", i);
        let CarouselItemOf { header, message, additional_content, commerce, .. } = card;
        needed(&at, "header", header, 20)?;
        needed(&at, "message", message, 180)?;
        none(&at, "additional_content", additional_content.is_some(), "CAROUSEL_FEED")?;
        none(&at, "commerce", commerce.is_some(), "CAROUSEL_FEED")?;
        shared(&at, card, shape, longest_link)?;
    }
    tail(at, carousel, longest_link)
}

/// 2 to 6 cards, or 1 to 5 behind an introduction, each with image, product and 1 or 2 buttons.
pub fn commerce<S: Text>(
    at: &Field<'_>,
    carousel: &CarouselOf<S>,
    shape: &Shape,
    longest_link: usize,
) -> Result<(), Refusal> {
    let counts = if carousel.head.is_some() { (1, 5) } else { (2, 6) };
    if let Some(head) = &carousel.head {
        introduction(&at.of("head"), head, longest_link)?;
    }
    attachment::count(&at.of("list"), carousel.list.len(), counts)?;
    for (i, card) in carousel.list.iter().enumerate() {
        let at = at.entry("list", i);
        let CarouselItemOf { header, message, additional_content, commerce, .. } = card;
        none(&at, "header", header.is_some(), "CAROUSEL_COMMERCE")?;
        none(&at, "message", message.is_some(), "CAROUSEL_COMMERCE")?;
        text::given_at_most(Code::Attachment, &at.of("additional_content"), additional_content, 34)?;
        product::check(&at.of("commerce"), attachment::needed(&at, "commerce", commerce, "CAROUSEL_COMMERCE")?)?;
        shared(&at, card, shape, longest_link)?;
    }
    tail(at, carousel, longest_link)
}

fn introduction<S: Text>(at: &Field<'_>, head: &CarouselItemOf<S>, longest_link: usize) -> Result<(), Refusal> {
    let CarouselItemOf { header, message, additional_content, image, button, coupon, commerce } = head;
    needed(at, "header", header, 20)?;
    needed(at, "message", message, 50)?;
    attachment::image(&at.of("image"), attachment::needed(at, "image", image, "an introduction")?, longest_link)?;
    none(at, "additional_content", additional_content.is_some(), "an introduction")?;
    none(at, "button", !button.is_empty(), "an introduction")?;
    none(at, "coupon", coupon.is_some(), "an introduction")?;
    none(at, "commerce", commerce.is_some(), "an introduction")
}

/// What cards of both kinds have.
fn shared<S: Text>(
    at: &Field<'_>,
    card: &CarouselItemOf<S>,
    shape: &Shape,
    longest_link: usize,
) -> Result<(), Refusal> {
    attachment::image(&at.of("image"), attachment::needed(at, "image", &card.image, "a card")?, longest_link)?;
    let limits = Limits { place: Place::Brand, name: shape.button_name, link: longest_link };
    button::list(at, "button", &card.button, shape.card_buttons, limits)?;
    add_channel(at, &card.button, shape.add_channel_first)?;
    match &card.coupon {
        None => Ok(()),
        Some(coupon) => coupon::check(&at.of("coupon"), coupon, shape.coupon_description, longest_link),
    }
}

/// The link behind the last card; one AC is allowed in the whole carousel.
fn tail<S: Text>(at: &Field<'_>, carousel: &CarouselOf<S>, longest_link: usize) -> Result<(), Refusal> {
    let mut adding = carousel.list.iter().enumerate().filter(|(_, c)| c.button.iter().any(|b| &*b.r#type == "AC"));
    if let Some((i, _)) = adding.nth(1) {
        return Err(Refusal::new(Code::Attachment, &at.entry("list", i), "a second AC, a carousel has one"));
    }
    let Some(tail) = &carousel.tail else { return Ok(()) };
    let at = at.of("tail");
    if text::given(&tail.url_mobile).is_none() {
        return Err(Refusal::new(Code::Attachment, &at.of("url_mobile"), "missing, the tail needs it"));
    }
    Links::from(&**tail).check(Code::Attachment, &at, longest_link)
}

fn needed<S: Text>(at: &Field<'_>, name: &'static str, given: &Option<S>, longest: usize) -> Result<(), Refusal> {
    match text::given(given) {
        None => Err(Refusal::new(Code::Attachment, &at.of(name), "missing, a card needs it")),
        Some(given) => text::at_most(Code::Attachment, &at.of(name), given, longest),
    }
}

fn none(at: &Field<'_>, name: &'static str, given: bool, kind: &str) -> Result<(), Refusal> {
    match given {
        false => Ok(()),
        true => Err(Refusal::new(Code::Attachment, &at.of(name), format_args!("{kind} takes none"))),
    }
}
