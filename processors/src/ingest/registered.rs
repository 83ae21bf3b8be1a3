//! What a customer must have registered: sender profiles, templates, sender numbers (2040).

use crate::reference::{Approval, Reference, Template, tail};
use crate::refusal::{Code, Refusal};
use crate::rules::field::Field;
use crate::rules::{sender, text};
use schemas::{Channel, ContentOf, MessageType, Text};

/// Checks what the sender of a step names, brings its sender number to plain digits, and finds its template.
pub fn check<'r, S: Text>(
    at: &Field<'_>,
    reference: &'r Reference,
    username: &str,
    channel: Channel,
    message_type: Option<MessageType>,
    content: &mut ContentOf<S>,
) -> Result<Option<&'r Template>, Refusal> {
    match channel {
        Channel::At | Channel::Ft | Channel::Bt => {
            sender_profile(&at.of("sender_key"), reference, username, channel, &content.sender_key)?;
        }
        Channel::Mt | Channel::Rc => {
            sender_number(&at.of("callback"), reference, username, channel, &mut content.callback)?;
        }
        Channel::Em => from_email(&at.of("from_email"), reference, username, &content.from_email)?,
        Channel::Pu => {}
    }
    template(&at.of("template_code"), reference, username, channel, message_type, content)
}

fn sender_profile<S: Text>(
    at: &Field<'_>,
    reference: &Reference,
    username: &str,
    channel: Channel,
    sender_key: &Option<S>,
) -> Result<(), Refusal> {
    let key = text::needed(at, sender_key, channel.as_str())?;
    text::at_most(Code::BadRequest, at, key, 40)?;
    let profile = reference.sender_profile(key).filter(|p| p.username == username);
    approved(at, profile.map(|p| p.state))
}

/// A sender number (MT) becomes plain digits; a chatbot id (RC) is compared as it is.
fn sender_number<S: Text>(
    at: &Field<'_>,
    reference: &Reference,
    username: &str,
    channel: Channel,
    callback: &mut Option<S>,
) -> Result<(), Refusal> {
    let given = text::needed(at, callback, channel.as_str())?;
    let number = sender::number(at, channel, given)?;
    approved(at, reference.sender_number(channel, username, &number).map(|n| n.state))?;
    *callback = Some(S::from(number));
    Ok(())
}

fn from_email<S: Text>(
    at: &Field<'_>,
    reference: &Reference,
    username: &str,
    from_email: &Option<S>,
) -> Result<(), Refusal> {
    let from = text::needed(at, from_email, "EM")?;
    approved(at, reference.sender_number(Channel::Em, username, from).map(|n| n.state))
}

/// AT and RC name a template, others may. Messagebases of the free RCS products are the platform's, the same for all:
/// only RCSTMPL's are registered (NHN Cloud RCS Bizmessage, 발송 전 준비 사항).
fn template<'r, S: Text>(
    at: &Field<'_>,
    reference: &'r Reference,
    username: &str,
    channel: Channel,
    message_type: Option<MessageType>,
    content: &ContentOf<S>,
) -> Result<Option<&'r Template>, Refusal> {
    let code = match channel {
        Channel::At | Channel::Rc => text::needed(at, &content.template_code, channel.as_str())?,
        _ => match text::given(&content.template_code) {
            Some(code) => code,
            None => return Ok(None),
        },
    };
    text::at_most(Code::BadRequest, at, code, 30)?;
    let found = reference.template(channel, username, code);
    if found.is_none() && channel == Channel::Rc && message_type != Some(MessageType::Rcstmpl) {
        return Ok(None);
    }
    approved(at, found.map(|t| t.state))?;
    if let Some(template) = found {
        goes_out_under(at, reference, template, content.sender_key.as_deref().unwrap_or_default())?;
    }
    Ok(found.map(|t| &**t))
}

/// A template of KakaoTalk goes out under its own sender profile; one of 알림톡 that is registered to a group of them under
/// each member of it (카카오 비즈메시지 센터 API, 발신 프로필 그룹 관리).
fn goes_out_under(at: &Field<'_>, reference: &Reference, template: &Template, sender_key: &str) -> Result<(), Refusal> {
    let Some(key) = template.sender_key.as_deref().filter(|key| *key != sender_key) else { return Ok(()) };
    let own = |group_key| reference.sender_group(group_key).filter(|group| group.username == template.username);
    let Some(group) = own(key).filter(|_| template.channel == Channel::At) else {
        let (given, allowed) = (tail(sender_key), tail(key));
        let reason = format_args!("belongs to sender_key …{allowed}, not to …{given}");
        return Err(Refusal::not_registered(at, reason));
    };
    if !reference.is_member(sender_key, key) {
        let (given, group) = (tail(sender_key), tail(key));
        let reason = format_args!("belongs to sender group …{group}, of which sender_key …{given} is no member");
        return Err(Refusal::not_registered(at, reason));
    }
    match standing(Some(group.state)) {
        None => Ok(()),
        Some(state) => {
            Err(Refusal::not_registered(at, format_args!("belongs to sender group …{}, which is {state}", tail(key))))
        }
    }
}

fn approved(at: &Field<'_>, state: Option<Approval>) -> Result<(), Refusal> {
    standing(state).map_or(Ok(()), |state| Err(Refusal::not_registered(at, state)))
}

/// Why something is not in use, if it is not. What another customer registered is, to this one, not registered.
fn standing(state: Option<Approval>) -> Option<&'static str> {
    match state {
        Some(Approval::Approved) => None,
        None => Some("not registered"),
        Some(Approval::Requested) => Some("registered, not approved yet"),
        Some(Approval::Rejected) => Some("registered, and refused in its review"),
        Some(Approval::Stopped) => Some("registered, and stopped"),
        Some(Approval::Dormant) => Some("registered, and dormant"),
    }
}
