//! A step as the body of `POST /api/comm/v1/send/omni`: published schemas SendOmniRequest, SmsMessage, MmsMessage,
//! InternationalMessage here, those of KakaoTalk and RCS in files of their own.

mod alimtalk;
mod brand;
mod rcs;

pub use alimtalk::{Attachment, Supplement, attachment, supplement};

use crate::vendors::VendorSettings;
use processors::rules::phone;
use schemas::{Dispatch, Family};
use serde::Serialize;

/// How long the vendor remembers an idempotency key, seconds: the longest there is.
pub const IDEMPOTENCY_S: u32 = 86_400;

/// What a request needs that the step does not say.
#[derive(Debug, Clone, Copy)]
pub struct Extras<'e> {
    /// The files of an MMS or RCS message, as the vendor names them.
    pub images: &'e [String],
    /// The customer's code of the first sender, empty when it has none.
    pub origin_code: &'e str,
    /// The key of the RCS brand that the step's chatbot belongs to.
    pub brand_key: Option<&'e str>,
    /// Settings of the vendor.
    pub settings: &'e VendorSettings,
    /// Now, Unix milliseconds.
    pub now_ms: i64,
    /// Until when it may reach its recipient, Unix milliseconds: its end, or the beginning of a night that it may not come in.
    pub until_ms: i64,
}

/// Longest time that a carrier tries, seconds: the longest that the document names.
const LONGEST_TTL_S: i64 = 86_400;

impl Extras<'_> {
    /// Whole seconds that are left, one at least.
    fn ttl(&self) -> String {
        ((self.until_ms - self.now_ms) / 1_000).clamp(1, LONGEST_TTL_S).to_string()
    }
}

/// The published schema cannot say this step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It wants a phone number, and the recipient has none.
    NoNumber,
    /// It has no such type of brand message.
    Type,
    /// The chatbot's brand has no key.
    NoBrand,
    /// It has no such content of an RCS message.
    Content,
    /// It has no such button of an RCS message, or nothing to make it of.
    Button,
}

impl Unfit {
    /// What the vendor would answer.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoNumber => "A307",
            Self::Type => "A523",
            Self::NoBrand => "A420",
            Self::Content => "A415",
            Self::Button => "A426",
        }
    }
}

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
    Rcs(Box<rcs::Rcs<'d>>),
    Alimtalk(Box<alimtalk::Alimtalk<'d>>),
    #[serde(rename = "brandmessage")]
    Brand(Box<brand::Brand<'d>>),
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
    ttl: String,
    #[serde(rename = "originCID", skip_serializing_if = "str::is_empty")]
    origin_cid: &'d str,
}

/// The body of a request.
pub fn body(dispatch: &Dispatch, extras: Extras<'_>) -> Result<Vec<u8>, Unfit> {
    let recipient = &dispatch.accepted.recipient;
    let number = recipient.phone_number.as_deref().filter(|number| !number.is_empty()).ok_or(Unfit::NoNumber)?;
    let (abroad, to) = match recipient.country_code.as_deref() {
        None => (false, number.to_owned()),
        Some("82") => (false, phone::domestic(number)),
        // E.164 without the plus sign.
        Some(country) => (true, format!("{country}{number}")),
    };
    let omni = Omni {
        destinations: [Destination { to }],
        message_flow: [message(dispatch, abroad, extras)?],
        idempotency_key: &dispatch.serial_number,
        idempotency_ttl: IDEMPOTENCY_S,
        r#ref: &dispatch.serial_number,
    };
    // Structs of strings always become JSON.
    Ok(serde_json::to_vec(&omni).unwrap_or_default())
}

fn message<'d>(dispatch: &'d Dispatch, abroad: bool, extras: Extras<'d>) -> Result<Message<'d>, Unfit> {
    let accepted = &dispatch.accepted;
    let content = &accepted.content;
    let text = Text {
        from: content.callback.as_deref().unwrap_or_default(),
        title: None,
        text: content.message.as_deref().unwrap_or_default(),
        file_key: &[],
        ttl: extras.ttl(),
        origin_cid: extras.origin_code,
    };
    Ok(match Family::of(accepted.channel, accepted.message_type) {
        // Neither title nor file may be there, and no code of the first sender is known.
        Family::Sms if abroad => Message::International(Text { origin_cid: "", ..text }),
        Family::Sms => Message::Sms(text),
        // Without a file key it is an LMS.
        Family::Lms => Message::Mms(Text { title: content.title.as_deref(), ..text }),
        Family::Mms => Message::Mms(Text { title: content.title.as_deref(), file_key: extras.images, ..text }),
        Family::Rcs => Message::Rcs(Box::new(rcs::rcs(accepted, extras)?)),
        Family::Ft | Family::Bt => Message::Brand(Box::new(brand::brand(accepted, extras.origin_code)?)),
        // The reference data gives this vendor no other family.
        Family::At | Family::Push | Family::Email => {
            Message::Alimtalk(Box::new(alimtalk::alimtalk(accepted.message_type, content, extras.settings)))
        }
    })
}
