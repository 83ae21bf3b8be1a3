//! 친구톡 (FT, FI, FW) and brand messages (BT): what each type must and may have (spec/kakao.md §3).

mod carousel;
mod commerce;
mod coupon;
mod items;
mod shape;
mod video;

use super::button::{self, Limits, Place};
use super::field::Field;
use super::{attachment, text};
use crate::refusal::{Code, Refusal};
use schemas::{AttachmentOf, ButtonOf, ContentOf, MessageType, Text};
use shape::{Body, Presence, Shape};

/// Checks everything that a message of this type says. `longest_link` is 1000 characters in free form, 500 in templates.
pub fn check<S: Text>(
    at: &Field<'_>,
    message_type: MessageType,
    content: &ContentOf<S>,
    longest_link: usize,
) -> Result<(), Refusal> {
    let shape = Shape::of(message_type);
    let kind = message_type.as_str();
    presence(&at.of("message"), &content.message, shape.message, kind)?;
    presence(&at.of("header"), &content.header, shape.header, kind)?;
    presence(&at.of("additional_content"), &content.additional_content, shape.additional_content, kind)?;
    settings(at, content)?;
    let none = AttachmentOf::default();
    let given = content.attachment.as_deref().unwrap_or(&none);
    parts(&at.of("attachment"), given, &shape, kind, longest_link)
}

/// Whether a type has a text of its own beside what is attached.
pub fn takes_text(message_type: MessageType) -> bool {
    Shape::of(message_type).message != Presence::None
}

fn presence<S: Text>(at: &Field<'_>, given: &Option<S>, allowed: Presence, kind: &str) -> Result<(), Refusal> {
    match (text::given(given), allowed) {
        (None, Presence::Needed(_)) => Err(Refusal::missing(at, kind)),
        (None, _) => Ok(()),
        (Some(_), Presence::None) => Err(Refusal::bad(at, format_args!("{kind} takes none"))),
        (Some(given), Presence::Allowed(most) | Presence::Needed(most)) => {
            text::at_most(Code::TooLong, at, given, most)
        }
    }
}

/// Whom a brand message (BT) is for, and whether a template says it.
pub fn audience<S: Text>(at: &Field<'_>, content: &ContentOf<S>) -> Result<(), Refusal> {
    let targeting = text::needed(&at.of("targeting"), &content.targeting, "BT")?;
    if !["M", "N", "I"].contains(&targeting) {
        return Err(Refusal::bad(&at.of("targeting"), "M, N or I is allowed"));
    }
    match text::given(&content.content_type) {
        None | Some("F") => Ok(()),
        Some("T") => text::needed(&at.of("template_code"), &content.template_code, "content_type T").map(drop),
        Some(_) => Err(Refusal::bad(&at.of("content_type"), "F or T is allowed")),
    }
}

/// The fields that all types share.
fn settings<S: Text>(at: &Field<'_>, content: &ContentOf<S>) -> Result<(), Refusal> {
    text::yes_or_no(&at.of("push_alarm"), &content.push_alarm)?;
    text::yes_or_no(&at.of("adult"), &content.adult)?;
    text::given_at_most(Code::BadRequest, &at.of("group_tag_key"), &content.group_tag_key, 40)?;
    text::given_at_most(Code::BadRequest, &at.of("unsubscribe_auth_number"), &content.unsubscribe_auth_number, 10)?;
    let field = at.of("unsubscribe_phone_number");
    text::given_at_most(Code::BadRequest, &field, &content.unsubscribe_phone_number, 13)?;
    match text::given(&content.unsubscribe_phone_number) {
        Some(number) if !number.starts_with("080") => Err(Refusal::bad(&field, "must be a free number, 080…")),
        Some(number) => button::telephone(Code::BadRequest, &field, number),
        None => Ok(()),
    }
}

fn parts<S: Text>(
    at: &Field<'_>,
    given: &AttachmentOf<S>,
    shape: &Shape,
    kind: &str,
    longest_link: usize,
) -> Result<(), Refusal> {
    attachment::only(at, given, shape.parts, kind)?;
    let (least, most) = shape.buttons;
    let most = if given.coupon.is_some() { shape.buttons_beside_coupon } else { most };
    let limits = Limits { place: Place::Brand, name: shape.button_name, link: longest_link };
    button::list(at, "button", &given.button, (least, most), limits)?;
    add_channel(at, &given.button, shape.add_channel_first)?;
    if let Some(image) = &given.image {
        attachment::image(&at.of("image"), image, longest_link)?;
    }
    if let Some(coupon) = &given.coupon {
        coupon::check(&at.of("coupon"), coupon, shape.coupon_description, longest_link)?;
    }
    let field = |name| at.of(name);
    match shape.body {
        Body::Text => Ok(()),
        Body::Image => attachment::needed(at, "image", &given.image, kind).map(drop),
        Body::WideItems => {
            items::wide(&field("item"), attachment::needed(at, "item", &given.item, kind)?, longest_link)
        }
        Body::Catalog => {
            items::catalog(&field("item"), attachment::needed(at, "item", &given.item, kind)?, longest_link)
        }
        Body::Video => video::check(&field("video"), attachment::needed(at, "video", &given.video, kind)?),
        Body::Commerce => {
            attachment::needed(at, "image", &given.image, kind)?;
            commerce::check(&field("commerce"), attachment::needed(at, "commerce", &given.commerce, kind)?)
        }
        Body::Feed => carousel::feed(
            &field("carousel"),
            attachment::needed(at, "carousel", &given.carousel, kind)?,
            shape,
            longest_link,
        ),
        Body::CommerceCards => carousel::commerce(
            &field("carousel"),
            attachment::needed(at, "carousel", &given.carousel, kind)?,
            shape,
            longest_link,
        ),
    }
}

/// At most one button adds the channel: the first under TEXT and IMAGE, the last elsewhere, where at most two stand
/// (MTS Brand Message guide §20).
fn add_channel<S: Text>(at: &Field<'_>, buttons: &[ButtonOf<S>], first: bool) -> Result<(), Refusal> {
    let mut places = (0..buttons.len()).filter(|&i| &*buttons[i].r#type == "AC");
    let Some(place) = places.next() else { return Ok(()) };
    if let Some(second) = places.next() {
        return Err(Refusal::new(Code::Attachment, &at.entry("button", second), "a second AC, one is allowed"));
    }
    let (allowed, word) = if first { (0, "first") } else { (buttons.len() - 1, "last") };
    match place == allowed {
        true => Ok(()),
        false => Err(Refusal::new(
            Code::Attachment,
            &at.entry("button", place),
            format_args!("AC must be the {word} button"),
        )),
    }
}

#[cfg(test)]
mod tests;
