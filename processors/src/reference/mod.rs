//! Reference data: customers, service keys, sender profiles, templates, sender numbers, routing groups, vendors.
//!
//! [`Seed`] is the data as a file or a database holds it; [`Reference`] is the same, checked and indexed.

mod changes;
mod rows;

pub use changes::Changes;
pub use rows::{
    Approval, CodeTable, Customer, InDoubt, NightAds, OptOut, Pattern, RoutingGroup, Seed, SenderNumber, SenderProfile,
    ServiceKey, Template, Unencodable, Vendor,
};

use crate::callback::Endpoint;
use rustc_hash::{FxHashMap, FxHashSet};
use schemas::{Channel, Family, Lane};
use std::sync::Arc;

/// What is wrong with reference data; every mistake at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("reference data refused: {}", .0.join("; "))]
pub struct SeedErrors(pub Vec<String>);

/// Reference data, checked and indexed. Cheap to share, never changed.
#[derive(Debug, Default)]
pub struct Reference {
    customers: FxHashMap<String, Arc<Customer>>,
    service_keys: FxHashMap<String, Arc<ServiceKey>>,
    profiles: FxHashMap<String, SenderProfile>,
    /// By code.
    templates: FxHashMap<String, Vec<Arc<Template>>>,
    /// By number.
    numbers: FxHashMap<String, Vec<SenderNumber>>,
    opt_outs: FxHashSet<OptOut>,
    endpoints: FxHashMap<String, Arc<Endpoint>>,
    group_of_customer: FxHashMap<String, Lane>,
    group_of_key: FxHashMap<String, Lane>,
    patterns: Vec<Pattern>,
    vendors: FxHashMap<Family, Vec<Arc<Vendor>>>,
}

impl Reference {
    /// Checks and indexes a seed.
    pub fn new(seed: Seed) -> Result<Self, SeedErrors> {
        let mut wrong = Vec::new();
        let mut this = Self { patterns: seed.patterns, ..Self::default() };
        for customer in seed.customers {
            if this.customers.insert(customer.username.clone(), Arc::new(customer.clone())).is_some() {
                wrong.push(format!("customer {:?} stands twice", customer.username));
            }
        }
        let known = |username: &str, of: String, wrong: &mut Vec<String>| {
            if !this.customers.contains_key(username) {
                wrong.push(format!("{of} names customer {username:?}, which does not exist"));
            }
        };
        let mut endpoints = Vec::new();
        for key in &seed.service_keys {
            known(&key.username, format!("service key …{}", tail(&key.key)), &mut wrong);
            if key.key.len() != 40 || !key.key.bytes().all(|b| b.is_ascii_alphanumeric()) {
                wrong.push(format!("service key …{} is not 40 alphanumeric characters", tail(&key.key)));
            }
            match Endpoint::of(key) {
                Ok(Some(endpoint)) => endpoints.push(Arc::new(endpoint)),
                Ok(None) => {}
                Err(reasons) => {
                    wrong.extend(reasons.iter().map(|reason| format!("service key …{}: {reason}", tail(&key.key))));
                }
            }
        }
        seed.sender_profiles
            .iter()
            .for_each(|p| known(&p.username, format!("sender profile …{}", tail(&p.sender_key)), &mut wrong));
        seed.templates.iter().for_each(|t| known(&t.username, format!("template {}", t.code), &mut wrong));
        seed.sender_numbers.iter().for_each(|n| known(&n.username, format!("sender number {}", n.number), &mut wrong));
        for vendor in &seed.vendors {
            if vendor.tps == 0 || vendor.max_in_flight == 0 || vendor.timeout_ms == 0 {
                wrong.push(format!("vendor {}: tps, max_in_flight and timeout_ms must be above 0", vendor.name));
            }
            if vendor.families.is_empty() {
                wrong.push(format!("vendor {} takes no family", vendor.name));
            }
        }
        for key in seed.service_keys {
            this.service_keys.insert(key.key.clone(), Arc::new(key));
        }
        this.endpoints.extend(endpoints.into_iter().map(|endpoint| (endpoint.service_key.clone(), endpoint)));
        for profile in seed.sender_profiles {
            this.profiles.insert(profile.sender_key.clone(), profile);
        }
        for template in seed.templates {
            this.templates.entry(template.code.clone()).or_default().push(Arc::new(template));
        }
        for number in seed.sender_numbers {
            this.numbers.entry(number.number.clone()).or_default().push(number);
        }
        this.opt_outs = seed.opt_outs.into_iter().collect();
        for group in seed.routing_groups {
            for username in group.usernames {
                this.group_of_customer.insert(username, group.priority);
            }
            for key in group.service_keys {
                this.group_of_key.insert(key, group.priority);
            }
        }
        for vendor in seed.vendors {
            let vendor = Arc::new(vendor);
            for family in &vendor.families {
                this.vendors.entry(*family).or_default().push(Arc::clone(&vendor));
            }
        }
        for (family, vendors) in &this.vendors {
            if vendors.iter().all(|v| v.weight == 0) {
                wrong.push(format!("the weights of {family}'s vendors sum to zero: give one of them a weight"));
            }
        }
        if wrong.is_empty() { Ok(this) } else { Err(SeedErrors(wrong)) }
    }

    /// A service key and its customer.
    pub fn service_key(&self, key: &str) -> Option<(&Arc<ServiceKey>, &Arc<Customer>)> {
        let key = self.service_keys.get(key)?;
        Some((key, self.customers.get(&key.username)?))
    }

    /// Where a service key's customer wants to be called.
    pub fn endpoint(&self, service_key: &str) -> Option<&Arc<Endpoint>> {
        self.endpoints.get(service_key)
    }

    /// A sender profile.
    pub fn sender_profile(&self, sender_key: &str) -> Option<&SenderProfile> {
        self.profiles.get(sender_key)
    }

    /// A customer's template.
    pub fn template(&self, channel: Channel, username: &str, code: &str) -> Option<&Arc<Template>> {
        self.templates.get(code)?.iter().find(|t| t.channel == channel && t.username == username)
    }

    /// A customer's sender number, chatbot id or address.
    pub fn sender_number(&self, channel: Channel, username: &str, number: &str) -> Option<&SenderNumber> {
        self.numbers.get(number)?.iter().find(|n| n.channel == channel && n.username == username)
    }

    /// Whether a recipient refused a customer's ads.
    pub fn opted_out(&self, username: &str, recipient: &str) -> bool {
        !self.opt_outs.is_empty()
            && self.opt_outs.contains(&OptOut { username: username.to_owned(), recipient: recipient.to_owned() })
    }

    /// The priority of the routing group of a service key or, failing that, of its customer.
    pub fn group_priority(&self, username: &str, service_key: &str) -> Option<Lane> {
        self.group_of_key.get(service_key).or_else(|| self.group_of_customer.get(username)).copied()
    }

    /// Routing patterns, in order.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The vendors of a family, in the order of the seed.
    pub fn vendors(&self, family: Family) -> &[Arc<Vendor>] {
        self.vendors.get(&family).map_or(&[], Vec::as_slice)
    }

    /// A vendor by name.
    pub fn vendor(&self, family: Family, name: &str) -> Option<&Arc<Vendor>> {
        self.vendors(family).iter().find(|v| v.name == name)
    }

    /// Whether nobody could send anything.
    pub fn is_empty(&self) -> bool {
        self.customers.is_empty() || self.service_keys.is_empty()
    }

    /// A customer by name.
    pub fn customer(&self, username: &str) -> Option<&Arc<Customer>> {
        self.customers.get(username)
    }
}

/// The last four characters of a secret or long key, enough to find it.
fn tail(key: &str) -> &str {
    let start = key.char_indices().rev().nth(3).map_or(0, |(i, _)| i);
    &key[start..]
}
