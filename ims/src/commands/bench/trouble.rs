//! How long an AUTH message takes to its vendor while another vendor of the same family, which has messages of MASS, is in
//! trouble: beside what it takes when nobody else sends.

use super::{
    auth::{WATCH, measure, quantiles, seen, to_vendor, watch},
    chain::{Customers, free_address, program},
    hops::{Bench, on_its_own},
    send::{Simulator, Wire},
};
use crate::{
    assemble::now_ms,
    config::{Config, ReferenceKind},
};
use anyhow::Context;
use connectors::{
    reference::DEMO,
    simulator::{Behaviour, RequestLog, SpoiledShares},
};
use hdrhistogram::Histogram;
use processors::reference::{Seed, Vendor, VendorWeight};
use schemas::{Family, Lane};
use serde_json::json;
use std::time::Duration;
use topology::{
    engine::Runtime,
    graph::{Node, Role, chain},
};

/// Vendors, and what is the matter with them; with the first one nothing is.
const TROUBLES: [&str; 5] = ["well", "hang", "reset", "throttle", "slow_body"];
/// What each of them takes.
const TPS: u32 = 3_000;
const IN_FLIGHT: u32 = 1_000;
const TIMEOUT_MS: u32 = 5_000;

fn behaviour(trouble: &str) -> Behaviour {
    let well = Wire::Bizgo.behaviour();
    match trouble {
        "hang" => Behaviour { no_answer_share: 1.0, ..well },
        "reset" => Behaviour { spoiled: SpoiledShares { reset: 1.0, ..SpoiledShares::default() }, ..well },
        "throttle" => Behaviour { throttled_share: 1.0, retry_after_ms: 1_000, ..well },
        "slow_body" => Behaviour { spoiled: SpoiledShares { slow_body: 1.0, ..SpoiledShares::default() }, ..well },
        _ => well,
    }
}

/// The demo's data, and a customer for each of these vendors, whose messages go to it alone.
fn reference(customers: &Customers, address: &str) -> anyhow::Result<Seed> {
    let mut seed: Seed = toml::from_str(DEMO)?;
    let theirs = customers.reference()?;
    let vendor = theirs.vendors.into_iter().next().context("the vendor of the bench")?;
    let others: Vec<String> = seed.vendors.iter().filter(|v| v.families.contains(&Family::At)).map(named).collect();
    for (trouble, customer) in TROUBLES.into_iter().zip(&theirs.customers) {
        let row = Wire::Bizgo.row(vendor.clone(), address, IN_FLIGHT);
        seed.vendors.push(Vendor { name: trouble.to_owned(), weight: 0, timeout_ms: TIMEOUT_MS, ..row });
        let weight = |vendor: String, weight| VendorWeight {
            vendor,
            family: None,
            priority: None,
            username: Some(customer.username.clone()),
            weight,
        };
        seed.vendor_weights.push(weight(trouble.to_owned(), 1));
        seed.vendor_weights.extend(others.iter().map(|other| weight(other.clone(), 0)));
    }
    seed.customers.extend(theirs.customers);
    seed.service_keys.extend(theirs.service_keys);
    seed.sender_profiles.extend(theirs.sender_profiles);
    seed.sender_numbers.extend(theirs.sender_numbers);
    seed.templates.extend(theirs.templates);
    Ok(seed)
}

fn named(vendor: &Vendor) -> String {
    vendor.name.clone()
}

/// Runs the bench.
pub fn run(config: &Config, seconds: u64, rate: u64) -> anyhow::Result<serde_json::Value> {
    let folder = tempfile::tempdir()?;
    let address = free_address()?;
    let customers = Customers { count: TROUBLES.len() as u64, tps: TPS, watched: false };
    let mut config = config.clone();
    config.reference.kind = ReferenceKind::File;
    config.reference.file = folder.path().join("reference.toml");
    std::fs::write(&config.reference.file, toml::to_string(&reference(&customers, &address)?)?)?;
    for trouble in TROUBLES {
        // The simulator knows a vendor by its key.
        let key_file = folder.path().join(trouble);
        std::fs::write(&key_file, format!("{}-{trouble}", Wire::Bizgo.key(&address)?))?;
        config.vendors.insert(trouble.to_owned(), Wire::Bizgo.settings(key_file));
        config.simulator.vendors.insert(trouble.to_owned(), behaviour(trouble));
    }
    let troubled = on_its_own(&config, folder.path());
    let asked = troubled.simulator.request_log.clone().context("a request log")?;
    let _vendors = Simulator::start(program(&troubled, folder.path())?(&["simulate", "--listen", &address]), &address)?;

    let topology = chain()?;
    let wanted = |n: &&Node| {
        matches!(n.lane, Some(Lane::Auth | Lane::Mass)) && matches!(n.role, Role::Ingest | Role::Router | Role::Kakao)
    };
    let nodes: Vec<&Node> = topology.nodes().iter().filter(wanted).collect();
    let bench = Bench::open(&config, &nodes, &[(WATCH, vec![seen()])])?;
    let workers = nodes.iter().map(|n| bench.deployment.worker(n)).collect::<Result<_, _>>()?;
    let runtime = Runtime::start(workers, Duration::from_secs(5))?;
    let mut watch = watch(&bench)?;
    let mut begun_ms = Vec::new();
    // Twice before anything is compared: a broker's JVM compiles what it runs often.
    for _ in 0..3 {
        begun_ms.push(now_ms());
        measure(&bench, &mut *watch, seconds, rate, None)?;
    }
    for customer in 0..customers.count {
        begun_ms.push(now_ms());
        let beside = |n: u64| customers.request(customer, customer * seconds * rate + n);
        measure(&bench, &mut *watch, seconds, rate, Some(&beside))?;
    }
    begun_ms.push(i64::MAX);
    runtime.stop();
    runtime.join()?;
    let requests = RequestLog::read(&bench.request_log())?;
    let mut told = begun_ms.windows(2).skip(2).map(|part| to_vendor(&requests, part[0]..part[1]));
    let idle = told.next().context("what it takes alone")??;
    let beside = |share: f64, times: &Histogram<u32>| {
        times.value_at_quantile(share) as f64 / idle.value_at_quantile(share).max(1) as f64
    };
    let asked = RequestLog::read(&asked)?;
    let mut result = json!({"bench": "auth", "rate": rate, "idle_to_vendor_ms": quantiles(&idle)});
    for (trouble, times) in TROUBLES.into_iter().zip(told) {
        let times = times?;
        result[trouble] = json!({
            "to_vendor_ms": quantiles(&times),
            "p50_beside_idle": beside(0.5, &times),
            "p99_beside_idle": beside(0.99, &times),
            "requests_of_the_other_vendor": asked.iter().filter(|request| request.vendor == trouble).count(),
        });
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use processors::reference::{Asked, Reference};

    #[test]
    fn each_customer_of_the_bench_has_its_vendor_alone_and_codes_never_go_there() {
        let customers = Customers { count: TROUBLES.len() as u64, tps: TPS, watched: false };
        let reference = Reference::new(reference(&customers, "127.0.0.1:1").unwrap()).unwrap();
        let vendors = |priority, username: &str| -> Vec<String> {
            let asked = Asked { family: Family::At, priority, username };
            let all = reference.vendors(Family::At).iter();
            all.filter(|vendor| reference.weight(vendor, asked) > 0).map(|vendor| named(vendor)).collect()
        };
        for (trouble, customer) in TROUBLES.into_iter().zip(0..) {
            let key = customers.request(customer, 0).service_key;
            let username = &reference.service_key(&key).unwrap().0.username;
            assert_eq!(vendors(Lane::Mass, username), [trouble]);
        }
        assert_eq!(vendors(Lane::Auth, "hanbit-shop"), ["talk-one", "talk-two"]);
    }
}
