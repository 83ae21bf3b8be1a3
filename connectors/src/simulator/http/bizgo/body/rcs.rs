//! An RCS message as its published schemas have it.

use schemas::Family;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
pub struct Rcs {
    from: String,
    format_id: String,
    brand_key: String,
    body: Body,
    buttons: Option<Vec<Button>>,
    brand_id: Option<String>,
    group_id: Option<String>,
    expiry_option: Option<String>,
    copy_allowed: Option<String>,
    header: Option<String>,
    footer: Option<String>,
    agency_id: Option<String>,
    agency_key: Option<String>,
    ttl: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    title: Option<String>,
    description: Option<String>,
    media: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Button {
    suggestions: Option<Vec<Suggestion>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Suggestion {
    display_text: String,
    action: Option<Action>,
}

/// Each has an object around what it does; those without a struct here are not looked into.
#[derive(Deserialize)]
#[allow(dead_code, reason = "read to be checked")]
enum Action {
    #[serde(rename = "urlAction", rename_all = "camelCase")]
    Url { open_url: Url },
    #[serde(rename = "dialerAction", rename_all = "camelCase")]
    Dial { dial_phone_number: Number },
    #[serde(rename = "mapAction")]
    Map(serde_json::Value),
    #[serde(rename = "calendarAction")]
    Calendar(serde_json::Value),
    #[serde(rename = "composeAction")]
    Compose(serde_json::Value),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Url {
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Number {
    phone_number: String,
}

impl Rcs {
    /// The family of a message that is as published, or the code that it is refused with.
    pub fn check(&self) -> Result<Family, &'static str> {
        let ensure = |holds: bool, code| if holds { Ok(()) } else { Err(code) };
        let flag = |given: &Option<String>| matches!(given.as_deref(), None | Some("0" | "1"));
        let digits = |given: &Option<String>| {
            given.as_deref().is_none_or(|ttl| !ttl.is_empty() && ttl.bytes().all(|b| b.is_ascii_digit()))
        };
        let Body { title, description, media } = &self.body;
        let said = [title, description, media].into_iter().flatten().any(|part| !part.is_empty());
        let of_media = media.as_deref().is_none_or(|media| media.starts_with("maapfile://"));
        let suggestions = || self.buttons.iter().flatten().flat_map(|button| button.suggestions.iter().flatten());
        ensure(!self.from.is_empty(), "A302")?;
        ensure(!self.format_id.is_empty(), "A404")?;
        ensure(!self.brand_key.is_empty(), "A420")?;
        ensure(said && of_media, "A415")?;
        ensure(suggestions().all(|suggestion| suggestion.action.is_some()), "A406")?;
        ensure(suggestions().all(|suggestion| !suggestion.display_text.is_empty()), "A427")?;
        ensure(matches!(self.expiry_option.as_deref(), None | Some("1" | "2" | "3" | "4")), "A408")?;
        ensure(flag(&self.copy_allowed), "A407")?;
        ensure(flag(&self.header), "A411")?;
        let footed = self.footer.as_deref().is_some_and(|footer| (1..=100).contains(&footer.chars().count()));
        ensure(footed == (self.header.as_deref() == Some("1")), "A412")?;
        ensure(digits(&self.ttl), "A304")?;
        Ok(Family::Rcs)
    }
}
