//! Enhanced status codes of email; a reply without one gives its three digits.
//!
//! Source: RFC 5321 §4.2.1 and RFC 3463 (classes), RFC 7505 (null MX). Which addresses to suppress, and that no step
//! follows a message refused for its content or by policy, is ours, and so is 5.7.99, which no server gives.

use super::row::{
    Class::{Block, Done, Final, Retry},
    Fallback::{Allowed, Never},
    Handling::{Address, LockedOut, Spam},
    Row, row,
};

pub const ROWS: &[Row] = &[
    row("4.2.1", Retry, Allowed, "the mailbox is disabled for now"),
    row("4.2.2", Retry, Allowed, "the mailbox is full"),
    row("4.4.1", Retry, Allowed, "the host does not answer"),
    row("4.4.2", Retry, Allowed, "the connection broke"),
    row("4.4.7", Retry, Allowed, "expired on its way"),
    row("5.1.1", Final, Allowed, "the mailbox does not exist").with(Address),
    row("5.1.10", Final, Allowed, "the domain takes no mail").with(Address),
    row("5.1.2", Final, Allowed, "the host does not exist").with(Address),
    row("5.1.3", Final, Allowed, "the address is malformed").with(Address),
    row("5.1.6", Final, Allowed, "the mailbox has moved").with(Address),
    row("5.1.7", Final, Allowed, "the sender's address is malformed"),
    row("5.2.1", Final, Allowed, "the mailbox is disabled").with(Address),
    row("5.2.2", Final, Allowed, "the mailbox is full"),
    row("5.2.3", Final, Allowed, "the message is too large for the mailbox"),
    row("5.3.3", Final, Allowed, "an attached file is not there, or not taken"),
    row("5.3.4", Final, Allowed, "the message is too large for the system"),
    row("5.5.2", Final, Allowed, "the mail cannot be formed"),
    row("5.7.1", Final, Never, "refused by policy").with(Spam),
    row("5.7.26", Final, Never, "refused: authentication of our domain failed").with(Spam),
    row("5.7.8", Block, Allowed, "the server refuses our login").with(LockedOut),
    row(
        "5.7.99",
        Block,
        Allowed,
        "an ad without one-click unsubscribe, which this relay is not set up for (정보통신망법 제50조 ④)",
    ),
];

const SUCCESS: Row = row("2", Done, Never, "accepted");
const TRANSIENT: Row = row("4", Retry, Allowed, "not now");
const PERMANENT: Row = row("5", Final, Allowed, "refused");
/// Subject 6 is the content, subject 7 security and policy: the same words are not tried over another channel.
const POLICY: Row = row("5", Final, Never, "refused for its content or by policy").with(Spam);

/// The treatment by class alone: `2.1.5`, `250` and so on.
pub fn by_class(code: &str) -> Option<&'static Row> {
    let enhanced = || {
        let mut parts = code.split('.');
        let number = |part: Option<&str>, digits: usize| {
            part.is_some_and(|p| (1..=digits).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
        };
        number(parts.next(), 1) && number(parts.next(), 3) && number(parts.next(), 3) && parts.next().is_none()
    };
    let basic = || code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit());
    if !basic() && !enhanced() {
        return None;
    }
    match code.as_bytes() {
        [b'2', ..] => Some(&SUCCESS),
        [b'4', ..] => Some(&TRANSIENT),
        [b'5', b'.', b'6' | b'7', b'.', ..] => Some(&POLICY),
        [b'5', ..] => Some(&PERMANENT),
        _ => None,
    }
}
