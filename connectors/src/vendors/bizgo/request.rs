//! A step as the body of `POST /api/comm/v1/send/omni`: published schemas SendOmniRequest, SmsMessage, MmsMessage,
//! InternationalMessage, AlimtalkMessage.

use schemas::{Button, Content, Dispatch, Family, Item, MessageType};
use serde::Serialize;

/// How long the vendor remembers an idempotency key, seconds: the longest there is.
pub const IDEMPOTENCY_S: u32 = 86_400;

/// The published schema wants a phone number, and the recipient has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoNumber;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Omni<'d> {
    destinations: [Destination; 1],
    message_flow: [Message<'d>; 1],
    idempotency_key: &'d str,
    idempotency_ttl: u32,
    r#ref: &'d str,
}

#[derive(Serialize)]
struct Destination {
    to: String,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Message<'d> {
    Sms(Text<'d>),
    Mms(Text<'d>),
    International(Text<'d>),
    Alimtalk(Box<Alimtalk<'d>>),
}

/// SMS, LMS, MMS and abroad differ in what may be there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Text<'d> {
    from: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'d str>,
    text: &'d str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    file_key: &'d [String],
    #[serde(rename = "originCID", skip_serializing_if = "str::is_empty")]
    origin_cid: &'d str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alimtalk<'d> {
    msg_type: &'static str,
    sender_key: &'d str,
    template_code: &'d str,
    text: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<Attachment<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplement: Option<Supplement<'d>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attachment<'d> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    button: Vec<Link<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<Items<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_highlight: Option<Entry<'d>>,
}

#[derive(Serialize)]
struct Items<'d> {
    list: Vec<Entry<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Entry<'d>>,
}

#[derive(Serialize)]
struct Entry<'d> {
    title: &'d str,
    description: &'d str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Supplement<'d> {
    quick_reply: Vec<Link<'d>>,
}

/// AlimtalkButton and AlimtalkQuickReply; a quick reply has the id of a form, a button its key.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Link<'d> {
    r#type: &'d str,
    name: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url_pc: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url_mobile: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme_ios: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme_android: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_extra: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_event: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin_id: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relay_id: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oneclick_id: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_form_key: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_form_id: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tel_number: Option<&'d str>,
}

/// The body of a request. `origin_code`: the customer's code of the first sender, empty when it has none.
pub fn body(dispatch: &Dispatch, origin_code: &str) -> Result<Vec<u8>, NoNumber> {
    let accepted = &dispatch.accepted;
    let recipient = &accepted.recipient;
    let number = recipient.phone_number.as_deref().filter(|number| !number.is_empty()).ok_or(NoNumber)?;
    let (abroad, to) = match recipient.country_code.as_deref() {
        None => (false, number.to_owned()),
        Some("82") => (false, format!("0{number}")),
        // E.164 without the plus sign.
        Some(country) => (true, format!("{country}{number}")),
    };
    let family = Family::of(accepted.channel, accepted.message_type);
    let omni = Omni {
        destinations: [Destination { to }],
        message_flow: [message(family, accepted.message_type, &accepted.content, abroad, origin_code)],
        idempotency_key: &dispatch.serial_number,
        idempotency_ttl: IDEMPOTENCY_S,
        r#ref: &dispatch.serial_number,
    };
    // Structs of strings always become JSON.
    Ok(serde_json::to_vec(&omni).unwrap_or_default())
}

fn message<'d>(
    family: Family,
    message_type: MessageType,
    content: &'d Content,
    abroad: bool,
    origin_code: &'d str,
) -> Message<'d> {
    let text = Text {
        from: content.callback.as_deref().unwrap_or_default(),
        title: None,
        text: content.message.as_deref().unwrap_or_default(),
        file_key: &[],
        origin_cid: origin_code,
    };
    match family {
        // Neither title nor file may be there, and no code of the first sender is known.
        Family::Sms if abroad => Message::International(Text { origin_cid: "", ..text }),
        Family::Sms => Message::Sms(text),
        // Without a file key it is an LMS.
        Family::Lms => Message::Mms(Text { title: content.title.as_deref(), ..text }),
        Family::Mms => {
            Message::Mms(Text { title: content.title.as_deref(), file_key: &content.attach_file_list, ..text })
        }
        // The reference data gives this vendor no other family.
        Family::At | Family::Ft | Family::Bt | Family::Rcs | Family::Push | Family::Email => {
            Message::Alimtalk(Box::new(alimtalk(message_type, content)))
        }
    }
}

fn alimtalk(message_type: MessageType, content: &Content) -> Alimtalk<'_> {
    Alimtalk {
        msg_type: if message_type == MessageType::Ai { "AI" } else { "AT" },
        sender_key: content.sender_key.as_deref().unwrap_or_default(),
        template_code: content.template_code.as_deref().unwrap_or_default(),
        text: content.message.as_deref().unwrap_or_default(),
        title: content.title.as_deref(),
        header: content.header.as_deref(),
        attachment: content.attachment.as_ref().and_then(|hung| attachment(hung)),
        supplement: content.supplement.as_ref().filter(|supplement| !supplement.quick_reply.is_empty()).map(
            |supplement| Supplement {
                quick_reply: supplement
                    .quick_reply
                    .iter()
                    .map(|button| Link { biz_form_id: button.biz_form_key.as_deref(), ..link(button) })
                    .collect(),
            },
        ),
    }
}

/// None when there is nothing of it that the vendor takes: the image of an AI is its template's.
fn attachment(attachment: &schemas::Attachment) -> Option<Attachment<'_>> {
    let wanted = Attachment {
        button: attachment.button.iter().map(button).collect(),
        item: attachment.item.as_ref().map(|item| Items {
            list: item.list.iter().map(entry).collect(),
            summary: item.summary.as_ref().map(|item| entry(item)),
        }),
        item_highlight: attachment
            .item_highlight
            .as_ref()
            .map(|highlight| Entry { title: &highlight.title, description: &highlight.description }),
    };
    let empty = wanted.button.is_empty() && wanted.item.is_none() && wanted.item_highlight.is_none();
    (!empty).then_some(wanted)
}

fn entry(item: &Item) -> Entry<'_> {
    Entry { title: &item.title, description: item.description.as_deref().unwrap_or_default() }
}

fn button(button: &Button) -> Link<'_> {
    Link {
        target: button.target.as_deref(),
        plugin_id: button.plugin_id.as_deref(),
        relay_id: button.relay_id.as_deref(),
        oneclick_id: button.one_click_id.as_deref(),
        product_id: button.product_id.as_deref(),
        biz_form_key: button.biz_form_key.as_deref(),
        tel_number: button.tel_number.as_deref(),
        ..link(button)
    }
}

/// What buttons and quick replies share.
fn link(button: &Button) -> Link<'_> {
    Link {
        r#type: &button.r#type,
        name: button.name.as_deref().unwrap_or_default(),
        url_pc: button.url_pc.as_deref(),
        url_mobile: button.url_mobile.as_deref(),
        scheme_ios: button.scheme_ios.as_deref(),
        scheme_android: button.scheme_android.as_deref(),
        chat_extra: button.chat_extra.as_deref(),
        chat_event: button.chat_event.as_deref(),
        ..Link::default()
    }
}
