//! 알림톡: published schema AlimtalkMessage and those that it names.

use crate::vendors::{VendorSettings, settings::ResponseMethod};
use processors::rules::button;
use schemas::{Button, Content, Item, MessageType};
use serde::Serialize;

/// 알림톡 (AT, AI).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alimtalk<'d> {
    msg_type: &'static str,
    sender_key: &'d str,
    template_code: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
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

/// AlimtalkAttachment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment<'d> {
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

/// AlimtalkSupplement.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Supplement<'d> {
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

/// The whole text and what hangs on it; the vendor's default is `push`.
pub fn alimtalk<'d>(message_type: MessageType, content: &'d Content, settings: &VendorSettings) -> Alimtalk<'d> {
    let polling = settings.response_method == ResponseMethod::Polling;
    Alimtalk {
        msg_type: if message_type == MessageType::Ai { "AI" } else { "AT" },
        sender_key: content.sender_key.as_deref().unwrap_or_default(),
        template_code: content.template_code.as_deref().unwrap_or_default(),
        response_method: polling.then_some("polling"),
        timeout: polling.then(|| settings.response_timeout_s.to_string()),
        text: content.message.as_deref().unwrap_or_default(),
        title: content.title.as_deref(),
        header: content.header.as_deref(),
        attachment: content.attachment.as_ref().and_then(|hung| attachment(hung)),
        supplement: content.supplement.as_ref().and_then(|hung| supplement(hung)),
    }
}

/// None when there is nothing of it that the vendor takes: the image of an AI, and that of a highlight, is its template's.
pub fn attachment(attachment: &schemas::Attachment) -> Option<Attachment<'_>> {
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

/// None when it has no quick replies.
pub fn supplement(supplement: &schemas::Supplement) -> Option<Supplement<'_>> {
    let replies = supplement.quick_reply.iter();
    let quick_reply: Vec<_> =
        replies.map(|button| Link { biz_form_id: button.biz_form_key.as_deref(), ..link(button) }).collect();
    (!quick_reply.is_empty()).then_some(Supplement { quick_reply })
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
        name: button::name(button),
        url_pc: button.url_pc.as_deref(),
        url_mobile: button.url_mobile.as_deref(),
        scheme_ios: button.scheme_ios.as_deref(),
        scheme_android: button.scheme_android.as_deref(),
        chat_extra: button.chat_extra.as_deref(),
        chat_event: button.chat_event.as_deref(),
        ..Link::default()
    }
}
