//! Decisions know no Kafka, database, HTTP or runtime: not `processors`, and not the `schemas` they speak in.

#![allow(missing_docs)]

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use std::collections::BTreeSet;

/// What would tie a decision to the world outside.
const OUTSIDE: [&str; 9] =
    ["rdkafka", "sqlx", "redis", "mongodb", "tokio", "hyper", "reqwest", "axum", "schema_registry_converter"];

/// Everything that a workspace crate builds on, tests and benches aside.
fn dependencies(metadata: &Metadata, of: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let root = metadata.workspace_packages().into_iter().find(|package| package.name == of).unwrap();
    let mut seen: BTreeSet<&PackageId> = BTreeSet::new();
    let mut next = vec![&root.id];
    while let Some(id) = next.pop() {
        if seen.insert(id) {
            let node = resolve.nodes.iter().find(|node| node.id == *id).unwrap();
            let built =
                node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(|d| d.kind != DependencyKind::Development));
            next.extend(built.map(|dep| &dep.pkg));
        }
    }
    seen.into_iter().map(|id| metadata[id].name.to_string()).collect()
}

#[test]
fn processors_and_schemas_know_nothing_of_the_world_outside() {
    let metadata =
        MetadataCommand::new().manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).exec().unwrap();
    for pure in ["processors", "schemas"] {
        let dependencies = dependencies(&metadata, pure);
        let outside: Vec<&str> = OUTSIDE.into_iter().filter(|name| dependencies.contains(*name)).collect();
        assert!(outside.is_empty(), "{pure} depends on {outside:?}");
    }
    // The test can see: whoever may know the world does.
    let connectors = dependencies(&metadata, "connectors");
    assert!(connectors.contains("sqlx") && connectors.contains("reqwest"), "{connectors:?}");
}
