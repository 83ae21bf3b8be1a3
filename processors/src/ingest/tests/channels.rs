//! What each channel needs and where its fields end, from the request down.

use super::*;
use crate::fixtures::vendor;
use crate::reference::Vendor;
use schemas::{Attachment, Button, FallbackStep, Family, MessageType};

fn code(name: &str, change: impl FnOnce(&mut SendRequest)) -> String {
    refusal(name, change).0
}

#[test]
fn mandatory_fields_are_2020() {
    type Case = (&'static str, fn(&mut SendRequest), &'static str);
    let missing: [Case; 22] = [
        ("at", |r| r.sender_key = None, "sender_key: missing, AT needs it"),
        ("at", |r| r.template_code = None, "template_code: missing, AT needs it"),
        ("at", |r| r.phone_number = None, "phone_number or app_user_id: missing, AT needs it"),
        ("ft", |r| r.sender_key = None, "sender_key: missing, FT needs it"),
        ("ft", |r| r.message = None, "message: missing, FT needs it"),
        ("fw", |r| r.phone_number = Some(" ".into()), "phone_number or app_user_id: missing, FT needs it"),
        ("bt_text", |r| r.targeting = None, "targeting: missing, BT needs it"),
        ("bt_text", |r| r.message = None, "message: missing, TEXT needs it"),
        ("bt_wide_item_list", |r| r.header = None, "header: missing, WIDE_ITEM_LIST needs it"),
        ("sms", |r| r.callback = None, "callback: missing, MT needs it"),
        ("sms", |r| r.phone_number = None, "phone_number: missing, MT needs it"),
        ("sms", |r| r.message = None, "message: missing, SMS needs it"),
        ("mms", |r| r.attach_file_list.clear(), "attach_file_list: missing, MMS needs it"),
        ("rcslms", |r| r.callback = None, "callback: missing, RC needs it"),
        ("rcslms", |r| r.template_code = None, "template_code: missing, RC needs it"),
        ("rcslms", |r| r.message = None, "message: missing, RCSLMS needs it"),
        ("push", |r| r.push_tokens.clear(), "push_tokens or app_user_id: missing, PU needs it"),
        ("push", |r| r.message = None, "message: missing, PU needs it"),
        ("email", |r| r.title = None, "title: missing, EM needs it"),
        ("email", |r| r.from_email = None, "from_email: missing, EM needs it"),
        ("email", |r| r.to = None, "to: missing, EM needs it"),
        ("email", |r| r.message_type.clear(), "message_type: missing, EM needs it"),
    ];
    for (name, change, text) in missing {
        assert_eq!(refusal(name, change), ("2020".into(), text.into()), "{name}");
    }
}

#[test]
fn either_way_to_a_receiver_is_enough() {
    assert!(passes("ft", |r| (r.phone_number, r.app_user_id) = (None, Some("12345678901234567890".into()))));
    assert!(passes("push", |r| (r.push_tokens, r.app_user_id) = (vec![], Some("u".repeat(64)))));
    assert!(passes("ft", |r| r.user_key = Some("가".repeat(64))));
    let long = refusal("ft", |r| r.user_key = Some("k".repeat(65)));
    assert_eq!(long, ("2010".into(), "user_key: got 65 characters, at most 64".into()));
    assert_eq!(code("ft", |r| r.app_user_id = Some("1".repeat(21))), "1400");
    assert_eq!(code("push", |r| r.app_user_id = Some("u".repeat(65))), "1400");
}

#[test]
fn addresses_are_held_to_their_channels_limits() {
    assert!(passes("sms", |r| (r.phone_number, r.country_code) = (Some("+123456789012345".into()), Some("123".into()))));
    assert_eq!(code("sms", |r| r.phone_number = Some("0".repeat(21))), "1400");
    assert_eq!(code("at", |r| r.phone_number = Some("0".repeat(17))), "1400");
    assert_eq!(code("at", |r| r.country_code = Some("1".repeat(11))), "1400");
    assert_eq!(code("email", |r| r.to = Some("nobody".into())), "1400");
    assert_eq!(code("push", |r| r.push_tokens = vec!["t".into(); 501]), "1400");
    assert!(passes("push", |r| r.push_tokens = vec!["t".into(); 500]));
    assert_eq!(code("sms", |r| r.callback = Some("010-1234-567".into())), "1400");
    assert_eq!(code("rcslms", |r| r.callback = Some("010-2345-6789".into())), "1400");
    assert_eq!(code("rcslms", |r| r.callback = Some("c".repeat(21))), "1400");
    assert_eq!(code("rcslms", |r| r.callback = Some("c".repeat(20))), "2040");
}

#[test]
fn limits_apply_after_substitution() {
    let sms = |value: String| {
        move |r: &mut SendRequest| {
            r.message = Some("#{v}".into());
            r.mapping = [("v".to_owned(), value)].into();
        }
    };
    assert!(passes("sms", sms("가".repeat(45))));
    assert_eq!(
        refusal("sms", sms("가".repeat(45) + "a")),
        ("2010".into(), "message: got 91 bytes in CP949, at most 90".into())
    );
    assert!(passes("sms", |r| {
        r.message = Some(format!("{}#{{v}}", "가".repeat(45)));
        r.mapping = [("v".to_owned(), String::new())].into();
    }));
    assert_eq!(refusal("ft", |r| r.mapping = [("name".to_owned(), "가".repeat(1000))].into()).0, "2010");
}

#[test]
fn a_name_left_unfilled_is_2050() {
    assert_eq!(
        refusal("at", |r| drop(r.mapping.remove("item"))),
        ("2050".into(), "message: nothing fills #{item}: give it in mapping".into())
    );
    assert_eq!(
        refusal("push", |r| r.title = Some("#{where}".into())).1,
        "title: nothing fills #{where}: give it in mapping"
    );
    assert_eq!(refusal("email", |r| r.html = Some("#{a}".into())).1, "html: nothing fills #{a}: give it in mapping");
    let button = refusal("ft", |r| {
        r.attachment.as_mut().unwrap().button[0].url_pc = Some("https://example.kr/#{id}".into());
    });
    assert_eq!(button.1, "attachment.button[0].url_pc: nothing fills #{id}: give it in mapping");
}

#[test]
fn characters_outside_cp949_are_refused_or_replaced_by_setting() {
    let emoji = |r: &mut SendRequest| r.message = Some("준비 완료 😀".into());
    assert_eq!(
        refusal("sms", emoji),
        ("1400".into(), "message: U+1F600 at character 7 is not in CP949, which text messages are written in".into())
    );
    let replacing = reference_with(|seed| seed.customers[0].unencodable = Unencodable::Replace);
    let mut request = examples::request("sms");
    emoji(&mut request);
    let candidate = one_in(&replacing, Lane::Realtime, request).unwrap();
    assert_eq!(candidate.accepted.content.message.as_deref(), Some("준비 완료 ?"));
    assert!(passes("push", emoji) && passes("rcssms", emoji));
}

#[test]
fn texts_end_at_their_channels_limits() {
    let cases = [
        ("ft", 1000),
        ("fi", 1000),
        ("fw", 76),
        ("bt_text", 1300),
        ("bt_image", 1300),
        ("bt_wide", 76),
        ("bt_premium_video", 76),
        ("rcssms", 100),
        ("rcslms", 1300),
    ];
    let saying = |length: usize| {
        move |r: &mut SendRequest| {
            r.message = Some("가".repeat(length));
            r.fallback.clear();
        }
    };
    for (name, limit) in cases {
        assert!(passes(name, saying(limit)), "{name}");
        let over = refusal(name, saying(limit + 1));
        let text = format!("message: got {} characters, at most {limit}", limit + 1);
        assert_eq!(over, ("2010".into(), text), "{name}");
    }
    for (name, limit) in [("sms", 45), ("lms", 1000), ("mms", 1000)] {
        assert!(passes(name, |r| r.message = Some("가".repeat(limit))), "{name}");
        assert_eq!(code(name, |r| r.message = Some("가".repeat(limit) + "a")), "2010", "{name}");
    }
    for (name, limit) in [("push", 50), ("rcslms", 30), ("email", 255)] {
        assert!(passes(name, |r| r.title = Some("가".repeat(limit))), "{name}");
        assert_eq!(code(name, |r| r.title = Some("가".repeat(limit + 1))), "2010", "{name}");
    }
    assert!(passes("lms", |r| r.title = Some("가".repeat(25))));
    assert_eq!(code("lms", |r| r.title = Some("가".repeat(25) + "a")), "2010");
}

#[test]
fn a_title_that_no_vendor_takes_is_2010() {
    let vendor = |name, title_bytes| Vendor { title_bytes, ..vendor(name, 1) };
    let told = |vendors: Vec<Vendor>, change: &dyn Fn(&mut SendRequest)| {
        let mut request = examples::request("lms");
        request.title = Some("가".repeat(20) + "a");
        change(&mut request);
        let refused = one_in(&reference_with(|seed| seed.vendors = vendors), Lane::Realtime, request).err();
        refused.map(|refused| (refused.report.code, refused.report.message))
    };
    let over = |field: &str| Some(("2010".to_owned(), format!("{field}: got 41 bytes in CP949, at most 40")));
    let short = || vendor("short", 40);
    assert_eq!(told(vec![short()], &|_| ()), over("title"));
    assert_eq!(told(vec![short()], &|request| request.title = Some("가".repeat(20))), None);
    assert_eq!(told(vec![short(), vendor("long", 50)], &|_| ()), None);
    assert_eq!(told(vec![short(), Vendor { paused: true, ..vendor("long", 50) }], &|_| ()), None, "it will be back");
    assert_eq!(told(vec![short(), Vendor { weight: 0, ..vendor("long", 50) }], &|_| ()), over("title"));
    let only_sms = Vendor { families: vec![Family::Sms], ..vendor("long", 50) };
    assert_eq!(told(vec![short(), only_sms.clone()], &|_| ()), over("title"));
    assert_eq!(told(vec![only_sms], &|_| ()), None, "without a vendor it is no matter of the title");
    let step = |request: &mut SendRequest| {
        let title = request.title.replace("안내".into());
        let of = FallbackStep { channel: "MT".into(), message_type: Some("LMS".into()), title, ..Default::default() };
        request.fallback = vec![of];
    };
    assert_eq!(told(vec![short()], &step), over("fallback[0].title"));
}

#[test]
fn attachments_are_4000_4002_or_4003() {
    assert_eq!(
        refusal("ft", |r| r.attachment.as_mut().unwrap().button[0].r#type = "ZZ".into()),
        ("4000".into(), "attachment.button[0].type: got \"ZZ\", allowed here: WL AL BK MD AC BC BT BF".into())
    );
    assert_eq!(
        refusal("ft", |r| r.attachment.as_mut().unwrap().button[0].url_mobile = None),
        ("4002".into(), "attachment.button[0].url_mobile: missing, WL needs it".into())
    );
    assert_eq!(
        refusal("at_items", |r| r.supplement.as_mut().unwrap().quick_reply[1].name = None),
        ("4003".into(), "supplement.quick_reply[1].name: missing, BK needs it".into())
    );
    assert_eq!(code("fi", |r| r.attachment = None), "4002");
    assert_eq!(
        code("sms", |r| r.attachment = Some(Box::new(Attachment { link: Some("x".into()), ..Attachment::default() }))),
        "4002"
    );
}

#[test]
fn an_alimtalk_says_what_its_template_says() {
    assert_eq!(code("at", |r| r.message = Some("주문이 완료되었습니다.".into())), "3016");
    let link = Button {
        r#type: "WL".into(),
        name: Some("주문 확인".into()),
        url_mobile: Some("https://m.hanbit.example/orders/#{order_no}".into()),
        url_pc: Some("https://shop.hanbit.example/orders/#{order_no}".into()),
        ..Button::default()
    };
    let registered = Attachment { button: vec![link], ..Attachment::default() };
    let reference = reference_with(|seed| seed.templates[0].attachment = Some(registered));
    let run = |change: fn(&mut SendRequest)| {
        let mut request = examples::request("at");
        change(&mut request);
        one_in(&reference, Lane::Realtime, request).map(|c| c.accepted.content).map_err(|r| r.code)
    };
    let written = run(|_| ()).unwrap();
    assert_eq!(run(|r| r.attachment = None), Err(Code::ButtonMismatch));
    let from_template = run(|r| (r.message, r.attachment) = (None, None)).unwrap();
    assert_eq!(from_template, written);
}

#[test]
fn rcs_messagebases_are_the_platforms_and_templates_are_registered() {
    assert!(passes("rcslms", |r| r.template_code = Some("SL000001".into())));
    assert_eq!(code("rcstmpl", |r| r.template_code = Some("UBR.NOBODY".into())), "2040");
    assert!(passes("rcstmpl", |r| r.message = None));
}

#[test]
fn only_sms_goes_abroad() {
    let abroad = |r: &mut SendRequest| (r.phone_number, r.country_code) = (Some("4155550132".into()), Some("1".into()));
    assert!(passes("sms", abroad));
    assert_eq!(code("lms", abroad), "1400");
}

#[test]
fn ads_are_held_to_their_rules() {
    assert_eq!(code("sms", |r| r.ad_flag = Some("Y".into())), "2070");
    assert_eq!(code("sms", |r| r.message = Some("[광고] 할인".into())), "2070");
    assert_eq!(code("at", |r| r.ad_flag = Some("Y".into())), "2070");
    assert_eq!(code("lms_ad", |r| r.message = Some("(광고) 할인".into())), "2070");
    assert_eq!(code("bt_wide_item_list", |r| r.ad_flag = Some("N".into())), "2070");
    let mut labelled = examples::request("lms_ad");
    labelled.ad_flag = Some("N".into());
    assert!(accepted(labelled).ad);
    let mut friendly = examples::request("ft");
    (friendly.ad_flag, friendly.message) = (Some("N".into()), Some("예약이 확정되었습니다.".into()));
    assert!(!accepted(friendly).ad);
}

#[test]
fn a_brand_message_of_a_template_is_filled_by_its_own_variables() {
    let template = Template {
        code: "BRAND01".into(),
        username: seed::USERNAME.into(),
        channel: Channel::Bt,
        message: "#{name}님의 쿠폰".into(),
        ..Template::default()
    };
    let reference = reference_with(|seed| seed.templates.push(template));
    let mut request = examples::request("bt_text");
    (request.message, request.content_type) = (None, Some("T".into()));
    request.template_code = Some("BRAND01".into());
    request.message_variable = [("name".to_owned(), "김하늘".to_owned())].into();
    let accepted = one_in(&reference, Lane::Ad, request.clone()).unwrap().accepted;
    assert_eq!(accepted.content.message.as_deref(), Some("김하늘님의 쿠폰"));
    assert_eq!(accepted.content.message_variable, request.message_variable);
    assert_eq!(accepted.message_type, MessageType::Text);
    request.template_code = Some("BRAND02".into());
    assert_eq!(one_in(&reference, Lane::Ad, request).unwrap_err().code, Code::NotRegistered);
}
