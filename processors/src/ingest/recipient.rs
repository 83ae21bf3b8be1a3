//! Whom a message goes to: every address in its normal form, and the one that the channel needs.

use crate::refusal::{Code, Refusal};
use crate::rules::field::Field;
use crate::rules::{address, phone, push, text};
use schemas::{Channel, ReceiverOf, RecipientOf, Text};
use std::fmt::Display;

/// Longest phone number, characters besides '-' and blanks.
const fn phone_limit(channel: Channel) -> usize {
    match channel {
        Channel::At | Channel::Ft | Channel::Bt => 16,
        _ => 20,
    }
}

/// Longest app user id: Kakao's 20 characters, push's 64.
const fn app_user_id_limit(channel: Channel) -> usize {
    match channel {
        Channel::At | Channel::Ft | Channel::Bt => 20,
        _ => 64,
    }
}

/// Longest key of a channel's friend, characters.
const USER_KEY: usize = 64;

/// Checks and normalises all that a receiver is named by, and whether the channel can reach it.
pub fn check<S: Text>(
    at: &Field<'_>,
    channel: Channel,
    receiver: ReceiverOf<S>,
    country_code: Option<&str>,
    user_key: Option<S>,
) -> Result<RecipientOf<S>, Refusal> {
    let ReceiverOf { phone_number, country_code: own_code, app_user_id, push_tokens, to, .. } = receiver;
    text::given_at_most(Code::TooLong, &at.of("user_key"), &user_key, USER_KEY)?;
    let mut recipient = RecipientOf { user_key, ..RecipientOf::default() };
    if let Some(number) = text::given(&phone_number) {
        let code_field = at.of("country_code");
        let country = text::given(&own_code).or(country_code);
        let phone = phone::receiver(&at.of("phone_number"), number, phone_limit(channel), &code_field, country)?;
        recipient.phone_number = Some(S::from(phone.number));
        recipient.country_code = Some(S::from(phone.country_code));
    }
    if let Some(id) = text::given(&app_user_id) {
        address::app_user(&at.of("app_user_id"), id, app_user_id_limit(channel))?;
        recipient.app_user_id = app_user_id;
    }
    if let Some(address) = text::given(&to) {
        address::mailbox(&at.of("to"), address, 320)?;
        recipient.to = to;
    }
    push::tokens(at, &push_tokens)?;
    recipient.push_tokens = push_tokens;
    reachable(at, channel, channel, &recipient)?;
    Ok(recipient)
}

/// Refuses a receiver whom a channel cannot reach (2020). `needed_by` names the channel or the fallback step.
pub fn reachable<S: Text>(
    at: &Field<'_>,
    channel: Channel,
    needed_by: impl Display,
    to: &RecipientOf<S>,
) -> Result<(), Refusal> {
    let (field, reachable) = match channel {
        Channel::At | Channel::Ft | Channel::Bt => {
            ("phone_number or app_user_id", to.phone_number.is_some() || to.app_user_id.is_some())
        }
        Channel::Mt | Channel::Rc => ("phone_number", to.phone_number.is_some()),
        Channel::Pu => ("push_tokens or app_user_id", !to.push_tokens.is_empty() || to.app_user_id.is_some()),
        Channel::Em => ("to", to.to.is_some()),
    };
    match reachable {
        true => Ok(()),
        false => Err(Refusal::missing(&at.of(field), needed_by)),
    }
}

/// The names under which a recipient may have refused ads: international digits, app user id, address, which is noted in
/// small letters or, in reference data of before, as somebody wrote it.
pub fn names<S: Text>(recipient: &RecipientOf<S>) -> impl Iterator<Item = String> {
    let phone = match (&recipient.country_code, &recipient.phone_number) {
        (Some(code), Some(number)) => Some(format!("{}{}", &**code, &**number)),
        _ => None,
    };
    let others = [&recipient.app_user_id, &recipient.to].into_iter().flatten().map(|name| (**name).to_owned());
    let small =
        recipient.to.as_ref().map(|to| to.to_lowercase()).filter(|small| Some(&**small) != recipient.to.as_deref());
    phone.into_iter().chain(others).chain(small)
}
