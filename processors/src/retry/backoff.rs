//! How long a step waits between requests, and how often it tries.

use schemas::Lane;
use serde::{Deserialize, Serialize};

const SECOND_MS: u32 = 1_000;
const MINUTE_MS: u32 = 60 * SECOND_MS;
const HOUR_MS: u32 = 60 * MINUTE_MS;

/// The pace of one kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// Wait after the first request, milliseconds; each further wait is twice as long.
    pub first_ms: u32,
    /// Longest wait, milliseconds.
    pub longest_ms: u32,
    /// Requests of one step that a vendor may answer with a retryable code. What it asks to bring later is none of them:
    /// that waits, however often, until it expires.
    pub requests: u32,
    /// How long a step waits for vendors that cannot be reached before the next step of its plan has its turn,
    /// milliseconds. A step that is the last waits until it expires.
    pub patience_ms: u32,
}

/// The pace by priority, and of mail that was put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paces {
    /// AUTH: within its 5 minutes, and soon enough that a text can follow an 알림톡.
    pub auth: Backoff,
    /// REALTIME.
    pub realtime: Backoff,
    /// MASS and AD.
    pub bulk: Backoff,
    /// What a mail server answered with 4yz: at least 30 minutes apart, for 4 to 5 days (RFC 5321 §4.5.4.1).
    pub mail: Backoff,
}

impl Default for Paces {
    fn default() -> Self {
        let pace =
            |first_ms, longest_ms, requests, patience_ms| Backoff { first_ms, longest_ms, requests, patience_ms };
        Self {
            auth: pace(SECOND_MS, 4 * SECOND_MS, 4, 8 * SECOND_MS),
            realtime: pace(2 * SECOND_MS, MINUTE_MS, 6, 2 * MINUTE_MS),
            bulk: pace(10 * SECOND_MS, 15 * MINUTE_MS, 8, 30 * MINUTE_MS),
            // 0.5 + 1 + 2 + 26 × 4 h = 4.5 days.
            mail: pace(30 * MINUTE_MS, 4 * HOUR_MS, 30, 4 * HOUR_MS),
        }
    }
}

impl Paces {
    /// The pace of a priority.
    pub const fn of(&self, priority: Lane) -> Backoff {
        match priority {
            Lane::Auth => self.auth,
            Lane::Realtime => self.realtime,
            Lane::Mass | Lane::Ad => self.bulk,
        }
    }

    /// What cannot work, by the names of the configuration.
    pub fn mistakes(&self) -> Vec<String> {
        let all = [("auth", self.auth), ("realtime", self.realtime), ("bulk", self.bulk), ("mail", self.mail)];
        let wrong = all.into_iter().flat_map(|(name, pace)| {
            let wait = (pace.first_ms == 0 || pace.first_ms > pace.longest_ms).then(|| {
                format!("retry.{name}.first_ms = {} must be 1 to longest_ms = {}", pace.first_ms, pace.longest_ms)
            });
            let requests = (pace.requests == 0).then(|| format!("retry.{name}.requests must be above 0"));
            wait.into_iter().chain(requests)
        });
        wrong.collect()
    }
}

impl Backoff {
    /// The wait after the n-th request (from 1).
    pub fn after_request(self, request: i32) -> i64 {
        let doublings = request.saturating_sub(1).clamp(0, 31);
        (i64::from(self.first_ms) << doublings).min(i64::from(self.longest_ms))
    }

    /// The wait after an attempt that never left: as long as it has waited so far, so that waits double here too.
    pub fn after_waiting(self, so_far_ms: i64) -> i64 {
        so_far_ms.max(i64::from(self.first_ms)).min(i64::from(self.longest_ms))
    }
}

/// Spreads what would come back in one moment over a quarter of its wait more. The same serial number and attempt give
/// the same spread; AUTH has none, for it is few and in haste.
pub fn spread_ms(wait_ms: i64, priority: Lane, draw: u64) -> i64 {
    match priority {
        Lane::Auth => 0,
        Lane::Realtime | Lane::Mass | Lane::Ad => (draw % (wait_ms.max(0) as u64 / 4 + 1)) as i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_otp_is_repeated_after_one_two_and_four_seconds() {
        let auth = Paces::default().auth;
        assert_eq!([1, 2, 3, 4].map(|request| auth.after_request(request)), [1_000, 2_000, 4_000, 4_000]);
    }

    #[test]
    fn a_pace_that_cannot_work_is_refused() {
        assert_eq!(Paces::default().mistakes(), Vec::<String>::new());
        let mut paces = Paces::default();
        paces.auth.first_ms = 0;
        paces.bulk.longest_ms = 5_000;
        paces.mail.requests = 0;
        let text = paces.mistakes().join("; ");
        for part in
            ["retry.auth.first_ms = 0", "retry.bulk.first_ms = 10000", "longest_ms = 5000", "retry.mail.requests"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn mail_is_repeated_for_four_to_five_days() {
        let mail = Paces::default().mail;
        let whole_ms: i64 = (1..mail.requests as i32).map(|request| mail.after_request(request)).sum();
        assert!((4 * 24 * 3_600_000..=5 * 24 * 3_600_000).contains(&whole_ms), "{whole_ms} ms");
        assert!((1..40).all(|request| mail.after_request(request) >= 30 * 60_000));
    }

    proptest! {
        #[test]
        fn waits_grow_and_are_bounded(request in 1i32.., so_far in 0i64..1 << 50, draw: u64, lane in 0usize..4) {
            let lane = Lane::ALL[lane];
            let pace = Paces::default().of(lane);
            let bounds = i64::from(pace.first_ms)..=i64::from(pace.longest_ms);
            for wait in [pace.after_request(request), pace.after_waiting(so_far)] {
                prop_assert!(bounds.contains(&wait));
                prop_assert!((0..=wait / 4).contains(&spread_ms(wait, lane, draw)));
            }
            prop_assert!(pace.after_request(request) <= pace.after_request(request.saturating_add(1)));
            prop_assert!(pace.after_waiting(so_far) <= pace.after_waiting(so_far + 1));
        }
    }
}
