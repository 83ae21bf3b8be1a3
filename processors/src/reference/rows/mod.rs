//! What reference data is made of: its kinds of rows, as a file or a database holds them.

mod consent;
mod customer;
mod family;
mod route;
mod sender;
mod vendor;

pub use consent::{Consent, OptOut, UserToken};
pub use customer::{Customer, NightAds, Role, SecretKey, ServiceKey, Unencodable, User};
pub use route::{Pattern, RoutingGroup};
pub use sender::{Approval, SenderGroup, SenderNumber, SenderProfile, Template};
pub use vendor::{CodeTable, InDoubt, Vendor, VendorWeight};

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Reference data as a file or a database holds it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// Customers.
    pub customers: Vec<Customer>,
    /// Service keys.
    pub service_keys: Vec<ServiceKey>,
    /// Secret keys.
    pub secret_keys: Vec<SecretKey>,
    /// Users.
    pub users: Vec<User>,
    /// Sender profiles.
    pub sender_profiles: Vec<SenderProfile>,
    /// Groups of them.
    pub sender_groups: Vec<SenderGroup>,
    /// Templates.
    pub templates: Vec<Template>,
    /// Sender numbers.
    pub sender_numbers: Vec<SenderNumber>,
    /// Opt-outs.
    pub opt_outs: Vec<OptOut>,
    /// Consents to ads.
    pub consents: Vec<Consent>,
    /// Push tokens, those of a user from the oldest to the newest.
    pub push_tokens: Vec<UserToken>,
    /// Routing groups.
    pub routing_groups: Vec<RoutingGroup>,
    /// Routing patterns, in order.
    pub patterns: Vec<Pattern>,
    /// Vendors.
    pub vendors: Vec<Vendor>,
    /// Their weights for some messages.
    pub vendor_weights: Vec<VendorWeight>,
}

impl Seed {
    /// Adds the rows of another part of it, behind its own.
    pub fn append(&mut self, part: Self) {
        let Self {
            customers,
            service_keys,
            secret_keys,
            users,
            sender_profiles,
            sender_groups,
            templates,
            sender_numbers,
            opt_outs,
            consents,
            push_tokens,
            routing_groups,
            patterns,
            vendors,
            vendor_weights,
        } = part;
        self.customers.extend(customers);
        self.service_keys.extend(service_keys);
        self.secret_keys.extend(secret_keys);
        self.users.extend(users);
        self.sender_profiles.extend(sender_profiles);
        self.sender_groups.extend(sender_groups);
        self.templates.extend(templates);
        self.sender_numbers.extend(sender_numbers);
        self.opt_outs.extend(opt_outs);
        self.consents.extend(consents);
        self.push_tokens.extend(push_tokens);
        self.routing_groups.extend(routing_groups);
        self.patterns.extend(patterns);
        self.vendors.extend(vendors);
        self.vendor_weights.extend(vendor_weights);
    }
}

/// The rows of a seed, each to be shared: a reload exchanges those that changed and keeps the others.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(missing_docs, reason = "as in the seed")]
pub struct Rows {
    pub customers: Vec<Arc<Customer>>,
    pub service_keys: Vec<Arc<ServiceKey>>,
    pub secret_keys: Vec<Arc<SecretKey>>,
    pub users: Vec<Arc<User>>,
    pub sender_profiles: Vec<Arc<SenderProfile>>,
    pub sender_groups: Vec<Arc<SenderGroup>>,
    pub templates: Vec<Arc<Template>>,
    pub sender_numbers: Vec<Arc<SenderNumber>>,
    /// Not shared: whoever keeps many looks them up elsewhere.
    pub opt_outs: Vec<OptOut>,
    /// The same.
    pub consents: Vec<Consent>,
    /// The same.
    pub push_tokens: Vec<UserToken>,
    pub routing_groups: Vec<Arc<RoutingGroup>>,
    pub patterns: Vec<Arc<Pattern>>,
    pub vendors: Vec<Arc<Vendor>>,
    pub vendor_weights: Vec<Arc<VendorWeight>>,
}

impl From<Seed> for Rows {
    fn from(seed: Seed) -> Self {
        fn shared<T>(rows: Vec<T>) -> Vec<Arc<T>> {
            rows.into_iter().map(Arc::new).collect()
        }
        Self {
            customers: shared(seed.customers),
            service_keys: shared(seed.service_keys),
            secret_keys: shared(seed.secret_keys),
            users: shared(seed.users),
            sender_profiles: shared(seed.sender_profiles),
            sender_groups: shared(seed.sender_groups),
            templates: shared(seed.templates),
            sender_numbers: shared(seed.sender_numbers),
            opt_outs: seed.opt_outs,
            consents: seed.consents,
            push_tokens: seed.push_tokens,
            routing_groups: shared(seed.routing_groups),
            patterns: shared(seed.patterns),
            vendors: shared(seed.vendors),
            vendor_weights: shared(seed.vendor_weights),
        }
    }
}
