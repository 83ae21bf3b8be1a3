//! Brand messages, and 친구톡's types, which have been brand messages since 친구톡 ended on 2025-12-31: published schema
//! BrandMessage and those that it names.
//!
//! A catalog (FG) is not sent: what `type` its items have is not published. Nor are a template's variables: what stands
//! in `messageVariable` is not published, and a template's message may be sent filled.

use super::Unfit;
use schemas::{
    Accepted, Attachment as Given, Button as GivenButton, Carousel as GivenCarousel, CarouselItem, Commerce as Product,
    Content, Coupon as GivenCoupon, Image as GivenImage, Item as GivenItem, MessageType, Video as GivenVideo,
};
use serde::Serialize;

/// A brand message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Brand<'d> {
    send_type: &'static str,
    msg_type: &'static str,
    sender_key: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_code: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    targeting: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    push_alarm: Option<&'d str>,
    #[serde(rename = "originCID", skip_serializing_if = "str::is_empty")]
    origin_cid: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsubscribe_phone_number: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsubscribe_auth_number: Option<&'d str>,
    #[serde(flatten)]
    free: Option<Free<'d>>,
    #[serde(flatten)]
    whole: Whole<'d>,
}

/// What only a message without a template says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Free<'d> {
    ad_flag: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    adult: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_tag_key: Option<&'d str>,
}

/// All that the recipient sees.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_content: Option<&'d str>,
    #[serde(skip_serializing_if = "Attachment::is_empty")]
    attachment: Attachment<'d>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carousel: Option<Carousel<'d>>,
}

#[derive(Serialize, Default)]
struct Attachment<'d> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    button: Vec<Button<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Image<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<Items<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon: Option<Coupon<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commerce: Option<Commerce<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<Video<'d>>,
}

impl Attachment<'_> {
    fn is_empty(&self) -> bool {
        let Self { button, image, item, coupon, commerce, video } = self;
        button.is_empty()
            && image.is_none()
            && item.is_none()
            && coupon.is_none()
            && commerce.is_none()
            && video.is_none()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Button<'d> {
    r#type: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'d str>,
    #[serde(flatten)]
    links: Links<'d>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_extra: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_event: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_form_key: Option<&'d str>,
}

/// Where a tap leads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Links<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    url_pc: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url_mobile: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme_ios: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme_android: Option<&'d str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Image<'d> {
    img_url: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    img_link: Option<&'d str>,
}

#[derive(Serialize)]
struct Items<'d> {
    list: Vec<Item<'d>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'d> {
    title: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    img_url: Option<&'d str>,
    #[serde(flatten)]
    links: Links<'d>,
}

#[derive(Serialize)]
struct Coupon<'d> {
    title: &'d str,
    description: &'d str,
    #[serde(flatten)]
    links: Links<'d>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Commerce<'d> {
    title: &'d str,
    regular_price: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    discount_price: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discount_rate: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discount_fixed: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Video<'d> {
    video_url: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail_url: Option<&'d str>,
}

#[derive(Serialize)]
struct Carousel<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Head<'d>>,
    list: Vec<Card<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tail: Option<Links<'d>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url_mobile: Option<&'d str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Card<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_content: Option<&'d str>,
    #[serde(skip_serializing_if = "Attachment::is_empty")]
    attachment: Attachment<'d>,
}

/// What a type is called on the wire; None: it cannot be said there.
const fn msg_type(message_type: MessageType) -> Option<&'static str> {
    Some(match message_type {
        MessageType::Ft | MessageType::Text => "FT",
        MessageType::Fi | MessageType::Image => "FI",
        MessageType::Fw | MessageType::Wide => "FW",
        MessageType::WideItemList => "FL",
        MessageType::PremiumVideo => "FP",
        MessageType::Commerce => "FM",
        MessageType::CarouselFeed => "FC",
        MessageType::CarouselCommerce => "FA",
        _ => return None,
    })
}

/// A message in free form, or of a template: its variables are filled already, so it goes as a whole too.
pub fn brand<'d>(accepted: &'d Accepted, origin_code: &'d str) -> Result<Brand<'d>, Unfit> {
    let content = &accepted.content;
    let msg_type = msg_type(accepted.message_type).ok_or(Unfit::Type)?;
    let of_template = content.content_type.as_deref() == Some("T");
    Ok(Brand {
        send_type: if of_template { "basic" } else { "free" },
        msg_type,
        sender_key: content.sender_key.as_deref().unwrap_or_default(),
        template_code: content.template_code.as_deref().filter(|_| of_template),
        targeting: content.targeting.as_deref(),
        push_alarm: content.push_alarm.as_deref(),
        origin_cid: origin_code,
        unsubscribe_phone_number: content.unsubscribe_phone_number.as_deref(),
        unsubscribe_auth_number: content.unsubscribe_auth_number.as_deref(),
        free: (!of_template).then_some(Free {
            ad_flag: if accepted.ad { "Y" } else { "N" },
            adult: content.adult.as_deref(),
            group_tag_key: content.group_tag_key.as_deref(),
        }),
        whole: whole(content),
    })
}

fn whole(content: &Content) -> Whole<'_> {
    let given = content.attachment.as_deref();
    Whole {
        text: content.message.as_deref(),
        header: content.header.as_deref(),
        additional_content: content.additional_content.as_deref(),
        attachment: given.map(attachment).unwrap_or_default(),
        carousel: given.and_then(|given| given.carousel.as_deref()).map(carousel),
    }
}

fn attachment(given: &Given) -> Attachment<'_> {
    Attachment {
        button: given.button.iter().map(button).collect(),
        image: given.image.as_deref().map(image),
        item: given.item.as_deref().map(|items| Items { list: items.list.iter().map(item).collect() }),
        coupon: given.coupon.as_deref().map(coupon),
        commerce: given.commerce.as_deref().map(commerce),
        video: given.video.as_deref().map(video),
    }
}

fn button(given: &GivenButton) -> Button<'_> {
    Button {
        r#type: &given.r#type,
        name: given.name.as_deref(),
        links: links_of(given),
        chat_extra: given.chat_extra.as_deref(),
        chat_event: given.chat_event.as_deref(),
        biz_form_key: given.biz_form_key.as_deref(),
    }
}

/// A web link needs an address for desktops too, and an app link one for phones, published as needed: the other stands in
/// for it.
fn links_of(given: &GivenButton) -> Links<'_> {
    let pc = given.url_pc.as_deref().or(given.url_mobile.as_deref().filter(|_| given.r#type == "WL"));
    Links {
        url_pc: pc,
        url_mobile: given.url_mobile.as_deref().or(given.url_pc.as_deref().filter(|_| given.r#type == "AL")),
        scheme_ios: given.scheme_ios.as_deref(),
        scheme_android: given.scheme_android.as_deref(),
    }
}

fn image(given: &GivenImage) -> Image<'_> {
    Image { img_url: &given.img_url, img_link: given.img_link.as_deref() }
}

fn item(given: &GivenItem) -> Item<'_> {
    Item {
        title: &given.title,
        img_url: given.img_url.as_deref(),
        links: Links {
            url_pc: given.url_pc.as_deref(),
            url_mobile: given.url_mobile.as_deref(),
            scheme_ios: given.scheme_ios.as_deref(),
            scheme_android: given.scheme_android.as_deref(),
        },
    }
}

fn coupon(given: &GivenCoupon) -> Coupon<'_> {
    Coupon {
        title: &given.title,
        description: &given.description,
        links: Links {
            url_pc: given.url_pc.as_deref(),
            url_mobile: given.url_mobile.as_deref(),
            scheme_ios: given.scheme_ios.as_deref(),
            scheme_android: given.scheme_android.as_deref(),
        },
    }
}

fn commerce(given: &Product) -> Commerce<'_> {
    Commerce {
        title: &given.title,
        regular_price: given.regular_price_krw,
        discount_price: given.discount_price_krw,
        discount_rate: given.discount_rate_percent,
        discount_fixed: given.discount_fixed_krw,
    }
}

fn video(given: &GivenVideo) -> Video<'_> {
    Video { video_url: &given.video_url, thumbnail_url: given.thumbnail_url.as_deref() }
}

fn carousel(given: &GivenCarousel) -> Carousel<'_> {
    Carousel {
        head: given.head.as_deref().map(|head| Head {
            header: head.header.as_deref(),
            content: head.message.as_deref(),
            image_url: head.image.as_deref().map(|image| image.img_url.as_str()),
            url_mobile: head.image.as_deref().and_then(|image| image.img_link.as_deref()),
        }),
        list: given.list.iter().map(card).collect(),
        tail: given.tail.as_deref().map(links_of),
    }
}

fn card(given: &CarouselItem) -> Card<'_> {
    Card {
        header: given.header.as_deref(),
        message: given.message.as_deref(),
        additional_content: given.additional_content.as_deref(),
        attachment: Attachment {
            button: given.button.iter().map(button).collect(),
            image: given.image.as_deref().map(image),
            coupon: given.coupon.as_deref().map(coupon),
            commerce: given.commerce.as_deref().map(commerce),
            ..Attachment::default()
        },
    }
}
