//! Dormancy (휴면) of KakaoTalk templates: Kakao puts to sleep what nobody sends for a year, and deletes what sleeps for
//! another; what was woken and is not sent for 30 days sleeps again (spec/kakao.md §1, NHN Cloud, alimtalk-overview.md).

use crate::{korea::DAY_MS, reference::Approval};

/// After so many days without a message a template sleeps; after so many of sleep it is deleted.
pub const UNUSED_DAYS: i64 = 365;
/// After so many, when it was woken and not used since.
pub const WOKEN_DAYS: i64 = 30;

/// What is known of an inspected template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub state: Approval,
    /// When it came to it, Unix milliseconds.
    pub since_ms: i64,
    /// Whether it slept before.
    pub woken: bool,
    /// The beginning of the last day on which a message of it left; None: none that was written down.
    pub used_ms: Option<i64>,
    /// Since when that is written down.
    pub noted_since_ms: i64,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It sleeps from now on.
    Sleep,
    /// It is deleted.
    Deletion,
}

impl Standing {
    /// What is due now. Days are whole: a template is never called dormant before Kakao would.
    pub fn due(&self, now_ms: i64) -> Option<Due> {
        let days_since = |ms: i64| now_ms.saturating_sub(ms).div_euclid(DAY_MS);
        match self.state {
            Approval::Approved => {
                let used_since = self.used_ms.filter(|used_ms| *used_ms > self.since_ms.saturating_sub(DAY_MS));
                let most = if self.woken && used_since.is_none() { WOKEN_DAYS } else { UNUSED_DAYS };
                // A use is noted by the beginning of its day.
                let used_ms = self.used_ms.map_or(i64::MIN, |used_ms| used_ms.saturating_add(DAY_MS));
                let idle_since_ms = self.since_ms.max(used_ms).max(self.noted_since_ms);
                (days_since(idle_since_ms) >= most).then_some(Due::Sleep)
            }
            Approval::Dormant => (days_since(self.since_ms) >= UNUSED_DAYS).then_some(Due::Deletion),
            Approval::Requested | Approval::Rejected | Approval::Stopped => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_773_192_600_120;

    fn ago(days: i64) -> i64 {
        NOW_MS - days * DAY_MS
    }

    fn due(standing: Standing) -> Option<Due> {
        standing.due(NOW_MS)
    }

    /// Approved and noted for years, never used.
    fn approved() -> Standing {
        Standing {
            state: Approval::Approved,
            since_ms: ago(900),
            woken: false,
            used_ms: None,
            noted_since_ms: ago(1000),
        }
    }

    #[test]
    fn what_nobody_sends_for_a_year_sleeps() {
        assert_eq!(due(approved()), Some(Due::Sleep));
        let used = |days| Standing { used_ms: Some(ago(days)), ..approved() };
        assert_eq!((due(used(365)), due(used(366))), (None, Some(Due::Sleep)), "the day of its use is no idle day");
        let since = |days| Standing { since_ms: ago(days), ..approved() };
        assert_eq!((due(since(364)), due(since(365))), (None, Some(Due::Sleep)), "it was approved within the year");
        let noted = |days| Standing { noted_since_ms: ago(days), ..approved() };
        assert_eq!((due(noted(364)), due(noted(365))), (None, Some(Due::Sleep)), "what was before nobody wrote down");
    }

    #[test]
    fn what_was_woken_sleeps_after_a_month_unless_it_is_used() {
        let woken = |days| Standing { since_ms: ago(days), woken: true, used_ms: Some(ago(800)), ..approved() };
        assert_eq!((due(woken(29)), due(woken(30))), (None, Some(Due::Sleep)));
        let used = |days| Standing { used_ms: Some(ago(days)), ..woken(400) };
        assert_eq!((due(used(200)), due(used(366))), (None, Some(Due::Sleep)));
        // On the day of its waking, whose beginning is before.
        let same_day = Standing { used_ms: Some(ago(40) - DAY_MS / 2), ..woken(40) };
        assert_eq!(due(same_day), None);
    }

    #[test]
    fn what_sleeps_for_a_year_is_deleted_and_other_states_stay() {
        let dormant = |days| Standing { state: Approval::Dormant, since_ms: ago(days), ..approved() };
        assert_eq!((due(dormant(364)), due(dormant(365))), (None, Some(Due::Deletion)));
        for state in [Approval::Requested, Approval::Rejected, Approval::Stopped] {
            assert_eq!(due(Standing { state, ..approved() }), None, "{state:?}");
        }
    }

    #[test]
    fn no_time_makes_it_overflow() {
        for ms in [i64::MIN, i64::MAX] {
            let standing = Standing { since_ms: ms, used_ms: Some(ms), noted_since_ms: ms, ..approved() };
            for now_ms in [i64::MIN, i64::MAX] {
                standing.due(now_ms);
            }
        }
    }
}
