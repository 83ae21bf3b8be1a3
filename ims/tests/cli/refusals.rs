//! What cannot work is refused with the remedy.

use super::{AWAY, DONE, USAGE, code, command, file, ims, told};
use std::{path::Path, process::Stdio};

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn errors_are_one_json_object_when_json_is_asked_for() {
    for arguments in [
        &["--json", "config", "check", "--set", "kafka.partitons=3"][..],
        &["--json", "config", "chekc"],
        &["send", "--json", "/no/such/file"],
        &["replay", "--json", "--topic", "API-MASS"],
    ] {
        let output = ims(arguments);
        assert_eq!(code(&output), USAGE, "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}: results alone belong on standard output");
        let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
        assert!(error["error"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
    }
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_done() {
    let memory = ["--set", "log.kind=memory", "--set", "state.kind=memory"];
    for arguments in [
        &["send", "/no/such/file"][..],
        &["send", "/"],
        &["send", "--lane", "FAST"],
        &["ledger", "--since", "/no/such/file"],
        &["ledger", "--requests", "/no/such/file"],
        &["replay", "--topic", "DLQ-NONSENSE"],
        &["replay", "--topic", "DLQ-API-MASS", "--mended", "x.json"],
        &["replay", "--topic", "DLQ-API-MASS", "--mended", "x.json", "--from", "1", "--to", "2"],
        &["config", "check", "--set", "kafka.partitions"],
        &["config", "check", "--set", "logs.level=loud"],
        &["config", "check", "--config", "/no/such/file"],
        &["topics", "check", "--set", "kafka.properties.transactional.id=x"],
        &["report", "get", "ORD-1"],
        &["report", "get", "01KKD87PHR0500R000005M4K00", "--set", "store.file=/no/such/folder/store.sqlite"],
        &["schemas", "check"],
        &["schemas", "register"],
        &["schemas", "check", "--set", "registry.url=registry.example"],
        &[&["send"][..], &memory].concat(),
        &[&["ledger"][..], &memory].concat(),
        &[&["topics", "create"][..], &memory].concat(),
    ] {
        let output = command(arguments).stdin(Stdio::null()).output().unwrap();
        assert_eq!(code(&output), USAGE, "{arguments:?}: {}", told(&output));
    }
}

#[test]
fn a_broker_that_is_away_is_told_with_its_address_and_the_code_for_trying_again() {
    let request = file(r#"{"message_id":"M-1"}"#);
    // Nobody listens there.
    let away = ["--set", "kafka.bootstrap_servers=127.0.0.1:1"];
    let commands = [
        &["ledger"][..],
        &["send", request.path().to_str().unwrap()],
        &["replay", "--topic", "DLQ-API-MASS"],
        &["topics", "create", "--wait", "1"],
        &["topics", "check", "--wait", "1"],
    ];
    let start =
        |arguments: &&[&str]| command(&[*arguments, &away[..]].concat()).stderr(Stdio::piped()).spawn().unwrap();
    let children: Vec<_> = commands.iter().map(start).collect();
    for (child, arguments) in children.into_iter().zip(commands) {
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), AWAY, "{arguments:?}: {}", told(&output));
        let last = told(&output).lines().last().unwrap_or_default().to_owned();
        assert!(last.contains("127.0.0.1:1 (kafka.bootstrap_servers)"), "{arguments:?}: {last}");
    }
}

#[test]
fn a_registry_that_is_away_is_told_without_its_password() {
    // Nobody listens there.
    let set = "registry.url=http://ims:hunter2@127.0.0.1:1/ccompat";
    for command in ["check", "register"] {
        let output = ims(&["schemas", command, "--set", set]);
        let told = told(&output);
        assert_eq!(code(&output), AWAY, "{told}");
        assert!(told.contains("…@127.0.0.1:1/ccompat (registry.url)") && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_checkpoint_that_is_none_is_told_with_the_remedy() {
    let file = file("{\"offsets\": 7}");
    let output = ims(&["ledger", "--since", file.path().to_str().unwrap()]);
    assert_eq!(code(&output), USAGE);
    assert!(told(&output).contains("ims ledger --checkpoint"), "{}", told(&output));
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let mut child = command(&["topics", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), DONE, "{}", told(&output));
}

#[test]
fn a_port_in_use_ends_the_start_with_the_remedy() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("admin.listen={}", taken.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let output = command(&["run", "--set", &listen]).current_dir(folder.path()).output().unwrap();
    assert_eq!(code(&output), USAGE, "{}", told(&output));
    assert!(told(&output).contains("is in use: stop the process that has it"), "{}", told(&output));
    assert_eq!(files(folder.path()), 0, "nothing is left half done");
}

#[test]
fn a_role_or_vendor_that_there_is_not_is_told_with_those_that_there_are() {
    let roles = ims(&["run", "--roles", "senders"]);
    let told_roles = told(&roles);
    assert!(code(&roles) == USAGE && told_roles.contains("text, rcs, push, email") && told_roles.contains("gateway"));
    for arguments in [&["vendor", "weight", "nobody", "3"][..], &["vendor", "pause", "nobody"]] {
        let output = ims(arguments);
        let told = told(&output);
        assert!(
            code(&output) == USAGE && told.contains("there is no vendor \"nobody\": there are "),
            "{arguments:?}: {told}"
        );
    }
}
