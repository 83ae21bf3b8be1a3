//! Text by SMS API v3.0: 단문 SMS 발송, 장문 MMS 발송, 인증용 SMS 발송 and 광고 문자.

use super::{Sending, Unfit, number, of_auth};
use processors::rules::cp949;
use schemas::{Dispatch, Family};
use serde::Serialize;

/// Words of which a text over the way for authentication must have one (인증용 SMS, 주의 사항).
const AUTH_WORDS: [&str; 7] = ["auth", "password", "verify", "にんしょう", "認証", "비밀번호", "인증"];
/// Bytes of a title that handsets show.
const TITLE_BYTES: usize = 40;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Text<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'d str>,
    body: &'d str,
    send_no: &'d str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attach_file_id_list: Vec<i64>,
    recipient_list: [Recipient<'d>; 1],
    #[serde(skip_serializing_if = "str::is_empty")]
    origin_code: &'d str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recipient<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_no: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    international_recipient_no: Option<String>,
    recipient_grouping_key: &'d str,
}

/// The request of a step. `origin_code`: the customer's code of the first sender, empty when it has none.
pub fn text(dispatch: &Dispatch, origin_code: &str, images: &[String]) -> Result<Sending, Unfit> {
    let content = &dispatch.accepted.content;
    let (at_home, abroad) = number(dispatch)?;
    let message = content.message.as_deref().unwrap_or_default();
    let long = is_long(dispatch);
    if long && abroad.is_some() {
        return Err(Unfit::Abroad);
    }
    let path = match (long, dispatch.accepted.ad) {
        (true, true) => "/sender/ad-mms",
        (true, false) => "/sender/mms",
        (false, true) => "/sender/ad-sms",
        (false, false) if is_auth(dispatch) => "/sender/auth/sms",
        (false, false) => "/sender/sms",
    };
    let files: Result<Vec<i64>, _> = images.iter().map(|key| key.parse()).collect();
    let given = content.title.as_deref().filter(|title| !title.is_empty());
    let text = Text {
        title: long.then(|| given.unwrap_or_else(|| beginning(message))),
        body: message,
        send_no: content.callback.as_deref().unwrap_or_default(),
        attach_file_id_list: files.map_err(|_| Unfit::File)?,
        recipient_list: [Recipient {
            recipient_no: at_home,
            international_recipient_no: abroad,
            recipient_grouping_key: &dispatch.serial_number,
        }],
        origin_code,
    };
    // Structs of strings always become JSON.
    Ok(Sending { path, body: serde_json::to_vec(&text).unwrap_or_default() })
}

/// Where a text is looked for that was sent.
pub fn list_of(dispatch: &Dispatch) -> &'static str {
    match is_long(dispatch) {
        true => "/sender/mms",
        false if is_auth(dispatch) && !dispatch.accepted.ad => "/sender/auth/sms",
        false => "/sender/sms",
    }
}

fn is_long(dispatch: &Dispatch) -> bool {
    let accepted = &dispatch.accepted;
    matches!(Family::of(accepted.channel, accepted.message_type), Family::Lms | Family::Mms)
}

fn is_auth(dispatch: &Dispatch) -> bool {
    of_auth(dispatch, &AUTH_WORDS)
}

/// What stands for a title, which the vendor wants: the beginning of the text's first line, as far as handsets show it.
fn beginning(text: &str) -> &str {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let mut bytes = 0;
    let fits = |(_, character): &(usize, char)| {
        bytes += cp949::bytes(character.encode_utf8(&mut [0; 4])).unwrap_or(2);
        bytes <= TITLE_BYTES
    };
    let end = line.char_indices().take_while(fits).last().map_or(0, |(at, character)| at + character.len_utf8());
    line[..end].trim_end()
}
