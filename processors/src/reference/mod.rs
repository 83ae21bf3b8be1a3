//! Reference data: customers, service keys, users, sender profiles and their groups, templates, sender numbers, routing groups,
//! vendors.
//!
//! [`Seed`] is the data as a file or a database holds it; [`Reference`] is the same, checked and indexed.

mod changes;
mod check;
mod group;
mod notice;
mod protocol;
mod rows;
mod weights;

pub use changes::Changes;
pub use check::MOST_MEMBERS;
pub(crate) use check::tail;
pub use group::Group;
pub use notice::ConsentNotice;
pub use protocol::Protocol;
pub use rows::{
    Approval, CodeTable, Consent, Customer, InDoubt, NightAds, OptOut, Pattern, Role, RoutingGroup, Rows, SecretKey,
    Seed, SenderGroup, SenderNumber, SenderProfile, ServiceKey, Template, Unencodable, User, UserToken, Vendor,
    VendorWeight,
};
pub use weights::Asked;

use crate::callback::Endpoint;
use crate::center::consent::Word;
use crate::ports::AppUser;
use crate::rules::text_message::TITLE_BYTES;
use rustc_hash::{FxHashMap, FxHashSet};
use schemas::{Channel, Family};
use std::sync::Arc;
use weights::Weights;

/// What is wrong with reference data; every mistake at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("reference data refused: {}", .0.join("; "))]
pub struct SeedErrors(pub Vec<String>);

/// What a customer has by a name of its own, one for each channel at most: ten thousand may have chosen the same name.
type PerCustomer<T> = FxHashMap<String, FxHashMap<String, Vec<Arc<T>>>>;

/// Reference data, checked and indexed. Cheap to share, never changed while in force.
#[derive(Debug, Default, Clone)]
pub struct Reference {
    customers: FxHashMap<String, Arc<Customer>>,
    service_keys: FxHashMap<String, Arc<ServiceKey>>,
    /// By customer.
    secret_keys: FxHashMap<String, Vec<Arc<SecretKey>>>,
    users: FxHashMap<String, Arc<User>>,
    profiles: FxHashMap<String, Arc<SenderProfile>>,
    sender_groups: FxHashMap<String, Arc<SenderGroup>>,
    /// By member.
    groups_of_profile: FxHashMap<String, Vec<Arc<SenderGroup>>>,
    /// By customer and code.
    templates: PerCustomer<Template>,
    /// By customer and number.
    numbers: PerCustomer<SenderNumber>,
    opt_outs: FxHashSet<OptOut>,
    /// As they came.
    consents: Vec<Consent>,
    /// By whom they are of.
    words: FxHashMap<OptOut, Vec<Word>>,
    /// The newest first.
    push_tokens: FxHashMap<AppUser, Vec<String>>,
    endpoints: FxHashMap<String, Arc<Endpoint>>,
    groups: Vec<Arc<Group>>,
    group_of_customer: FxHashMap<String, Arc<Group>>,
    group_of_key: FxHashMap<String, Arc<Group>>,
    patterns: Vec<Arc<Pattern>>,
    vendors: FxHashMap<Family, Vec<Arc<Vendor>>>,
    weights: Weights,
}

impl Reference {
    /// Checks and indexes a seed.
    pub fn new(seed: Seed) -> Result<Self, SeedErrors> {
        Self::of(Rows::from(seed))
    }

    /// The same of rows that somebody else holds too.
    pub fn of(rows: Rows) -> Result<Self, SeedErrors> {
        let mut wrong = rows.mistakes();
        let mut this = Self { patterns: rows.patterns, ..Self::default() };
        this.customers.extend(rows.customers.into_iter().map(|customer| (customer.username.clone(), customer)));
        for key in rows.service_keys {
            match Endpoint::of(&key) {
                Ok(Some(endpoint)) => drop(this.endpoints.insert(key.key.clone(), Arc::new(endpoint))),
                Ok(None) => {}
                Err(reasons) => {
                    wrong.extend(reasons.iter().map(|reason| format!("service key …{}: {reason}", tail(&key.key))));
                }
            }
            this.service_keys.insert(key.key.clone(), key);
        }
        for key in rows.secret_keys {
            this.secret_keys.entry(key.username.clone()).or_default().push(key);
        }
        this.users.extend(rows.users.into_iter().map(|user| (user.login.clone(), user)));
        this.profiles.extend(rows.sender_profiles.into_iter().map(|profile| (profile.sender_key.clone(), profile)));
        for group in rows.sender_groups {
            for member in &group.sender_keys {
                this.groups_of_profile.entry(member.clone()).or_default().push(Arc::clone(&group));
            }
            this.sender_groups.insert(group.group_key.clone(), group);
        }
        for template in rows.templates {
            let own = this.templates.entry(template.username.clone()).or_default();
            own.entry(template.code.clone()).or_default().push(template);
        }
        for number in rows.sender_numbers {
            let own = this.numbers.entry(number.username.clone()).or_default();
            own.entry(number.number.clone()).or_default().push(number);
        }
        this.opt_outs = rows.opt_outs.into_iter().collect();
        for consent in &rows.consents {
            let of = OptOut { username: consent.username.clone(), recipient: consent.recipient.clone() };
            this.words.entry(of).or_default().push(consent.word());
        }
        this.consents = rows.consents;
        for UserToken { service_key, app_user_id, token } in rows.push_tokens.into_iter().rev() {
            this.push_tokens.entry(AppUser { service_key, app_user_id }).or_default().push(token);
        }
        for group in rows.routing_groups {
            let known = Arc::new(Group::of(&group));
            let members =
                |names: &[String]| names.iter().map(|name| (name.clone(), Arc::clone(&known))).collect::<Vec<_>>();
            this.group_of_customer.extend(members(&group.usernames));
            this.group_of_key.extend(members(&group.service_keys));
            this.groups.push(known);
        }
        for vendor in rows.vendors {
            for family in &vendor.families {
                this.vendors.entry(*family).or_default().push(Arc::clone(&vendor));
            }
        }
        this.weights = Weights::of(rows.vendor_weights);
        wrong.extend(this.weights.mistakes(&this.vendors));
        if wrong.is_empty() { Ok(this) } else { Err(SeedErrors(wrong)) }
    }

    /// A service key and its customer.
    pub fn service_key(&self, key: &str) -> Option<(&Arc<ServiceKey>, &Arc<Customer>)> {
        let key = self.service_keys.get(key)?;
        Some((key, self.customers.get(&key.username)?))
    }

    /// The secret keys of a customer, [`crate::access::MOST_KEYS`] at most.
    pub fn secret_keys(&self, username: &str) -> &[Arc<SecretKey>] {
        self.secret_keys.get(username).map_or(&[], Vec::as_slice)
    }

    /// A user by login name.
    pub fn user(&self, login: &str) -> Option<&Arc<User>> {
        self.users.get(login)
    }

    /// All users, in no order.
    pub fn users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.values()
    }

    /// Where a service key's customer wants to be called.
    pub fn endpoint(&self, service_key: &str) -> Option<&Arc<Endpoint>> {
        self.endpoints.get(service_key)
    }

    /// A sender profile.
    pub fn sender_profile(&self, sender_key: &str) -> Option<&Arc<SenderProfile>> {
        self.profiles.get(sender_key)
    }

    /// A group of sender profiles.
    pub fn sender_group(&self, group_key: &str) -> Option<&Arc<SenderGroup>> {
        self.sender_groups.get(group_key)
    }

    /// Whether a sender profile is a member of a group; both have to be the same customer's to mean anything.
    pub fn is_member(&self, sender_key: &str, group_key: &str) -> bool {
        self.groups_of_profile.get(sender_key).is_some_and(|of| of.iter().any(|group| group.group_key == group_key))
    }

    /// A customer's template.
    pub fn template(&self, channel: Channel, username: &str, code: &str) -> Option<&Arc<Template>> {
        self.templates.get(username)?.get(code)?.iter().find(|template| template.channel == channel)
    }

    /// A customer's sender number, chatbot id or address.
    pub fn sender_number(&self, channel: Channel, username: &str, number: &str) -> Option<&Arc<SenderNumber>> {
        self.numbers.get(username)?.get(number)?.iter().find(|number| number.channel == channel)
    }

    /// Whether a recipient refused a customer's ads, as far as these data hold opt-outs: [`crate::ports::OptOuts`].
    pub fn opted_out(&self, out: &OptOut) -> bool {
        self.opt_outs.contains(out)
    }

    /// The opt-outs that these data hold: for a store that looks them up elsewhere.
    pub fn take_opt_outs(&mut self) -> Vec<OptOut> {
        std::mem::take(&mut self.opt_outs).into_iter().collect()
    }

    /// What a recipient said about a customer's ads, as far as these data hold consents: [`crate::ports::Consents`].
    pub fn words(&self, of: &OptOut) -> &[Word] {
        self.words.get(of).map_or(&[], Vec::as_slice)
    }

    /// The consents that these data hold: for a store that looks them up elsewhere.
    pub fn take_consents(&mut self) -> Vec<Consent> {
        self.words.clear();
        std::mem::take(&mut self.consents)
    }

    /// The push tokens of a user of an app, the newest first, as far as these data hold them: [`crate::ports::PushTokens`].
    pub fn push_tokens(&self, user: &AppUser) -> &[String] {
        self.push_tokens.get(user).map_or(&[], Vec::as_slice)
    }

    /// All customers, in no order.
    pub fn customers(&self) -> impl Iterator<Item = &Arc<Customer>> {
        self.customers.values()
    }

    /// The routing group of a service key or, failing that, of its customer.
    pub fn group(&self, username: &str, service_key: &str) -> Option<&Arc<Group>> {
        self.group_of_key.get(service_key).or_else(|| self.group_of_customer.get(username))
    }

    /// Routing groups.
    pub fn groups(&self) -> &[Arc<Group>] {
        &self.groups
    }

    /// Routing patterns, in order.
    pub fn patterns(&self) -> &[Arc<Pattern>] {
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

    /// A vendor's share of messages like this one, relative to the other vendors of its family.
    pub fn weight(&self, vendor: &Vendor, asked: Asked<'_>) -> u32 {
        self.weights.of_vendor(vendor, asked)
    }

    /// Whether any message may go to a vendor.
    pub fn in_use(&self, vendor: &Vendor) -> bool {
        vendor.weight > 0 || self.weights.rows().any(|row| row.vendor == vendor.name && row.weight > 0)
    }

    /// Longest title that a vendor takes to which messages of the family may go, bytes of CP949; the contract's where there is
    /// none.
    pub fn title_bytes(&self, family: Family) -> usize {
        let in_use = self.vendors(family).iter().filter(|vendor| self.in_use(vendor));
        in_use.map(|vendor| vendor.title_bytes as usize).max().map_or(TITLE_BYTES, |bytes| bytes.min(TITLE_BYTES))
    }

    /// Weights of vendors for some messages, in no order.
    pub fn vendor_weights(&self) -> impl Iterator<Item = &Arc<VendorWeight>> {
        self.weights.rows()
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
