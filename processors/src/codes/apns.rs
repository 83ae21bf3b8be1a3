//! APNs reasons; `200` stands for success, which has none.
//!
//! Source: developer.apple.com, handling notification responses from APNs. Fallback as for FCM.

use super::row::{
    Class::{Done, Final, Retry, RetryOnce},
    Fallback::{Allowed, Never},
    Handling::{Breaker, Credential, Token},
    Row, row,
};

pub const ROWS: &[Row] = &[
    row("200", Done, Never, "accepted"),
    row("BadDeviceToken", Final, Allowed, "the token is invalid").with(Token),
    row("DeviceTokenNotForTopic", Final, Allowed, "the token is another app's").with(Token),
    // A new JWT mends it, so one repeat is worth it.
    row("ExpiredProviderToken", RetryOnce, Allowed, "our token is too old").with(Credential),
    row("InternalServerError", Retry, Allowed, "internal error").with(Breaker),
    row("InvalidProviderToken", RetryOnce, Allowed, "our token is invalid").with(Credential),
    row("PayloadTooLarge", Final, Allowed, "the payload is larger than 4096 bytes"),
    row("ServiceUnavailable", Retry, Allowed, "the service is unavailable").with(Breaker),
    row("Shutdown", Retry, Allowed, "the server is shutting down").with(Breaker),
    row("TooManyProviderTokenUpdates", Retry, Allowed, "our token was renewed too often"),
    row("TooManyRequests", Retry, Allowed, "too many requests for one device"),
    row("Unregistered", Final, Allowed, "the token is no longer valid").with(Token),
];
