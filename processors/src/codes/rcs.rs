//! Result codes of Korean RCS (RBC, MaaP).
//!
//! Source: NHN Cloud RCS Bizmessage `result-code.md` says what they mean; class and fallback are ours.

use super::row::{
    Class::{Done, Duplicate, Final, Retry},
    Fallback::{Allowed, Never},
    Handling::Breaker,
    Row, row, run,
};

pub const ROWS: &[Row] = &[
    row("0", Done, Never, "accepted or delivered"),
    row("41003", Retry, Allowed, "throttled by message rate"),
    run("41004", "41005", Retry, Allowed, "the RCS server is busy or unavailable").with(Breaker),
    row("41101", Final, Allowed, "the user is not found"),
    row("41200", Final, Allowed, "the receiving user is not found"),
    run("41210", "41252", Final, Allowed, "the user's device is not capable of this message"),
    row("42601", Retry, Allowed, "too many requests"),
    row("50201", Retry, Allowed, "requests per second exceeded"),
    row("51907", Final, Never, "expired at the gateway"),
    row("52016", Final, Never, "the transmission time is over"),
    row("54001", Final, Allowed, "the contact is no RCS user"),
    row("54002", Final, Allowed, "the device has no RCS"),
    row("54003", Final, Allowed, "it cannot be sent to this recipient"),
    run("55000", "55805", Final, Never, "the content, brand, bot or template is refused"),
    row("55806", Duplicate, Never, "the message id was used already"),
    run("55807", "55899", Final, Never, "the content, brand, bot or template is refused"),
    row("55900", Final, Never, "the message is invalid"),
    run("55901", "55999", Final, Never, "the content, brand, bot or template is refused"),
    row("56007", Final, Never, "expired before a session stood"),
    run("59001", "59003", Retry, Allowed, "internal error").with(Breaker),
];
