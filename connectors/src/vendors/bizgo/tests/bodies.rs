//! A step as JSON, against the published examples and schemas.

use super::{super::request::body, at, dispatch, sms};
use schemas::{Attachment, Button, Channel, Dispatch, Highlight, Item, ItemList, MessageType, Supplement};
use serde_json::{Value, json};

fn sent(dispatch: &Dispatch) -> Value {
    serde_json::from_slice(&body(dispatch, "").unwrap()).unwrap()
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
            "messageFlow": [{"sms": {"from": "0212345678", "text": "준비되었습니다"}}],
            "idempotencyKey": "S-0R", "idempotencyTtl": 86400, "ref": "S-0R",
        })
    );
}

#[test]
fn a_long_text_is_an_mms_without_files() {
    let mut lms = dispatch("S-0R", Channel::Mt, MessageType::Lms);
    lms.accepted.content.title = Some("안내".into());
    let text = json!({"from": "0212345678", "title": "안내", "text": "준비되었습니다"});
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
    let body: Value = serde_json::from_slice(&body(&abroad, "302000000").unwrap()).unwrap();
    assert_eq!(body["destinations"], json!([{"to": "819012345678"}]));
    assert_eq!(body["messageFlow"], json!([{"international": {"from": "0212345678", "text": "준비되었습니다"}}]));
}

#[test]
fn the_code_of_the_first_sender_goes_with_a_text() {
    let body: Value = serde_json::from_slice(&body(&sms("S-0R"), "302000000").unwrap()).unwrap();
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
}

#[test]
fn who_has_no_number_is_not_asked_for() {
    let mut nobody = at("S-0R");
    nobody.accepted.recipient.phone_number = None;
    nobody.accepted.recipient.app_user_id = Some("7".into());
    assert!(body(&nobody, "").is_err());
}
