//! When spilled records come back.

use rustc_hash::FxHashMap;

/// A shorter wait is not worth two more hops: a ring's slot is a second wide.
const SOONEST_MS: f64 = 1_000.0;
/// No longer, because the rate may have become another meanwhile. A million records that are spilled again so often
/// cost 1,700 hops a second.
const LATEST_MS: f64 = 600_000.0;

/// Gives each spilled record the time at which its vendor can take it: customers with something spilled share the
/// vendor's rate, and each one's records come one after the other. Too early costs another spill, too late an idle
/// vendor.
#[derive(Debug, Default)]
pub struct Returns {
    /// Vendor → customer → when its last spilled record comes back, Unix milliseconds.
    last: FxHashMap<String, FxHashMap<String, f64>>,
}

impl Returns {
    /// When a record comes back that is spilled now. `per_second` is the vendor's rate.
    pub fn due_ms(&mut self, vendor: &str, customer: &str, per_second: f64, now_ms: i64) -> i64 {
        let soonest = now_ms as f64 + SOONEST_MS;
        if !self.last.contains_key(vendor) {
            self.last.insert(vendor.to_owned(), FxHashMap::default());
        }
        let Some(customers) = self.last.get_mut(vendor) else { return soonest as i64 };
        if !customers.contains_key(customer) {
            customers.insert(customer.to_owned(), soonest);
        }
        // Of as many customers each has the vendor for itself once in so long.
        let round_ms = customers.len() as f64 * 1_000.0 / per_second.max(0.001);
        let Some(last) = customers.get_mut(customer) else { return soonest as i64 };
        *last = (last.max(soonest) + round_ms).min(now_ms as f64 + LATEST_MS);
        *last as i64
    }

    /// Forgets customers whose last spilled record is back.
    pub fn forget_past(&mut self, now_ms: i64) {
        for customers in self.last.values_mut() {
            customers.retain(|_, due| *due > now_ms as f64);
        }
        self.last.retain(|_, customers| !customers.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customers_surplus_returns_at_the_vendors_pace() {
        let mut returns = Returns::default();
        let due: Vec<_> = (0..1_000).map(|_| returns.due_ms("kt", "bulk", 500.0, 0)).collect();
        assert_eq!((due[0], due[1], due[999]), (1_002, 1_004, 3_000));
        returns.forget_past(2_000);
        assert_eq!(returns.due_ms("kt", "bulk", 500.0, 2_000), 3_002, "behind what is still out");
        returns.forget_past(10_000);
        assert_eq!(returns.due_ms("kt", "bulk", 500.0, 10_000), 11_002);
    }

    #[test]
    fn another_customer_does_not_stand_behind_it() {
        let mut returns = Returns::default();
        for _ in 0..10_000 {
            returns.due_ms("kt", "bulk", 500.0, 0);
        }
        assert_eq!(returns.due_ms("kt", "shop", 500.0, 0), 1_004);
        assert_eq!(returns.due_ms("skt", "shop", 500.0, 0), 1_002, "nor does another vendor's share shrink");
    }

    #[test]
    fn ten_thousand_customers_return_at_the_vendors_pace_together() {
        let mut returns = Returns::default();
        let mut due: Vec<_> = (0..10_000).map(|n| returns.due_ms("kt", &format!("shop {n}"), 500.0, 0)).collect();
        due.sort_unstable();
        let within = |ms| due.iter().filter(|at| **at < ms).count();
        assert_eq!((within(1_002), within(2_002), within(21_002)), (0, 500, 10_000));
    }
}
