//! Filling the variables of everything a message says: texts, and every text and link of its attachment.

use super::field::Field;
use super::variables::{Values, fill};
use crate::refusal::Refusal;
use schemas::{AttachmentOf, ButtonOf, CarouselItemOf, CommerceOf, ContentOf, CouponOf, ImageOf, ItemOf, Text};

/// Fills texts from `texts`, attachment and quick replies from `parts`.
pub fn content<S: Text>(
    at: &Field<'_>,
    content: &mut ContentOf<S>,
    texts: &Values<'_, S>,
    parts: &Values<'_, S>,
) -> Result<(), Refusal> {
    let ContentOf { message, title, header, html, additional_content, .. } = content;
    let fields = [
        ("message", message),
        ("title", title),
        ("header", header),
        ("html", html),
        ("additional_content", additional_content),
    ];
    each(at, fields, texts)?;
    if let Some(given) = &mut content.attachment {
        attachment(&at.of("attachment"), given, parts)?;
    }
    if let Some(given) = &mut content.supplement {
        buttons(&at.of("supplement"), "quick_reply", &mut given.quick_reply, parts)?;
    }
    Ok(())
}

fn each<const N: usize, S: Text>(
    at: &Field<'_>,
    fields: [(&'static str, &mut Option<S>); N],
    values: &Values<'_, S>,
) -> Result<(), Refusal> {
    fields
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.as_mut()?)))
        .try_for_each(|(name, text)| fill(&at.of(name), text, values))
}

fn attachment<S: Text>(at: &Field<'_>, given: &mut AttachmentOf<S>, values: &Values<'_, S>) -> Result<(), Refusal> {
    let AttachmentOf { button, image, item, item_highlight, coupon, commerce, video, carousel, media: _, link } = given;
    buttons(at, "button", button, values)?;
    each(at, [("link", link)], values)?;
    if let Some(given) = image {
        self::image(&at.of("image"), given, values)?;
    }
    if let Some(given) = item {
        let at = at.of("item");
        given.list.iter_mut().enumerate().try_for_each(|(i, row)| self::item(&at.entry("list", i), row, values))?;
        if let Some(summary) = &mut given.summary {
            self::item(&at.of("summary"), summary, values)?;
        }
    }
    if let Some(given) = item_highlight {
        let at = at.of("item_highlight");
        fill(&at.of("title"), &mut given.title, values)?;
        fill(&at.of("description"), &mut given.description, values)?;
        each(&at, [("img_url", &mut given.img_url)], values)?;
    }
    if let Some(given) = coupon {
        self::coupon(&at.of("coupon"), given, values)?;
    }
    if let Some(given) = commerce {
        self::commerce(&at.of("commerce"), given, values)?;
    }
    if let Some(given) = video {
        let at = at.of("video");
        fill(&at.of("video_url"), &mut given.video_url, values)?;
        each(&at, [("thumbnail_url", &mut given.thumbnail_url)], values)?;
    }
    if let Some(given) = carousel {
        let at = at.of("carousel");
        if let Some(head) = &mut given.head {
            card(&at.of("head"), head, values)?;
        }
        given.list.iter_mut().enumerate().try_for_each(|(i, c)| card(&at.entry("list", i), c, values))?;
        if let Some(tail) = &mut given.tail {
            button_texts(&at.of("tail"), tail, values)?;
        }
    }
    Ok(())
}

fn buttons<S: Text>(
    at: &Field<'_>,
    name: &'static str,
    given: &mut [ButtonOf<S>],
    values: &Values<'_, S>,
) -> Result<(), Refusal> {
    given.iter_mut().enumerate().try_for_each(|(i, button)| button_texts(&at.entry(name, i), button, values))
}

fn button_texts<S: Text>(at: &Field<'_>, button: &mut ButtonOf<S>, values: &Values<'_, S>) -> Result<(), Refusal> {
    let ButtonOf { name, url_mobile, url_pc, scheme_android, scheme_ios, chat_extra, relay_id, tel_number, .. } =
        button;
    let fields = [
        ("name", name),
        ("url_mobile", url_mobile),
        ("url_pc", url_pc),
        ("scheme_android", scheme_android),
        ("scheme_ios", scheme_ios),
        ("chat_extra", chat_extra),
        ("relay_id", relay_id),
        ("tel_number", tel_number),
    ];
    each(at, fields, values)
}

fn image<S: Text>(at: &Field<'_>, image: &mut ImageOf<S>, values: &Values<'_, S>) -> Result<(), Refusal> {
    fill(&at.of("img_url"), &mut image.img_url, values)?;
    each(at, [("img_link", &mut image.img_link)], values)
}

fn item<S: Text>(at: &Field<'_>, item: &mut ItemOf<S>, values: &Values<'_, S>) -> Result<(), Refusal> {
    let ItemOf { title, description, img_url, url_mobile, url_pc, scheme_android, scheme_ios } = item;
    fill(&at.of("title"), title, values)?;
    let fields = [
        ("description", description),
        ("img_url", img_url),
        ("url_mobile", url_mobile),
        ("url_pc", url_pc),
        ("scheme_android", scheme_android),
        ("scheme_ios", scheme_ios),
    ];
    each(at, fields, values)
}

fn coupon<S: Text>(at: &Field<'_>, coupon: &mut CouponOf<S>, values: &Values<'_, S>) -> Result<(), Refusal> {
    let CouponOf { title, description, url_mobile, url_pc, scheme_android, scheme_ios } = coupon;
    fill(&at.of("title"), title, values)?;
    fill(&at.of("description"), description, values)?;
    let fields = [
        ("url_mobile", url_mobile),
        ("url_pc", url_pc),
        ("scheme_android", scheme_android),
        ("scheme_ios", scheme_ios),
    ];
    each(at, fields, values)
}

fn commerce<S: Text>(at: &Field<'_>, commerce: &mut CommerceOf<S>, values: &Values<'_, S>) -> Result<(), Refusal> {
    fill(&at.of("title"), &mut commerce.title, values)
}

fn card<S: Text>(at: &Field<'_>, card: &mut CarouselItemOf<S>, values: &Values<'_, S>) -> Result<(), Refusal> {
    let CarouselItemOf { header, message, additional_content, image, button, coupon, commerce } = card;
    each(at, [("header", header), ("message", message), ("additional_content", additional_content)], values)?;
    if let Some(given) = image {
        self::image(&at.of("image"), given, values)?;
    }
    buttons(at, "button", button, values)?;
    if let Some(given) = coupon {
        self::coupon(&at.of("coupon"), given, values)?;
    }
    if let Some(given) = commerce {
        self::commerce(&at.of("commerce"), given, values)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::room::Room;
    use schemas::{
        Attachment, Button, Carousel, CarouselItem, Commerce, Content, Coupon, Highlight, Image, Item, ItemList,
        Supplement, Video,
    };
    use std::collections::BTreeMap;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    /// A content with `text` in every place that is filled.
    fn everywhere(text: &str) -> Content {
        let button = Button {
            r#type: "WL".into(),
            name: some(text),
            url_mobile: some(text),
            url_pc: some(text),
            scheme_android: some(text),
            scheme_ios: some(text),
            chat_extra: some(text),
            relay_id: some(text),
            tel_number: some(text),
            ..Button::default()
        };
        let image = Image { img_url: text.into(), img_link: some(text) };
        let item = Item {
            title: text.into(),
            description: some(text),
            img_url: some(text),
            url_mobile: some(text),
            url_pc: some(text),
            scheme_android: some(text),
            scheme_ios: some(text),
        };
        let coupon = Coupon {
            title: text.into(),
            description: text.into(),
            url_mobile: some(text),
            url_pc: some(text),
            scheme_android: some(text),
            scheme_ios: some(text),
        };
        let commerce = Commerce { title: text.into(), ..Commerce::default() };
        let card = CarouselItem {
            header: some(text),
            message: some(text),
            additional_content: some(text),
            image: Some(Box::new(image.clone())),
            button: vec![button.clone()],
            coupon: Some(Box::new(coupon.clone())),
            commerce: Some(Box::new(commerce.clone())),
        };
        let carousel =
            Carousel { head: Some(Box::new(card.clone())), list: vec![card], tail: Some(Box::new(button.clone())) };
        let highlight = Highlight { title: text.into(), description: text.into(), img_url: some(text) };
        let attachment = Attachment {
            button: vec![button.clone()],
            image: Some(Box::new(image)),
            item: Some(Box::new(ItemList { list: vec![item.clone()], summary: Some(Box::new(item)) })),
            item_highlight: Some(Box::new(highlight)),
            coupon: Some(Box::new(coupon)),
            commerce: Some(Box::new(commerce)),
            video: Some(Box::new(Video { video_url: text.into(), thumbnail_url: some(text) })),
            carousel: Some(Box::new(carousel)),
            media: Vec::new(),
            link: some(text),
        };
        Content {
            message: some(text),
            title: some(text),
            header: some(text),
            html: some(text),
            additional_content: some(text),
            attachment: Some(Box::new(attachment)),
            supplement: Some(Box::new(Supplement { quick_reply: vec![button] })),
            ..Content::default()
        }
    }

    #[test]
    fn every_text_and_link_is_filled() {
        let (map, none) = (BTreeMap::from([("v".to_owned(), "값".to_owned())]), BTreeMap::new());
        let room = Room::default();
        let values = Values([&map, &none, &none], &room);
        let mut filled = everywhere("a#{v}");
        content(&Field::REQUEST, &mut filled, &values, &values).unwrap();
        assert!(filled == everywhere("a값"));
    }

    #[test]
    fn texts_and_parts_have_variables_of_their_own() {
        let of = |value: &str| BTreeMap::from([("v".to_owned(), value.to_owned())]);
        let (texts, parts, none) = (of("text"), of("part"), BTreeMap::new());
        let mut filled = everywhere("#{v}");
        let room = Room::default();
        let (texts, parts) = (Values([&none, &none, &texts], &room), Values([&none, &none, &parts], &room));
        content(&Field::REQUEST, &mut filled, &texts, &parts).unwrap();
        assert_eq!(filled.title.as_deref(), Some("text"));
        assert_eq!(filled.attachment.unwrap().button[0].name.as_deref(), Some("part"));
    }

    #[test]
    fn an_unfilled_variable_is_refused_by_its_path() {
        let none = BTreeMap::new();
        let room = Room::default();
        let values = Values([&none, &none, &none], &room);
        let mut bare = everywhere("x");
        bare.attachment.as_mut().unwrap().carousel.as_mut().unwrap().list[0].button[0].url_pc = some("#{v}");
        let refused = content(&Field::REQUEST, &mut bare, &values, &values).unwrap_err();
        assert_eq!(refused.field, "attachment.carousel.list[0].button[0].url_pc");
    }
}
