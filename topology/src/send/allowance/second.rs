//! What left in the last second, to the millisecond: a vendor counts in seconds of its own, whichever they are.

/// Milliseconds that are looked back on.
const LENGTH: usize = 1_000;

/// The last second.
#[derive(Debug, Clone)]
pub struct Second {
    /// What left in each millisecond, by its remainder.
    by_ms: Box<[f32; LENGTH]>,
    sum: f64,
    /// The latest millisecond that is counted.
    now_ms: i64,
}

impl Second {
    /// Nothing has left yet.
    pub fn new(now_ms: i64) -> Self {
        Self { by_ms: Box::new([0.0; LENGTH]), sum: 0.0, now_ms }
    }

    /// What left in the second that ends now.
    pub fn sum(&mut self, now_ms: i64) -> f64 {
        self.pass(now_ms);
        self.sum
    }

    /// A cost leaves now.
    pub fn took(&mut self, cost: f64) {
        self.by_ms[slot(self.now_ms)] += cost as f32;
        self.sum += cost;
    }

    /// A clock that is set back counts on in the latest millisecond: what left then is not forgotten before its time.
    fn pass(&mut self, now_ms: i64) {
        let passed = (now_ms - self.now_ms).clamp(0, LENGTH as i64);
        for ms in now_ms - passed + 1..=now_ms {
            let gone = std::mem::take(&mut self.by_ms[slot(ms)]);
            self.sum -= f64::from(gone);
        }
        self.now_ms = self.now_ms.max(now_ms);
    }
}

/// Whether a cost fits into the rate of a second in which so much left. One that is greater than the rate fits into a
/// second in which nothing left, or it would never leave.
pub fn has_room(left: f64, cost: f64, per_second: f64) -> bool {
    // Sums of fractions: a thousandth more or less is none.
    left + cost <= per_second.max(1.0) + 1e-3 || left < 1e-3
}

fn slot(ms: i64) -> usize {
    ms.rem_euclid(LENGTH as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousandth_of_a_second_later_than_a_second_there_is_room_again() {
        let mut second = Second::new(0);
        assert!(has_room(second.sum(500), 3.0, 3.0));
        second.took(3.0);
        assert!(!has_room(second.sum(1_499), 1.0, 3.0));
        assert!(has_room(second.sum(1_500), 3.0, 3.0));
    }

    #[test]
    fn what_is_greater_than_the_rate_leaves_when_nothing_else_did() {
        let mut second = Second::new(0);
        assert!(has_room(second.sum(1), 500.0, 100.0));
        second.took(500.0);
        assert!(!has_room(second.sum(1_000), 1.0, 100.0));
        assert!(has_room(second.sum(1_001), 1.0, 100.0));
    }

    #[test]
    fn a_clock_set_back_forgets_nothing() {
        let mut second = Second::new(10_000);
        second.took(1.0);
        assert!(!has_room(second.sum(5_000), 1.0, 1.0));
        assert!(!has_room(second.sum(10_999), 1.0, 1.0));
        assert!(has_room(second.sum(11_000), 1.0, 1.0));
    }
}
