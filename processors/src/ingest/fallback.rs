//! Fallback steps (전환발송): each is held against the rules of its own channel before the message is accepted.

use super::recipient::reachable;
use super::registered;
use super::step::{Mapping, Step};
use super::types;
use crate::reference::{Customer, Reference, Template};
use crate::refusal::{Code, Refusal};
use crate::rules::field::{Field, top};
use crate::rules::{brand, text};
use schemas::{Channel, ContentOf, FallbackStepOf, MessageType, RecipientOf, Text};

/// Most steps of a plan.
const STEPS: usize = 5;

/// What a step says that follows another: its own fields, and of the step before what it leaves out and can use: text
/// (unless its type has none), senders, settings. Title, template, attachment and what belongs to them are never handed on.
///
/// Ingest checks exactly this content; whoever sends the step must send exactly this content.
pub fn following<S: Text>(before: &ContentOf<S>, step: &FallbackStepOf<S>) -> ContentOf<S> {
    let or = |own: &Option<S>, before: &Option<S>| own.clone().or_else(|| before.clone());
    let files =
        *step.channel == *Channel::Em.as_str() || step.message_type.as_deref() == Some(MessageType::Mms.as_str());
    let typed = step.message_type.as_deref().and_then(|word| word.parse().ok());
    let texted = typed.is_none_or(brand::takes_text);
    ContentOf {
        sender_key: or(&step.sender_key, &before.sender_key),
        template_code: step.template_code.clone(),
        message: if texted { or(&step.message, &before.message) } else { step.message.clone() },
        title: step.title.clone(),
        callback: or(&step.callback, &before.callback),
        attachment: step.attachment.clone(),
        attach_file_list: if files { before.attach_file_list.clone() } else { Vec::new() },
        from_email: before.from_email.clone(),
        from_name: before.from_name.clone(),
        data: before.data.clone(),
        ttl_seconds: before.ttl_seconds,
        collapse_key: before.collapse_key.clone(),
        targeting: before.targeting.clone(),
        push_alarm: before.push_alarm.clone(),
        adult: before.adult.clone(),
        group_tag_key: before.group_tag_key.clone(),
        unsubscribe_phone_number: before.unsubscribe_phone_number.clone(),
        unsubscribe_auth_number: before.unsubscribe_auth_number.clone(),
        footer: before.footer.clone(),
        copy_allowed: before.copy_allowed.clone(),
        ..ContentOf::default()
    }
}

/// What all steps of a message share.
pub struct Plan<'p, S: Text> {
    /// Look-ups.
    pub reference: &'p Reference,
    /// Whose message it is.
    pub customer: &'p Customer,
    /// Whom it goes to.
    pub recipient: &'p RecipientOf<S>,
    /// Whether that is abroad.
    pub abroad: bool,
    /// Whether the message is an ad.
    pub ad: bool,
    /// What fills its variables.
    pub mapping: Mapping<'p, S>,
}

/// Checks the plan, and completes each step: its variables are filled, its type and sender number stand in their normal
/// form. A text that is the step before's stays left out.
pub fn check<S: Text>(
    steps: &mut [FallbackStepOf<S>],
    first: &ContentOf<S>,
    plan: &Plan<'_, S>,
) -> Result<(), Refusal> {
    if steps.len() > STEPS {
        return Err(Refusal::bad(&top("fallback"), format_args!("got {} steps, at most {STEPS}", steps.len())));
    }
    let mut before: Option<ContentOf<S>> = None;
    for (i, step) in steps.iter_mut().enumerate() {
        let at = Field::REQUEST.entry("fallback", i);
        before = Some(one(&at, step, before.as_ref().unwrap_or(first), plan)?);
    }
    Ok(())
}

fn one<S: Text>(
    at: &Field<'_>,
    step: &mut FallbackStepOf<S>,
    before: &ContentOf<S>,
    plan: &Plan<'_, S>,
) -> Result<ContentOf<S>, Refusal> {
    let channel = types::channel(&at.of("channel"), &step.channel)?;
    let message_type = match text::given(&step.message_type) {
        Some(word) => Some(types::message_type(&at.of("message_type"), channel, word)?),
        None if channel == Channel::Rc => return Err(Refusal::missing(&at.of("message_type"), "RC")),
        None => types::plain(channel),
    };
    reachable(&Field::REQUEST, channel, at, plan.recipient)?;
    step.message_type = message_type.map(|t| S::word(t.as_str()));
    // What is blank is not given.
    for field in [&mut step.message, &mut step.callback, &mut step.sender_key] {
        *field = field.take().filter(|given| !text::is_blank(given));
    }
    let mut content = following(before, step);
    let username = &plan.customer.username;
    let template = registered::check(at, plan.reference, username, channel, message_type, &mut content)?;
    if let Some(template) = template {
        fits_a_step(&at.of("template_code"), template)?;
        if step.message.is_none() && !template.message.is_empty() {
            content.message = None;
        }
    }
    let rules = Step {
        at: *at,
        reference: plan.reference,
        customer: plan.customer,
        channel,
        message_type,
        template,
        abroad: plan.abroad,
        declared_ad: Some(plan.ad),
        inherits_text: step.message.is_none() && content.message.is_some(),
    };
    let said = rules.check(&mut content, &plan.mapping)?;
    if said.ad && !plan.ad {
        return Err(Refusal::new(Code::AdRule, at, "is an ad, and stands in for a message that is none"));
    }
    step.message_type = Some(S::word(said.message_type.as_str()));
    step.message = content.message.clone().filter(|_| content.message != before.message);
    step.title = content.title.clone();
    step.callback = content.callback.clone().filter(|_| content.callback != before.callback);
    step.attachment = content.attachment.clone();
    Ok(content)
}

/// A step has no field for a header, HTML or quick replies: a template that has them would go out without.
fn fits_a_step(at: &Field<'_>, template: &Template) -> Result<(), Refusal> {
    let part = match template {
        Template { header: Some(_), .. } => "a header",
        Template { html: Some(_), .. } => "an HTML body",
        Template { supplement: Some(_), .. } => "quick replies",
        _ => return Ok(()),
    };
    Err(Refusal::bad(at, format_args!("is a template with {part}, which a fallback step cannot carry")))
}
