//! When ads may not be sent: windows of Korean time, as data.
//!
//! Source: 정보통신망법 제50조 ③ (21:00 to 08:00 needs separate consent), 시행령 제61조 ② (email is exempt), and KakaoTalk's
//! own refusal (3022) from 20:50. A change is a row with the day from which it holds ([`crate::law`]).

use crate::korea::{DAY_MS, begins_ms, clock, midnight_ms};
use jiff::civil::{Date, Time, date, time};
use schemas::Family;
use serde::{Deserialize, Serialize};

/// A daily window; it crosses midnight when it starts later than it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// First moment inside, Asia/Seoul.
    pub from: Time,
    /// First moment after it, Asia/Seoul.
    pub until: Time,
}

/// The windows of a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// AT, FT, BT.
    pub kakao: Window,
    /// SMS, LMS, MMS, RCS, PUSH.
    pub others: Window,
}

/// Why rows are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nights refused: {}", .0.join("; "))]
pub struct NightErrors(pub Vec<String>);

/// The night rule for ads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Night {
    /// Latest first, so that the first row that has begun is the one that holds.
    rows: Vec<Holds>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holds {
    since_ms: i64,
    kakao: Span,
    others: Span,
}

/// A window in milliseconds of the Korean day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from_ms: i64,
    until_ms: i64,
}

impl Span {
    fn of(window: Window) -> Self {
        let of_day = |t: Time| {
            let seconds = (i64::from(t.hour()) * 60 + i64::from(t.minute())) * 60 + i64::from(t.second());
            seconds * 1000 + i64::from(t.millisecond())
        };
        Self { from_ms: of_day(window.from), until_ms: of_day(window.until) }
    }

    fn holds(self, of_day_ms: i64) -> bool {
        if self.from_ms <= self.until_ms {
            (self.from_ms..self.until_ms).contains(&of_day_ms)
        } else {
            of_day_ms >= self.from_ms || of_day_ms < self.until_ms
        }
    }
}

impl Default for Night {
    fn default() -> Self {
        let until = time(8, 0, 0, 0);
        let windows = Windows {
            kakao: Window { from: time(20, 50, 0, 0), until },
            others: Window { from: time(21, 0, 0, 0), until },
        };
        Self { rows: vec![Holds::of((date(1970, 1, 1), windows))] }
    }
}

impl Holds {
    fn of((since, windows): (Date, Windows)) -> Self {
        Self { since_ms: begins_ms(since), kakao: Span::of(windows.kakao), others: Span::of(windows.others) }
    }
}

impl Night {
    /// Takes windows with the first day (Asia/Seoul) on which they hold, in any order: those before hold until its midnight.
    /// Refuses none at all and two of one day.
    pub fn new(rows: &[(Date, Windows)]) -> Result<Self, NightErrors> {
        let mut wrong = Vec::new();
        if rows.is_empty() {
            wrong.push("there is no row: give one with a past `since`".to_owned());
        }
        let mut rows = rows.to_vec();
        rows.sort_by_key(|(since, _)| std::cmp::Reverse(*since));
        for pair in rows.windows(2) {
            if pair[0].0 == pair[1].0 {
                wrong.push(format!("two rows start on {}", pair[0].0));
            }
        }
        if wrong.is_empty() {
            Ok(Self { rows: rows.into_iter().map(Holds::of).collect() })
        } else {
            Err(NightErrors(wrong))
        }
    }

    /// Whether no channel has a night now.
    pub fn is_day(&self, now_ms: i64) -> bool {
        !self.is_night(Family::At, now_ms) && !self.is_night(Family::Sms, now_ms)
    }

    /// When a message that may not leave now may leave again, Unix milliseconds; None when it may leave now.
    ///
    /// FT and BT ads are held whatever `agreed` says: Kakao refuses them.
    pub fn until(&self, family: Family, ad: bool, agreed: bool, now_ms: i64) -> Option<i64> {
        (self.applies(family, ad, agreed) && self.is_night(family, now_ms)).then(|| self.morning(family, now_ms))
    }

    /// The last millisecond at which a message that may leave now may still leave; None when no night stops it.
    pub fn last_allowed(&self, family: Family, ad: bool, agreed: bool, now_ms: i64) -> Option<i64> {
        if !self.applies(family, ad, agreed) {
            return None;
        }
        // Nights change at a window's start, at its end, and at the midnight on which another row takes over.
        let days = (0..=2).map(|day| midnight_ms(now_ms) + day * DAY_MS);
        let starts = days.flat_map(|day| [day, day + self.span(family, day).from_ms]);
        starts.filter(|start| *start > now_ms && self.is_night(family, *start)).min().map(|start| start - 1)
    }

    /// The next end of the window after `now_ms`, inside it or not: where a vendor that calls it night is obeyed.
    pub fn morning(&self, family: Family, now_ms: i64) -> i64 {
        let ends =
            (0..=2).map(|day| midnight_ms(now_ms) + day * DAY_MS).map(|day| day + self.span(family, day).until_ms);
        // A row that takes over within the night may end it later than the row before would have.
        ends.into_iter().find(|end| *end > now_ms && !self.is_night(family, *end)).unwrap_or(now_ms + DAY_MS)
    }

    fn applies(&self, family: Family, ad: bool, agreed: bool) -> bool {
        match family {
            Family::Email => false,
            Family::Ft | Family::Bt => ad,
            Family::At | Family::Sms | Family::Lms | Family::Mms | Family::Rcs | Family::Push => ad && !agreed,
        }
    }

    fn is_night(&self, family: Family, now_ms: i64) -> bool {
        self.span(family, now_ms).holds(clock(now_ms).1)
    }

    fn span(&self, family: Family, now_ms: i64) -> Span {
        // Before the first row's day its windows hold too.
        let row = self.rows.iter().find(|row| row.since_ms <= now_ms).unwrap_or(&self.rows[self.rows.len() - 1]);
        match family {
            Family::At | Family::Ft | Family::Bt => row.kakao,
            Family::Sms | Family::Lms | Family::Mms | Family::Rcs | Family::Push | Family::Email => row.others,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::DateTime;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    fn kst(text: &str) -> i64 {
        let local: DateTime = text.parse().unwrap();
        local.to_zoned(TimeZone::get("Asia/Seoul").unwrap()).unwrap().timestamp().as_millisecond()
    }

    const KAKAO: [Family; 3] = [Family::At, Family::Ft, Family::Bt];
    const OTHERS: [Family; 5] = [Family::Sms, Family::Lms, Family::Mms, Family::Rcs, Family::Push];

    #[test]
    fn kakao_closes_at_ten_to_nine_and_opens_at_eight() {
        let night = Night::default();
        for family in KAKAO {
            let until = |at| night.until(family, true, false, kst(at));
            assert_eq!(until("2026-03-02T20:49:59.999"), None);
            assert_eq!(until("2026-03-02T20:50"), Some(kst("2026-03-03T08:00")));
            assert_eq!(until("2026-03-03T00:00"), Some(kst("2026-03-03T08:00")));
            assert_eq!(until("2026-03-03T07:59:59.999"), Some(kst("2026-03-03T08:00")));
            assert_eq!(until("2026-03-03T08:00"), None);
        }
    }

    #[test]
    fn the_others_close_at_nine() {
        let night = Night::default();
        for family in OTHERS {
            let until = |at| night.until(family, true, false, kst(at));
            assert_eq!(until("2026-12-31T20:59:59.999"), None);
            assert_eq!(until("2026-12-31T21:00"), Some(kst("2027-01-01T08:00")));
            assert_eq!(until("2027-01-01T07:59:59.999"), Some(kst("2027-01-01T08:00")));
            assert_eq!(until("2027-01-01T08:00"), None);
        }
    }

    #[test]
    fn separate_consent_opens_the_night_but_not_for_friend_talk_and_brand_messages() {
        let night = Night::default();
        let late = kst("2026-03-02T23:00");
        for family in Family::ALL {
            let held = night.until(family, true, true, late).is_some();
            assert_eq!(held, matches!(family, Family::Ft | Family::Bt), "{family}");
            assert_eq!(night.until(family, false, false, late), None, "{family}: no ad");
        }
    }

    #[test]
    fn it_is_day_when_no_channel_has_a_night() {
        let is_day = |at| Night::default().is_day(kst(at));
        assert!(is_day("2026-03-02T08:00") && is_day("2026-03-02T20:49:59.999"));
        assert!(!is_day("2026-03-02T20:50") && !is_day("2026-03-02T21:00") && !is_day("2026-03-03T07:59:59.999"));
    }

    #[test]
    fn nights_go_over_midnights_of_months_leap_days_and_years() {
        let night = Night::default();
        for (eve, day) in [
            ("2026-03-31", "2026-04-01"),
            ("2026-12-31", "2027-01-01"),
            ("2028-02-28", "2028-02-29"),
            ("2028-02-29", "2028-03-01"),
            ("2027-02-28", "2027-03-01"),
        ] {
            let morning = Some(kst(&format!("{day}T08:00")));
            for at in [format!("{eve}T23:59:59.999"), format!("{day}T00:00"), format!("{day}T00:00:00.001")] {
                assert_eq!(night.until(Family::Sms, true, false, kst(&at)), morning, "{at}");
                assert_eq!(night.until(Family::Ft, true, false, kst(&at)), morning, "{at}");
            }
        }
    }

    #[test]
    fn email_has_no_night() {
        let night = Night::default();
        assert_eq!(night.until(Family::Email, true, false, kst("2026-03-02T23:00")), None);
        assert_eq!(night.last_allowed(Family::Email, true, false, kst("2026-03-02T12:00")), None);
    }

    #[test]
    fn the_last_allowed_moment_is_the_one_before_the_night() {
        let night = Night::default();
        let noon = kst("2026-03-02T12:00");
        assert_eq!(night.last_allowed(Family::Ft, true, true, noon), Some(kst("2026-03-02T20:49:59.999")));
        assert_eq!(night.last_allowed(Family::Sms, true, false, noon), Some(kst("2026-03-02T20:59:59.999")));
        assert_eq!(night.last_allowed(Family::Sms, true, true, noon), None);
        assert_eq!(night.last_allowed(Family::Sms, false, false, noon), None);
    }

    fn row(since: Date, from: Time, until: Time) -> (Date, Windows) {
        (since, Windows { kakao: Window { from, until }, others: Window { from, until } })
    }

    #[test]
    fn a_change_of_law_holds_from_its_day_on() {
        let old = row(date(2020, 1, 1), time(21, 0, 0, 0), time(8, 0, 0, 0));
        let new = row(date(2027, 7, 1), time(20, 0, 0, 0), time(9, 0, 0, 0));
        let night = Night::new(&[new, old]).unwrap();
        let until = |at| night.until(Family::Sms, true, false, kst(at));
        assert_eq!(until("2027-06-30T20:30"), None);
        assert_eq!(until("2027-06-30T22:00"), Some(kst("2027-07-01T09:00")), "the morning is the new law's");
        assert_eq!(until("2027-07-01T08:30"), Some(kst("2027-07-01T09:00")));
        assert_eq!(until("2027-07-01T20:00"), Some(kst("2027-07-02T09:00")));
        assert_eq!(until("2019-12-31T22:00"), Some(kst("2020-01-01T08:00")), "the first row holds before its day too");
    }

    #[test]
    fn a_law_that_makes_its_first_midnight_a_night_ends_the_day_before() {
        let none = row(date(2020, 1, 1), time(0, 0, 0, 0), time(0, 0, 0, 0));
        let new = row(date(2027, 7, 1), time(21, 0, 0, 0), time(8, 0, 0, 0));
        let night = Night::new(&[none, new]).unwrap();
        let noon = kst("2027-06-30T12:00");
        assert_eq!(night.last_allowed(Family::Sms, true, false, noon), Some(kst("2027-06-30T23:59:59.999")));
        assert_eq!(night.last_allowed(Family::Sms, true, false, kst("2027-01-01T12:00")), None);
    }

    #[test]
    fn rows_that_cannot_hold_together_are_refused_all_at_once() {
        assert!(Night::new(&[]).unwrap_err().to_string().contains("no row"));
        let one = row(date(2027, 7, 1), time(21, 0, 0, 0), time(8, 0, 0, 0));
        assert!(Night::new(&[one, one]).unwrap_err().to_string().contains("2027-07-01"));
    }

    proptest! {
        #[test]
        fn what_is_held_is_let_go_by_day_within_half_a_day(now_ms in 0i64..4_000_000_000_000, family in 0usize..9) {
            let (night, family) = (Night::default(), Family::ALL[family]);
            match night.until(family, true, false, now_ms) {
                Some(until) => {
                    prop_assert!(until > now_ms && until - now_ms <= 12 * 3_600_000);
                    prop_assert_eq!(night.until(family, true, false, until), None);
                    prop_assert!(night.until(family, true, false, until - 1).is_some());
                }
                None => if let Some(last) = night.last_allowed(family, true, false, now_ms) {
                    prop_assert!(last >= now_ms);
                    prop_assert_eq!(night.until(family, true, false, last), None);
                    prop_assert!(night.until(family, true, false, last + 1).is_some());
                }
            }
        }
    }
}
