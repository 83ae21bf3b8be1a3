//! When a message may leave: send_at and expires_at within their bounds (2060).

use super::settings::Expiry;
use crate::refusal::{Code, Refusal};
use crate::rules::field::top;
use schemas::Lane;

const SECOND_MS: i64 = 1000;
const DAY_MS: i64 = 24 * 3600 * SECOND_MS;
/// Both times lie at most so far ahead.
pub const REACH_MS: i64 = 60 * DAY_MS;
/// A send_at may lie so far back: clocks differ, and "now" means now.
const CLOCK_DIFFERENCE_MS: i64 = 60 * SECOND_MS;
/// API topics keep seven days: an older timestamp is a producer's mistake.
const RETENTION_MS: i64 = 7 * DAY_MS;

/// The times of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    asked_ms: i64,
    /// Not before, Unix milliseconds.
    pub send_at: Option<i64>,
    expires_at: Option<i64>,
}

impl Times {
    /// Checks both against the time of the request, not against now: a request that waited for ingest was right when it
    /// was made. The router sees what has expired since.
    pub fn check(
        timestamp_ms: i64,
        now_ms: i64,
        send_at: Option<i64>,
        expires_at: Option<i64>,
    ) -> Result<Self, Refusal> {
        let asked_ms = timestamp_ms.clamp(now_ms - RETENTION_MS, now_ms);
        if let Some(at) = send_at {
            ahead("send_at", at, asked_ms)?;
            if at < asked_ms - CLOCK_DIFFERENCE_MS {
                return Err(out("send_at", format_args!("lies {} before the request", span(at, asked_ms))));
            }
        }
        if let Some(at) = expires_at {
            ahead("expires_at", at, asked_ms)?;
            if at <= asked_ms {
                return Err(out("expires_at", format_args!("lies {} before the request", span(at, asked_ms))));
            }
            if let Some(send_at) = send_at
                && at <= send_at
            {
                return Err(out(
                    "expires_at",
                    format_args!("lies {} before send_at, must be after it", span(at, send_at)),
                ));
            }
        }
        Ok(Self { asked_ms, send_at, expires_at })
    }

    /// Not after, Unix milliseconds: as the customer says, or as its lane lives.
    pub fn expires_at(&self, lane: Lane, ad: bool, expiry: &Expiry) -> i64 {
        let life_ms = i64::try_from(expiry.of(lane, ad).as_millis()).unwrap_or(REACH_MS);
        self.expires_at
            .unwrap_or_else(|| self.send_at.map_or(self.asked_ms, |at| at.max(self.asked_ms)).saturating_add(life_ms))
    }
}

fn ahead(field: &'static str, at: i64, asked_ms: i64) -> Result<(), Refusal> {
    if at.saturating_sub(asked_ms) > REACH_MS {
        return Err(out(field, format_args!("lies {} ahead, at most 60 days are allowed", span(asked_ms, at))));
    }
    Ok(())
}

fn out(field: &'static str, reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::OutOfBounds, &top(field), reason)
}

/// A span in its largest unit, and milliseconds when it is short.
fn span(from_ms: i64, to_ms: i64) -> String {
    let ms = to_ms.saturating_sub(from_ms);
    let (days, seconds) = (ms / DAY_MS, ms / SECOND_MS);
    match (days, seconds) {
        (0, 0) => format!("{ms} ms"),
        (0, _) => format!("{seconds} s"),
        _ if ms % DAY_MS == 0 => format!("{days} days"),
        _ => format!("{days} days and {} s", ms % DAY_MS / SECOND_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_773_192_600_000;

    fn refused(send_at: Option<i64>, expires_at: Option<i64>) -> Option<(Code, String)> {
        Times::check(NOW, NOW, send_at, expires_at).err().map(|r| (r.code, r.message))
    }

    fn out_of_bounds(message: &str) -> Option<(Code, String)> {
        Some((Code::OutOfBounds, message.to_owned()))
    }

    #[test]
    fn both_hold_at_sixty_days_and_fail_beyond() {
        assert_eq!(refused(Some(NOW + REACH_MS), None), None);
        assert_eq!(
            refused(Some(NOW + REACH_MS + 1000), None),
            out_of_bounds("send_at: lies 60 days and 1 s ahead, at most 60 days are allowed")
        );
        assert_eq!(refused(None, Some(NOW + REACH_MS)), None);
        assert!(refused(None, Some(NOW + REACH_MS + 1)).is_some());
    }

    #[test]
    fn a_message_expires_after_it_is_sent() {
        assert_eq!(refused(Some(NOW + 1000), Some(NOW + 1001)), None);
        assert_eq!(
            refused(Some(NOW + 1000), Some(NOW + 1000)),
            out_of_bounds("expires_at: lies 0 ms before send_at, must be after it")
        );
        assert_eq!(refused(None, Some(NOW + 1)), None);
        assert_eq!(refused(None, Some(NOW)), out_of_bounds("expires_at: lies 0 ms before the request"));
    }

    #[test]
    fn a_send_at_of_now_may_be_a_minute_old() {
        assert_eq!(refused(Some(NOW - 60_000), None), None);
        assert_eq!(refused(Some(NOW - 60_001), None), out_of_bounds("send_at: lies 60 s before the request"));
    }

    #[test]
    fn a_request_that_waited_for_ingest_is_judged_by_its_own_time() {
        let hour = 3_600_000;
        let times = Times::check(NOW - hour, NOW, Some(NOW - hour / 2), Some(NOW - 1)).unwrap();
        assert_eq!(times.expires_at(Lane::Auth, false, &Expiry::default()), NOW - 1);
    }

    #[test]
    fn lanes_live_as_long_as_set() {
        let times = Times::check(NOW, NOW + 500, None, None).unwrap();
        let scheduled = Times::check(NOW, NOW, Some(NOW + 7_000), None).unwrap();
        let expiry = Expiry::default();
        assert_eq!(times.expires_at(Lane::Auth, false, &expiry), NOW + 300_000);
        assert_eq!(scheduled.expires_at(Lane::Auth, false, &expiry), NOW + 307_000);
        assert_eq!(times.expires_at(Lane::Realtime, false, &expiry), NOW + 86_400_000);
        assert_eq!(times.expires_at(Lane::Mass, false, &expiry), NOW + 3 * 86_400_000);
        assert_eq!(times.expires_at(Lane::Realtime, true, &expiry), NOW + 3 * 86_400_000);
    }

    #[test]
    fn a_producers_impossible_clock_is_bounded() {
        let ancient = Times::check(0, NOW, None, None).unwrap();
        assert_eq!(ancient.expires_at(Lane::Realtime, false, &Expiry::default()), NOW - 6 * DAY_MS);
        let future = Times::check(NOW + 3_000_000, NOW, None, None).unwrap();
        assert_eq!(future.expires_at(Lane::Auth, false, &Expiry::default()), NOW + 300_000);
    }

    proptest! {
        #[test]
        fn what_passes_expires_after_it_is_sent_and_no_time_panics(
            timestamp: i64, send_at: Option<i64>, expires_at: Option<i64>, near in -100_000i64..100_000,
        ) {
            for send_at in [send_at, Some(NOW + near), None] {
                if let Ok(times) = Times::check(timestamp, NOW, send_at, expires_at) {
                    let end = times.expires_at(Lane::Mass, false, &Expiry::default());
                    prop_assert!(times.send_at.is_none_or(|at| at < end));
                }
            }
        }
    }
}
