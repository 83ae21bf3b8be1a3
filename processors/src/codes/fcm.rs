//! FCM HTTP v1 error codes; `200` stands for its success body.
//!
//! Source: firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode. One word means two things there: what says that the
//! token is invalid, and no more, is written `INVALID_ARGUMENT.token`. UNAUTHENTICATED, PERMISSION_DENIED and NOT_FOUND
//! are those of google.rpc.Code, of an answer that is not FCM's own. A push that cannot be delivered may always be
//! followed by the next step of the plan: none of these says that it was delivered.

use super::row::{
    Class::{Block, Done, Final, Retry, RetryOnce},
    Fallback::{Allowed, Never},
    Handling::{Breaker, Credential, LockedOut, Token},
    Row, row,
};

pub const ROWS: &[Row] = &[
    row("200", Done, Never, "accepted"),
    row("INTERNAL", Retry, Allowed, "internal error").with(Breaker),
    // Token, package, key, time to live or payload: nothing says which, so no token is removed for it.
    row("INVALID_ARGUMENT", Final, Allowed, "an argument is invalid"),
    row("INVALID_ARGUMENT.token", Final, Allowed, "the token is invalid").with(Token),
    row("NOT_FOUND", Block, Allowed, "there is no such project").with(LockedOut),
    row("PERMISSION_DENIED", Block, Allowed, "the service account may not send").with(LockedOut),
    row("QUOTA_EXCEEDED", Retry, Allowed, "the quota of project, device or topic is used up"),
    row("SENDER_ID_MISMATCH", Final, Allowed, "the token belongs to another sender").with(Token),
    row("THIRD_PARTY_AUTH_ERROR", Block, Allowed, "the APNs certificate or web push key is bad").with(Credential),
    row("UNAUTHENTICATED", RetryOnce, Allowed, "our access token is refused").with(LockedOut),
    row("UNAVAILABLE", Retry, Allowed, "overloaded").with(Breaker),
    row("UNREGISTERED", Final, Allowed, "the token is no longer valid").with(Token),
    row("UNSPECIFIED_ERROR", RetryOnce, Allowed, "no information"),
];
