//! 알림톡 templates: registered, changed, brought to their inspection, asked for, deleted. Published paths
//! `api_comm_v1_center_alimtalk_template*.yaml`, schemas AlimtalkTemplateSaveRequest, AlimtalkTemplateInspectionRequest,
//! AlimtalkTemplateInspectionCancelRequest, AlimtalkTemplateResponse.
//!
//! Not published are: the code of a template that is not there, or is there already (published of sends: A505 of a template code,
//! A502 of a sender key that is none); words of `templateMessageType` and
//! `templateEmphasizeType` beside BA and NONE (here Kakao's own, as NHN Cloud lists them: github TOAST-DOCS/Alimtalk,
//! ko/alimtalk-api-guide.md); where the image of a highlight is said; and the text of a comment, of which writer and time
//! come.

use super::{
    Bizgo,
    managed::{Managed, NONE_SUCH, Refusal, taken, unread, within},
    request::{Attachment, Supplement, attachment, supplement},
};
use crate::vendors::registrar::{Trouble, Wanted, emphasized, message_type, only, part_of_path};
use hyper::Method;
use processors::{
    center::registering::{Held, Inspection, Next},
    ports::Clock,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where templates are, their inspections are asked for, and taken back.
const TEMPLATE: &str = "/api/comm/v1/center/alimtalk/template";
const REQUEST: &str = "/api/comm/v1/center/alimtalk/template/request";
const WITHDRAWAL: &str = "/api/comm/v1/center/alimtalk/template/request/cancel";

/// The fields that a template is compared by: what the dealer adds is its own.
const COMPARED: [&str; 29] = [
    "text",
    "title",
    "header",
    "imgUrl",
    "attachment",
    "supplement",
    "button",
    "item",
    "itemHighlight",
    "quickReply",
    "list",
    "summary",
    "description",
    "type",
    "name",
    "urlPc",
    "urlMobile",
    "schemeIos",
    "schemeAndroid",
    "target",
    "chatExtra",
    "chatEvent",
    "pluginId",
    "relayId",
    "oneclickId",
    "productId",
    "bizFormKey",
    "bizFormId",
    "telNumber",
];

#[derive(Serialize)]
struct Of<T> {
    alimtalk: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Named<'t> {
    sender_key: &'t str,
    /// Published of all but a withdrawal.
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_key_type: Option<&'static str>,
    template_code: &'t str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole<'t> {
    #[serde(flatten)]
    named: Named<'t>,
    template_name: &'t str,
    template_message_type: &'static str,
    template_emphasize_type: &'static str,
    text: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    img_name: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    img_url: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<Attachment<'t>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplement: Option<Supplement<'t>>,
}

/// What a look at a template came to.
enum Look {
    There(Value),
    /// It is said that it is not there.
    NotThere,
    /// It is not shown, and may be there.
    NotShown,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Standing {
    template_code: String,
    inspection_status: String,
    #[serde(default)]
    comments: Option<Vec<Comment>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Comment {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    created_at: Option<String>,
}

fn named<'t>(wanted: &Wanted<'t>) -> Named<'t> {
    Named {
        sender_key: wanted.sender_key(),
        sender_key_type: Some(if wanted.of_group { "G" } else { "S" }),
        template_code: &wanted.template.code,
    }
}

/// The template as it is registered. The error is what the published schema cannot say.
fn whole<'t>(wanted: &Wanted<'t>) -> Result<Whole<'t>, Trouble> {
    let template = wanted.template;
    let hung = template.attachment.as_ref();
    if hung.and_then(|hung| hung.item_highlight.as_ref()).is_some_and(|highlight| highlight.img_url.is_some()) {
        return Err(Trouble::refused("where a highlight's image is said is not published"));
    }
    let img_url = hung.and_then(|hung| hung.image.as_ref()).map(|image| &*image.img_url);
    Ok(Whole {
        named: named(wanted),
        template_name: &template.code,
        template_message_type: message_type(template),
        template_emphasize_type: emphasized(template),
        text: &template.message,
        title: template.title.as_deref(),
        header: template.header.as_deref(),
        img_name: img_url.and_then(|url| url.rsplit('/').next()),
        img_url,
        attachment: hung.and_then(attachment),
        supplement: template.supplement.as_ref().and_then(supplement),
    })
}

/// Published as a string, and of sender profiles as a boolean.
fn is_said(flag: &Value) -> bool {
    flag.as_bool() == Some(true) || flag.as_str() == Some("true")
}

/// What is said of a template.
fn held(alimtalk: &Value, wanted: &Wanted<'_>) -> Result<Held, Trouble> {
    let Standing { template_code, inspection_status, comments } =
        Standing::deserialize(alimtalk).map_err(|_| unread())?;
    let inspection = match &*inspection_status {
        "REG" => Inspection::Registered,
        "REQ" => Inspection::Requested,
        "APR" => Inspection::Approved,
        "REJ" => Inspection::Rejected,
        _ => return Err(unread()),
    };
    if template_code != wanted.template.code {
        return Err(unread());
    }
    // Its messages would be refused: it is not approved here before somebody has seen to it.
    if inspection == Inspection::Approved {
        if is_said(&alimtalk["block"]) {
            return Err(Trouble::refused("Kakao has blocked it: see the dealer's console"));
        }
        if is_said(&alimtalk["dormant"]) {
            return Err(Trouble::refused("it sleeps at Kakao: wake it in the dealer's console"));
        }
    }
    let ours = serde_json::to_value(whole(wanted)?).unwrap_or_default();
    let comment = comments.unwrap_or_default().pop().map(|comment| {
        let Comment { user_name, created_at } = comment;
        let [writer, at] = [user_name, created_at].map(|told| told.unwrap_or_else(|| "-".to_owned()));
        format!("by {writer}, {at}: its text is told in the dealer's console alone")
    });
    Ok(Held { inspection, same: only(&ours, &COMPARED) == only(alimtalk, &COMPARED), comment })
}

impl Bizgo<'_> {
    /// A template as it stands there; None: it does not.
    pub async fn template(&self, wanted: &Wanted<'_>, clock: &dyn Clock) -> Result<Option<Held>, Trouble> {
        match self.look(wanted.sender_key(), &wanted.template.code, clock).await? {
            Look::There(alimtalk) => held(&alimtalk, wanted).map(Some),
            // By which code it is not there is not published: what is there after all will not be registered again.
            Look::NotThere | Look::NotShown => Ok(None),
        }
    }

    /// Whether the dealer says that a template is not there.
    pub async fn lacks_template(&self, sender_key: &str, code: &str, clock: &dyn Clock) -> Result<bool, Trouble> {
        match self.look(sender_key, code, clock).await {
            Ok(look) => Ok(matches!(look, Look::NotThere)),
            Err(Trouble::Refused(_)) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    async fn look(&self, sender_key: &str, code: &str, clock: &dyn Clock) -> Result<Look, Trouble> {
        let [key, code] = [sender_key, code].map(part_of_path);
        let path = format!("{TEMPLATE}?senderKey={}&templateCode={}", key?, code?);
        match self.managed(Managed::of(Method::GET, &path), clock).await? {
            Ok(answered) => Ok(within(&answered, &["data", "data", "alimtalk"])?.map_or(Look::NotThere, Look::There)),
            Err(Refusal { code, .. }) if NONE_SUCH.contains(&&*code) => Ok(Look::NotThere),
            Err(_) => Ok(Look::NotShown),
        }
    }

    /// Does what is due for a template.
    pub async fn tell_template(&self, due: Next, wanted: &Wanted<'_>, clock: &dyn Clock) -> Result<(), Trouble> {
        let call = match due {
            Next::Register => Managed::telling(Method::POST, TEMPLATE, &Of { alimtalk: whole(wanted)? }),
            Next::Change => Managed::telling(Method::PUT, TEMPLATE, &Of { alimtalk: whole(wanted)? }),
            Next::Request => Managed::telling(Method::POST, REQUEST, &Of { alimtalk: named(wanted) }),
            Next::Withdraw => {
                let named = Named { sender_key_type: None, ..named(wanted) };
                Managed::telling(Method::POST, WITHDRAWAL, &Of { alimtalk: named })
            }
            Next::Wait | Next::Approved | Next::Rejected | Next::Taken => return Ok(()),
        };
        taken(self.managed(call, clock).await?)
    }

    /// Deletes a template. What can stand in no address was never there.
    pub async fn delete_template(&self, sender_key: &str, code: &str, clock: &dyn Clock) -> Result<(), Trouble> {
        let [Ok(key), Ok(code)] = [sender_key, code].map(part_of_path) else { return Ok(()) };
        let path = format!("{TEMPLATE}/senderKey/{key}/templateCode/{code}");
        taken(self.managed(Managed::of(Method::DELETE, &path), clock).await?)
    }
}
