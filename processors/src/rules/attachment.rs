//! What every kind of attachment shares: which parts a type takes, and images.

use super::field::Field;
use super::{link, text};
use crate::refusal::{Code, Refusal};
use schemas::{AttachmentOf, ImageOf, Text};

/// A part of an attachment, named as in the request.
pub const PARTS: [&str; 10] =
    ["button", "image", "item", "item_highlight", "coupon", "commerce", "video", "carousel", "media", "link"];

/// Refuses a part that the type does not take; nothing of what a customer wrote is dropped in silence.
pub fn only<S: Text>(
    at: &Field<'_>,
    attachment: &AttachmentOf<S>,
    allowed: &[&str],
    kind: &str,
) -> Result<(), Refusal> {
    let AttachmentOf { button, image, item, item_highlight, coupon, commerce, video, carousel, media, link } =
        attachment;
    let given = [
        !button.is_empty(),
        image.is_some(),
        item.is_some(),
        item_highlight.is_some(),
        coupon.is_some(),
        commerce.is_some(),
        video.is_some(),
        carousel.is_some(),
        !media.is_empty(),
        link.is_some(),
    ];
    match PARTS.into_iter().zip(given).find(|(part, given)| *given && !allowed.contains(part)) {
        None => Ok(()),
        Some((part, _)) => Err(Refusal::new(Code::Attachment, &at.of(part), format_args!("{kind} takes none"))),
    }
}

/// The value of a part that the type must have.
pub fn needed<'p, T>(at: &Field<'_>, name: &'static str, part: &'p Option<T>, kind: &str) -> Result<&'p T, Refusal> {
    part.as_ref().ok_or_else(|| Refusal::new(Code::Attachment, &at.of(name), format_args!("missing, {kind} needs it")))
}

/// An image: its address, and the link that a tap opens.
pub fn image<S: Text>(at: &Field<'_>, image: &ImageOf<S>, longest_link: usize) -> Result<(), Refusal> {
    link::web(Code::Attachment, &at.of("img_url"), &image.img_url, longest_link)?;
    match text::given(&image.img_link) {
        None => Ok(()),
        Some(link) => link::web(Code::Attachment, &at.of("img_link"), link, longest_link),
    }
}

/// How many entries a list has.
pub fn count(at: &Field<'_>, got: usize, (at_least, at_most): (usize, usize)) -> Result<(), Refusal> {
    match (at_least..=at_most).contains(&got) {
        true => Ok(()),
        false => {
            Err(Refusal::new(Code::Attachment, at, format_args!("got {got}, {at_least} to {at_most} are allowed")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::top;
    use super::*;
    use schemas::{Attachment, Carousel, Image, Video};

    #[test]
    fn a_part_that_the_type_does_not_take_is_named() {
        let at = top("attachment");
        let video = Attachment { video: Some(Box::new(Video::default())), ..Attachment::default() };
        assert_eq!(only(&at, &video, &["button", "video"], "PREMIUM_VIDEO"), Ok(()));
        assert_eq!(only(&at, &video, &["button"], "TEXT").unwrap_err().message, "attachment.video: TEXT takes none");
        let carousel = Attachment { carousel: Some(Box::new(Carousel::default())), ..Attachment::default() };
        assert_eq!(only(&at, &carousel, &["video"], "TEXT").unwrap_err().field, "attachment.carousel");
    }

    #[test]
    fn an_image_has_an_address_and_maybe_a_link() {
        let check = |url: &str, link: Option<&str>| {
            image(&top("attachment").of("image"), &Image { img_url: url.into(), img_link: link.map(Into::into) }, 500)
        };
        assert_eq!(check("https://img.example.kr/1.jpg", None), Ok(()));
        assert_eq!(check("https://img.example.kr/1.jpg", Some("https://example.kr")), Ok(()));
        assert_eq!(check("1.jpg", None).unwrap_err().field, "attachment.image.img_url");
        assert_eq!(check("https://img.example.kr/1.jpg", Some("x")).unwrap_err().field, "attachment.image.img_link");
    }
}
