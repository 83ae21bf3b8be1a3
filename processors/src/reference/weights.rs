//! How much of which messages a vendor gets: the weight of its row, or the one that speaks of them.

use super::{Vendor, VendorWeight};
use rustc_hash::FxHashMap;
use schemas::{Family, Lane};
use std::sync::Arc;

/// What is known of a message where its vendor is chosen.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its send family.
    pub family: Family,
    /// Its priority.
    pub priority: Lane,
    /// Whose it is.
    pub username: &'a str,
}

/// The weights of vendors for some messages.
#[derive(Debug, Default, Clone)]
pub(super) struct Weights {
    /// By customer, and those of all customers; what wins comes first.
    of_customer: FxHashMap<String, Vec<Arc<VendorWeight>>>,
    of_all: Vec<Arc<VendorWeight>>,
}

impl VendorWeight {
    fn speaks_of(&self, vendor: &Vendor, asked: Asked<'_>) -> bool {
        self.vendor == vendor.name
            && self.family.is_none_or(|family| family == asked.family)
            && self.priority.is_none_or(|priority| priority == asked.priority)
    }
}

impl Weights {
    pub fn of(mut rows: Vec<Arc<VendorWeight>>) -> Self {
        // A priority says more than a family.
        rows.sort_by_key(|row| (row.priority.is_none(), row.family.is_none()));
        let mut this = Self::default();
        for row in rows {
            match &row.username {
                Some(username) => this.of_customer.entry(username.clone()).or_default().push(row),
                None => this.of_all.push(row),
            }
        }
        this
    }

    pub fn of_vendor(&self, vendor: &Vendor, asked: Asked<'_>) -> u32 {
        let own = self.of_customer.get(asked.username).map_or(&[][..], Vec::as_slice);
        let row = own.iter().chain(&self.of_all).find(|row| row.speaks_of(vendor, asked));
        row.map_or(vendor.weight, |row| row.weight)
    }

    pub fn rows(&self) -> impl Iterator<Item = &Arc<VendorWeight>> {
        self.of_customer.values().flatten().chain(&self.of_all)
    }

    /// Messages that no vendor would get although there are vendors of their family.
    pub fn mistakes(&self, vendors: &FxHashMap<Family, Vec<Arc<Vendor>>>) -> Vec<String> {
        let mut customers: Vec<&str> = self.of_customer.keys().map(String::as_str).collect();
        customers.sort_unstable();
        let mut wrong = Vec::new();
        for family in Family::ALL {
            let Some(vendors) = vendors.get(&family) else { continue };
            let lanes = Lane::ALL.iter().filter(|lane| **lane != Lane::Auth || family.has_auth());
            let none = |username| {
                let none = |priority: &&Lane| {
                    let asked = Asked { family, priority: **priority, username };
                    vendors.iter().all(|vendor| self.of_vendor(vendor, asked) == 0)
                };
                lanes.clone().filter(none).map(|lane| lane.as_str()).collect::<Vec<_>>()
            };
            // A name that no customer has: what holds for all.
            let of_all = none("");
            if of_all.len() == lanes.clone().count() {
                wrong.push(format!("the weights of {family}'s vendors sum to zero: give one of them a weight"));
                continue;
            }
            if !of_all.is_empty() {
                wrong.push(format!(
                    "the weights of {family}'s vendors sum to zero for {}: give one of them a weight there, in vendors or vendor_weights",
                    of_all.join(", ")
                ));
            }
            for username in &customers {
                let lanes: Vec<_> = none(username).into_iter().filter(|lane| !of_all.contains(lane)).collect();
                if !lanes.is_empty() {
                    wrong.push(format!(
                        "the weights of {family}'s vendors sum to zero for customer {username:?} and {}: give one of them a weight there, in vendors or vendor_weights",
                        lanes.join(", ")
                    ));
                }
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures::{seed, vendor},
        reference::{Reference, Seed},
    };

    fn row(
        vendor: &str,
        family: Option<Family>,
        priority: Option<Lane>,
        username: Option<&str>,
        weight: u32,
    ) -> VendorWeight {
        VendorWeight { vendor: vendor.into(), family, priority, username: username.map(str::to_owned), weight }
    }

    fn with(vendor_weights: Vec<VendorWeight>) -> Result<Reference, Vec<String>> {
        let seed = Seed { vendors: vec![vendor("one", 1), vendor("two", 3)], vendor_weights, ..seed() };
        Reference::new(seed).map_err(|errors| errors.0)
    }

    #[test]
    fn a_weight_of_the_customer_wins_over_one_of_the_priority_and_that_over_one_of_the_family() {
        let (sms, mass) = (Some(Family::Sms), Some(Lane::Mass));
        let reference = with(vec![
            row("one", sms, None, None, 10),
            row("one", None, mass, None, 20),
            row("one", sms, mass, None, 30),
            row("one", None, None, Some("shop"), 40),
            row("one", sms, None, Some("shop"), 50),
            row("one", None, mass, Some("shop"), 60),
        ])
        .unwrap();
        let of = |family, priority, username| {
            let weight =
                |name| reference.weight(reference.vendor(family, name).unwrap(), Asked { family, priority, username });
            (weight("one"), weight("two"))
        };
        assert_eq!(of(Family::Lms, Lane::Ad, "strict"), (1, 3));
        assert_eq!(of(Family::Sms, Lane::Ad, "strict"), (10, 3));
        assert_eq!(of(Family::Lms, Lane::Mass, "strict"), (20, 3));
        assert_eq!(of(Family::Sms, Lane::Mass, "strict"), (30, 3));
        assert_eq!(of(Family::Lms, Lane::Ad, "shop"), (40, 3));
        assert_eq!(of(Family::Sms, Lane::Ad, "shop"), (50, 3));
        assert_eq!(of(Family::Sms, Lane::Mass, "shop"), (60, 3));
    }

    #[test]
    fn weights_that_sum_to_zero_for_some_messages_are_refused_with_the_remedy() {
        let zero =
            |priority, username| ["one", "two"].map(|name| row(name, Some(Family::At), priority, username, 0)).to_vec();
        let told = |rows| with(rows).unwrap_err().join("\n");
        assert_eq!(told(zero(None, None)), "the weights of AT's vendors sum to zero: give one of them a weight");
        let remedy = "give one of them a weight there, in vendors or vendor_weights";
        assert_eq!(
            told(zero(Some(Lane::Ad), None)),
            format!("the weights of AT's vendors sum to zero for AD: {remedy}")
        );
        let of_shop = format!("the weights of AT's vendors sum to zero for customer \"shop\" and MASS: {remedy}");
        assert_eq!(told(zero(Some(Lane::Mass), Some("shop"))), of_shop);
        // Another customer's share is not this one's.
        let mut rows = zero(None, None);
        rows.push(row("two", Some(Family::At), None, Some("shop"), 1));
        assert_eq!(told(rows), "the weights of AT's vendors sum to zero: give one of them a weight");
    }

    #[test]
    fn a_weight_of_what_is_not_there_is_refused() {
        for (wrong, said) in [
            (row("three", None, Some(Lane::Ad), None, 1), "names vendor \"three\", which does not exist"),
            (row("one", None, None, Some("nobody"), 1), "names customer \"nobody\", which does not exist"),
            (row("one", None, None, None, 1), "give it a family, a priority or a username"),
            (row("one", Some(Family::Lms), Some(Lane::Auth), None, 1), "LMS has no AUTH"),
        ] {
            let told = with(vec![wrong]).unwrap_err();
            assert!(told.len() == 1 && told[0].contains(said), "{told:?}");
        }
        let twice = row("one", None, Some(Lane::Ad), None, 1);
        let told = with(vec![twice.clone(), VendorWeight { weight: 2, ..twice }]).unwrap_err();
        assert_eq!(told, ["weight of vendor one for AD stands twice"]);
        let text_alone = Seed {
            vendors: vec![
                vendor("one", 1),
                crate::reference::Vendor { families: vec![Family::Sms], ..vendor("text", 1) },
            ],
            vendor_weights: vec![row("text", Some(Family::At), None, None, 1)],
            ..seed()
        };
        let told = Reference::new(text_alone).unwrap_err().0;
        assert_eq!(told, ["weight of vendor text for AT: the vendor does not take AT"]);
    }
}
