//! What a customer with limits is told of them (draft-ietf-httpapi-ratelimit-headers-10): RateLimit-Policy and RateLimit.

use super::answer::{Answer, Problem};
use axum::{
    http::{HeaderName, HeaderValue, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use processors::{
    access::{Limits, Taken, Verdict, day_of},
    refusal::Code,
};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");
const DAY_SECONDS: i64 = 24 * 3600;

/// Where a customer stands with its limits.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    pub limits: Limits,
    pub taken: Taken,
    pub now_ms: i64,
}

impl Standing {
    /// The answer to a request that is refused by its limits; none when it is let in. `messages` it would have sent.
    pub fn refusal(&self, messages: u32) -> Option<Response> {
        let mut refusal = match self.taken.verdict {
            Verdict::Granted => return None,
            Verdict::OverRate { wait_ms } => {
                let mut refusal = Problem::OverRate.into_response();
                refusal.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds(wait_ms).max(1)));
                refusal
            }
            Verdict::OverQuota => {
                let quota = self.limits.daily_quota.unwrap_or_default();
                let left = self.taken.quota_left(quota);
                let reason =
                    format!("daily_quota: got {messages} messages, {left} of {quota} are left of today (Asia/Seoul)");
                Answer::<String>::refused(Code::QuotaUsedUp.as_str(), reason).into_response()
            }
        };
        self.tell(&mut refusal);
        Some(refusal)
    }

    /// Tells it with an answer.
    pub fn tell(&self, answer: &mut Response) {
        let (mut policy, mut standing) = (Vec::new(), Vec::new());
        if let Some(rate) = self.limits.rate_per_second {
            policy.push(format!("\"rate\";q={rate};w=1"));
            let (left, full_in) = (self.taken.rate_left(rate), seconds(self.taken.missing_us / 1000));
            standing.push(format!("\"rate\";r={left};t={full_in}"));
        }
        if let Some(quota) = self.limits.daily_quota {
            policy.push(format!("\"day\";q={quota};w={DAY_SECONDS}"));
            let (left, (_, ends_in)) = (self.taken.quota_left(quota), day_of(self.now_ms));
            standing.push(format!("\"day\";r={left};t={ends_in}"));
        }
        for (name, value) in [(POLICY, policy), (STANDING, standing)] {
            // Names and numbers are a header's text always.
            if let Ok(value) = HeaderValue::try_from(value.join(", ")) {
                answer.headers_mut().insert(name, value);
            }
        }
    }
}

/// Whole seconds, no less than it takes.
fn seconds(ms: i64) -> i64 {
    (ms + 999).div_euclid(1000)
}
