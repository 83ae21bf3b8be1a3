//! 알림톡 by KakaoTalk Bizmessage API v2.3, 메시지 전문 발송 요청: text, buttons and items with their variables filled.
//!
//! An image (AI) is its template's, and so is the emphasis: the request does not say it. The vendor's own fallback is
//! switched off in each request, because the console may have it switched on.

use super::{Sending, Unfit, number, of_auth};
use processors::rules::button;
use schemas::{Attachment, Button, Dispatch, Highlight, Item, ItemList};
use serde::Serialize;

/// Words of which a message over the way for authentication must have one (인증 메시지).
const AUTH_WORDS: [&str; 7] = ["auth", "password", "verif", "にんしょう", "認証", "비밀번호", "인증"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'d> {
    sender_key: &'d str,
    template_code: &'d str,
    recipient_list: [Recipient<'d>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recipient<'d> {
    recipient_no: String,
    content: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_title: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_header: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_item: Option<Items<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_item_highlight: Option<Highlighted<'d>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    buttons: Vec<Link<'d>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quick_replies: Vec<Link<'d>>,
    resend_parameter: Resend,
    recipient_grouping_key: &'d str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resend {
    is_resend: bool,
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
struct Highlighted<'d> {
    title: &'d str,
    description: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<&'d str>,
}

/// A button or a quick reply: the latter has no plugin and no payment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link<'d> {
    ordering: usize,
    r#type: &'d str,
    name: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_mo: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_pc: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme_ios: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme_android: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_extra: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_event: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_form_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin_id: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relay_id: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    one_click_id: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'d str>,
}

/// The request of a step.
pub fn alimtalk(dispatch: &Dispatch) -> Result<Sending, Unfit> {
    let content = &dispatch.accepted.content;
    let hung = content.attachment.as_deref();
    let (at_home, abroad) = number(dispatch)?;
    let quick = content.supplement.as_deref().map_or(&[][..], |supplement| &supplement.quick_reply);
    let recipient = Recipient {
        recipient_no: at_home.or(abroad).unwrap_or_default(),
        content: content.message.as_deref().unwrap_or_default(),
        template_title: content.title.as_deref(),
        template_header: content.header.as_deref(),
        template_item: hung.and_then(|hung| hung.item.as_deref()).map(items),
        template_item_highlight: hung.and_then(|hung| hung.item_highlight.as_deref()).map(highlighted),
        buttons: links(hung.map_or(&[][..], |hung: &Attachment| &hung.button))?,
        quick_replies: links(quick)?,
        resend_parameter: Resend { is_resend: false },
        recipient_grouping_key: &dispatch.serial_number,
    };
    let message = Message {
        sender_key: content.sender_key.as_deref().unwrap_or_default(),
        template_code: content.template_code.as_deref().unwrap_or_default(),
        recipient_list: [recipient],
    };
    let path = if is_auth(dispatch) { "/auth/raw-messages" } else { "/raw-messages" };
    // Structs of strings always become JSON.
    Ok(Sending { path, body: serde_json::to_vec(&message).unwrap_or_default() })
}

/// Where a message is looked for that was sent.
pub fn list_of(dispatch: &Dispatch) -> &'static str {
    if is_auth(dispatch) { "/auth/messages" } else { "/messages" }
}

fn is_auth(dispatch: &Dispatch) -> bool {
    of_auth(dispatch, &AUTH_WORDS)
}

fn items(items: &ItemList) -> Items<'_> {
    Items { list: items.list.iter().map(entry).collect(), summary: items.summary.as_deref().map(entry) }
}

fn entry(item: &Item) -> Entry<'_> {
    Entry { title: &item.title, description: item.description.as_deref().unwrap_or_default() }
}

fn highlighted(highlight: &Highlight) -> Highlighted<'_> {
    Highlighted {
        title: &highlight.title,
        description: &highlight.description,
        image_url: highlight.img_url.as_deref(),
    }
}

fn links(buttons: &[Button]) -> Result<Vec<Link<'_>>, Unfit> {
    (1..).zip(buttons).map(|(ordering, button)| link(ordering, button)).collect()
}

fn link(ordering: usize, button: &Button) -> Result<Link<'_>, Unfit> {
    // The guide has no field for a number to call, and wants the id of a form as a number.
    if button.r#type == "TN" {
        return Err(Unfit::Button);
    }
    let biz_form_id = button.biz_form_key.as_deref().map(|key| key.parse().map_err(|_| Unfit::Button)).transpose()?;
    Ok(Link {
        ordering,
        r#type: &button.r#type,
        name: button::name(button),
        link_mo: button.url_mobile.as_deref(),
        link_pc: button.url_pc.as_deref(),
        scheme_ios: button.scheme_ios.as_deref(),
        scheme_android: button.scheme_android.as_deref(),
        chat_extra: button.chat_extra.as_deref(),
        chat_event: button.chat_event.as_deref(),
        biz_form_id,
        plugin_id: button.plugin_id.as_deref(),
        relay_id: button.relay_id.as_deref(),
        one_click_id: button.one_click_id.as_deref(),
        product_id: button.product_id.as_deref(),
        target: button.target.as_deref(),
    })
}
