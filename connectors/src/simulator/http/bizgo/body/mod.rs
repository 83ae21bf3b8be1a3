//! A request to send, read as strictly as the published schemas are: unknown fields, a missing time beside an
//! idempotency key, texts beyond their limits are refused with the published code.

mod brand;
mod rcs;

use crate::simulator::Lasts;
use brand::Brand;
use processors::rules::cp949;
use rcs::Rcs;
use schemas::Family;
use serde::Deserialize;
use serde_json::Value;

/// One message of a request.
pub struct Message {
    pub to: String,
    pub serial_number: String,
    /// Idempotency key, of this destination among several.
    pub known_by: Option<String>,
    pub family: Family,
    /// How long a carrier tries.
    pub lasts: Option<Lasts>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Omni {
    destinations: Vec<Destination>,
    message_flow: Vec<Flow>,
    payment_code: Option<String>,
    group_key: Option<String>,
    idempotency_key: Option<String>,
    idempotency_ttl: Option<u32>,
    r#ref: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Destination {
    to: String,
    replace_words: Option<Value>,
    r#ref: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Flow {
    Sms(Sms),
    Mms(Mms),
    International(International),
    Alimtalk(Box<Alimtalk>),
    #[serde(rename = "brandmessage")]
    Brand(Box<Brand>),
    Rcs(Box<Rcs>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Sms {
    from: String,
    text: String,
    ttl: Option<String>,
    #[serde(rename = "originCID")]
    origin_cid: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Mms {
    from: String,
    title: Option<String>,
    text: String,
    file_key: Option<Vec<String>>,
    ttl: Option<String>,
    #[serde(rename = "originCID")]
    origin_cid: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct International {
    from: String,
    text: String,
    ttl: Option<String>,
    client_sub_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Alimtalk {
    msg_type: Option<String>,
    sender_key: String,
    template_code: String,
    send_type: Option<String>,
    response_method: Option<String>,
    timeout: Option<String>,
    text: Option<String>,
    title: Option<String>,
    header: Option<String>,
    link: Option<Value>,
    attachment: Option<Attachment>,
    supplement: Option<Supplement>,
    price: Option<String>,
    currency_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Attachment {
    button: Option<Vec<Button>>,
    item: Option<Item>,
    item_highlight: Option<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Item {
    list: Option<Vec<Entry>>,
    summary: Option<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Entry {
    title: String,
    description: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Supplement {
    quick_reply: Option<Vec<Button>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Button {
    r#type: String,
    name: String,
    url_pc: Option<String>,
    url_mobile: Option<String>,
    scheme_ios: Option<String>,
    scheme_android: Option<String>,
    target: Option<String>,
    chat_extra: Option<String>,
    chat_event: Option<String>,
    plugin_id: Option<String>,
    relay_id: Option<String>,
    oneclick_id: Option<String>,
    product_id: Option<String>,
    biz_form_key: Option<String>,
    biz_form_id: Option<String>,
    tel_number: Option<String>,
}

/// The `ref` of a request, which its answer repeats, and its messages; or the code that the vendor refuses it with.
pub fn read(body: &[u8]) -> Result<(Option<String>, Vec<Message>), &'static str> {
    let value: Value = serde_json::from_slice(body).map_err(|_| "A010")?;
    let omni: Omni = serde_json::from_value(value).map_err(|_| "A011")?;
    match (&omni.idempotency_key, omni.idempotency_ttl) {
        (Some(key), _) if key.is_empty() || key.chars().count() > 200 => return Err("A308"),
        (Some(_), None | Some(86_401..)) => return Err("A309"),
        _ => {}
    }
    // A fallback of the vendor's own is not simulated: the first message is the one that is judged.
    let first = omni.message_flow.first().ok_or("A300")?;
    let (family, lasts) = (family(first)?, first.lasts()?);
    if omni.destinations.len() > 200 {
        return Err("A318");
    }
    let alone = omni.destinations.len() == 1;
    let message = |destination: Destination| {
        let to = destination.to;
        if to.is_empty() || !to.bytes().all(|b| b.is_ascii_digit()) {
            return Err("A306");
        }
        let serial_number = destination.r#ref.or_else(|| omni.r#ref.clone()).or_else(|| omni.idempotency_key.clone());
        let known_by = omni.idempotency_key.as_ref().map(|key| if alone { key.clone() } else { format!("{key}/{to}") });
        Ok(Message { to, serial_number: serial_number.ok_or("A305")?, known_by, family, lasts })
    };
    let messages = omni.destinations.into_iter().map(message).collect::<Result<_, _>>()?;
    Ok((omni.r#ref, messages))
}

impl Flow {
    /// As its ttl says, seconds; what none says, or one of no text, is tried as long as it takes.
    fn lasts(&self) -> Result<Option<Lasts>, &'static str> {
        let (ttl, overdue) = match self {
            Self::Sms(Sms { ttl, .. }) | Self::International(International { ttl, .. }) => (ttl, "22000"),
            Self::Mms(Mms { ttl, .. }) => (ttl, "32000"),
            Self::Alimtalk(_) | Self::Brand(_) | Self::Rcs(_) => return Ok(None),
        };
        let Some(ttl) = ttl else { return Ok(None) };
        let seconds: u32 = ttl.parse().map_err(|_| "A304")?;
        Ok(Some(Lasts { ms: i64::from(seconds) * 1_000, overdue }))
    }
}

fn family(flow: &Flow) -> Result<Family, &'static str> {
    let fits = |text: &str, most: usize| match cp949::bytes(text) {
        _ if text.is_empty() => Err("A303"),
        Ok(bytes) if bytes <= most => Ok(()),
        _ => Err("A328"),
    };
    let from = |from: &str| if from.is_empty() { Err("A302") } else { Ok(()) };
    match flow {
        Flow::Sms(sms) => from(&sms.from).and(fits(&sms.text, 90)).map(|()| Family::Sms),
        Flow::International(abroad) => from(&abroad.from).map(|()| Family::Sms),
        Flow::Mms(mms) => {
            from(&mms.from)?;
            fits(&mms.text, 2_000)?;
            match mms.file_key.as_deref() {
                None => Ok(Family::Lms),
                Some([]) => Err("A217"),
                Some([_, _, _, _, ..]) => Err("A319"),
                Some(_) => Ok(Family::Mms),
            }
        }
        Flow::Brand(brand) => brand.check(),
        Flow::Rcs(rcs) => rcs.check(),
        Flow::Alimtalk(at) => match (at.send_type.as_deref(), at.msg_type.as_deref(), at.text.as_deref()) {
            _ if at.sender_key.is_empty() => Err("A502"),
            _ if !matches!(at.response_method.as_deref(), None | Some("push" | "polling")) => Err("A501"),
            _ if !at
                .timeout
                .as_deref()
                .is_none_or(|time| time.parse().is_ok_and(|s| (10..=86_400u32).contains(&s))) =>
            {
                Err("A526")
            }
            _ if at.template_code.is_empty() => Err("A505"),
            (Some("template"), ..) => Ok(Family::At),
            (_, Some("AT" | "AI"), Some(text)) if (1..=1_300).contains(&text.chars().count()) => Ok(Family::At),
            (_, Some("AT" | "AI"), _) => Err("A303"),
            _ => Err("A523"),
        },
    }
}
