//! What a customer must have registered: sender profiles, templates, sender numbers (2040).

use crate::reference::{Approval, Reference, Template};
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
    match found {
        Some(template)
            if template.sender_key.is_some() && template.sender_key.as_deref() != content.sender_key.as_deref() =>
        {
            Err(Refusal::not_registered(at, "belongs to another sender_key"))
        }
        found => Ok(found.map(|t| &**t)),
    }
}

/// What another customer registered is, to this one, not registered.
fn approved(at: &Field<'_>, state: Option<Approval>) -> Result<(), Refusal> {
    let state = match state {
        Some(Approval::Approved) => return Ok(()),
        None => "not registered",
        Some(Approval::Requested) => "registered, not approved yet",
        Some(Approval::Rejected) => "registered, and refused in its review",
        Some(Approval::Stopped) => "registered, and stopped",
        Some(Approval::Dormant) => "registered, and dormant",
    };
    Err(Refusal::not_registered(at, state))
}
