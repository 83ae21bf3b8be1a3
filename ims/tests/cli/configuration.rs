//! What is configured, and how mistakes in it are told.

use super::{DONE, USAGE, code, command, file, ims, shown, told};
use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

#[test]
fn the_default_configuration_is_right_and_prints_as_one_that_is() {
    assert_eq!(shown(&["config", "check"]), "the configuration is right\n");
    for printed in [shown(&["config", "default"]), shown(&["config", "show"])] {
        let file = file(&printed);
        assert_eq!(code(&ims(&["config", "check", "--config", file.path().to_str().unwrap()])), DONE);
    }
}

#[test]
fn every_mistake_of_a_configuration_is_told_at_once_with_where_it_stands() {
    let file = file("[kafka]\npartitons = 3\n[rings]\nseconds = { slots = 3, width_ms = 1000 }\n");
    let path = file.path().to_str().unwrap();
    let output = command(&["config", "check", "--config", path, "--set", "admin.listn=x"])
        .env("IMS__ENGINE__BATCH_RECORDS", "many")
        .output()
        .unwrap();
    assert_eq!(code(&output), USAGE);
    let told = told(&output);
    for part in
        [path, "kafka.partitons", "\"partitions\"", "IMS__ENGINE__BATCH_RECORDS", "--set admin.listn", "\"listen\""]
    {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    let rings = ims(&["config", "check", "--set", "rings.seconds.slots=3"]);
    assert!(code(&rings) == USAGE && self::told(&rings).contains("seconds.slots = 3"), "{}", self::told(&rings));
}

#[test]
fn what_would_stop_a_process_later_is_told_by_the_check() {
    for (set, told_so) in [
        ("kafka.bootstrap_servers=", "kafka.bootstrap_servers is empty"),
        ("kafka.topic_prefix=a/b", "kafka.topic_prefix = \"a/b\""),
        ("kafka.properties.enable.idempotence=false", "kafka.properties.enable.idempotence is set by ims itself"),
        ("gateway.breaker.trials=0", "gateway.breaker.trials = 0: must be 1 or more"),
        ("gateway.breaker.failed_percent=101", "gateway.breaker.failed_percent = 101: must be 1 to 100"),
    ] {
        let output = ims(&["config", "check", "--set", set]);
        assert!(code(&output) == USAGE && told(&output).contains(told_so), "{set}: {}", told(&output));
    }
}

#[test]
fn what_is_no_text_in_the_environment_is_told_when_it_is_ours() {
    let no_text = OsStr::from_bytes(b"/caf\xe9");
    let with = |name: &str| command(&["config", "check"]).env(name, no_text).output().unwrap();
    assert_eq!(code(&with("HOME_OF_ANOTHER")), DONE);
    let ours = with("IMS__KAFKA__PARTITIONS");
    assert!(
        code(&ours) == USAGE && told(&ours).contains("IMS__KAFKA__PARTITIONS: its value is no UTF-8"),
        "{}",
        told(&ours)
    );
}

#[test]
fn what_is_set_last_wins() {
    let file = file("[kafka]\npartitions = 4\n");
    let show = |arguments: &[&str]| {
        let output = command(arguments).env("IMS__KAFKA__PARTITIONS", "5").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let path = file.path().to_str().unwrap();
    assert!(shown(&["config", "show", "--config", path]).contains("partitions = 4\n"));
    assert!(show(&["config", "show", "--config", path]).contains("partitions = 5\n"));
    assert!(show(&["config", "show", "--config", path, "--set", "kafka.partitions=6"]).contains("partitions = 6\n"));
}

#[test]
fn no_secret_is_ever_shown() {
    let secret = "correct-horse-battery";
    let set = format!("kafka.properties.sasl.password={secret}");
    for arguments in [&["config", "show", "--set", &set][..], &["config", "show", "--json", "--set", &set]] {
        let shown = shown(arguments);
        assert!(shown.contains("sasl.password") && !shown.contains(secret), "{shown}");
    }
    let url = format!("registry.url=https://ims:{secret}@registry.example/ccompat");
    let shown = shown(&["config", "show", "--set", &url]);
    assert!(shown.contains("…@registry.example/ccompat") && !shown.contains(secret), "{shown}");
}

#[test]
fn settings_that_nobody_looks_at_are_told_beside_a_configuration_that_is_right() {
    let unused = shown(&["config", "check", "--set", "simulator.vendors.nobody.retry_after_ms=5"]);
    assert!(
        unused.starts_with("the configuration is right\nadvice: [simulator.vendors.nobody] is not used"),
        "{unused}"
    );
}

#[test]
fn the_configuration_that_the_environment_names_is_in_force_and_in_no_usage_line() {
    let file = file("[kafka]\npartitions = 7\n");
    let with = |arguments: &[&str]| command(arguments).env("IMS_CONFIG", file.path()).output().unwrap();
    let shown = with(&["config", "show"]);
    assert!(String::from_utf8(shown.stdout).unwrap().contains("partitions = 7"));
    let usage = told(&with(&["run", "--bogus"]));
    assert!(usage.contains("Usage: ims run") && !usage.contains("--config"), "{usage}");
}
