//! APNs reasons; `200` stands for success, which has none.
//!
//! Source: developer.apple.com, handling notification responses from APNs. Fallback as for FCM.

use super::row::{
    Class::{Block, Done, Final, Retry, RetryOnce},
    Fallback::{Allowed, Never},
    Handling::{Breaker, LockedOut, Sender, Token},
    Row, row,
};

pub const ROWS: &[Row] = &[
    row("200", Done, Never, "accepted"),
    row("BadCertificate", Block, Allowed, "the certificate is invalid").with(LockedOut),
    row("BadCertificateEnvironment", Block, Allowed, "the certificate is the other environment's").with(LockedOut),
    row("BadCollapseId", Final, Allowed, "the collapse id is longer than 64 bytes"),
    row("BadDeviceToken", Final, Allowed, "the token is invalid").with(Token),
    row("BadEnvironmentKeyIdInToken", Block, Allowed, "our key is the other environment's").with(LockedOut),
    row("BadExpirationDate", Final, Allowed, "the expiration is invalid"),
    row("BadMessageId", Final, Allowed, "the apns-id is invalid"),
    row("BadPath", Final, Allowed, "the path is invalid"),
    row("BadPriority", Final, Allowed, "the priority is invalid"),
    row("BadTopic", Block, Allowed, "the topic is invalid").with(Sender),
    row("DeviceTokenNotForTopic", Final, Allowed, "the token is another app's").with(Token),
    row("DuplicateHeaders", Final, Allowed, "a header came twice"),
    row("ExpiredProviderToken", RetryOnce, Allowed, "our token is too old").with(LockedOut),
    row("ExpiredToken", Final, Allowed, "the token has expired").with(Token),
    row("Forbidden", Block, Allowed, "the action is not allowed").with(LockedOut),
    row("IdleTimeout", Retry, Allowed, "the connection was idle for too long"),
    row("InternalServerError", Retry, Allowed, "internal error").with(Breaker),
    row("InvalidProviderToken", RetryOnce, Allowed, "our token is invalid").with(LockedOut),
    row("InvalidPushType", Final, Allowed, "the push type is invalid"),
    row("MethodNotAllowed", Final, Allowed, "the method is not POST"),
    row("MissingDeviceToken", Final, Allowed, "there is no token"),
    row("MissingProviderToken", Block, Allowed, "our token is missing").with(LockedOut),
    row("MissingTopic", Block, Allowed, "the topic is missing").with(Sender),
    row("PayloadEmpty", Final, Allowed, "the payload is empty"),
    row("PayloadTooLarge", Final, Allowed, "the payload is larger than 4096 bytes"),
    row("ServiceUnavailable", Retry, Allowed, "the service is unavailable").with(Breaker),
    row("Shutdown", Retry, Allowed, "the server is shutting down").with(Breaker),
    row("TooManyProviderTokenUpdates", Retry, Allowed, "our token was renewed too often"),
    row("TooManyRequests", Retry, Allowed, "too many requests for one device"),
    row("TopicDisallowed", Block, Allowed, "pushes to this topic are not allowed").with(Sender),
    row("Unregistered", Final, Allowed, "the token is no longer valid").with(Token),
    row("UnrelatedKeyIdInToken", Block, Allowed, "our key is another one than this connection began with")
        .with(LockedOut),
];
