//! A step as submit_sm (SMPP 3.4 §4.4), in one part or several.

use super::{
    settings::{Long, Numbers, SmppSettings},
    text::Written,
};
use processors::rules::phone;
use rusmpp::{
    pdus::SubmitSm,
    tlvs::{MessageSubmissionRequestTlvValue, TlvTag},
    types::{AnyOctetString, COctetString, EmptyOrFullCOctetString, OctetString},
    values::{DataCoding, EsmClass, MessagePayload, Npi, RegisteredDelivery, ServiceType, Ton},
};
use schemas::Dispatch;
use std::{fmt::Write as _, hash::Hasher};

/// One submit of a message.
pub type Part = SubmitSm;

/// Receipt of success and failure (§5.2.17).
const EITHER: u8 = 0x01;
/// Receipt of failure alone.
const FAILURE: u8 = 0x02;
/// Bytes of a part's header.
const HEADER: usize = 6;
/// The text begins with a header (§5.2.12).
const UDHI: u8 = 0x40;
/// Bytes of a message_payload at most.
const MOST_PAYLOAD: usize = 64_000;
/// Longest relative time that needs no months, seconds: 30 days.
const LONGEST_S: i64 = 30 * 86_400;

/// What a request needs that the step does not say.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Settings of the vendor.
    pub smpp: &'a SmppSettings,
    /// Whether delivery receipts are wanted.
    pub receipts: bool,
    /// The customer's code of the first sender, empty when it has none.
    pub origin_code: &'a str,
    /// Until when the carrier may try, Unix milliseconds.
    pub until_ms: i64,
    /// Now, Unix milliseconds.
    pub now_ms: i64,
}

/// submit_sm cannot say this step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// The recipient has no number, or one that is too long.
    Number,
    /// The sender has none, or one that is too long.
    Sender,
    /// There is no text.
    Nothing,
    /// The alphabet does not hold the text, or there are too many parts of it.
    Text,
}

impl Unfit {
    /// What the carrier would answer.
    pub const fn status(self) -> u32 {
        match self {
            Self::Sender => 0x0A,
            Self::Number => 0x0B,
            Self::Nothing | Self::Text => 0x01,
        }
    }
}

/// The submits of a message, in order.
pub fn parts(dispatch: &Dispatch, asked: Asked<'_>) -> Result<Vec<Part>, Unfit> {
    let Asked { smpp, receipts, origin_code, .. } = asked;
    let text = text(dispatch);
    if text.is_empty() {
        return Err(Unfit::Nothing);
    }
    let written = Written::new(&text, smpp.encoding).ok_or(Unfit::Text)?;
    let whole = head(dispatch, asked)?;
    let data_coding = DataCoding::from(smpp.data_coding.unwrap_or(written.data_coding));
    let with = |registered: u8| {
        let mut part = whole.clone().with_data_coding(data_coding);
        if smpp.billing_identification
            && let Ok(serial_number) = OctetString::from_slice(dispatch.serial_number.as_bytes())
        {
            part.push_tlv(MessageSubmissionRequestTlvValue::BillingIdentification(serial_number));
        }
        if let Some(tag) = smpp.origin_tag.filter(|_| !origin_code.is_empty()) {
            let value = AnyOctetString::from_slice(origin_code.as_bytes());
            part.push_tlv(MessageSubmissionRequestTlvValue::Other { tag: TlvTag::Other(tag), value });
        }
        part.registered_delivery = RegisteredDelivery::from(if receipts { registered } else { 0 });
        part
    };
    let single = smpp.short_bytes.map_or(written.single, usize::from);
    if written.bytes.len() <= single {
        return Ok(vec![with(EITHER).with_short_message(short(written.bytes)?)]);
    }
    if smpp.long == Long::Payload {
        if written.bytes.len() > MOST_PAYLOAD {
            return Err(Unfit::Text);
        }
        let mut part = with(EITHER);
        let payload = MessagePayload::new(AnyOctetString::from_vec(written.bytes));
        part.push_tlv(MessageSubmissionRequestTlvValue::MessagePayload(payload));
        return Ok(vec![part]);
    }
    let texts =
        written.parts(smpp.short_bytes.map_or(written.part, |bytes| written.part.min(usize::from(bytes) - HEADER)));
    // Their number is a byte.
    let total = u8::try_from(texts.len()).map_err(|_| Unfit::Text)?;
    let reference = reference(&dispatch.serial_number);
    let of = |(at, text): (usize, &&[u8])| {
        let number = at as u8 + 1;
        let header = [0x05, 0x00, 0x03, reference, total, number];
        let mut part = with(if number == total { EITHER } else { FAILURE });
        part.esm_class = EsmClass::from(UDHI);
        Ok(part.with_short_message(short([&header[..], text].concat())?))
    };
    texts.iter().enumerate().map(of).collect()
}

/// The text. SMPP has no title: that of an LMS is its first line, but for an ad, which begins with (광고).
fn text(dispatch: &Dispatch) -> String {
    let content = &dispatch.accepted.content;
    let text = content.message.clone().unwrap_or_default();
    match content.title.as_deref().filter(|title| !title.is_empty()) {
        None => text,
        Some(title) if dispatch.accepted.ad && !title.starts_with("(광고)") => match text.split_once('\n') {
            Some((first, rest)) => format!("{first}\n{title}\n{rest}"),
            None => format!("{text}\n{title}"),
        },
        Some(title) => format!("{title}\n{text}"),
    }
}

fn head(dispatch: &Dispatch, asked: Asked<'_>) -> Result<SubmitSm, Unfit> {
    let Asked { smpp, until_ms, now_ms, .. } = asked;
    let accepted = &dispatch.accepted;
    let number = accepted.recipient.phone_number.as_deref().filter(|number| !number.is_empty()).ok_or(Unfit::Number)?;
    let country = accepted.recipient.country_code.as_deref();
    let home = country.is_none_or(|country| country == "82");
    let (to, ton) = match smpp.numbers {
        Numbers::National if home => {
            (if country.is_some() { phone::domestic(number) } else { number.to_owned() }, Ton::National)
        }
        Numbers::National | Numbers::International => {
            let digits = if country.is_none() { number.strip_prefix('0').unwrap_or(number) } else { number };
            (format!("{}{digits}", country.unwrap_or("82")), Ton::International)
        }
    };
    let from = accepted.content.callback.as_deref().filter(|from| !from.is_empty()).ok_or(Unfit::Sender)?;
    Ok(SubmitSm::builder()
        // Its length is looked at when the settings are.
        .service_type(ServiceType::new(octets(&smpp.service_type).unwrap_or_default()))
        .source_addr_ton(Ton::from(smpp.source_ton))
        .source_addr_npi(Npi::from(smpp.source_npi))
        .source_addr(octets(from).ok_or(Unfit::Sender)?)
        .dest_addr_ton(ton)
        // ISDN
        .dest_addr_npi(Npi::from(1))
        .destination_addr(octets(&to).ok_or(Unfit::Number)?)
        // The crate's default says that it acknowledges a delivery.
        .esm_class(EsmClass::from(0))
        .validity_period(validity(until_ms, now_ms))
        .build())
}

/// How long the carrier may try (§7.1.1.2, relative).
fn validity(until_ms: i64, now_ms: i64) -> EmptyOrFullCOctetString<17> {
    let left_s = (until_ms.saturating_sub(now_ms) / 1_000).clamp(1, LONGEST_S);
    let (days, rest) = (left_s / 86_400, left_s % 86_400);
    let mut text = String::with_capacity(17);
    // Writing into memory does not fail.
    let _ = write!(text, "0000{days:02}{:02}{:02}{:02}000R", rest / 3_600, rest / 60 % 60, rest % 60);
    EmptyOrFullCOctetString::from_string(text).unwrap_or_default()
}

/// What the parts of one message have in common: the same when it is repeated.
fn reference(serial_number: &str) -> u8 {
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(serial_number.as_bytes());
    (hasher.finish() >> 32) as u8
}

/// A text with its end; None: it is too long, or no ASCII.
pub fn octets<const MOST: usize>(text: &str) -> Option<COctetString<1, MOST>> {
    let mut bytes = Vec::with_capacity(text.len() + 1);
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
    COctetString::from_vec(bytes).ok()
}

fn short(bytes: Vec<u8>) -> Result<OctetString<0, 255>, Unfit> {
    OctetString::from_vec(bytes).map_err(|_| Unfit::Text)
}
