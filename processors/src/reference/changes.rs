//! What a reload of reference data changed, in counts: enough for a log, and nobody's secret.

use super::{PerCustomer, Reference};
use rustc_hash::FxHashMap;
use std::{fmt, hash::Hash, sync::Arc};

/// Differences between two states of the reference data, by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes(Vec<(&'static str, Change)>);

/// Differences of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Change {
    added: usize,
    removed: usize,
    altered: usize,
}

impl Changes {
    /// From the older to the newer.
    pub fn between(old: &Reference, new: &Reference) -> Self {
        let templates = |of| by_key(all_own(of, |r| &r.templates), |t| (t.channel, &t.code, &t.username));
        let numbers = |of| by_key(all_own(of, |r| &r.numbers), |n| (n.channel, &n.number, &n.username));
        let vendors = |of| by_key(all(of, |r| &r.vendors), |v| &v.name);
        let secrets = |of| by_key(all(of, |r| &r.secret_keys), |k| (&k.username, &k.name));
        let weights = |of: &'_ Reference| of.vendor_weights().map(|row| (row.to_string(), row.weight)).collect();
        let opt_outs = |of: &'_ Reference| of.opt_outs.iter().map(|out| (out.clone(), ())).collect();
        let consents = |of: &'_ Reference| of.consents.iter().map(|one| (one.key(), one.word())).collect();
        let tokens = |of: &'_ Reference| of.push_tokens.clone();
        let patterns = Change { altered: usize::from(old.patterns != new.patterns), ..Change::default() };
        let mut groups = change(&old.group_of_customer, &new.group_of_customer);
        groups.add(change(&old.group_of_key, &new.group_of_key));
        Self(vec![
            ("customers", change(&old.customers, &new.customers)),
            ("service keys", change(&old.service_keys, &new.service_keys)),
            ("secret keys", change(&secrets(old), &secrets(new))),
            ("users", change(&old.users, &new.users)),
            ("sender profiles", change(&old.profiles, &new.profiles)),
            ("sender groups", change(&old.sender_groups, &new.sender_groups)),
            ("templates", change(&templates(old), &templates(new))),
            ("sender numbers", change(&numbers(old), &numbers(new))),
            ("opt-outs", change(&opt_outs(old), &opt_outs(new))),
            ("consents", change(&consents(old), &consents(new))),
            ("users with push tokens", change(&tokens(old), &tokens(new))),
            ("members of routing groups", groups),
            ("lists of routing patterns", patterns),
            ("vendors", change(&vendors(old), &vendors(new))),
            ("weights of vendors", change(&weights(old), &weights(new))),
        ])
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = "";
        for (kind, Change { added, removed, altered }) in &self.0 {
            for (count, what) in [(added, "added"), (removed, "removed"), (altered, "changed")] {
                if *count > 0 {
                    write!(f, "{before}{count} {kind} {what}")?;
                    before = ", ";
                }
            }
        }
        if before.is_empty() { f.write_str("nothing") } else { Ok(()) }
    }
}

impl Change {
    fn add(&mut self, other: Self) {
        self.added += other.added;
        self.removed += other.removed;
        self.altered += other.altered;
    }
}

fn all<'r, K: 'r, V: 'r>(
    of: &'r Reference,
    index: fn(&Reference) -> &FxHashMap<K, Vec<V>>,
) -> impl Iterator<Item = &'r V> {
    index(of).values().flatten()
}

fn all_own<'r, T: 'r>(of: &'r Reference, index: fn(&Reference) -> &PerCustomer<T>) -> impl Iterator<Item = &'r Arc<T>> {
    index(of).values().flat_map(FxHashMap::values).flatten()
}

fn by_key<'v, V, K: Eq + Hash>(values: impl Iterator<Item = &'v V>, key: fn(&'v V) -> K) -> FxHashMap<K, &'v V> {
    values.map(|value| (key(value), value)).collect()
}

fn change<K: Eq + Hash, V: PartialEq>(old: &FxHashMap<K, V>, new: &FxHashMap<K, V>) -> Change {
    let missing =
        |from: &FxHashMap<K, V>, of: &FxHashMap<K, V>| of.keys().filter(|key| !from.contains_key(*key)).count();
    let altered = new.iter().filter(|(key, value)| old.get(*key).is_some_and(|before| before != *value)).count();
    Change { added: missing(old, new), removed: missing(new, old), altered }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::Changes;
    use schemas::Lane;

    fn seed() -> Seed {
        let customer =
            |username: &str| serde_json::from_value::<Customer>(serde_json::json!({ "username": username })).unwrap();
        let template = |code: &str, username: &str| Template {
            code: code.into(),
            username: username.into(),
            ..Template::default()
        };
        Seed {
            customers: vec![customer("a"), customer("b")],
            templates: vec![template("T1", "a"), template("T1", "b"), template("T2", "a")],
            opt_outs: vec![OptOut { username: "a".into(), recipient: "821012345678".into() }],
            ..Seed::default()
        }
    }

    fn told(change: impl FnOnce(&mut Seed)) -> String {
        let mut new = seed();
        change(&mut new);
        let [old, new] = [seed(), new].map(|seed| Reference::new(seed).unwrap());
        Changes::between(&old, &new).to_string()
    }

    #[test]
    fn what_was_added_removed_and_changed_is_counted_by_kind() {
        assert_eq!(told(|_| {}), "nothing");
        let text = told(|seed| {
            seed.customers[0].night_ads = NightAds::Fail;
            seed.templates[1].message = "changed".into();
            seed.templates.remove(2);
            seed.opt_outs.push(OptOut { username: "a".into(), recipient: "821087654321".into() });
        });
        assert_eq!(text, "1 customers changed, 1 templates removed, 1 templates changed, 1 opt-outs added");
    }

    #[test]
    fn the_order_of_patterns_is_a_change_and_a_moved_member_of_a_group_too() {
        let group = |priority| RoutingGroup {
            name: "g".into(),
            priority,
            usernames: vec!["a".into()],
            ..RoutingGroup::default()
        };
        let text = told(|seed| seed.routing_groups.push(group(Lane::Mass)));
        assert_eq!(text, "1 members of routing groups added");
        let pattern = Pattern { priority: Lane::Ad, channel: None, message_type: None, message_id_prefix: None };
        assert_eq!(told(|seed| seed.patterns.push(pattern)), "1 lists of routing patterns changed");
    }
}
