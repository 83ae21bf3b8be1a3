//! What a sender has read and not yet started: by vendor, so that none blocks another, and within a vendor by customer,
//! so that each gets its turn.

mod returns;
mod turns;

pub use returns::Returns;
pub use turns::Turns;

use crate::log::Place;
use rustc_hash::FxHashMap;
use schemas::Dispatch;
use std::sync::Arc;

/// A dispatch that was read and has not left.
#[derive(Debug, Clone)]
pub struct Held {
    /// Where it stands in the log.
    pub place: Place,
    /// Its offset there.
    pub offset: i64,
    /// Size of its value in the log, bytes.
    pub bytes: usize,
    /// The step.
    pub dispatch: Arc<Dispatch>,
}

impl Held {
    /// Calls that it costs at the vendor: one for each device of a push, one otherwise.
    pub fn cost(&self) -> u32 {
        let tokens = self.dispatch.accepted.recipient.push_tokens.len();
        u32::try_from(tokens.saturating_sub(self.dispatch.tokens_done.len())).unwrap_or(u32::MAX).max(1)
    }

    /// Whose it is.
    pub fn customer(&self) -> &str {
        &self.dispatch.accepted.username
    }
}

/// The read-ahead of one sender.
#[derive(Debug, Default)]
pub struct Hold {
    vendors: Vec<(Arc<str>, Turns<Held>)>,
    records: usize,
    bytes: usize,
}

impl Hold {
    /// Holds a dispatch until its turn.
    pub fn push(&mut self, held: Held) {
        self.count(&held);
        let (turns, cost) = (self.of(&held), held.cost());
        turns.push(&Arc::clone(&held.dispatch).accepted.username, cost, held);
    }

    /// Takes back what was popped and could not leave.
    pub fn push_front(&mut self, held: Held) {
        self.count(&held);
        let (turns, cost) = (self.of(&held), held.cost());
        turns.push_front(&Arc::clone(&held.dispatch).accepted.username, cost, held);
    }

    /// Vendors that something is or was held for.
    pub fn vendors(&self) -> Vec<Arc<str>> {
        self.vendors.iter().map(|(name, _)| Arc::clone(name)).collect()
    }

    /// Records held for each vendor.
    pub fn waiting(&self) -> Vec<(Arc<str>, usize)> {
        self.vendors.iter().map(|(name, turns)| (Arc::clone(name), turns.waiting())).collect()
    }

    /// What is next at a vendor.
    pub fn peek(&mut self, vendor: &str) -> Option<&Held> {
        self.turns(vendor)?.peek().map(|(held, _)| held)
    }

    /// Takes what is next at a vendor.
    pub fn pop(&mut self, vendor: &str) -> Option<Held> {
        let held = self.turns(vendor)?.pop()?;
        self.discount(&held);
        Some(held)
    }

    /// Takes everything that fits.
    pub fn take_where(&mut self, fits: impl Fn(&Held) -> bool) -> Vec<Held> {
        let mut taken = Vec::new();
        self.vendors.iter_mut().for_each(|(_, turns)| turns.take_where(&fits, &mut taken));
        taken.iter().for_each(|held| self.discount(held));
        taken
    }

    /// Takes up to `count` records of customers who hold more than their part of what their vendor takes soon.
    /// `soon`: every vendor in use, and the calls that it takes until spilled records are back.
    ///
    /// When that frees nothing and a vendor's records fill the hold while another runs dry, the first one's surplus
    /// goes, whoever's it is: what waits behind may be for the other.
    pub fn take_surplus(&mut self, count: usize, soon: &FxHashMap<String, usize>) -> Vec<Held> {
        let soon_at = |vendor: &str| soon.get(vendor).copied().unwrap_or(0);
        let mut taken = Vec::new();
        for (vendor, turns) in &mut self.vendors {
            let part = (soon_at(vendor) / turns.customers().max(1)).max(1);
            turns.take_surplus(part, count - taken.len(), &mut taken);
        }
        let held =
            |vendor: &str| self.vendors.iter().find(|(name, _)| **name == *vendor).map_or(0, |(_, t)| t.waiting());
        if taken.is_empty() && soon.iter().any(|(vendor, soon)| held(vendor) < *soon) {
            for (vendor, turns) in &mut self.vendors {
                let surplus = turns.waiting().saturating_sub(soon_at(vendor)).min(count - taken.len());
                turns.take_surplus(0, surplus, &mut taken);
            }
        }
        taken.iter().for_each(|held| self.discount(held));
        taken
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Records held.
    pub fn records(&self) -> usize {
        self.records
    }

    /// Bytes of their values in the log.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Drops everything: it belongs to another assignment.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn turns(&mut self, vendor: &str) -> Option<&mut Turns<Held>> {
        self.vendors.iter_mut().find(|(name, _)| **name == *vendor).map(|(_, turns)| turns)
    }

    fn of(&mut self, held: &Held) -> &mut Turns<Held> {
        let vendor = held.dispatch.vendor.as_str();
        let index = self.vendors.iter().position(|(name, _)| **name == *vendor).unwrap_or_else(|| {
            self.vendors.push((vendor.into(), Turns::default()));
            self.vendors.len() - 1
        });
        &mut self.vendors[index].1
    }

    fn count(&mut self, held: &Held) {
        self.records += 1;
        self.bytes += held.bytes;
    }

    fn discount(&mut self, held: &Held) {
        self.records -= 1;
        self.bytes -= held.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Accepted, Family, Lane, Topic};

    fn soon<const N: usize>(vendors: [(&str, usize); N]) -> FxHashMap<String, usize> {
        vendors.into_iter().map(|(name, calls)| (name.to_owned(), calls)).collect()
    }

    fn held(offset: i64, vendor: &str, customer: &str) -> Held {
        let accepted = Accepted { username: customer.into(), ..Accepted::default() };
        Held {
            place: Place { topic: Topic::send(Family::Sms, Lane::Mass), partition: 0 },
            offset,
            bytes: 100,
            dispatch: Arc::new(Dispatch { vendor: vendor.into(), accepted, ..Dispatch::default() }),
        }
    }

    #[test]
    fn a_vendor_that_takes_nothing_does_not_stand_before_another() {
        let mut hold = Hold::default();
        (0..100).for_each(|n| hold.push(held(n, "slow", "shop")));
        hold.push(held(100, "quick", "shop"));
        assert_eq!(hold.pop("quick").map(|h| h.offset), Some(100));
        assert_eq!((hold.records(), hold.bytes()), (100, 10_000));
    }

    #[test]
    fn the_bulk_customer_s_surplus_goes_and_single_messages_stay() {
        let mut hold = Hold::default();
        (0..1_000).for_each(|n| hold.push(held(n, "quick", "bulk")));
        (0..10).for_each(|n| hold.push(held(1_000 + n, "quick", &format!("shop {n}"))));
        let taken = hold.take_surplus(500, &soon([("quick", 110)]));
        assert_eq!(taken.len(), 500);
        assert!(taken.iter().all(|h| h.customer() == "bulk" && h.offset >= 500), "its newest ones");
        hold.take_surplus(500, &soon([("quick", 110)]));
        assert_eq!(hold.records(), 10 + 10, "ten are bulk's part of what the vendor takes soon");
    }

    #[test]
    fn many_small_customers_are_no_surplus() {
        let mut hold = Hold::default();
        (0..1_000).for_each(|n| hold.push(held(n, "quick", &format!("shop {n}"))));
        assert!(hold.take_surplus(500, &soon([("quick", 100)])).is_empty());
    }

    #[test]
    fn they_are_when_they_fill_the_hold_for_a_slow_vendor_and_a_quick_one_runs_dry() {
        let mut hold = Hold::default();
        (0..1_000).for_each(|n| hold.push(held(n, "slow", &format!("shop {n}"))));
        hold.push(held(1_000, "quick", "shop"));
        let taken = hold.take_surplus(500, &soon([("slow", 10), ("quick", 300)]));
        assert_eq!(taken.len(), 500);
        assert!(taken.iter().all(|h| h.dispatch.vendor == "slow"));
    }
}
