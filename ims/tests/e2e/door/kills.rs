//! Kafka, MariaDB and Redis killed under a steady load of requests.

use super::{Customer, calls, settle, sms};
use crate::support::{CHAIN, Deployment, redis::Redis, server::Server, simulator};
use schemas::{Lane, SendRequest, Topic};
use std::{collections::BTreeSet, fs, time::Duration};

/// The promise of 9998, and what it may add that door, chain, broker and callers share two cores.
const ANSWERED_WITHIN: Duration = Duration::from_millis(1_000 + 500);

#[test]
fn what_is_answered_holds_when_kafka_and_the_stores_are_killed() {
    let Some(redis) = Redis::start() else { return };
    let Some(mariadb) = Server::start("mariadb", &[], "MARIADB_URL") else { return };
    let Some(deployment) = Deployment::alone_with_brokers(1, &simulator::everything_arrives(5)) else { return };
    let key_file = deployment.file("store.key");
    fs::write(&key_file, "0123456789abcdef".repeat(4)).unwrap();
    let key_file = key_file.display().to_string();
    let stores = [("IMS__STORE__URL", mariadb.address()), ("IMS__STORE__KEY_FILE", &*key_file)];
    let variables = [stores.as_slice(), &[("IMS__REFERENCE__KIND", "sql")], &redis.variables()].concat();
    // What was announced and perhaps not asked, when a sender lost its partitions, ends at once.
    let demo = include_str!("../../../../connectors/seed/demo.toml");
    let reference = deployment.file("impatient.toml");
    fs::write(&reference, demo.replace("in_doubt = \"receipt\"", "in_doubt = \"uncertain\"")).unwrap();
    let imported = deployment.ims_with(&["reference", "import", &reference.display().to_string()], &variables);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let mut process = deployment.run_with("one", &format!("api,reports,{CHAIN}"), &variables);
    process.until_ready();
    let customer = Customer::of(&process);
    customer.until_confirmed("FIRST", &sms("FIRST"));

    let told = calls::under_load(&customer, |more| {
        more("while all is there");
        redis.kill();
        more("while Redis is away");
        redis.restart();
        mariadb.run(&["kill"]);
        more("while MariaDB is away");
        mariadb.run(&["restart"]);
        deployment.cluster().kill(1);
        deployment.cluster().restart(1);
        more("after Kafka was away");
    });
    assert!(!told.unconfirmed.is_empty(), "Kafka was away for nobody");
    assert!(told.slowest < ANSWERED_WITHIN, "{:?}", told.slowest);

    process.until_ready();
    for id in &told.unconfirmed {
        customer.until_kept(id, &sms(id), true);
    }
    let requests = deployment.decoded::<SendRequest>(Lane::ALL.iter().map(|&lane| Topic::api(lane)));
    let written: BTreeSet<String> = requests.into_iter().map(|request| request.message_id).collect();
    assert!(told.confirmed.iter().all(|id| written.contains(id)), "what is confirmed is written");
    assert!(told.unjudged.is_empty(), "{:?}", told.unjudged);
    assert!(told.refused.iter().all(|id| !written.contains(id)), "what is refused is not");
    let sent = told.confirmed.into_iter().chain(told.unconfirmed).chain(["FIRST".to_owned()]);
    settle(&deployment, sent.collect());
    process.stop();
}
