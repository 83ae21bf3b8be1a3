//! RCS: published schema RcsMessage and those that it names.
//!
//! One card. What a carousel's cards are called in `body`, and how buttons for maps, calendars, copying and recording
//! are filled from what a customer says, is not published or not said: such messages are refused as the vendor would,
//! which lets the next step of the customer's plan follow.

use super::{Extras, Unfit};
use schemas::{Accepted, Button as Given, MessageType};
use serde::Serialize;
use serde_json::{Value, json};

/// An RCS message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rcs<'d> {
    from: &'d str,
    format_id: &'d str,
    brand_key: &'d str,
    body: Body<'d>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    buttons: Vec<Buttons<'d>>,
    expiry_option: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy_allowed: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    footer: Option<&'d str>,
}

#[derive(Serialize)]
struct Body<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<&'d str>,
}

#[derive(Serialize)]
struct Buttons<'d> {
    suggestions: Vec<Suggestion<'d>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Suggestion<'d> {
    display_text: &'d str,
    action: Value,
}

/// Products of the customer's own text, or a template, which has header and buttons of its own.
pub fn rcs<'d>(accepted: &'d Accepted, extras: Extras<'d>) -> Result<Rcs<'d>, Unfit> {
    let content = &accepted.content;
    // An ad without one has label and free number in its text, as ingest sees to; both would stand there twice.
    let footer = content.footer.as_deref().filter(|footer| accepted.ad && !footer.is_empty());
    let given = content.attachment.as_deref();
    let media = extras.images;
    if media.len() > 1 {
        return Err(Unfit::Content);
    }
    let of_template = accepted.message_type == MessageType::Rcstmpl;
    let buttons = given.map_or(&[][..], |given| &given.button);
    let suggestions =
        if of_template { Vec::new() } else { buttons.iter().map(suggestion).collect::<Result<_, _>>()? };
    Ok(Rcs {
        from: content.callback.as_deref().unwrap_or_default(),
        format_id: content.template_code.as_deref().unwrap_or_default(),
        brand_key: extras.brand_key.ok_or(Unfit::NoBrand)?,
        body: Body {
            title: content.title.as_deref(),
            description: content.message.as_deref(),
            media: media.first().map(String::as_str),
        },
        buttons: if suggestions.is_empty() { Vec::new() } else { vec![Buttons { suggestions }] },
        expiry_option: expiry(extras.until_ms - extras.now_ms, if accepted.ad { 0 } else { GONE_MS }),
        copy_allowed: content.copy_allowed.as_deref().map(|allowed| if allowed == "Y" { "1" } else { "0" }),
        // A header of 1 is refused with a template and without a footer, and a footer without a header.
        header: (!of_template).then_some(if footer.is_some() { "1" } else { "0" }),
        footer: footer.filter(|_| !of_template),
    })
}

/// Of the life of a message, what may have gone by until its request leaves: a life of a day is a day for the vendor. An ad's
/// ends with the evening at the latest, and not five minutes later.
const GONE_MS: i64 = 300_000;

/// The longest of the four published times in which the vendor tries that ends with the message, or soon after it.
const fn expiry(left_ms: i64, gone_ms: i64) -> &'static str {
    const DAY_MS: i64 = 86_400_000;
    const HOUR_MS: i64 = 3_600_000;
    match left_ms.saturating_add(gone_ms) {
        DAY_MS.. => "1",
        HOUR_MS.. => "4",
        _ if left_ms >= 190_000 => "3",
        _ => "2",
    }
}

fn suggestion(button: &Given) -> Result<Suggestion<'_>, Unfit> {
    let needed = |given: &Option<String>| given.clone().ok_or(Unfit::Button);
    let action = match &*button.r#type {
        "URL" => json!({"urlAction": {"openUrl": {"url": needed(&button.url_mobile)?}}}),
        "DIAL" => json!({"dialerAction": {"dialPhoneNumber": {"phoneNumber": needed(&button.tel_number)?}}}),
        _ => return Err(Unfit::Button),
    };
    Ok(Suggestion { display_text: button.name.as_deref().unwrap_or_default(), action })
}
