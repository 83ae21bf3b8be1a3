//! A brand message as its published schemas have it: required fields by `sendType`, what each `msgType` must and may have,
//! limits of texts and lists.

use schemas::Family;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
pub struct Brand {
    send_type: String,
    msg_type: Option<String>,
    sender_key: String,
    template_code: Option<String>,
    targeting: Option<String>,
    text: Option<String>,
    header: Option<String>,
    header_description: Option<String>,
    additional_content: Option<String>,
    group_tag_key: Option<String>,
    adult: Option<String>,
    push_alarm: Option<String>,
    ad_flag: Option<String>,
    message_variable: Option<Value>,
    button_variable: Option<Value>,
    coupon_variable: Option<Value>,
    image_variable: Option<Value>,
    video_variable: Option<Value>,
    commerce_variable: Option<Value>,
    carousel_variable: Option<Vec<Value>>,
    catalog_variable: Option<Vec<Value>>,
    #[serde(rename = "originCID")]
    origin_cid: Option<String>,
    unsubscribe_phone_number: Option<String>,
    unsubscribe_auth_number: Option<String>,
    attachment: Option<Attachment>,
    carousel: Option<Carousel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Attachment {
    button: Option<Vec<Button>>,
    image: Option<Image>,
    item: Option<Items>,
    coupon: Option<Coupon>,
    commerce: Option<Commerce>,
    video: Option<Video>,
    catalog: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Button {
    r#type: String,
    name: Option<String>,
    url_pc: Option<String>,
    url_mobile: Option<String>,
    scheme_ios: Option<String>,
    scheme_android: Option<String>,
    chat_extra: Option<String>,
    chat_event: Option<String>,
    biz_form_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Image {
    img_url: String,
    img_link: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Items {
    list: Option<Vec<Item>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Item {
    title: Option<String>,
    img_url: Option<String>,
    url_mobile: Option<String>,
    url_pc: Option<String>,
    scheme_ios: Option<String>,
    scheme_android: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Coupon {
    title: String,
    description: String,
    url_pc: Option<String>,
    url_mobile: Option<String>,
    scheme_android: Option<String>,
    scheme_ios: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Commerce {
    title: String,
    regular_price: u32,
    discount_price: Option<u32>,
    discount_rate: Option<u32>,
    discount_fixed: Option<u32>,
    regular_price_name: Option<String>,
    discount_price_name: Option<String>,
    discount_rate_name: Option<String>,
    discount_fixed_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Video {
    video_url: String,
    thumbnail_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Carousel {
    head: Option<Head>,
    list: Option<Vec<Card>>,
    tail: Option<Tail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Head {
    header: Option<String>,
    content: Option<String>,
    image_url: Option<String>,
    url_mobile: Option<String>,
    url_pc: Option<String>,
    scheme_android: Option<String>,
    scheme_ios: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Card {
    header: Option<String>,
    message: Option<String>,
    additional_content: Option<String>,
    attachment: Option<CardAttachment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardAttachment {
    button: Option<Vec<Button>>,
    image: Option<Image>,
    coupon: Option<Coupon>,
    commerce: Option<Commerce>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Tail {
    url_mobile: String,
    url_pc: Option<String>,
    scheme_ios: Option<String>,
    scheme_android: Option<String>,
}

impl Brand {
    /// The family of a message that is as published, or the code that it is refused with.
    pub fn check(&self) -> Result<Family, &'static str> {
        let of_template = match self.send_type.as_str() {
            "basic" | "template" => true,
            "free" => false,
            _ => return Err("A571"),
        };
        let msg_type = self.msg_type.as_deref();
        ensure(!self.sender_key.is_empty(), "A502")?;
        ensure(self.send_type == "template" || msg_type.is_some_and(|given| TYPES.contains(&given)), "A523")?;
        ensure(!of_template || self.template_code.as_deref().is_some_and(|code| !code.is_empty()), "A505")?;
        ensure(self.targeting.as_deref().map_or(!of_template, |given| ["M", "N", "O", "I"].contains(&given)), "A570")?;
        let yes_or_no = |given: &Option<String>| matches!(given.as_deref(), None | Some("Y" | "N"));
        ensure(yes_or_no(&self.adult) && yes_or_no(&self.push_alarm), "A569")?;
        ensure(yes_or_no(&self.ad_flag), "A506")?;
        // What only the free form says.
        ensure(
            !of_template || (self.group_tag_key.is_none() && self.adult.is_none() && self.ad_flag.is_none()),
            "A571",
        )?;
        let long = |given: &Option<String>, most| given.as_deref().is_none_or(|text| text.chars().count() <= most);
        ensure(long(&self.header, 20) && long(&self.additional_content, 34) && long(&self.group_tag_key, 40), "A572")?;
        ensure(long(&self.unsubscribe_phone_number, 13) && long(&self.unsubscribe_auth_number, 10), "A573")?;
        ensure(long(&self.origin_cid, 9), "A011")?;
        if let Some(attachment) = &self.attachment {
            attachment.check()?;
        }
        if let Some(carousel) = &self.carousel {
            carousel.check()?;
        }
        if !of_template {
            self.free(msg_type.unwrap_or_default())?;
        }
        // A request does not say which it was: 친구톡 has no targeting.
        Ok(if self.targeting.is_some() { Family::Bt } else { Family::Ft })
    }

    fn free(&self, msg_type: &str) -> Result<(), &'static str> {
        let most = match msg_type {
            "FT" => 1_300,
            "FI" => 400,
            _ => 76,
        };
        let text = self.text.as_deref().map_or(0, |text| text.chars().count());
        ensure(text <= most && (text > 0 || !matches!(msg_type, "FT" | "FI" | "FW")), "A303")?;
        ensure(self.ad_flag.as_deref() != Some("N") || !matches!(msg_type, "FL" | "FC" | "FA"), "A506")?;
        let hung = self.attachment.as_ref();
        let image = hung.is_some_and(|hung| hung.image.is_some());
        ensure(image || !matches!(msg_type, "FI" | "FW" | "FM"), "A513")?;
        let part = match msg_type {
            "FL" => hung.is_some_and(|hung| hung.item.is_some()),
            "FM" => hung.is_some_and(|hung| hung.commerce.is_some()),
            "FP" => hung.is_some_and(|hung| hung.video.is_some()),
            "FG" => hung.is_some_and(|hung| hung.catalog.is_some()) && self.header.is_some(),
            _ => true,
        };
        ensure(part, "A573")?;
        match (msg_type, &self.carousel) {
            ("FC", Some(carousel)) => carousel.feed(),
            ("FA", Some(carousel)) => carousel.commerce(),
            ("FC" | "FA", None) => Err("A567"),
            (_, Some(_)) => Err("A567"),
            (_, None) => Ok(()),
        }
    }
}

const TYPES: [&str; 9] = ["FT", "FI", "FW", "FL", "FC", "FM", "FA", "FP", "FG"];

fn ensure(holds: bool, code: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(code) }
}

impl Attachment {
    fn check(&self) -> Result<(), &'static str> {
        buttons(self.button.as_deref())?;
        if let Some(items) = &self.item {
            ensure(items.list.as_ref().is_some_and(|list| (3..=4).contains(&list.len())), "A521")?;
        }
        parts(self.coupon.as_ref(), self.commerce.as_ref())
    }
}

impl Carousel {
    fn check(&self) -> Result<(), &'static str> {
        let list = self.list.as_deref().unwrap_or_default();
        ensure((2..=10).contains(&list.len()), "A567")?;
        for attachment in list.iter().filter_map(|card| card.attachment.as_ref()) {
            buttons(attachment.button.as_deref())?;
            parts(attachment.coupon.as_ref(), attachment.commerce.as_ref())?;
        }
        Ok(())
    }

    fn cards(&self) -> impl Iterator<Item = &Card> {
        self.list.iter().flatten()
    }

    fn feed(&self) -> Result<(), &'static str> {
        let image = |card: &Card| card.attachment.as_ref().is_some_and(|hung| hung.image.is_some());
        let whole = |card: &Card| card.header.is_some() && card.message.is_some() && image(card);
        ensure(self.head.is_none() && self.cards().all(whole), "A568")
    }

    fn commerce(&self) -> Result<(), &'static str> {
        let bare = |card: &Card| card.header.is_none() && card.message.is_none() && card.additional_content.is_none();
        let whole = |hung: &CardAttachment| hung.image.is_some() && hung.commerce.is_some();
        ensure(self.cards().all(|card| bare(card) && card.attachment.as_ref().is_some_and(whole)), "A568")
    }
}

fn buttons(given: Option<&[Button]>) -> Result<(), &'static str> {
    let given = given.unwrap_or_default();
    let whole = |button: &Button| match button.r#type.as_str() {
        "WL" => button.url_pc.is_some() && button.url_mobile.is_some(),
        "AL" => button.url_mobile.is_some(),
        _ => true,
    };
    ensure(given.len() <= 5 && given.iter().all(whole), "A503")?;
    ensure(given.iter().all(|button| button.name.as_ref().is_none_or(|name| name.chars().count() <= 28)), "A525")
}

fn parts(coupon: Option<&Coupon>, commerce: Option<&Commerce>) -> Result<(), &'static str> {
    ensure(coupon.is_none_or(|coupon| coupon.description.chars().count() <= 18), "A573")?;
    ensure(
        commerce.is_none_or(|commerce| {
            commerce.title.chars().count() <= 30
                && commerce.regular_price <= 99_999_999
                && commerce.discount_price.is_none_or(|price| price <= 99_999_999)
                && commerce.discount_rate.is_none_or(|rate| (1..=100).contains(&rate))
                && commerce.discount_fixed.is_none_or(|fixed| fixed <= 999_999)
        }),
        "A573",
    )
}
