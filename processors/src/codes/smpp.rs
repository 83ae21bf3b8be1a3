//! Codes of SMPP 3.4: the command_status of an answer, and the state that a delivery receipt names.
//!
//! Source: SMPP Protocol Specification v3.4 issue 1.2, §5.1.3 (command_status), §5.2.28 (message_state) and appendix B
//! (delivery receipt). They publish codes and meanings; class and fallback are ours. A command_status is written
//! `0x00000058`; those from 0x00000400 to 0x000004FF are each carrier's own and have no row.
//!
//! A receipt's `err` is each carrier's own as well: the state alone decides, and a report shows both, `UNDELIV.027`.

use super::row::{
    self,
    Class::{Block, Done, Final, Poll, Retry, RetryOnce, Uncertain},
    Fallback::{Allowed, Never},
    Handling::{Breaker, LockedOut, Sender},
    Row, row,
};

/// The row of a receipt's state with its error beside it.
pub fn by_state(code: &str) -> Option<&'static Row> {
    let (state, error) = code.split_once('.')?;
    let sound = (1..=5).contains(&error.len()) && error.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (sound && !state.starts_with("0x")).then(|| row::find(ROWS, state)).flatten()
}

pub const ROWS: &[Row] = &[
    row("0x00000000", Done, Never, "accepted"),
    row("0x00000001", Final, Never, "the message's length is invalid"),
    row("0x00000002", Final, Never, "the command's length is invalid"),
    row("0x00000003", Final, Never, "the command is unknown"),
    row("0x00000004", Block, Never, "the connection is not bound for this").with(LockedOut),
    row("0x00000005", Block, Never, "we are bound already").with(LockedOut),
    row("0x00000006", Final, Never, "the priority is invalid"),
    row("0x00000007", Final, Never, "the wish for a receipt is invalid"),
    row("0x00000008", Retry, Allowed, "the carrier's system failed").with(Breaker),
    row("0x0000000A", Block, Allowed, "the sender number is invalid").with(Sender),
    row("0x0000000B", Final, Allowed, "the recipient's number is invalid"),
    row("0x0000000C", Final, Never, "the message id is invalid"),
    row("0x0000000D", Block, Never, "the bind failed").with(LockedOut),
    row("0x0000000E", Block, Never, "the password is invalid").with(LockedOut),
    row("0x0000000F", Block, Never, "the system id is invalid").with(LockedOut),
    row("0x00000011", Final, Never, "it could not be cancelled"),
    row("0x00000013", Final, Never, "it could not be replaced"),
    row("0x00000014", Retry, Allowed, "the carrier's queue is full").with(Breaker),
    row("0x00000015", Block, Never, "the service type is invalid").with(LockedOut),
    row("0x00000033", Final, Never, "the number of recipients is invalid"),
    row("0x00000034", Final, Never, "the distribution list is invalid"),
    row("0x00000040", Final, Never, "the kind of recipient is invalid"),
    row("0x00000042", Final, Never, "a submit that replaces is not supported"),
    row("0x00000043", Final, Never, "the message's mode or type is invalid"),
    row("0x00000044", Final, Never, "a distribution list cannot be sent to"),
    row("0x00000045", RetryOnce, Allowed, "the submit failed"),
    row("0x00000048", Block, Allowed, "the sender number's type is invalid").with(Sender),
    row("0x00000049", Block, Allowed, "the sender number's plan is invalid").with(Sender),
    row("0x00000050", Final, Allowed, "the recipient number's type is invalid"),
    row("0x00000051", Final, Allowed, "the recipient number's plan is invalid"),
    row("0x00000053", Block, Never, "the system type is invalid").with(LockedOut),
    row("0x00000054", Final, Never, "the wish to replace is invalid"),
    row("0x00000055", Final, Never, "the number of messages is invalid"),
    row("0x00000058", Retry, Allowed, "more than the carrier allows").with(Breaker),
    row("0x00000061", Final, Never, "the time of delivery is invalid"),
    row("0x00000062", Final, Never, "the time to live is invalid"),
    row("0x00000063", Final, Never, "there is no such prepared message"),
    row("0x00000064", Retry, Allowed, "the receiver has a passing problem"),
    row("0x00000065", Final, Allowed, "the receiver has a lasting problem"),
    row("0x00000066", Final, Never, "the receiver rejects the message"),
    row("0x00000067", Final, Never, "the query failed"),
    row("0x000000C0", Final, Never, "the optional parameters cannot be read"),
    row("0x000000C1", Final, Never, "an optional parameter is not allowed"),
    row("0x000000C2", Final, Never, "a parameter's length is invalid"),
    row("0x000000C3", Final, Never, "an optional parameter is missing"),
    row("0x000000C4", Final, Never, "an optional parameter's value is invalid"),
    row("0x000000FE", Final, Allowed, "the delivery failed"),
    row("0x000000FF", RetryOnce, Allowed, "another error"),
    // Most carriers say it on the way, so it ends nothing.
    row("ACCEPTD", Poll, Never, "accepted"),
    row("DELETED", Final, Allowed, "the message was deleted"),
    row("DELIVRD", Done, Never, "delivered"),
    row("ENROUTE", Poll, Never, "on the way"),
    row("EXPIRED", Final, Allowed, "its time to live ended"),
    row("REJECTD", Final, Never, "the carrier rejects the message"),
    row("UNDELIV", Final, Allowed, "it cannot be delivered"),
    row("UNKNOWN", Uncertain, Never, "the carrier does not know what became of it"),
];
