//! FCM HTTP v1 error codes; `200` stands for its success body.
//!
//! Source: firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode. A push that cannot be delivered may always be
//! followed by the next step of the plan: none of these says that it was delivered.

use super::row::{
    Class::{Block, Done, Final, Retry, RetryOnce},
    Fallback::{Allowed, Never},
    Handling::{Breaker, Credential, Token},
    Row, row,
};

pub const ROWS: &[Row] = &[
    row("200", Done, Never, "accepted"),
    row("INTERNAL", Retry, Allowed, "internal error").with(Breaker),
    // Token, package, key, time to live or payload: only the details say which, so no token is removed for it.
    row("INVALID_ARGUMENT", Final, Allowed, "an argument is invalid"),
    row("QUOTA_EXCEEDED", Retry, Allowed, "the quota of project, device or topic is used up"),
    row("SENDER_ID_MISMATCH", Final, Allowed, "the token belongs to another sender").with(Token),
    row("THIRD_PARTY_AUTH_ERROR", Block, Allowed, "the APNs certificate or web push key is bad").with(Credential),
    row("UNAVAILABLE", Retry, Allowed, "overloaded").with(Breaker),
    row("UNREGISTERED", Final, Allowed, "the token is no longer valid").with(Token),
    row("UNSPECIFIED_ERROR", RetryOnce, Allowed, "no information"),
];
