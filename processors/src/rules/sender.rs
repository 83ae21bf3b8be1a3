//! What messages come from: a phone number (MT), a chatbot id (RC), an address (EM).

use super::{address, field::Field, phone, text};
use crate::refusal::{Code, Refusal};
use schemas::Channel;

/// A sender in the form in which it is registered: a number becomes plain digits (spec/mt.md §2).
pub fn number(at: &Field<'_>, channel: Channel, given: &str) -> Result<String, Refusal> {
    match channel {
        Channel::Mt => phone::sender(at, given),
        Channel::Em => address::mailbox(at, given, 100).map(|()| given.to_owned()),
        _ => {
            text::at_most(Code::BadRequest, at, given, 20)?;
            let id = given.replace('-', "");
            if id.starts_with("010") && id.bytes().all(|b| b.is_ascii_digit()) {
                return Err(Refusal::bad(at, "RCS chat rooms have no 010 numbers"));
            }
            Ok(given.to_owned())
        }
    }
}
