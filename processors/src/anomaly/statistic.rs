//! Whether so many bad ones can still be chance.

use super::Kind;

/// A count of requests, and the bad ones among them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Count {
    pub all: f64,
    pub bad: f64,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.all += other.all;
        self.bad += other.bad;
    }
}

impl Count {
    pub(super) fn share(self) -> f64 {
        if self.all > 0.0 { self.bad / self.all } else { 0.0 }
    }
}

/// A norm of fewer requests says nothing.
pub(super) const LEAST_NORM: f64 = 200.0;
/// So few bad ones are nobody's anomaly.
const LEAST_BAD: f64 = 10.0;
/// What is as improbable as this is no chance.
const IMPROBABLE: f64 = 1e-7;
/// Larger windows are judged as if they were of this size: beyond the concentration, size adds no certainty.
const LARGEST: f64 = 1_000.0;

/// How far above its norm a share must rise, of 1.
pub(super) fn rise(kind: Kind) -> f64 {
    match kind {
        Kind::Failures => 0.10,
        // Of the norm 5 % are slow; one that waits makes those behind it wait.
        Kind::Latency => 0.30,
    }
}

/// How steady a share is by itself: of the size of a sample whose own chance would make it wander as much.
fn concentration(kind: Kind) -> f64 {
    match kind {
        Kind::Failures => 300.0,
        Kind::Latency => 50.0,
    }
}

/// The share that is usual; None when too little is known.
pub(super) fn usual(norm: Count) -> Option<f64> {
    (norm.all >= LEAST_NORM).then(|| (norm.bad + 1.0) / (norm.all + 2.0))
}

/// Whether a window is beyond what is usual.
pub(super) fn beyond(kind: Kind, usual: f64, window: Count) -> bool {
    let share = window.share();
    window.bad >= LEAST_BAD
        && share >= 2.0 * usual
        && share >= usual + rise(kind)
        && tail(usual, concentration(kind), window) < IMPROBABLE
}

/// The probability of so many bad ones or more: the upper tail of the beta-binomial distribution.
fn tail(mean: f64, concentration: f64, window: Count) -> f64 {
    let scale = (LARGEST / window.all).min(1.0);
    let (n, bad) = ((window.all * scale).round(), (window.bad * scale).floor());
    let (a, b) = (mean * concentration, (1.0 - mean) * concentration);
    // Of none: the product of (b + i) / (a + b + i). Each further one by its ratio to the one before.
    let mut ln: f64 = (0..n as u64).map(|i| ((b + i as f64) / (a + b + i as f64)).ln()).sum();
    let mut sum = 0.0;
    for k in 0..=n as u64 {
        let k = k as f64;
        if k >= bad {
            sum += ln.exp();
        }
        ln += ((n - k) / (k + 1.0) * (a + k) / (n - k - 1.0 + b)).ln();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_that_of_the_distribution() {
        // Beta-binomial of a = b = 1 is uniform: each of 0 to 9 has a tenth.
        let uniform = |bad| tail(0.5, 2.0, Count { all: 9.0, bad });
        assert!((uniform(0.0) - 1.0).abs() < 1e-12);
        assert!((uniform(7.0) - 0.3).abs() < 1e-12);
        // Of a concentration without end it is the binomial: 0.5 to the tenth.
        let coin = tail(0.5, 1e9, Count { all: 10.0, bad: 10.0 });
        assert!((coin - 0.5f64.powi(10)).abs() < 1e-6, "{coin}");
    }

    #[test]
    fn few_requests_and_little_rises_are_chance() {
        let failures = |usual, all, bad| beyond(Kind::Failures, usual, Count { all, bad });
        assert!(failures(0.02, 100.0, 30.0));
        assert!(!failures(0.02, 9.0, 9.0), "too few");
        assert!(!failures(0.02, 20.0, 5.0));
        assert!(!failures(0.02, 100_000.0, 11_000.0), "less than a rise of a tenth");
        assert!(!failures(0.40, 1_000.0, 550.0), "less than twice");
        assert!(failures(0.02, 1e9, 3e8), "however many");
    }

    #[test]
    fn what_is_usual_needs_a_norm() {
        assert_eq!(usual(Count { all: 199.0, bad: 0.0 }), None);
        assert_eq!(usual(Count { all: 998.0, bad: 9.0 }), Some(0.01));
    }
}
