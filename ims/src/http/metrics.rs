//! What the door measures.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// Answers, by route (send, report, cancel, read, manage, operate, unsubscribe, other), HTTP status and code.
pub const ANSWERS: &str = "ims_http_answers_total";
/// Seconds from a request's headers to its answer, by route.
pub const SECONDS: &str = "ims_http_seconds";
/// Requests under way.
pub const UNDER_WAY: &str = "ims_http_requests_under_way";
/// Secrets that had to be hashed, by result: known, refused.
pub const SECRETS: &str = "ims_http_secrets_hashed_total";
/// Questions about limits and repeated requests that a door answered by itself, because Redis was away.
pub const ALONE: &str = "ims_http_alone_total";

/// Tells the recorder what each of them means.
pub fn describe() {
    describe_counter!(
        ANSWERS,
        "Answers, by route (send, report, cancel, read, manage, operate, unsubscribe, other), HTTP status and code."
    );
    describe_histogram!(SECONDS, "Seconds from a request's headers to its answer, by route.");
    describe_gauge!(UNDER_WAY, "Requests under way.");
    describe_counter!(
        ALONE,
        "Questions about limits and repeated requests that a door answered by itself, because Redis was away."
    );
    describe_counter!(SECRETS, "Secrets that had to be hashed, by result: known, refused.");
}
