//! What works and is not what was meant: told once when a process starts, and by `ims config check`.

use crate::config::{Config, ReferenceKind};
use processors::reference::Reference;
use schemas::Family;
use std::collections::BTreeSet;

/// Settings for vendors that the reference data do not have, or have without a protocol: nobody looks at them.
pub fn unused_settings(config: &Config, reference: &Reference) -> Vec<String> {
    let row = |name: &str| Family::ALL.into_iter().find_map(|family| reference.vendor(family, name));
    let mut unused = Vec::new();
    for name in config.vendors.keys() {
        match row(name) {
            None => unused.push(no_row(&format!("vendors.{name}"), name, reference)),
            Some(row) if !row.protocol.is_wire() => unused.push(format!(
                "[vendors.{name}] is not used: the row of vendor {name:?} has no protocol, so it is simulated: write one \
                 there, or leave the section out"
            )),
            Some(_) => {}
        }
    }
    let simulated = config.simulator.vendors.keys().filter(|name| row(name).is_none());
    unused.extend(simulated.map(|name| no_row(&format!("simulator.vendors.{name}"), name, reference)));
    unused
}

/// What reference data lack without which nothing can be sent, with the next step; None: they may be whole.
pub fn lack(config: &Config, reference: &Reference) -> Option<String> {
    let no_vendor = Family::ALL.into_iter().all(|family| reference.vendors(family).is_empty());
    let what = match (reference.is_empty(), no_vendor) {
        (false, false) => return None,
        (true, true) => "no customer with a service key and no vendor: every request will be refused",
        (true, false) => "no customer with a service key: every request will be refused",
        (false, true) => "no vendor: no message can leave",
    };
    let step = match config.reference.kind {
        ReferenceKind::Sql => {
            "bring them in with `ims reference import FILE`, which a running process takes up within 5 s"
        }
        ReferenceKind::File => "write them into the file that reference.file names",
    };
    Some(format!("the reference data have {what}; {step} (docs/reference.md)"))
}

/// The names of all vendors, in order.
pub fn vendor_names(reference: &Reference) -> Vec<&str> {
    let all = Family::ALL.into_iter().flat_map(|family| reference.vendors(family));
    all.map(|vendor| vendor.name.as_str()).collect::<BTreeSet<_>>().into_iter().collect()
}

fn no_row(section: &str, name: &str, reference: &Reference) -> String {
    let names = vendor_names(reference);
    let there = match names.is_empty() {
        true => "there are none yet".to_owned(),
        false => format!("there are {}", names.join(", ")),
    };
    format!("[{section}] is not used: the reference data have no vendor {name:?}, {there}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use processors::reference::{Customer, Seed, ServiceKey};

    fn config_of(sets: &[&str]) -> Config {
        config::load(None, sets.iter().map(|key| (format!("--set {key}"), "1".to_owned()))).unwrap()
    }

    fn reference(seed: Seed) -> Reference {
        Reference::new(seed).unwrap()
    }

    fn with_vendor() -> Seed {
        let row = serde_json::json!({"name": "dealer", "families": ["SMS"], "codes": "text", "weight": 1, "tps": 1,
            "max_in_flight": 1, "timeout_ms": 1000});
        Seed { vendors: vec![serde_json::from_value(row).unwrap()], ..Seed::default() }
    }

    #[test]
    fn settings_of_a_vendor_without_a_row_or_protocol_are_told_with_section_and_name() {
        let config =
            config_of(&["vendors.deeler.poll_ms", "vendors.dealer.poll_ms", "simulator.vendors.other.retry_after_ms"]);
        let told = unused_settings(&config, &reference(with_vendor()));
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("[vendors.dealer]") && told[0].contains("has no protocol"), "{told:?}");
        assert!(told[1].contains("[vendors.deeler]") && told[1].ends_with("there are dealer"), "{told:?}");
        assert!(told[2].contains("[simulator.vendors.other]") && told[2].contains("\"other\""), "{told:?}");
    }

    #[test]
    fn a_new_store_is_told_with_the_next_step_and_one_that_can_send_is_not() {
        let sql = config::load(None, [("--set reference.kind".to_owned(), "sql".to_owned())]).unwrap();
        let told = lack(&sql, &reference(Seed::default())).unwrap();
        assert!(told.contains("no customer with a service key and no vendor") && told.contains("ims reference import"));
        let told = lack(&sql, &reference(with_vendor())).unwrap();
        assert!(told.contains("no customer with a service key: "), "{told}");
        let customers = vec![Customer { username: "shop".into(), ..Customer::default() }];
        let service_keys = vec![ServiceKey {
            key: "IMSDEMO0SERVICEKEY0000000000000000000001".into(),
            username: "shop".into(),
            ..ServiceKey::default()
        }];
        assert_eq!(lack(&sql, &reference(Seed { customers, service_keys, ..with_vendor() })), None);
    }
}
