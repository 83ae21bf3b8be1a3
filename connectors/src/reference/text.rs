//! Reference data as the text of a file, with the secrets that a true copy needs.

use processors::{
    callback::{Batch, Secret},
    reference::{
        Consent, Customer, OptOut, Pattern, RoutingGroup, Rows, SecretKey, SenderGroup, SenderNumber, SenderProfile,
        ServiceKey, Template, User, UserToken, Vendor, VendorWeight,
    },
};
use serde::Serialize;
use std::sync::Arc;

/// A seed that prints its secrets, in the order in which people write one.
#[derive(Serialize)]
pub struct Revealed<'r> {
    customers: Vec<&'r Customer>,
    service_keys: Vec<RevealedKey<'r>>,
    secret_keys: Vec<&'r SecretKey>,
    users: Vec<&'r User>,
    sender_profiles: Vec<&'r SenderProfile>,
    sender_groups: Vec<&'r SenderGroup>,
    templates: Vec<&'r Template>,
    sender_numbers: Vec<&'r SenderNumber>,
    opt_outs: &'r [OptOut],
    consents: &'r [Consent],
    push_tokens: &'r [UserToken],
    routing_groups: Vec<&'r RoutingGroup>,
    patterns: Vec<&'r Pattern>,
    vendors: Vec<&'r Vendor>,
    vendor_weights: Vec<&'r VendorWeight>,
}

#[derive(Serialize)]
struct RevealedKey<'r> {
    key: &'r str,
    username: &'r str,
    active: bool,
    callback_uri: Option<&'r str>,
    callback_secrets: Vec<String>,
    callback_batch: Option<Batch>,
    callback_enabled_at: Option<jiff::Timestamp>,
}

impl<'r> Revealed<'r> {
    /// Prints all that these rows hold: callback URIs and secrets, who opted out and who agreed.
    pub fn of(rows: &'r Rows) -> Self {
        let Rows {
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
        } = rows;
        Self {
            customers: plain(customers),
            service_keys: service_keys.iter().map(|key| RevealedKey::of(key)).collect(),
            secret_keys: plain(secret_keys),
            users: plain(users),
            sender_profiles: plain(sender_profiles),
            sender_groups: plain(sender_groups),
            templates: plain(templates),
            sender_numbers: plain(sender_numbers),
            opt_outs,
            consents,
            push_tokens,
            routing_groups: plain(routing_groups),
            patterns: plain(patterns),
            vendors: plain(vendors),
            vendor_weights: plain(vendor_weights),
        }
    }

    /// As TOML; [`super::parse`] understands it.
    pub fn toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

impl<'r> RevealedKey<'r> {
    fn of(row: &'r ServiceKey) -> Self {
        let ServiceKey { key, username, active, callback_uri, callback_secrets, callback_batch, callback_enabled_at } =
            row;
        Self {
            key,
            username,
            active: *active,
            callback_uri: callback_uri.as_deref(),
            callback_secrets: callback_secrets.iter().map(Secret::reveal).collect(),
            callback_batch: *callback_batch,
            callback_enabled_at: *callback_enabled_at,
        }
    }
}

fn plain<T>(rows: &[Arc<T>]) -> Vec<&T> {
    rows.iter().map(|row| &**row).collect()
}
