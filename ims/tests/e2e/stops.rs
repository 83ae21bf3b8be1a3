//! What must never be guessed at ends the process: one clear line, and exit code 5.

use crate::support::{Deployment, PATIENCE, Process, simulator, streams, until};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
};
use schemas::Lane;

/// "must not go on".
const STOPPED: Option<i32> = Some(5);

#[test]
fn of_two_processes_with_one_name_one_ends_and_says_why() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let mut first = deployment.run("twin", "ingest,router");
    first.until_ready();
    let mut second = deployment.run("twin", "ingest,router");
    let ended = until("one of the two ends", PATIENCE, || first.has_ended().or_else(|| second.has_ended()));
    let loser: &Process = if first.has_ended().is_some() { &first } else { &second };
    assert_eq!(ended.code(), STOPPED, "{}", loser.written());
    let line = last_line(loser);
    assert!(line.contains("two processes share it") && line.contains("twin"), "{line}");
}

#[test]
fn a_group_whose_offsets_were_deleted_ends_and_names_the_remedy() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let mut process = deployment.run("one", "router");
    process.until_owns(&streams("router", Lane::ALL));
    process.stop();
    let group = format!("{}-router-MASS", deployment.name);
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", deployment.brokers()).create().unwrap();
    let deleted = futures_executor::block_on(admin.delete_groups(&[&group], &AdminOptions::new())).unwrap();
    assert_eq!(deleted, [Ok(group.clone())]);

    let mut process = deployment.run("one", "router");
    assert_eq!(process.end().code(), STOPPED, "{}", process.written());
    let line = last_line(&process);
    assert!(line.contains(&group) && line.contains("ims topics create"), "{line}");
}

/// The line that a person reads on the terminal.
fn last_line(process: &Process) -> String {
    process.written().lines().rfind(|line| line.starts_with("ims: ")).expect("a line for people").to_owned()
}
