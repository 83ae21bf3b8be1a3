//! How much a customer may ask of the HTTP door: so many messages a second, and so many of a day in Korea.

use crate::korea::{self, DAY_MS};

/// What may be asked at once: a second's worth, microseconds.
const BURST_US: i64 = 1_000_000;
/// No rate is away from being full for longer: a thousand receivers at one a second, behind a second's worth.
pub const LONGEST_WAIT_MS: i64 = 1_001_000;

/// The bounds of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Messages a second; None: as many as the door takes.
    pub rate_per_second: Option<u32>,
    /// Messages of a day (Asia/Seoul); None: no bound.
    pub daily_quota: Option<u32>,
}

/// What a request would use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Of the rate: each receiver, whatever becomes of it, and at least one.
    pub receivers: u32,
    /// Of the quota: the messages that would be sent.
    pub messages: u32,
}

/// What a customer has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// When its rate will be full again, Unix microseconds; in the past when it is.
    pub full_at_us: i64,
    /// The day on which it used anything last, days since 1970 in Korea.
    pub day: i64,
    /// Messages of that day.
    pub used: i64,
}

/// Whether a request is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is, and counted.
    Granted,
    /// More than the rate: after so many milliseconds it would be.
    OverRate {
        /// From now.
        wait_ms: i64,
    },
    /// More than what is left of the day.
    OverQuota,
}

/// The verdict, and what stands after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Whether it is let in.
    pub verdict: Verdict,
    /// Until the rate is full again, microseconds.
    pub missing_us: i64,
    /// Messages of the day, these included when they are let in.
    pub used: i64,
}

impl Limits {
    /// Whether there is anything to be counted.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// What so many receivers take of a rate, microseconds.
    pub fn cost_us(self, receivers: u32) -> i64 {
        self.rate_per_second.map_or(0, |rate| i64::from(receivers) * BURST_US / i64::from(rate.max(1)))
    }
}

/// A day in Korea, days since 1970, and how long it goes on, seconds.
pub fn day_of(now_ms: i64) -> (i64, i64) {
    let (days, of_day_ms) = korea::clock(now_ms);
    (days, (DAY_MS - of_day_ms).div_euclid(1000))
}

impl Usage {
    /// Begins the day that it is now; whether it is a new one, of which nothing is used. A clock that was ahead and is set
    /// back does not keep its day.
    pub fn turn(&mut self, now_ms: i64) -> bool {
        let (today, _) = day_of(now_ms);
        let is_new = today > self.day;
        if is_new {
            self.used = 0;
        }
        self.day = today;
        is_new
    }

    /// Lets a request in, or says why not. One of more receivers than a second's is let in when a second's is there, and
    /// then the next has to wait for all of it. What is over the rate takes nothing; what is over the quota takes of
    /// the rate, since it was looked at.
    ///
    /// Redis does the same where processes share it (connectors/src/desk/take.lua).
    pub fn take(&mut self, limits: Limits, asked: Use, now_ms: i64) -> Taken {
        let now_us = now_ms * 1000;
        self.turn(now_ms);
        let cost = limits.cost_us(asked.receivers);
        // What a clock that was ahead has left behind does not outlive it.
        let missing = (self.full_at_us - now_us).clamp(0, LONGEST_WAIT_MS * 1000);
        self.full_at_us = now_us + missing;
        let wait = missing + cost.min(BURST_US) - BURST_US;
        let messages = i64::from(asked.messages);
        let verdict = if cost > 0 && wait > 0 {
            Verdict::OverRate { wait_ms: (wait + 999) / 1000 }
        } else {
            self.full_at_us += cost;
            match limits.daily_quota {
                Some(quota) if messages > 0 && self.used + messages > i64::from(quota) => Verdict::OverQuota,
                _ => {
                    self.used += messages;
                    Verdict::Granted
                }
            }
        };
        Taken { verdict, missing_us: self.full_at_us - now_us, used: self.used }
    }

    /// Gives messages back that came to nothing, if their day still is.
    pub fn give_back(&mut self, messages: i64, now_ms: i64) {
        if day_of(now_ms).0 == self.day {
            self.used = (self.used - messages).max(0);
        }
    }
}

impl Taken {
    /// Until one message is let in, milliseconds.
    pub fn wait_of_one_ms(&self, limits: Limits) -> i64 {
        (self.missing_us + limits.cost_us(1).min(BURST_US) - BURST_US + 999).div_euclid(1000).max(0)
    }

    /// Messages that could be sent at once.
    pub fn rate_left(&self, rate_per_second: u32) -> u32 {
        let left = (BURST_US - self.missing_us).max(0) * i64::from(rate_per_second) / BURST_US;
        u32::try_from(left).unwrap_or(0)
    }

    /// Messages that are left of the day.
    pub fn quota_left(&self, daily_quota: u32) -> u32 {
        u32::try_from((i64::from(daily_quota) - self.used).max(0)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_772_377_199_000;

    fn of(rate: u32, quota: u32) -> Limits {
        let some = |bound| (bound > 0).then_some(bound);
        Limits { rate_per_second: some(rate), daily_quota: some(quota) }
    }

    fn one() -> Use {
        Use { receivers: 1, messages: 1 }
    }

    #[test]
    fn a_rate_lets_in_a_second_at_once_and_then_one_by_one() {
        let (mut usage, limits) = (Usage::default(), of(10, 0));
        let mut take = |now_ms| usage.take(limits, one(), now_ms).verdict;
        for _ in 0..10 {
            assert_eq!(take(NOW_MS), Verdict::Granted);
        }
        assert_eq!(take(NOW_MS), Verdict::OverRate { wait_ms: 100 });
        assert_eq!(take(NOW_MS + 99), Verdict::OverRate { wait_ms: 1 });
        assert_eq!(take(NOW_MS + 100), Verdict::Granted);
        assert_eq!(take(NOW_MS + 100), Verdict::OverRate { wait_ms: 100 });
    }

    #[test]
    fn many_receivers_are_let_in_when_a_second_is_there_and_paid_for_after() {
        let (mut usage, limits) = (Usage::default(), of(100, 0));
        let many = Use { receivers: 1_000, messages: 1_000 };
        let taken = usage.take(limits, many, NOW_MS);
        assert_eq!((taken.verdict, taken.missing_us, taken.rate_left(100)), (Verdict::Granted, 10_000_000, 0));
        assert_eq!(usage.take(limits, one(), NOW_MS).verdict, Verdict::OverRate { wait_ms: 9_010 });
        assert_eq!(usage.take(limits, many, NOW_MS + 9_010).verdict, Verdict::OverRate { wait_ms: 990 });
        assert_eq!(usage.take(limits, many, NOW_MS + 10_000).verdict, Verdict::Granted);
    }

    #[test]
    fn over_any_time_no_more_than_the_rate_and_a_second_of_it_is_let_in() {
        let (mut usage, limits) = (Usage::default(), of(7, 0));
        let granted =
            (0..60_000).filter(|ms| usage.take(limits, one(), NOW_MS + ms).verdict == Verdict::Granted).count();
        assert!((7 * 60..=7 * 61).contains(&granted), "{granted}");
    }

    #[test]
    fn a_quota_is_of_a_day_in_korea_and_whole_requests() {
        let (mut usage, limits) = (Usage::default(), of(0, 5));
        // One minute before midnight in Korea.
        let before = NOW_MS.div_euclid(DAY_MS) * DAY_MS + DAY_MS - korea::AHEAD_MS - 60_000;
        assert_eq!(day_of(before).1, 60);
        let mut take = |messages, now_ms| usage.take(limits, Use { receivers: messages, messages }, now_ms);
        assert_eq!(take(3, before).verdict, Verdict::Granted);
        let refused = take(3, before);
        assert_eq!((refused.verdict, refused.quota_left(5)), (Verdict::OverQuota, 2));
        assert_eq!(take(2, before).verdict, Verdict::Granted);
        assert_eq!(take(0, before).verdict, Verdict::Granted, "nothing of it would be sent");
        assert_eq!(take(5, before + 60_000).quota_left(5), 0);
        // A clock of another process that is late does not bring yesterday back.
        assert_eq!(take(1, before).verdict, Verdict::OverQuota);
        assert_eq!(
            take(5, before + 60_000).verdict,
            Verdict::Granted,
            "the next day begins once more, not a day later"
        );
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let (mut usage, limits) = (Usage::default(), of(1, 0));
        assert_eq!(usage.take(limits, one(), NOW_MS + 30 * DAY_MS).verdict, Verdict::Granted);
        let Verdict::OverRate { wait_ms } = usage.take(limits, one(), NOW_MS).verdict else { unreachable!() };
        assert_eq!(wait_ms, LONGEST_WAIT_MS);
        assert_eq!(usage.take(limits, one(), NOW_MS + LONGEST_WAIT_MS).verdict, Verdict::Granted);
        let many = Use { receivers: 1_000, messages: 1_000 };
        let mut usage = Usage::default();
        assert_eq!(usage.take(limits, many, NOW_MS).missing_us, 1_000_000_000, "what a rate can owe is below that");
    }

    #[test]
    fn what_came_to_nothing_is_given_back() {
        let (mut usage, limits) = (Usage::default(), of(0, 5));
        usage.take(limits, Use { receivers: 5, messages: 5 }, NOW_MS);
        usage.give_back(2, NOW_MS);
        assert_eq!(usage.take(limits, Use { receivers: 2, messages: 2 }, NOW_MS).verdict, Verdict::Granted);
        usage.give_back(5, NOW_MS + DAY_MS);
        assert_eq!(usage.used, 5, "that day is over");
    }
}
