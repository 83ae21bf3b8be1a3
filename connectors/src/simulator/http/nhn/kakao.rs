//! A request to send 알림톡, read as strictly as it is published (메시지 전문 발송 요청).

use super::body::Message;
use schemas::Family;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Raw {
    sender_key: Option<String>,
    template_code: Option<String>,
    request_date: Option<String>,
    sender_grouping_key: Option<String>,
    create_user: Option<String>,
    recipient_list: Option<Vec<Recipient>>,
    message_option: Option<Value>,
    stats_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Recipient {
    recipient_no: Option<String>,
    content: Option<String>,
    template_title: Option<String>,
    template_header: Option<String>,
    template_item: Option<Items>,
    template_item_highlight: Option<Highlight>,
    template_represent_link: Option<Value>,
    #[serde(default)]
    buttons: Vec<Button>,
    #[serde(default)]
    quick_replies: Vec<QuickReply>,
    resend_parameter: Option<Value>,
    recipient_grouping_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Items {
    #[serde(default)]
    list: Vec<Entry>,
    summary: Option<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    title: String,
    description: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Highlight {
    title: String,
    description: String,
    image_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Button {
    ordering: Option<u32>,
    r#type: Option<String>,
    name: Option<String>,
    link_mo: Option<String>,
    link_pc: Option<String>,
    scheme_ios: Option<String>,
    scheme_android: Option<String>,
    chat_extra: Option<String>,
    chat_event: Option<String>,
    biz_form_id: Option<i64>,
    plugin_id: Option<String>,
    relay_id: Option<String>,
    one_click_id: Option<String>,
    product_id: Option<String>,
    target: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct QuickReply {
    ordering: Option<u32>,
    r#type: Option<String>,
    name: Option<String>,
    link_mo: Option<String>,
    link_pc: Option<String>,
    scheme_ios: Option<String>,
    scheme_android: Option<String>,
    chat_extra: Option<String>,
    chat_event: Option<String>,
    biz_form_id: Option<i64>,
    target: Option<String>,
}

const BUTTONS: [&str; 12] = ["WL", "AL", "DS", "BK", "MD", "BC", "BT", "AC", "BF", "P1", "P2", "P3"];
const QUICK_REPLIES: [&str; 6] = ["WL", "AL", "BK", "BC", "BT", "BF"];

/// The messages of a request, or the code that it is refused with. `auth`: over the way for authentication.
pub fn read(auth: bool, body: &[u8]) -> Result<Vec<Message>, i64> {
    let raw: Raw = serde_json::from_slice(body).map_err(|_| -9997)?;
    let ensure = |holds: bool, code: i64| if holds { Ok(()) } else { Err(code) };
    let chars = |text: &str| text.chars().count();
    ensure(raw.sender_key.as_deref().is_some_and(|key| chars(key) == 40), -1006)?;
    ensure(raw.template_code.as_deref().is_some_and(|code| (1..=20).contains(&chars(code))), -3003)?;
    let recipients = raw.recipient_list.filter(|recipients| !recipients.is_empty()).ok_or(-4011)?;
    ensure(recipients.len() <= 1_000, -2004)?;
    let message = |recipient: Recipient| {
        let Recipient { recipient_no, content, buttons, quick_replies, .. } = &recipient;
        let (to, text) = (recipient_no.as_deref().unwrap_or_default(), content.as_deref().unwrap_or_default());
        ensure((1..=15).contains(&to.len()) && to.bytes().all(|byte| byte.is_ascii_digit()), -5000)?;
        ensure(!text.is_empty(), -2001)?;
        ensure(chars(text) <= 1_000, -2019)?;
        ensure(recipient.template_title.as_deref().is_none_or(|title| chars(title) <= 50), -2032)?;
        ensure(recipient.template_header.as_deref().is_none_or(|header| chars(header) <= 16), -2035)?;
        if let Some(Items { list, summary }) = &recipient.template_item {
            let short = |entry: &Entry, most| chars(&entry.title) <= 6 && chars(&entry.description) <= most;
            ensure((2..=10).contains(&list.len()) && list.iter().all(|entry| short(entry, 23)), -2033)?;
            ensure(summary.as_ref().is_none_or(|entry| short(entry, 14)), -2033)?;
        }
        if let Some(Highlight { title, description, image_url }) = &recipient.template_item_highlight {
            let (longest, more) = if image_url.is_some() { (21, 13) } else { (30, 19) };
            ensure(chars(title) <= longest && chars(description) <= more, -2034)?;
        }
        let fits = |ordering: Option<u32>, name: &Option<String>| {
            ordering.is_some() && name.as_deref().is_some_and(|name| (1..=14).contains(&chars(name)))
        };
        let known = |kind: &Option<String>, kinds: &[&str]| kind.as_deref().is_some_and(|kind| kinds.contains(&kind));
        ensure(
            buttons.len() <= 5 && buttons.iter().all(|b| fits(b.ordering, &b.name) && known(&b.r#type, &BUTTONS)),
            -2018,
        )?;
        ensure(
            quick_replies.len() <= 5
                && quick_replies.iter().all(|q| fits(q.ordering, &q.name) && known(&q.r#type, &QUICK_REPLIES)),
            -2504,
        )?;
        let needs = |kind: &Option<String>, link: &Option<String>| kind.as_deref() != Some("WL") || link.is_some();
        ensure(buttons.iter().all(|button| needs(&button.r#type, &button.link_mo)), -3000)?;
        let plain = text.to_lowercase();
        let words = ["auth", "password", "verif", "にんしょう", "認証", "비밀번호", "인증"];
        ensure(!auth || words.into_iter().any(|word| plain.contains(word)), -8006)?;
        let key = recipient.recipient_grouping_key.clone().filter(|key| chars(key) <= 100).ok_or(4)?;
        Ok(Message { to: to.to_owned(), serial_number: key, family: Family::At })
    };
    recipients.into_iter().map(message).collect()
}
