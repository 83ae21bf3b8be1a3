//! Result codes of the Korean relays, for SMS, LMS and MMS.
//!
//! Source: NHN Cloud SMS `error-code.md` (2026-06-23), 수신 결과 코드. Class and fallback are ours: the next step of a
//! plan may follow when this number, handset or route cannot be reached, not when the message itself is refused,
//! already sent or an ad at the wrong hour.

use super::row::{
    Class::{Block, Done, Duplicate, Final, Retry, RetryElsewhere, RetryOnce},
    Fallback::{Allowed, Never},
    Handling::{Breaker, NotForAuth, Recipient, Sender, Spam},
    Row, row,
};

pub const ROWS: &[Row] = &[
    row("1000", Done, Never, "delivered"),
    row("1001", Retry, Allowed, "the carrier's server is busy").with(Breaker),
    row("1002", Final, Allowed, "the recipient's number has the wrong format"),
    row("1003", Block, Allowed, "the sender number has the wrong format").with(Sender),
    row("1019", Final, Never, "its time to live ended"),
    row("2000", Final, Allowed, "the carrier gave up"),
    row("2001", Retry, Allowed, "failed in the radio network"),
    row("2002", Retry, Allowed, "failed between radio network and handset"),
    row("2003", Retry, Allowed, "the handset is switched off").with(NotForAuth),
    row("2004", Retry, Allowed, "the handset's memory is full"),
    row("2005", Retry, Allowed, "the handset is out of coverage"),
    row("2006", Final, Allowed, "the message was deleted"),
    row("2007", Retry, Allowed, "a temporary problem of the handset"),
    row("3000", Final, Allowed, "it cannot be sent"),
    row("3001", Final, Allowed, "no subscriber has this number").with(Recipient),
    row("3002", Final, Never, "adult verification failed"),
    row("3003", Final, Allowed, "the number is malformed or not in service").with(Recipient),
    row("3004", Final, Allowed, "the handset's service is suspended"),
    row("3005", Retry, Allowed, "the handset is in a call"),
    row("3006", Final, Never, "the recipient refuses messages").with(Recipient),
    row("3007", Final, Allowed, "the handset cannot take a callback address"),
    row("3008", RetryOnce, Allowed, "another problem of the handset"),
    row("3009", Final, Never, "the message's format is wrong"),
    row("3010", Final, Allowed, "the handset takes no MMS"),
    row("3011", Retry, Allowed, "the carrier's server failed").with(Breaker),
    row("3012", Final, Never, "taken for spam").with(Spam),
    row("3013", Final, Never, "the service is refused"),
    row("3014", RetryOnce, Allowed, "another error"),
    row("3015", RetryElsewhere, Allowed, "no route"),
    row("3016", Final, Never, "the attachment is too large"),
    row("3017", Block, Allowed, "the sender number's format breaks the forgery rule").with(Sender),
    row("3018", Block, Allowed, "the sender number's owner forbids web texts").with(Sender),
    row("3019", Block, Allowed, "the sender number is blocked by the authorities").with(Sender),
    row("E900", RetryOnce, Allowed, "another sending error"),
    row("E911", Final, Never, "an attachment has no extension"),
    row("E913", Final, Never, "an attachment is empty"),
    row("E915", Duplicate, Never, "the message was sent already"),
    row("E919", Final, Never, "ads may not be sent at this hour"),
    row("E999", RetryOnce, Allowed, "another sending error"),
];
