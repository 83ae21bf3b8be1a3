//! When spilled records come back.

use rustc_hash::FxHashMap;
use std::time::Duration;

/// A record that waits less than this stays where it is: a ring's slot is a second wide.
const SOONEST: Duration = Duration::from_secs(1);

/// Gives each spilled record the time at which its vendor can take it: behind its customer's others, at the vendor's
/// rate. Too early costs another spill, too late an idle vendor; so a customer's records return at the pace that it
/// would have if nobody came after it.
#[derive(Debug, Default)]
pub struct Returns {
    /// (vendor, customer) → when its last spilled record comes back, Unix milliseconds.
    last: FxHashMap<(String, String), f64>,
}

impl Returns {
    /// When a record comes back that is spilled now. `per_second` is the customer's part of the vendor's rate.
    pub fn due_ms(&mut self, vendor: &str, customer: &str, per_second: f64, now_ms: i64) -> i64 {
        let soonest = (now_ms + SOONEST.as_millis() as i64) as f64;
        let step_ms = 1_000.0 / per_second.max(0.001);
        let key = (vendor.to_owned(), customer.to_owned());
        let due = self.last.get(&key).map_or(soonest, |last| (last + step_ms).max(soonest));
        self.last.insert(key, due);
        due as i64
    }

    /// Forgets customers whose last spilled record is back.
    pub fn forget_past(&mut self, now_ms: i64) {
        self.last.retain(|_, due| *due > now_ms as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customers_surplus_returns_at_the_vendors_pace() {
        let mut returns = Returns::default();
        let due: Vec<_> = (0..1_001).map(|_| returns.due_ms("kt", "bulk", 500.0, 0)).collect();
        assert_eq!((due[0], due[1], due[1_000]), (1_000, 1_002, 3_000));
        assert_eq!(returns.due_ms("kt", "shop", 500.0, 0), 1_000, "another customer does not stand behind it");
        returns.forget_past(2_000);
        assert_eq!(returns.due_ms("kt", "bulk", 500.0, 2_000), 3_002);
        returns.forget_past(10_000);
        assert_eq!(returns.due_ms("kt", "bulk", 500.0, 10_000), 11_000);
    }
}
