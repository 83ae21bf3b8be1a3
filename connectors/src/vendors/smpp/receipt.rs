//! Delivery receipts: deliver_sm with an esm_class that says so (SMPP 3.4 §5.2.12, appendix B).
//!
//! Its optional parameters receipted_message_id, message_state and network_error_code count, where they are; else its
//! text: `id:… sub:… dlvrd:… submit date:… done date:… stat:DELIVRD err:000 text:…`.

use super::settings::ReceiptIds;
use rusmpp::{
    pdus::DeliverSm,
    tlvs::TlvValue,
    values::{MessageState, MessageType},
};

/// What a deliver_sm tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// What became of a message.
    Receipt {
        /// Its id, as the answers' ids are looked up.
        message_id: String,
        /// Code of the table of SMPP: state, dot, error.
        code: String,
    },
    /// A receipt that does not say of what, or what became of it.
    Unreadable,
    /// Somebody's message to us.
    Message,
}

/// Reads it. When it happened is not read: `done date` has no zone, and carriers mean their own.
pub fn told(deliver: &DeliverSm, ids: ReceiptIds) -> Told {
    match deliver.esm_class.message_type {
        MessageType::ShortMessageContainsMCDeliveryReceipt
        | MessageType::ShortMessageContainsIntermediateDeliveryNotification => {}
        _ => return Told::Message,
    }
    let (mut id, mut state, mut error, mut payload) = (None, None, None, None);
    for value in deliver.tlvs().iter().filter_map(|tlv| tlv.value()) {
        match value {
            TlvValue::ReceiptedMessageId(of) => id = Some(of.as_str().to_owned()),
            TlvValue::MessageState(of) => state = word(*of),
            TlvValue::NetworkErrorCode(of) => error = Some(of.error_code.to_string()),
            TlvValue::MessagePayload(of) => payload = Some(&of.value[..]),
            _ => {}
        }
    }
    let bytes = payload.unwrap_or(&deliver.short_message()[..]);
    let text = String::from_utf8_lossy(bytes);
    let id = id.filter(|id| !id.is_empty()).or_else(|| field(&text, "id:").map(str::to_owned));
    let state = state.or_else(|| field(&text, "stat:")).map(str::to_ascii_uppercase);
    let error = field(&text, "err:").map(str::to_owned).or(error);
    let (Some(id), Some(state)) = (id, state) else { return Told::Unreadable };
    let state: String = state.chars().take(7).collect();
    let code = match error.filter(|error| !error.is_empty()) {
        Some(error) => format!("{state}.{}", error.chars().take(5).collect::<String>()),
        None => state,
    };
    ids.of_receipt(&id).map_or(Told::Unreadable, |message_id| Told::Receipt { message_id, code })
}

/// The state as appendix B spells it.
fn word(state: MessageState) -> Option<&'static str> {
    Some(match state {
        MessageState::Enroute => "ENROUTE",
        MessageState::Delivered => "DELIVRD",
        MessageState::Expired => "EXPIRED",
        MessageState::Deleted => "DELETED",
        MessageState::Undeliverable => "UNDELIV",
        MessageState::Accepted => "ACCEPTD",
        MessageState::Unknown => "UNKNOWN",
        MessageState::Rejected => "REJECTD",
        MessageState::Scheduled | MessageState::Skipped | MessageState::Other(_) => return None,
    })
}

/// The word behind a key; keys are told apart by the blank before them.
fn field<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    // What follows is the message's own.
    let text = find(text, "text:").map_or(text, |at| &text[..at]);
    let behind = &text[find(text, key)? + key.len()..];
    let word = behind.split([' ', '\0', '\r', '\n']).next().unwrap_or_default();
    (!word.is_empty()).then_some(word)
}

fn find(text: &str, key: &str) -> Option<usize> {
    let same = |at: usize| {
        text.as_bytes()[at..].get(..key.len()).is_some_and(|word| word.eq_ignore_ascii_case(key.as_bytes()))
    };
    (0..text.len()).find(|&at| same(at) && (at == 0 || text.as_bytes()[at - 1] == b' '))
}
