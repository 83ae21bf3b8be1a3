//! A step as JSON, against the published examples and schemas.

use super::{
    super::request::{Extras, Unfit, body},
    VendorSettings, at, dispatch, example, sms,
};
use crate::vendors::ResponseMethod;
use crate::vendors::images::as_named;
use schemas::{Attachment, Button, Channel, Dispatch, Highlight, Item, ItemList, MessageType, Supplement};
use serde_json::{Value, json};

fn said(dispatch: &Dispatch, origin_code: &str, settings: &VendorSettings) -> Result<Value, Unfit> {
    let until_ms = dispatch.accepted.expires_at;
    let images = as_named(dispatch);
    let extras = Extras { images: &images, origin_code, brand_key: Some("brand"), settings, now_ms: 0, until_ms };
    body(dispatch, extras).map(|body| serde_json::from_slice(&body).unwrap())
}

fn sent(dispatch: &Dispatch) -> Value {
    said(dispatch, "", &VendorSettings::default()).unwrap()
}

fn flow(dispatch: &Dispatch) -> Value {
    sent(dispatch)["messageFlow"].clone()
}

#[test]
fn a_short_text_is_one_destination_with_its_serial_number_as_ref_and_key() {
    assert_eq!(
        sent(&sms("S-0R")),
        json!({
            "destinations": [{"to": "01012345678"}],
            "messageFlow": [{"sms": {"from": "0212345678", "text": "준비되었습니다", "ttl": "86400"}}],
            "idempotencyKey": "S-0R", "idempotencyTtl": 86400, "ref": "S-0R",
        })
    );
    let mut to_15yy = sms("S-0R");
    to_15yy.accepted.recipient.phone_number = Some("15881234".into());
    assert_eq!(sent(&to_15yy)["destinations"], json!([{"to": "15881234"}]));
}

#[test]
fn a_long_text_is_an_mms_without_files() {
    let mut lms = dispatch("S-0R", Channel::Mt, MessageType::Lms);
    lms.accepted.content.title = Some("안내".into());
    let text = json!({"from": "0212345678", "title": "안내", "text": "준비되었습니다", "ttl": "86400"});
    assert_eq!(flow(&lms), json!([{"mms": text}]));
    lms.accepted.message_type = MessageType::Mms;
    lms.accepted.content.attach_file_list = vec!["FILE1".into(), "FILE2".into()];
    assert_eq!(flow(&lms)[0]["mms"]["fileKey"], json!(["FILE1", "FILE2"]));
}

#[test]
fn a_text_abroad_has_neither_title_nor_code_of_the_first_sender() {
    let mut abroad = sms("S-0R");
    abroad.accepted.recipient.country_code = Some("81".into());
    abroad.accepted.recipient.phone_number = Some("9012345678".into());
    abroad.accepted.content.title = Some("no".into());
    let body = said(&abroad, "302000000", &VendorSettings::default()).unwrap();
    assert_eq!(body["destinations"], json!([{"to": "819012345678"}]));
    assert_eq!(
        body["messageFlow"],
        json!([{"international": {"from": "0212345678", "text": "준비되었습니다", "ttl": "86400"}}])
    );
}

#[test]
fn a_carrier_tries_no_longer_than_the_message_lives() {
    let settings = VendorSettings::default();
    let ttl = |left_ms: i64, message_type, country: Option<&str>| {
        let mut text = dispatch("S-0R", Channel::Mt, message_type);
        text.accepted.recipient.country_code = country.map(str::to_owned);
        let extras =
            Extras { images: &[], origin_code: "", brand_key: None, settings: &settings, now_ms: 0, until_ms: left_ms };
        let body: Value = serde_json::from_slice(&body(&text, extras).unwrap()).unwrap();
        let flow = body["messageFlow"][0].as_object().unwrap().values().next().unwrap().clone();
        flow["ttl"].as_str().unwrap().to_owned()
    };
    for (message_type, country) in
        [(MessageType::Sms, None), (MessageType::Sms, Some("81")), (MessageType::Lms, None), (MessageType::Mms, None)]
    {
        assert_eq!(ttl(300_000, message_type, country), "300");
        assert_eq!(ttl(299_999, message_type, country), "299", "never later than its end");
        assert_eq!(ttl(999, message_type, country), "1");
        assert_eq!(ttl(-5_000, message_type, country), "1");
        assert_eq!(ttl(60 * 24 * 3_600_000, message_type, country), "86400");
    }
}

#[test]
fn the_code_of_the_first_sender_goes_with_a_text() {
    let body = said(&sms("S-0R"), "302000000", &VendorSettings::default()).unwrap();
    assert_eq!(body["messageFlow"][0]["sms"]["originCID"], "302000000");
}

#[test]
fn an_alimtalk_carries_the_whole_text_and_what_hangs_on_it() {
    let mut dispatch = at("S-0R");
    let content = &mut dispatch.accepted.content;
    (content.title, content.header) = (Some("강조".into()), Some("머리".into()));
    let row = |title: &str, description: &str| Item {
        title: title.into(),
        description: Some(description.into()),
        ..Item::default()
    };
    let button = Button {
        r#type: "WL".into(),
        name: Some("보기".into()),
        url_mobile: Some("https://m.example.com".into()),
        url_pc: Some("https://example.com".into()),
        target: Some("out".into()),
        ..Button::default()
    };
    let form = Button {
        r#type: "BF".into(),
        name: Some("예약".into()),
        biz_form_key: Some("form".into()),
        ..Button::default()
    };
    content.attachment = Some(
        Attachment {
            button: vec![button, form.clone()],
            item: Some(
                ItemList {
                    list: vec![row("상품", "원두"), row("수량", "2")],
                    summary: Some(row("합계", "38,500").into()),
                }
                .into(),
            ),
            item_highlight: Some(
                Highlight { title: "주문".into(), description: "완료".into(), ..Highlight::default() }.into(),
            ),
            ..Attachment::default()
        }
        .into(),
    );
    content.supplement = Some(Supplement { quick_reply: vec![form] }.into());
    assert_eq!(
        flow(&dispatch),
        json!([{"alimtalk": {
            "msgType": "AT", "senderKey": "profile", "templateCode": "ORDER_01", "text": "준비되었습니다",
            "title": "강조", "header": "머리",
            "attachment": {
                "button": [
                    {"type": "WL", "name": "보기", "urlMobile": "https://m.example.com", "urlPc": "https://example.com",
                     "target": "out"},
                    {"type": "BF", "name": "예약", "bizFormKey": "form"},
                ],
                "item": {
                    "list": [{"title": "상품", "description": "원두"}, {"title": "수량", "description": "2"}],
                    "summary": {"title": "합계", "description": "38,500"},
                },
                "itemHighlight": {"title": "주문", "description": "완료"},
            },
            "supplement": {"quickReply": [{"type": "BF", "name": "예약", "bizFormId": "form"}]},
        }}])
    );
    dispatch.accepted.message_type = MessageType::Ai;
    assert_eq!(flow(&dispatch)[0]["alimtalk"]["msgType"], "AI");
    let hung = dispatch.accepted.content.attachment.as_mut().unwrap();
    hung.button = vec![Button { r#type: "AC".into(), ..Button::default() }];
    assert_eq!(flow(&dispatch)[0]["alimtalk"]["attachment"]["button"], json!([{"type": "AC", "name": "채널 추가"}]));
}

#[test]
fn who_has_no_number_is_not_asked_for() {
    let mut nobody = at("S-0R");
    nobody.accepted.recipient.phone_number = None;
    nobody.accepted.recipient.app_user_id = Some("7".into());
    assert_eq!(said(&nobody, "", &VendorSettings::default()), Err(Unfit::NoNumber));
}

#[test]
fn an_alimtalk_may_be_polled_for_its_receipt() {
    let settings = VendorSettings {
        response_method: ResponseMethod::Polling,
        response_timeout_s: 60,
        ..VendorSettings::default()
    };
    let polled = said(&at("S-0R"), "", &settings).unwrap();
    let alimtalk = &polled["messageFlow"][0]["alimtalk"];
    assert_eq!((&alimtalk["responseMethod"], &alimtalk["timeout"]), (&json!("polling"), &json!("60")));
    assert_eq!(flow(&at("S-0R"))[0]["alimtalk"].get("responseMethod"), None, "push is the vendor's own default");
}

fn brand(dispatch: &Dispatch) -> Value {
    flow(dispatch)[0]["brandmessage"].clone()
}

#[test]
fn a_friend_talk_is_a_brand_message_in_free_form() {
    let mut dispatch = example("ft", Channel::Ft, MessageType::Ft);
    dispatch.accepted.content.message = Some("안녕하세요".into());
    dispatch.accepted.ad = false;
    dispatch.accepted.content.attachment = Some(
        Attachment {
            button: vec![Button {
                r#type: "WL".into(),
                name: Some("보기".into()),
                url_mobile: Some("https://m.example.com".into()),
                target: Some("out".into()),
                ..Button::default()
            }],
            ..Attachment::default()
        }
        .into(),
    );
    let key = dispatch.accepted.content.sender_key.clone();
    assert_eq!(
        brand(&dispatch),
        json!({
            "sendType": "free", "msgType": "FT", "senderKey": key, "adFlag": "N", "text": "안녕하세요",
            "attachment": {"button": [{
                "type": "WL", "name": "보기", "urlMobile": "https://m.example.com", "urlPc": "https://m.example.com",
            }]},
        })
    );
    for (message_type, ours) in [(MessageType::Fi, "FI"), (MessageType::Fw, "FW")] {
        assert_eq!(brand(&example("fi", Channel::Ft, message_type))["msgType"], ours);
    }
}

#[test]
fn every_type_of_brand_message_has_its_word_and_what_it_is_built_around() {
    for (name, message_type, word, part) in [
        ("bt_text", MessageType::Text, "FT", "/attachment/coupon/title"),
        ("bt_image", MessageType::Image, "FI", "/attachment/image/imgUrl"),
        ("bt_wide", MessageType::Wide, "FW", "/attachment/image/imgUrl"),
        ("bt_wide_item_list", MessageType::WideItemList, "FL", "/attachment/item/list/2/imgUrl"),
        ("bt_premium_video", MessageType::PremiumVideo, "FP", "/attachment/video/videoUrl"),
        ("bt_commerce", MessageType::Commerce, "FM", "/attachment/commerce/regularPrice"),
        ("bt_carousel_feed", MessageType::CarouselFeed, "FC", "/carousel/list/1/attachment/image/imgUrl"),
        ("bt_carousel_commerce", MessageType::CarouselCommerce, "FA", "/carousel/list/1/attachment/commerce/title"),
    ] {
        let said = brand(&example(name, Channel::Bt, message_type));
        assert_eq!((&said["msgType"], &said["sendType"]), (&json!(word), &json!("free")), "{name}");
        assert_eq!((&said["targeting"], &said["adFlag"]), (&json!("I"), &json!("Y")), "{name}");
        assert!(said.pointer(part).is_some(), "{name}: {said}");
    }
    let catalog = example("bt_catalog", Channel::Bt, MessageType::Catalog);
    assert_eq!(said(&catalog, "", &VendorSettings::default()), Err(Unfit::Type));
}

#[test]
fn a_brand_message_of_a_template_names_it_and_says_nothing_of_the_free_form() {
    let mut dispatch = example("bt_text", Channel::Bt, MessageType::Text);
    let content = &mut dispatch.accepted.content;
    (content.content_type, content.template_code) = (Some("T".into()), Some("BRAND01".into()));
    content.group_tag_key = Some("spring".into());
    let said = brand(&dispatch);
    assert_eq!((&said["sendType"], &said["templateCode"]), (&json!("basic"), &json!("BRAND01")));
    for of_the_free_form in ["adFlag", "adult", "groupTagKey"] {
        assert_eq!(said.get(of_the_free_form), None, "{of_the_free_form}");
    }
    assert!(said["text"].is_string() && said["unsubscribePhoneNumber"].is_string(), "{said}");
}

#[test]
fn an_introduction_and_the_link_behind_the_last_card_are_of_their_own() {
    let said = brand(&example("bt_carousel_commerce", Channel::Bt, MessageType::CarouselCommerce));
    let head = &said["carousel"]["head"];
    assert!(head["content"].is_string() && head["imageUrl"].is_string(), "{head}");
    assert_eq!((head.get("message"), head.get("attachment")), (None, None));
    let commerce = &said["carousel"]["list"][0]["attachment"]["commerce"];
    assert!(commerce["regularPrice"].is_u64() && commerce.get("regular_price_krw").is_none(), "{commerce}");
}

#[test]
fn an_rcs_message_is_of_its_format_and_its_chatbots_brand() {
    let mut dispatch = example("rcslms", Channel::Rc, MessageType::Rcslms);
    dispatch.accepted.expires_at = 3 * 3_600_000;
    let said = flow(&dispatch)[0]["rcs"].clone();
    assert_eq!(
        said,
        json!({
            "from": "0237001234", "formatId": "SL000000", "brandKey": "brand",
            "body": {"title": "교환 접수 안내", "description": dispatch.accepted.content.message},
            "buttons": [{"suggestions": [{
                "displayText": "고객센터",
                "action": {"dialerAction": {"dialPhoneNumber": {"phoneNumber": "15881234"}}},
            }]}],
            "expiryOption": "4", "copyAllowed": "1", "header": "0",
        })
    );
    // A minute of a day's life is over, or more of it.
    let day_ms = 24 * 3_600_000;
    for (left_ms, option) in [
        (day_ms, "1"),
        (day_ms - 60_000, "1"),
        (day_ms - 600_000, "4"),
        (3_600_000, "4"),
        (300_000, "3"),
        (100_000, "2"),
    ] {
        dispatch.accepted.expires_at = left_ms;
        assert_eq!(flow(&dispatch)[0]["rcs"]["expiryOption"], option, "{left_ms} ms are left");
    }
    dispatch.accepted.ad = true;
    for (left_ms, option) in [(3_600_000, "4"), (3_540_000, "3")] {
        dispatch.accepted.expires_at = left_ms;
        assert_eq!(flow(&dispatch)[0]["rcs"]["expiryOption"], option, "{left_ms} ms are left of the evening");
    }
    dispatch.accepted.content.footer = Some("080-123-4567".into());
    let said = flow(&dispatch)[0]["rcs"].clone();
    assert_eq!((&said["header"], &said["footer"]), (&json!("1"), &json!("080-123-4567")));
    // Label and number stand in the text: a header of 1 would be refused without a footer.
    dispatch.accepted.content.footer = None;
    dispatch.accepted.content.message = Some("(광고) 봄 기획전\n무료수신거부 080-123-4567".into());
    let said = flow(&dispatch)[0]["rcs"].clone();
    assert_eq!((&said["header"], said.get("footer")), (&json!("0"), None));
    assert_eq!(said["body"]["description"], "(광고) 봄 기획전\n무료수신거부 080-123-4567");
    let card = flow(&example("rcsmms", Channel::Rc, MessageType::Rcsmms))[0]["rcs"].clone();
    assert!(card["body"]["media"].as_str().unwrap().starts_with("maapfile://"), "{card}");
}

#[test]
fn an_rcs_template_brings_its_own_buttons_and_header() {
    let mut dispatch = example("rcstmpl", Channel::Rc, MessageType::Rcstmpl);
    let button = Button { r#type: "COPY".into(), name: Some("복사".into()), ..Button::default() };
    dispatch.accepted.content.attachment = Some(Attachment { button: vec![button], ..Attachment::default() }.into());
    let said = flow(&dispatch)[0]["rcs"].clone();
    assert_eq!(said["formatId"], "UBR.HANBIT-ORDER01");
    assert_eq!((said.get("header"), said.get("footer"), said.get("buttons")), (None, None, None));
}

#[test]
fn what_the_published_rcs_schema_cannot_say_is_not_sent() {
    let settings = VendorSettings::default();
    let mut cards = example("rcsmms", Channel::Rc, MessageType::Rcsmms);
    cards.accepted.content.attachment.as_mut().unwrap().media = vec!["maapfile://a".into(), "maapfile://b".into()];
    assert_eq!(said(&cards, "", &settings), Err(Unfit::Content));
    let mut calendar = example("rcslms", Channel::Rc, MessageType::Rcslms);
    calendar.accepted.content.attachment.as_mut().unwrap().button[0].r#type = "CALENDAR".into();
    assert_eq!(said(&calendar, "", &settings), Err(Unfit::Button));
    let nobody = Extras { images: &[], origin_code: "", brand_key: None, settings: &settings, now_ms: 0, until_ms: 0 };
    let lms = example("rcslms", Channel::Rc, MessageType::Rcslms);
    assert_eq!(body(&lms, nobody).unwrap_err(), Unfit::NoBrand);
}
