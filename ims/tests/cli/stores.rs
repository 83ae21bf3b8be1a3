//! Stores, and what stands in them.

use super::{DONE, STOPPED, USAGE, code, command, file, ims, shown, told};
use connectors::{
    analysis::AnalysisTable,
    history::HistoryTable,
    sql::{Database, Location, Table as _},
};
use std::{
    io::Write as _,
    process::{Output, Stdio},
};

#[test]
fn a_vendor_is_paused_and_weighed_in_the_store_and_a_file_is_its_owners_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("store.file={}", folder.path().join("ims.sqlite").display());
    let seed = file(include_str!("../../../connectors/seed/demo.toml"));
    shown(&["reference", "import", seed.path().to_str().unwrap(), "--set", &store]);
    let sql = ["--set", &store, "--set", "reference.kind=sql"];
    let vendor = |arguments: &[&str]| ims(&[&["vendor"], arguments, &sql].concat());
    let done = |arguments: &[&str]| {
        let output = vendor(arguments);
        assert_eq!(code(&output), DONE, "{arguments:?}: {}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(done(&["pause", "text-one"]), "text-one: paused; running processes take it up within 5 s\n");
    assert_eq!(done(&["pause", "text-one"]), "text-one: paused already\n");
    done(&["weight", "text-one", "5"]);
    done(&["weight", "text-one", "0", "--family", "sms", "--priority", "MASS", "--username", "hanbit-shop"]);
    let listed: serde_json::Value = serde_json::from_str(&done(&["list", "--json"])).unwrap();
    let row = listed.as_array().unwrap().iter().find(|row| row["name"] == "text-one").unwrap();
    assert_eq!((&row["paused"], &row["weight"]), (&true.into(), &5.into()));
    let weight = serde_json::json!(
        [{"vendor": "text-one", "family": "SMS", "priority": "MASS", "username": "hanbit-shop", "weight": 0}]
    );
    assert_eq!(row["weights"], weight);
    done(&["resume", "text-one"]);
    for (arguments, said) in [
        (&["pause", "nobody"][..], "there is no vendor \"nobody\": there are "),
        (&["weight", "text-one", "none"], "--family, --priority or --username"),
        (&["weight", "text-one", "none", "--priority", "AD"], "text-one has no such weight"),
        (&["weight", "text-one", "many"], "write a whole number from 0, or none"),
        (&["weight", "text-one", "1", "--family", "FAX"], "allowed are AT, FT"),
        (&["weight", "text-one", "1", "--username", "nobody"], "names customer \"nobody\", which does not exist"),
        (&["pause", "text-one", "--by", ""], "--by: give a name"),
    ] {
        let refused = vendor(arguments);
        let told = told(&refused);
        assert!(code(&refused) == USAGE && told.contains(said), "{arguments:?}: {told}");
    }
    let of_file = format!("reference.file={}", seed.path().display());
    let refused = ims(&["vendor", "weight", "text-one", "3", "--set", &of_file]);
    let told = told(&refused);
    assert!(code(&refused) == USAGE && told.contains("write weight = 3 into the row of vendor \"text-one\""), "{told}");
}

#[test]
fn a_store_of_another_program_is_refused_by_its_name() {
    for (change, said) in [
        (
            "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2",
            "migration 2 is not the one that was applied",
        ),
        (
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'of the future', 1, x'00', 0)",
            "written by a newer version (migration 9999)",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = format!("store.file={}", folder.path().join("ims.sqlite").display());
        let state = format!("state.file={}", folder.path().join("state.sqlite").display());
        shown(&["migrate", "--set", &store, "--set", &state]);
        let history = Location::file(folder.path().join("ims-history.sqlite"));
        let analysis = Location::file(folder.path().join("ims-analysis.sqlite"));
        for (location, schema) in [(history, HistoryTable::SCHEMA), (analysis, AnalysisTable::SCHEMA)] {
            let mut database = Database::connect(&location, &schema).unwrap();
            database.run(async |connection| connection.execute(change).await).unwrap();
        }
        for (command, name) in [(&["migrate"][..], "ims-history.sqlite"), (&["analyze"], "ims-analysis.sqlite")] {
            let refused = ims(&[command, &["--set", &store, "--set", &state]].concat());
            let told = told(&refused);
            assert!(code(&refused) == STOPPED && told.contains(said) && told.contains(name), "{command:?}: {told}");
        }
    }
}

#[test]
fn a_customer_who_does_not_exist_is_no_customer_without_messages() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("store.file={}", folder.path().join("ims.sqlite").display());
    let seed = file(include_str!("../../../connectors/seed/demo.toml"));
    let of_file = format!("reference.file={}", seed.path().display());
    let sql = "reference.kind=sql";
    let state = format!("state.file={}", folder.path().join("state.sqlite").display());
    shown(&["migrate", "--set", &store, "--set", &state]);
    let analyze = |customer: &str, reference: &str| {
        ims(&["analyze", "--customer", customer, "--set", &store, "--set", reference])
    };
    for reference in [of_file.as_str(), "reference.file=", sql] {
        if reference == sql {
            shown(&["reference", "import", seed.path().to_str().unwrap(), "--set", &store]);
        }
        let quiet = analyze("hanbit-shop", reference);
        assert_eq!((code(&quiet), told(&quiet)), (DONE, String::new()), "{reference}");
        let refused = analyze("nobody", reference);
        let told = told(&refused);
        assert!(code(&refused) == USAGE && told.contains("--customer \"nobody\": nothing is found of it"), "{told}");
        let names = match reference {
            "reference.file=" => "hanbit-shop",
            of_store if of_store == sql => "ims reference export --json",
            _ => seed.path().to_str().unwrap(),
        };
        assert!(told.contains(names), "{told}");
    }
    // Nobody knows: what was found is told, and why it cannot be said whether the name is right.
    let unread = analyze("nobody", "reference.file=missing.toml");
    assert!(code(&unread) == DONE && told(&unread).contains("missing.toml"), "{}", told(&unread));
}

#[test]
fn a_user_is_made_listed_and_changed_in_the_store_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("store.file={}", folder.path().join("store.db").display());
    let user = |arguments: &[&str]| {
        let all = [&["user"], arguments, &["--set", &store, "--set", "reference.kind=sql"]].concat();
        ims(&all)
    };
    let text = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    let in_file = ims(&["user", "add", "kim"]);
    assert!(code(&in_file) == USAGE && told(&in_file).contains("[[users]]"), "{}", told(&in_file));
    let made = user(&["add", "kim", "--by", "lee"]);
    let password = text(&made).lines().find_map(|line| line.strip_prefix("password, told once: ").map(str::len));
    assert_eq!((code(&made), password), (DONE, Some(43)), "{}", told(&made));
    for (wrong, said) in [
        (&["add", "kim"][..], "there is a user \"kim\" already"),
        (&["add", "Kim"], "small letters"),
        (&["add", "hana", "--customer", "nobody"], "names customer \"nobody\", which does not exist"),
        (&["add", "hana", "--role", "reader"], "who has no customer is operator"),
        (&["add", "hana", "--role", "owner"], "one of operator, manager, reader is allowed"),
        (&["disable", "hana"], "there is no user \"hana\""),
    ] {
        let output = user(wrong);
        assert!(code(&output) == USAGE && told(&output).contains(said), "{wrong:?}: {}", told(&output));
    }
    let chosen = |password: &str| {
        let all = ["user", "password", "kim", "--password-stdin", "--set", &store, "--set", "reference.kind=sql"];
        let mut child =
            command(&all).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let short = chosen("too short\n");
    assert!(code(&short) == USAGE && told(&short).contains("got 9 characters, at least 12"), "{}", told(&short));
    let long = chosen("correct horse battery\r\n");
    assert!(code(&long) == DONE && !text(&long).contains("horse"), "{} {}", text(&long), told(&long));
    assert_eq!(code(&user(&["disable", "kim"])), DONE);
    assert_eq!(text(&user(&["list"])), "kim  operator, not active\n");
    assert_eq!(code(&user(&["enable", "kim"])), DONE);
    assert_eq!(text(&user(&["list"])), "kim  operator\n");
}

#[test]
fn a_store_without_its_key_is_told_with_file_setting_and_what_makes_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("store.file={}", folder.path().join("ims.sqlite").display());
    let check = |more: &[&str]| {
        let output = ims(&[&["config", "check", "--set", "reference.kind=sql", "--set", &store], more].concat());
        assert_ne!(code(&output), DONE);
        told(&output)
    };
    let beside = check(&[]);
    for part in [&*folder.path().join("ims.key").display().to_string(), "store.key_file", "`ims reference import`"] {
        assert!(beside.contains(part), "{part} is missing in {beside}");
    }
    let named = check(&["--set", "store.key_file=/nowhere/store.key"]);
    assert!(named.contains("store.key_file /nowhere/store.key") && named.contains("openssl rand -hex 32 >"), "{named}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "who only looks makes nothing");
}
