//! What rows may not say, each by itself and one about the other.

use super::{Rows, UserToken, Vendor};
use crate::{
    access::{MOST_KEYS, SecretHash, user},
    rules::{field::top, push},
};
use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};
use schemas::{Lane, Topic};

/// Longest name that every store holds, characters: customers, groups, vendors, codes, numbers, ids.
pub(super) const LONGEST_NAME: usize = 64;
/// Longest address (SPEC §3), the longest of all sender numbers.
pub(super) const LONGEST_NUMBER: usize = 320;
/// Longest message_id (SPEC §3), and so the longest beginning of one.
const LONGEST_MESSAGE_ID: usize = 30;
/// Highest rate of a customer: a message a microsecond.
const MOST_PER_SECOND: u32 = 1_000_000;
/// Most members of a group of sender profiles.
pub const MOST_MEMBERS: usize = 1000;
/// Most networks of a secret key.
const MOST_NETWORKS: usize = 32;

impl Rows {
    /// Every mistake in them, but those of endpoints and weights.
    pub(super) fn mistakes(&self) -> Vec<String> {
        let mut wrong = Wrong::default();
        let customers: FxHashSet<&str> = self.customers.iter().map(|customer| &*customer.username).collect();
        let keys: FxHashSet<&str> = self.service_keys.iter().map(|key| &*key.key).collect();
        wrong.twice(self.customers.iter().map(|customer| (format!("customer {:?}", customer.username), ())));
        for customer in &self.customers {
            let of = || format!("customer {:?}", customer.username);
            wrong.name(of, "username", &customer.username);
            // It stands before a colon in x-ims-key and in the names of pending reports.
            if customer.username.contains(|c: char| c == ':' || c.is_control()) {
                wrong.0.push(format!("{}: username holds a colon or a control character, which it may not", of()));
            }
            wrong.at_most(of, "name", &customer.name, LONGEST_NAME);
            wrong.at_most(of, "origin_code", &customer.origin_code, 9);
            wrong.0.extend(customer.consent_notices.iter().flat_map(|notice| {
                notice.mistakes().into_iter().map(move |mistake| format!("{}: consent_notices: {mistake}", of()))
            }));
            wrong.twice(customer.consent_notices.iter().map(|n| (format!("{}: consent_notices", of()), n.channel)));
            if !matches!(customer.rate_per_second.unwrap_or(1), 1..=MOST_PER_SECOND) || customer.daily_quota == Some(0)
            {
                wrong.0.push(format!(
                    "{}: rate_per_second must be 1 to {MOST_PER_SECOND} and daily_quota above 0; left out, there is no bound",
                    of()
                ));
            }
        }
        for key in &self.service_keys {
            let of = || format!("service key …{}", tail(&key.key));
            wrong.known(&customers, of, &key.username);
            if key.key.len() != 40 || !key.key.bytes().all(|b| b.is_ascii_alphanumeric()) {
                wrong.0.push(format!("{} is not 40 alphanumeric characters", of()));
            }
        }
        wrong.twice(self.service_keys.iter().map(|key| (format!("service key …{}", tail(&key.key)), &key.key)));
        self.check_secret_keys(&customers, &mut wrong);
        self.check_users(&customers, &mut wrong);
        for profile in &self.sender_profiles {
            let of = || format!("sender profile …{}", tail(&profile.sender_key));
            wrong.known(&customers, of, &profile.username);
            wrong.name(of, "sender_key", &profile.sender_key);
        }
        let profiles = self.sender_profiles.iter();
        wrong.twice(profiles.map(|p| (format!("sender profile …{}", tail(&p.sender_key)), &p.sender_key)));
        for group in &self.sender_groups {
            let of = || format!("sender group …{}", tail(&group.group_key));
            wrong.known(&customers, of, &group.username);
            wrong.name(of, "group_key", &group.group_key);
            wrong.at_most(of, "name", &group.name, LONGEST_NAME);
            if group.sender_keys.len() > MOST_MEMBERS {
                wrong.0.push(format!("{}: {} sender_keys, at most {MOST_MEMBERS}", of(), group.sender_keys.len()));
            }
            let members = group.sender_keys.iter();
            wrong.twice(members.map(|key| (format!("{}: sender_key …{}", of(), tail(key)), key)));
            group.sender_keys.iter().for_each(|key| wrong.name(of, "sender_keys", key));
        }
        let groups = self.sender_groups.iter();
        wrong.twice(groups.map(|g| (format!("sender group …{}", tail(&g.group_key)), &g.group_key)));
        for template in &self.templates {
            let of = || format!("template {}", template.code);
            wrong.known(&customers, of, &template.username);
            wrong.name(of, "code", &template.code);
            wrong.at_most(of, "sender_key", template.sender_key.as_deref().unwrap_or_default(), LONGEST_NAME);
        }
        let templates = self.templates.iter();
        wrong.twice(templates.map(|t| (format!("template {} of {:?}", t.code, t.username), t.channel)));
        for number in &self.sender_numbers {
            let of = || format!("sender number {}", number.number);
            wrong.known(&customers, of, &number.username);
            wrong.at_most(of, "number", &number.number, LONGEST_NUMBER);
        }
        let numbers = self.sender_numbers.iter();
        wrong.twice(numbers.map(|n| (format!("sender number {} of {:?}", n.number, n.username), n.channel)));
        // Whose they are says enough: who refused is nobody's to read in a log.
        self.opt_outs.iter().for_each(|out| wrong.known(&customers, || "opt-out".to_owned(), &out.username));
        for consent in &self.consents {
            wrong.known(&customers, || "consent".to_owned(), &consent.username);
            if consent.recipient.is_empty() {
                wrong.0.push("consent: recipient is empty".to_owned());
            }
            if consent.withdrawn_at.is_some_and(|at| at < consent.consented_at) {
                wrong.0.push("consent: withdrawn_at is before consented_at".to_owned());
            }
        }
        let consents = self.consents.iter();
        wrong.twice(consents.map(|one| ("consent of one recipient, channel and kind".to_owned(), one.key())));
        for UserToken { service_key, app_user_id, token } in &self.push_tokens {
            let of = || format!("push token of service key …{}", tail(service_key));
            if !keys.contains(service_key.as_str()) {
                wrong.0.push(format!("{} names a service key that does not exist", of()));
            }
            wrong.name(of, "app_user_id", app_user_id);
            if let Err(refusal) = push::token(&top("token"), token) {
                wrong.0.push(format!("{}: {}", of(), refusal.message));
            }
        }
        let tokens = self.push_tokens.iter();
        let of_token = |one: &UserToken| format!("push token of service key …{}", tail(&one.service_key));
        wrong.twice(tokens.map(|one| (of_token(one), (&one.service_key, &one.token))));
        for prefix in self.patterns.iter().filter_map(|pattern| pattern.message_id_prefix.as_deref()) {
            let of = || format!("pattern of {prefix:?}");
            wrong.at_most(of, "message_id_prefix", prefix, LONGEST_MESSAGE_ID);
        }
        for group in &self.routing_groups {
            let of = || format!("routing group {:?}", group.name);
            wrong.name(of, "name", &group.name);
            for family in &group.topics {
                if Topic::group(*family, &group.name).is_err() {
                    wrong.0.push(format!(
                        "{}: one with topics is named by A-Z, 0-9 and _, at most 32, and not as a lane",
                        of()
                    ));
                    break;
                }
            }
            if !matches!(group.partitions.unwrap_or(1), 1..=4096) || !matches!(group.replicas.unwrap_or(1), 1..=32) {
                wrong.0.push(format!("{}: partitions must be 1 to 4096 and replicas 1 to 32", of()));
            }
            group.usernames.iter().for_each(|username| wrong.known(&customers, of, username));
            for key in group.service_keys.iter().filter(|key| !keys.contains(key.as_str())) {
                wrong.0.push(format!("{} names service key …{}, which does not exist", of(), tail(key)));
            }
        }
        wrong.twice(self.routing_groups.iter().map(|group| (format!("routing group {:?}", group.name), ())));
        let members = self.routing_groups.iter().flat_map(|group| &group.usernames);
        wrong.twice(members.map(|username| (format!("customer {username:?} in routing groups"), ())));
        let members = self.routing_groups.iter().flat_map(|group| &group.service_keys);
        wrong.twice(members.map(|key| (format!("service key …{} in routing groups", tail(key)), key)));
        for vendor in &self.vendors {
            let of = || format!("vendor {}", vendor.name);
            wrong.name(of, "name", &vendor.name);
            if vendor.tps == 0 || vendor.max_in_flight == 0 || vendor.timeout_ms == 0 {
                wrong.0.push(format!("{}: tps, max_in_flight and timeout_ms must be above 0", of()));
            }
            for (family, krw) in &vendor.cost_krw {
                // A won and its thousandths are counted; a million of them is no price of a message.
                if !(0.0..=1e6).contains(krw) || !vendor.families.contains(family) {
                    wrong.0.push(format!(
                        "{}: cost_krw {family} = {krw}: write 0 to 1000000 for a family that it takes",
                        of()
                    ));
                }
            }
            for (family, hours) in &vendor.receipt_hours_of {
                if *hours == 0 || !vendor.families.contains(family) {
                    wrong.0.push(format!(
                        "{}: receipt_hours_of {family} = {hours}: write 1 or more for a family that it takes",
                        of()
                    ));
                }
            }
            if vendor.families.is_empty() {
                wrong.0.push(format!("{} takes no family", of()));
            }
            wrong.0.extend(vendor.protocol.mistakes(vendor).into_iter().map(|mistake| format!("{}: {mistake}", of())));
        }
        wrong.twice(self.vendors.iter().map(|vendor| (format!("vendor {}", vendor.name), ())));
        self.check_weights(&customers, &mut wrong);
        wrong.0
    }

    /// Times of consents that have not come yet: a consent dated ahead would outlive a withdrawal.
    pub fn ahead(&self, now_ms: i64) -> Vec<String> {
        let ahead = |at: Option<Timestamp>| at.is_some_and(|at| at.as_millisecond() > now_ms);
        let mut wrong = Vec::new();
        for consent in &self.consents {
            let of = |name: &str| format!("consent of {:?}: {name} has not come yet", consent.username);
            let times = [
                ("consented_at", Some(consent.consented_at)),
                ("withdrawn_at", consent.withdrawn_at),
                ("noticed_at", consent.noticed_at),
            ];
            wrong.extend(times.into_iter().filter(|(_, at)| ahead(*at)).map(|(name, _)| of(name)));
        }
        wrong
    }

    fn check_weights(&self, customers: &FxHashSet<&str>, wrong: &mut Wrong) {
        let vendors: FxHashMap<&str, &Vendor> = self.vendors.iter().map(|vendor| (&*vendor.name, &**vendor)).collect();
        for row in &self.vendor_weights {
            let of = || row.to_string();
            match (vendors.get(&*row.vendor), row.family) {
                (None, _) => wrong.0.push(format!("{row} names vendor {:?}, which does not exist", row.vendor)),
                (Some(vendor), Some(family)) if !vendor.families.contains(&family) => {
                    wrong.0.push(format!("{row}: the vendor does not take {family}"));
                }
                _ => {}
            }
            if let Some(username) = &row.username {
                wrong.known(customers, of, username);
            }
            if row.family.is_none() && row.priority.is_none() && row.username.is_none() {
                wrong.0.push(format!(
                    "{row}: give it a family, a priority or a username, or write it into the vendor's row"
                ));
            }
            if let (Some(family), Some(Lane::Auth)) = (row.family, row.priority)
                && !family.has_auth()
            {
                wrong.0.push(format!("{row}: {family} has no AUTH"));
            }
        }
        wrong.twice(self.vendor_weights.iter().map(|row| (row.to_string(), ())));
    }

    fn check_users(&self, customers: &FxHashSet<&str>, wrong: &mut Wrong) {
        for user in &self.users {
            let of = || format!("user {:?}", user.login.chars().take(LONGEST_NAME).collect::<String>());
            if let Some(username) = &user.username {
                wrong.known(customers, of, username);
            }
            let checks =
                [user::login(&top("login"), &user.login), user.role.check(&top("role"), user.username.is_some())];
            wrong.0.extend(
                checks.into_iter().filter_map(Result::err).map(|refusal| format!("{}: {}", of(), refusal.message)),
            );
            if user.hash == SecretHash::default() {
                wrong.0.push(format!("{}: hash is missing", of()));
            }
        }
        wrong.twice(self.users.iter().map(|user| (format!("user {:?}", user.login), ())));
    }

    fn check_secret_keys(&self, customers: &FxHashSet<&str>, wrong: &mut Wrong) {
        let mut of_customer: FxHashMap<&str, usize> = FxHashMap::default();
        for key in &self.secret_keys {
            let of = || format!("secret key {:?} of {:?}", key.name, key.username);
            wrong.known(customers, of, &key.username);
            wrong.name(of, "name", &key.name);
            if key.hash == SecretHash::default() {
                wrong.0.push(format!("{}: hash is missing", of()));
            }
            // So the audit names users.
            if key.name.starts_with(':') {
                wrong.0.push(format!("{}: name begins with a colon, as those of users do", of()));
            }
            if key.scopes.is_empty() {
                wrong.0.push(format!("{}: scopes is empty, so it is good for nothing: leave it out for all", of()));
            }
            if key.networks.len() > MOST_NETWORKS {
                wrong.0.push(format!("{}: {} networks, at most {MOST_NETWORKS}", of(), key.networks.len()));
            }
            *of_customer.entry(&key.username).or_default() += 1;
        }
        let keys = self.secret_keys.iter();
        wrong.twice(keys.map(|key| (format!("secret key {:?} of {:?}", key.name, key.username), ())));
        let mut too_many: Vec<_> = of_customer.into_iter().filter(|(_, count)| *count > MOST_KEYS).collect();
        too_many.sort_unstable();
        for (username, count) in too_many {
            wrong.0.push(format!("customer {username:?} has {count} secret keys, at most {MOST_KEYS}"));
        }
    }
}

/// What was found.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    /// Names that were there before, told once each time they come again; the second part tells apart what reads alike.
    fn twice<K: Eq + std::hash::Hash>(&mut self, names: impl Iterator<Item = (String, K)>) {
        let mut seen = FxHashSet::default();
        for (name, apart) in names {
            let told = format!("{name} stands twice");
            if !seen.insert((name, apart)) {
                self.0.push(told);
            }
        }
    }

    fn known(&mut self, customers: &FxHashSet<&str>, of: impl Fn() -> String, username: &str) {
        if !customers.contains(username) {
            self.0.push(format!("{} names customer {username:?}, which does not exist", of()));
        }
    }

    fn name(&mut self, of: impl Fn() -> String, field: &str, text: &str) {
        if text.is_empty() {
            self.0.push(format!("{}: {field} is empty", of()));
        }
        self.at_most(of, field, text, LONGEST_NAME);
    }

    fn at_most(&mut self, of: impl Fn() -> String, field: &str, text: &str, most: usize) {
        let got = text.chars().count();
        if got > most {
            let of: String = of().chars().take(LONGEST_NAME).collect();
            self.0.push(format!("{of}: {field} has {got} characters, at most {most}"));
        }
    }
}

/// The last four characters of a secret or long key, enough to find it.
pub fn tail(key: &str) -> &str {
    let start = key.char_indices().rev().nth(3).map_or(0, |(i, _)| i);
    &key[start..]
}
