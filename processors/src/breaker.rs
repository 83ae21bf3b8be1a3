//! A circuit breaker: who fails or crawls is left alone for a while, then tried with a few requests. Vendors have one each,
//! and API processes behind a gateway.

use crate::rest::rests;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// When a breaker opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerSettings {
    /// Seconds looked back on.
    pub window_s: u32,
    /// Answers without which nothing is concluded.
    pub at_least: u32,
    /// Opens at this share of failures: no connection, no answer, codes that speak of its own trouble.
    pub failed_percent: u32,
    /// Opens at this share of slow answers.
    pub slow_percent: u32,
    /// An answer is slow when it took this share of the time-out.
    pub slow_at_percent_of_timeout: u32,
    /// How long it stays open, milliseconds.
    pub open_ms: u32,
    /// Requests that must succeed, all of them, before it closes.
    pub trials: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            window_s: 10,
            at_least: 20,
            failed_percent: 50,
            slow_percent: 80,
            slow_at_percent_of_timeout: 50,
            open_ms: 10_000,
            trials: 5,
        }
    }
}

impl BreakerSettings {
    /// What would never open, never close, or open on what is well; without the section's name.
    pub fn mistakes(&self) -> Vec<String> {
        let Self { window_s, at_least, failed_percent, slow_percent, slow_at_percent_of_timeout, open_ms, trials } =
            *self;
        let counts = [("window_s", window_s), ("at_least", at_least), ("open_ms", open_ms), ("trials", trials)];
        let shares = [
            ("failed_percent", failed_percent),
            ("slow_percent", slow_percent),
            ("slow_at_percent_of_timeout", slow_at_percent_of_timeout),
        ];
        let none = counts.into_iter().filter(|(_, count)| *count == 0);
        let wrong = shares.into_iter().filter(|(_, percent)| !(1..=100).contains(percent));
        none.map(|(key, _)| format!("{key} = 0: must be 1 or more"))
            .chain(wrong.map(|(key, percent)| format!("{key} = {percent}: must be 1 to 100")))
            .collect()
    }
}

/// What an answer says about the health of who gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It works, whatever it said about the message.
    Well,
    /// It works, too slowly.
    Slow,
    /// It does not work.
    Failed,
}

/// Whether a request may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// It may.
    Yes,
    /// It may, as one of the trials: say how it ended by [`Breaker::tried`].
    Trial,
    /// Not before this time, Unix milliseconds.
    Open(i64),
}

/// The state, as a gauge shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Requests pass.
    Closed,
    /// A few requests try.
    HalfOpen,
    /// Nothing passes.
    Open,
}

#[derive(Debug)]
enum Phase {
    Closed { seconds: VecDeque<Second> },
    Open { until_ms: i64 },
    HalfOpen { running: u32, succeeded: u32 },
}

#[derive(Debug, Clone, Copy, Default)]
struct Second {
    second: i64,
    answers: u32,
    failed: u32,
    slow: u32,
}

/// The breaker of one of them.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    phase: Phase,
}

impl Breaker {
    /// Closed.
    pub fn new(settings: BreakerSettings) -> Self {
        Self { settings, phase: Phase::Closed { seconds: VecDeque::new() } }
    }

    /// Whether a request may leave now; a trial counts as running from here on.
    pub fn permit(&mut self, now_ms: i64) -> Permit {
        self.look(now_ms);
        match &mut self.phase {
            Phase::Closed { .. } => Permit::Yes,
            Phase::Open { until_ms } => Permit::Open(*until_ms),
            Phase::HalfOpen { running, succeeded } if *running + *succeeded < self.settings.trials => {
                *running += 1;
                Permit::Trial
            }
            // The trials are on their way: ask again soon.
            Phase::HalfOpen { .. } => Permit::Open(now_ms + 100),
        }
    }

    /// Until when nothing passes; None while requests or trials do.
    pub fn open_until(&mut self, now_ms: i64) -> Option<i64> {
        self.look(now_ms);
        match self.phase {
            Phase::Open { until_ms } => Some(until_ms),
            Phase::Closed { .. } | Phase::HalfOpen { .. } => None,
        }
    }

    /// An answer to an ordinary request came.
    pub fn answered(&mut self, health: Health, now_ms: i64) {
        let Phase::Closed { seconds } = &mut self.phase else { return };
        let second = now_ms.div_euclid(1_000);
        if seconds.back().is_none_or(|last| last.second != second) {
            seconds.push_back(Second { second, ..Second::default() });
        }
        if let Some(last) = seconds.back_mut() {
            last.answers += 1;
            last.failed += u32::from(health == Health::Failed);
            last.slow += u32::from(health == Health::Slow);
        }
        let first = second - i64::from(self.settings.window_s);
        seconds.retain(|s| s.second > first && s.second <= second);
        let sum = |of: fn(&Second) -> u32| seconds.iter().map(of).sum::<u32>();
        let (answers, failed, slow) = (sum(|s| s.answers), sum(|s| s.failed), sum(|s| s.slow));
        let over = |part: u32, percent: u32| u64::from(part) * 100 >= u64::from(answers) * u64::from(percent);
        if answers >= self.settings.at_least.max(1)
            && (over(failed, self.settings.failed_percent) || over(failed + slow, self.settings.slow_percent))
        {
            self.open(now_ms);
        }
    }

    /// A trial ended; None when its end is not known.
    pub fn tried(&mut self, health: Option<Health>, now_ms: i64) {
        let Phase::HalfOpen { running, succeeded } = &mut self.phase else { return };
        *running = running.saturating_sub(1);
        match health {
            None => {}
            Some(Health::Failed | Health::Slow) => self.open(now_ms),
            Some(Health::Well) => {
                *succeeded += 1;
                if *succeeded >= self.settings.trials {
                    self.phase = Phase::Closed { seconds: VecDeque::new() };
                }
            }
        }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Nothing passes for a while, because of what is known beside the answers.
    pub fn open(&mut self, now_ms: i64) {
        self.phase = Phase::Open { until_ms: now_ms + i64::from(self.settings.open_ms) };
    }

    fn look(&mut self, now_ms: i64) {
        if let Phase::Open { until_ms } = self.phase
            && !rests(until_ms, i64::from(self.settings.open_ms), now_ms)
        {
            self.phase = Phase::HalfOpen { running: 0, succeeded: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(at_ms: i64) -> Breaker {
        let mut breaker = Breaker::new(BreakerSettings::default());
        (0..20).for_each(|_| breaker.answered(Health::Failed, at_ms));
        breaker
    }

    #[test]
    fn it_opens_at_half_of_twenty_failed_and_not_before() {
        let mut breaker = Breaker::new(BreakerSettings::default());
        (0..19).for_each(|_| breaker.answered(Health::Failed, 0));
        assert_eq!(breaker.state(), State::Closed, "19 answers prove nothing");
        let mut breaker = Breaker::new(BreakerSettings::default());
        (0..11).for_each(|_| breaker.answered(Health::Well, 0));
        (0..10).for_each(|_| breaker.answered(Health::Failed, 0));
        assert_eq!(breaker.state(), State::Closed, "10 of 21");
        breaker.answered(Health::Failed, 0);
        assert_eq!(breaker.permit(0), Permit::Open(10_000), "11 of 22");
    }

    #[test]
    fn a_vendor_that_crawls_is_left_alone_too() {
        let mut breaker = Breaker::new(BreakerSettings::default());
        (0..5).for_each(|_| breaker.answered(Health::Well, 0));
        (0..19).for_each(|_| breaker.answered(Health::Slow, 0));
        assert_eq!(breaker.state(), State::Closed);
        breaker.answered(Health::Slow, 0);
        assert_eq!(breaker.state(), State::Open, "20 of 25");
    }

    #[test]
    fn failures_of_more_than_ten_seconds_ago_are_forgotten() {
        let mut breaker = Breaker::new(BreakerSettings::default());
        (0..19).for_each(|_| breaker.answered(Health::Failed, 0));
        (0..10).for_each(|_| breaker.answered(Health::Failed, 10_000));
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn after_a_while_five_trials_decide() {
        let mut breaker = open(0);
        assert_eq!(breaker.permit(9_999), Permit::Open(10_000));
        for _ in 0..5 {
            assert_eq!(breaker.permit(10_000), Permit::Trial);
        }
        assert!(matches!(breaker.permit(10_000), Permit::Open(_)), "five are on their way");
        (0..4).for_each(|_| breaker.tried(Some(Health::Well), 10_050));
        assert_eq!(breaker.state(), State::HalfOpen);
        breaker.tried(Some(Health::Well), 10_050);
        assert_eq!(breaker.permit(10_050), Permit::Yes);
    }

    #[test]
    fn one_failed_trial_opens_it_again() {
        let mut breaker = open(0);
        assert_eq!(breaker.permit(10_000), Permit::Trial);
        assert_eq!(breaker.permit(10_000), Permit::Trial);
        breaker.tried(Some(Health::Failed), 10_020);
        assert_eq!(breaker.permit(10_021), Permit::Open(20_020));
        breaker.tried(Some(Health::Well), 10_030);
        assert_eq!(breaker.state(), State::Open, "the other trial says nothing any more");
    }

    #[test]
    fn a_trial_whose_end_is_lost_makes_room_for_another() {
        let mut breaker = open(0);
        (0..5).for_each(|_| assert_eq!(breaker.permit(10_000), Permit::Trial));
        breaker.tried(None, 12_000);
        assert_eq!(breaker.permit(12_000), Permit::Trial);
    }
}
