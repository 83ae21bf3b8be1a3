//! A request to send text, read as strictly as it is published: unknown fields and texts beyond their limits are refused
//! with the published code.

use processors::rules::cp949;
use schemas::Family;
use serde::Deserialize;
use serde_json::Value;

/// Which of the ways a request took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sms,
    Mms,
    AuthSms,
    AdSms,
    AdMms,
}

/// One message of a request.
pub struct Message {
    pub to: String,
    pub serial_number: String,
    pub family: Family,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Text {
    template_id: Option<String>,
    title: Option<String>,
    body: Option<String>,
    send_no: Option<String>,
    request_date: Option<String>,
    sender_grouping_key: Option<String>,
    attach_file_id_list: Option<Vec<i64>>,
    recipient_list: Option<Vec<Recipient>>,
    user_id: Option<String>,
    stats_id: Option<String>,
    origin_code: Option<String>,
    use_conversion: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Recipient {
    recipient_no: Option<String>,
    country_code: Option<String>,
    international_recipient_no: Option<String>,
    template_parameter: Option<Value>,
    recipient_grouping_key: Option<String>,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Sms, Self::Mms, Self::AuthSms, Self::AdSms, Self::AdMms];

    /// Behind `/sender/`.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Mms => "mms",
            Self::AuthSms => "auth/sms",
            Self::AdSms => "ad-sms",
            Self::AdMms => "ad-mms",
        }
    }

    /// Whether what was sent is listed at the same path.
    pub const fn lists(self) -> bool {
        !matches!(self, Self::AdSms | Self::AdMms)
    }

    const fn is_long(self) -> bool {
        matches!(self, Self::Mms | Self::AdMms)
    }
}

/// The messages of a request, or the code that it is refused with.
pub fn read(kind: Kind, body: &[u8]) -> Result<Vec<Message>, i64> {
    let text: Text = serde_json::from_slice(body).map_err(|_| -9997)?;
    let ensure = |holds: bool, code: i64| if holds { Ok(()) } else { Err(code) };
    let within = |given: &Option<String>, most: usize| given.as_deref().is_none_or(|text| text.chars().count() <= most);
    let body = text.body.as_deref().unwrap_or_default();
    let title = text.title.as_deref().unwrap_or_default();
    let only_long = text.title.is_none() && text.attach_file_id_list.is_none();
    ensure(kind.is_long() || only_long, -9997)?;
    ensure(kind == Kind::AuthSms || text.use_conversion.is_none(), -9997)?;
    ensure(!body.is_empty() && (!kind.is_long() || !title.is_empty()), -2014)?;
    ensure(body.chars().count() <= if kind.is_long() { 4_000 } else { 255 } && title.chars().count() <= 120, -2015)?;
    ensure(cp949::bytes(body).and(cp949::bytes(title)).is_ok(), -2023)?;
    ensure(text.send_no.as_deref().is_some_and(|number| (1..=13).contains(&number.len())), -2312)?;
    ensure(within(&text.stats_id, 10) && within(&text.sender_grouping_key, 100) && within(&text.user_id, 100), 4)?;
    ensure(text.origin_code.as_deref().is_none_or(|code| code.len() == 9), 4)?;
    ensure(kind != Kind::AuthSms || authenticates(body), -8000)?;
    ensure(!matches!(kind, Kind::AdSms | Kind::AdMms) || advertises(body), -6003)?;
    let recipients = text.recipient_list.filter(|recipients| !recipients.is_empty()).ok_or(-2001)?;
    ensure(recipients.len() <= 1_000, -2016)?;
    let family = match (kind.is_long(), &text.attach_file_id_list) {
        (false, _) => Family::Sms,
        (true, None) => Family::Lms,
        (true, Some(files)) => {
            ensure((1..=3).contains(&files.len()) && files.iter().all(|id| *id > 0), -2004)?;
            Family::Mms
        }
    };
    let message = |recipient: Recipient| {
        let abroad = recipient.recipient_no.is_none();
        let to = recipient.recipient_no.or(recipient.international_recipient_no).unwrap_or_default();
        ensure(!to.is_empty(), -2018)?;
        ensure(to.len() <= 20 && to.bytes().all(|byte| byte.is_ascii_digit()), -2019)?;
        let away = if abroad { !to.starts_with("82") } else { recipient.country_code.is_some_and(|code| code != "82") };
        ensure(!(away && kind.is_long()), -2024)?;
        let key = recipient.recipient_grouping_key.filter(|key| key.chars().count() <= 100).ok_or(4)?;
        Ok(Message { to, serial_number: key, family })
    };
    recipients.into_iter().map(message).collect()
}

/// Whether a text has one of the published words of an authentication.
fn authenticates(text: &str) -> bool {
    let text = text.to_lowercase();
    ["auth", "password", "verify", "にんしょう", "認証", "비밀번호", "인증"].into_iter().any(|word| text.contains(word))
}

/// Whether an ad begins and ends as published.
fn advertises(text: &str) -> bool {
    let plain: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let said =
        ["무료수신거부", "무료거부"].into_iter().filter_map(|words| plain.rfind(words).map(|at| &plain[at..])).next();
    plain.starts_with("(광고)") && said.is_some_and(|end| end.contains("080"))
}
