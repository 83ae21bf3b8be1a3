//! One receiver's message, out of a request whose frame is right.

use super::envelope::{Envelope, message_id};
use super::fallback::{self, Plan};
use super::outcome::{Candidate, Identity};
use super::parts::{Draft, Head};
use super::settings::Settings;
use super::step::{Mapping, Step};
use super::{lane, recipient};
use crate::refusal::Refusal;
use crate::rules::field::{Field, top};
use crate::rules::room::Room;
use crate::rules::text;
use crate::rules::variables::Values;
use schemas::{AcceptedOf, Channel, Family, Lane, ReceiverOf, Text};
use std::mem::take;

/// Where a message is made: its request, the lane it claims, the time.
pub struct Making<'m, S: Text> {
    pub head: &'m Head<S>,
    pub envelope: &'m Envelope<'m>,
    pub claimed: Lane,
    pub settings: &'m Settings,
    pub now_ms: i64,
    /// Of the message at hand.
    pub room: &'m Room,
}

impl<S: Text> Making<'_, S> {
    /// Holds a receiver's message against every rule that depends on the receiver or on its values.
    ///
    /// `at` is where the receiver stands; its fields are named from there. Who it is moves out of `identity` when all is
    /// well, and stays for the report of the refusal when not.
    pub fn message(
        &self,
        at: &Field<'_>,
        mut receiver: ReceiverOf<S>,
        draft: Draft<S>,
        identity: &mut Identity<S>,
    ) -> Result<Candidate<S>, Refusal> {
        let Self { head, envelope, .. } = self;
        let Envelope { reference, customer, channel, template, .. } = **envelope;
        let Draft { mut content, mut fallback, user_key } = draft;
        own_id(at, &receiver, head, identity)?;
        text::without_nul(at, receiver.text_where(&text::has_nul))?;
        let own_values = take(&mut receiver.mapping);
        let recipient = recipient::check(at, channel, receiver, text::given(&head.country_code), user_key)?;
        let abroad = recipient.country_code.as_deref().is_some_and(|code| code != "82");
        let mapping = Mapping {
            texts: Values([&own_values, &head.mapping, &head.message_variable], self.room),
            parts: Values([&own_values, &head.mapping, &head.button_variable], self.room),
        };
        let step = Step {
            at: Field::REQUEST,
            reference,
            customer,
            channel,
            message_type: Some(envelope.message_type),
            template,
            abroad,
            declared_ad: envelope.declared_ad,
            inherits_text: false,
        };
        let said = step.check(&mut content, &mapping)?;
        let plan = Plan { reference, customer, recipient: &recipient, abroad, ad: said.ad, mapping };
        fallback::check(&mut fallback, &content, &plan)?;
        let family = Family::of(channel, said.message_type);
        let (lane, demoted) = lane::grant(self.claimed, family, customer, template, said.ad);
        if channel == Channel::Bt {
            content.message_variable = head.message_variable.clone();
            content.button_variable = head.button_variable.clone();
        }
        let accepted = AcceptedOf {
            track_id: S::from(identity.track_id.to_string()),
            username: take(&mut identity.username),
            service_key: take(&mut identity.service_key),
            message_id: take(&mut identity.message_id),
            channel,
            message_type: said.message_type,
            lane,
            ad: said.ad,
            night_agreed: envelope.night_agreed,
            step: 0,
            released: false,
            send_at: envelope.times.send_at,
            expires_at: envelope.times.expires_at(lane, said.ad, &self.settings.expiry),
            requested_at: identity.requested_at,
            accepted_at: self.now_ms,
            requested_channel: channel,
            requested_type: said.message_type,
            source: head.source,
            bill_code: take(&mut identity.bill_code),
            recipient,
            content,
            fallback,
            trail: Vec::new(),
            revived: false,
        };
        Ok(Candidate { track_id: identity.track_id, accepted, demoted })
    }
}

/// Its own message_id, or its request's with five characters added.
fn own_id<S: Text>(
    at: &Field<'_>,
    receiver: &ReceiverOf<S>,
    head: &Head<S>,
    identity: &Identity<S>,
) -> Result<(), Refusal> {
    let added = identity.message_id.len() > head.message_id.len();
    match (text::given(&receiver.message_id).is_none() && added, text::characters_over(&head.message_id, 25)) {
        (true, Some(got)) => Err(Refusal::bad(
            &top("message_id"),
            format_args!("got {got} characters, at most 25 where receivers without their own get -0001… added"),
        )),
        _ => message_id(&at.of("message_id"), &identity.message_id),
    }
}
