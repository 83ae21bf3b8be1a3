//! The law on ads: which rule stands where, and what holds from which day on.
//!
//! Source: 정보통신망 이용촉진 및 정보보호 등에 관한 법률 (정보통신망법) 제50조, 시행령 제61조, 제62조의3, 별표 6 (spec/ads.md).

use crate::{
    korea::day_of,
    night::{Night, NightErrors, Windows},
};
use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A rule that refuses or asks for something, by the place where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Ads need consent given before.
    Consent,
    /// No ads to who refused them or took consent back.
    Refusal,
    /// Ads by night need a consent of their own.
    Night,
    /// What an ad shows: its label, its sender, how to refuse it free of charge.
    Shown,
    /// Whoever agreed is told so again and again.
    Notice,
    /// 알림톡 carries no ads: KakaoTalk's own rule.
    Alimtalk,
    /// Lists and carousels are ads: KakaoTalk's own rule.
    BrandMessage,
}

impl fmt::Display for Rule {
    /// The source, as a refusal names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Consent => "정보통신망법 제50조 ①",
            Self::Refusal => "정보통신망법 제50조 ②",
            Self::Night => "정보통신망법 제50조 ③",
            Self::Shown => "정보통신망법 제50조 ④, 시행령 제61조 ③과 별표 6",
            Self::Notice => "정보통신망법 제50조 ⑧, 시행령 제62조의3",
            Self::Alimtalk => "KakaoTalk: 알림톡",
            Self::BrandMessage => "KakaoTalk: 브랜드 메시지",
        })
    }
}

/// What the law says from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// First day, Asia/Seoul; the row before it holds until its midnight.
    pub since: Date,
    /// When ads may not be sent.
    pub night: Windows,
    /// After how many years from its day a consent is told again, and again after as many (제50조 ⑧).
    pub notice_years: u8,
}

/// Most years of a row: beyond that nobody is told.
const MOST_YEARS: u8 = 100;

/// The law on ads, from its first row on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Law {
    /// When ads may not be sent.
    pub night: Night,
    /// Latest first.
    years: Vec<(Date, u8)>,
}

/// Why rows are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ads.law refused: {}", .0.join("; "))]
pub struct LawErrors(pub Vec<String>);

impl Law {
    /// Takes the rows, in any order; tells all that is wrong with them.
    pub fn new(rows: &[Row]) -> Result<Self, LawErrors> {
        let nights: Vec<_> = rows.iter().map(|row| (row.since, row.night)).collect();
        let night = Night::new(&nights);
        let mut wrong = night.as_ref().err().map_or_else(Vec::new, |NightErrors(wrong)| wrong.clone());
        for row in rows.iter().filter(|row| !(1..=MOST_YEARS).contains(&row.notice_years)) {
            wrong.push(format!("notice_years of {} must be 1 to {MOST_YEARS}", row.since));
        }
        let mut years: Vec<_> = rows.iter().map(|row| (row.since, row.notice_years)).collect();
        years.sort_unstable_by(|a, b| b.cmp(a));
        match night {
            Ok(night) if wrong.is_empty() => Ok(Self { night, years }),
            _ => Err(LawErrors(wrong)),
        }
    }

    /// After how many years consents are told again, as the law stands now.
    pub fn notice_years(&self, now_ms: i64) -> u8 {
        let today = day_of(now_ms);
        // Before the first row's day it holds too.
        self.years
            .iter()
            .find(|(since, _)| *since <= today)
            .or(self.years.last())
            .map_or(MOST_YEARS, |(_, years)| *years)
    }
}

impl Default for Law {
    /// As the law stands since consents are told again (2014-11-29).
    fn default() -> Self {
        Self { night: Night::default(), years: vec![(date(1970, 1, 1), 2)] }
    }
}

/// The day on which a consent is to be told again: the first after `told`, counted in whole terms from the day of consent.
///
/// A term ends on the day that answers to its beginning, and where its last month has no such day on that month's last
/// (민법 제160조 ②, ③): consent of 29 February is told on 28 February two years later, and on a 29th after four.
pub fn next_notice(consented: Date, years: u8, told: Date) -> Date {
    let term = i32::from(years.max(1));
    let nth = |n: i32| consented.saturating_add(jiff::Span::new().years(n * term));
    let passed = ((i32::from(told.year()) - i32::from(consented.year())) / term).max(1);
    Some(nth(passed)).filter(|day| *day > told).unwrap_or_else(|| nth(passed + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::korea::begins_ms;
    use jiff::civil::time;
    use proptest::prelude::*;

    fn row(since: Date, notice_years: u8) -> Row {
        let window = crate::night::Window { from: time(21, 0, 0, 0), until: time(8, 0, 0, 0) };
        Row { since, night: Windows { kakao: window, others: window }, notice_years }
    }

    #[test]
    fn a_consent_is_told_again_on_its_day_every_two_years() {
        let consented = date(2024, 3, 15);
        assert_eq!(next_notice(consented, 2, consented), date(2026, 3, 15));
        assert_eq!(next_notice(consented, 2, date(2026, 3, 14)), date(2026, 3, 15));
        assert_eq!(next_notice(consented, 2, date(2026, 3, 15)), date(2028, 3, 15), "it was told on that day");
        assert_eq!(next_notice(consented, 2, date(2027, 12, 31)), date(2028, 3, 15), "late once is not late again");
    }

    #[test]
    fn a_consent_of_29_february_is_told_on_the_last_of_february() {
        let consented = date(2024, 2, 29);
        let told: Vec<Date> = std::iter::successors(Some(consented), |told| Some(next_notice(consented, 2, *told)))
            .skip(1)
            .take(4)
            .collect();
        assert_eq!(told, [date(2026, 2, 28), date(2028, 2, 29), date(2030, 2, 28), date(2032, 2, 29)]);
        assert_eq!(next_notice(date(2098, 2, 28), 2, date(2098, 2, 28)), date(2100, 2, 28), "2100 is no leap year");
        assert_eq!(next_notice(date(2096, 2, 29), 4, date(2096, 2, 29)), date(2100, 2, 28));
    }

    #[test]
    fn a_change_of_law_is_a_row_with_its_day() {
        let law = Law::new(&[row(date(2030, 7, 1), 1), row(date(2014, 11, 29), 2)]).unwrap();
        assert_eq!(law.notice_years(begins_ms(date(2030, 7, 1)) - 1), 2);
        assert_eq!(law.notice_years(begins_ms(date(2030, 7, 1))), 1);
        assert_eq!(law.notice_years(0), 2, "the first row holds before its day too");
    }

    #[test]
    fn what_is_wrong_with_rows_is_told_at_once() {
        let told = Law::new(&[row(date(2030, 7, 1), 0), row(date(2030, 7, 1), 2)]).unwrap_err().to_string();
        assert!(told.contains("two rows start on 2030-07-01") && told.contains("notice_years of 2030-07-01"), "{told}");
        assert!(Law::new(&[]).unwrap_err().to_string().contains("no row"));
    }

    proptest! {
        #[test]
        fn the_next_notice_is_the_first_whole_term_after_the_last(
            consented in 0i32..30_000, years in 1u8..=5, told_after in 0i32..30_000,
        ) {
            let day = |n: i32| date(1970, 1, 1).saturating_add(jiff::Span::new().days(n));
            let (consented, told) = (day(consented), day(consented + told_after));
            let next = next_notice(consented, years, told);
            let term = |n: i16| {
                let first = date(consented.year() + n * i16::from(years), consented.month(), 1);
                date(first.year(), first.month(), consented.day().min(first.days_in_month()))
            };
            prop_assert_eq!(Some(next), (1..).map(term).find(|day| *day > told));
        }
    }
}
