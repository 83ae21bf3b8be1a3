//! The command line as a caller meets it, without any server.

use connectors::{
    analysis::AnalysisTable,
    history::HistoryTable,
    sql::{Database, Location, Table as _},
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    thread::JoinHandle,
    time::Duration,
};

/// The exit codes that the help promises.
const DONE: i32 = 0;
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const AWAY: i32 = 4;
const STOPPED: i32 = 5;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ims"));
    // Nothing of the caller's environment may change the configuration under test.
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(arguments);
    command
}

fn ims(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}"))
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn shown(arguments: &[&str]) -> String {
    let output = ims(arguments);
    assert_eq!(code(&output), DONE, "{arguments:?}: {}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap()
}

/// The commands of a help text, except `help` itself.
fn commands_in(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

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
fn a_malformed_callback_is_refused_with_the_reference_data_that_holds_it() {
    let demo = include_str!("../../connectors/seed/demo.toml");
    let key = "[[service_keys]]\nkey = \"IMSDEMO0SERVICEKEY0000000000000000000001\"\n";
    let secret = format!("callback_secrets = [\"whsec_{}\"]\n", "A".repeat(32));
    let check = |callback: &str| {
        let file = file(&demo.replace(key, &format!("{key}{callback}")));
        ims(&["config", "check", "--set", &format!("reference.file={}", file.path().display())])
    };
    assert_eq!(code(&check(&format!("callback_uri = \"https://shop.example/ims\"\n{secret}"))), DONE);
    for (callback, reason) in [
        (format!("callback_uri = \"ftp://shop.example/\"\n{secret}"), "…0001: callback_uri must begin with https://"),
        ("callback_uri = \"https://shop.example/\"\n".to_owned(), "callback_secrets must hold one secret, or two"),
        ("callback_secrets = [\"whsec_hunter2\"]\n".to_owned(), "a secret is whsec_ and the Base64"),
    ] {
        let refused = check(&callback);
        let told = told(&refused);
        assert!(code(&refused) == USAGE && told.contains(reason) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_vendor_that_cannot_be_reached_as_its_row_says_is_refused_with_the_remedy() {
    let demo = include_str!("../../connectors/seed/demo.toml");
    let key = file("hunter2-is-the-key\n");
    let check = |row: &str, key_file: &str| {
        let vendor = "name = \"text-one\"\nfamilies = [\"SMS\", \"LMS\", \"MMS\"]\ncodes = \"text\"\n";
        let codes = "name = \"text-one\"\nfamilies = [\"SMS\", \"LMS\", \"MMS\"]\ncodes = \"bizgo\"\n";
        let reference = file(&demo.replace(vendor, &format!("{codes}{row}")));
        let mut arguments = vec!["config", "check", "--set"];
        let (reference, key_file) =
            (format!("reference.file={}", reference.path().display()), format!("vendors.text-one.key_file={key_file}"));
        arguments.push(&reference);
        if !key_file.ends_with('=') {
            arguments.extend(["--set", &key_file]);
        }
        ims(&arguments)
    };
    let (good, path) = ("protocol = \"bizgo\"\nurl = \"https://mars.ibapi.kr\"\n", key.path().display().to_string());
    assert_eq!(code(&check(good, &path)), DONE);
    for (row, key_file, remedy) in [
        (good, "", "[vendors.text-one] key_file"),
        (good, "/nowhere/dealer.key", "name a file that holds the vendor's key alone"),
        ("protocol = \"bizgo\"\nurl = \"http://mars.ibapi.kr\"\n", &path, "write https://"),
        (
            "protocol = \"bisgo\"\nurl = \"https://mars.ibapi.kr\"\n",
            &path,
            "expected one of `simulated`, `bizgo`, `smtp`",
        ),
        ("url = \"https://mars.ibapi.kr\"\n", &path, "set protocol = \"bizgo\""),
    ] {
        let refused = check(row, key_file);
        let told = told(&refused);
        assert!(code(&refused) == USAGE && told.contains(remedy) && !told.contains("hunter2"), "{row}: {told}");
    }
}

#[test]
fn a_vendor_is_paused_and_weighed_in_the_store_and_a_file_is_its_owners_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("store.file={}", folder.path().join("ims.sqlite").display());
    let seed = file(include_str!("../../connectors/seed/demo.toml"));
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
    let seed = file(include_str!("../../connectors/seed/demo.toml"));
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
fn a_mail_server_that_cannot_be_reached_as_its_row_says_is_refused_with_the_remedy() {
    let demo = include_str!("../../connectors/seed/demo.toml");
    let password = file("hunter2-is-the-password\n");
    let check = |row: &str, settings: &[&str]| {
        let row = format!("name = \"smtp-spare\"\nfamilies = [\"EMAIL\"]\n{row}");
        let reference = file(&demo.replace("name = \"smtp-spare\"\nfamilies = [\"EMAIL\"]\n", &row));
        let reference = format!("reference.file={}", reference.path().display());
        let sets = settings.iter().flat_map(|set| ["--set", set]);
        ims(&["config", "check", "--set", &reference].into_iter().chain(sets).collect::<Vec<_>>())
    };
    let good = "max_in_flight = 20\nprotocol = \"smtp\"\nurl = \"smtp://mail.example.kr:587\"\n";
    let key_file = format!("vendors.smtp-spare.key_file={}", password.path().display());
    let (hello, user) = ("vendors.smtp-spare.smtp.hello=ims.example.kr", "vendors.smtp-spare.smtp.user=ims");
    let plaintext = "vendors.smtp-spare.smtp.plaintext=true";
    let no_ads = "vendors.smtp-spare.smtp.ads=false";
    for settings in [&[hello, no_ads][..], &[hello, no_ads, user, &key_file]] {
        assert_eq!(code(&check(good, settings)), DONE, "{settings:?}");
    }
    for (row, settings, remedy) in [
        (good, &[][..], "write [vendors.smtp-spare.smtp]"),
        (good, &[user, &key_file], "smtp.hello"),
        (good, &[hello], "set it and smtp.unsubscribe_key_file, or smtp.ads = false"),
        (good, &[hello, user], "vendors.smtp-spare.key_file"),
        (good, &[hello, no_ads, user, &key_file, plaintext], "leave out [vendors.smtp-spare.smtp] plaintext"),
        ("protocol = \"smtp\"\nurl = \"https://mail.example.kr\"\n", &[hello, no_ads], "write smtp://HOST:587"),
        ("protocol = \"smtp\"\nurl = \"smtp://mail.example.kr\"\n", &[hello, no_ads], "set max_in_flight"),
    ] {
        let refused = check(row, settings);
        let told = told(&refused);
        assert!(code(&refused) == USAGE && told.contains(remedy) && !told.contains("hunter2"), "{remedy}: {told}");
    }
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
fn help_teaches_every_command_with_examples_and_exit_codes() {
    let help = shown(&["--help"]);
    for exit in 0..=5 {
        assert!(help.contains(&format!("\n  {exit}  ")), "exit code {exit} is missing in {help}");
    }
    for name in commands_in(&help) {
        let help = shown(&[&name, "--help"]);
        let nested = commands_in(&help);
        let texts = match nested.is_empty() {
            true => vec![help],
            false => nested.iter().map(|nested| shown(&[&name, nested, "--help"])).collect(),
        };
        for text in texts {
            for part in ["Examples:\n", "Exit codes:\n", "--json"] {
                assert!(text.contains(part), "{part:?} is missing in the help of {name}: {text}");
            }
        }
    }
}

#[test]
fn the_readme_has_the_picture_that_is_drawn_from_the_graph() {
    let picture = format!("```mermaid\n{}```", shown(&["topology", "--mermaid"]));
    assert!(readme().contains(&picture), "replace the picture in README.md by:\n{picture}");
}

/// The keys of the configuration that a text names: `[section] key`, IMS__SECTION__KEY and --set section.key.
fn keys_named_in(text: &str) -> Vec<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let first = |text: &str, more: &str| -> String {
        text.chars().take_while(|c| word(*c) || more.contains(*c)).collect::<String>().trim_matches('.').to_owned()
    };
    let after = |mark: &'static str| text.split(mark).skip(1);
    let variables = after("IMS__").map(|rest| first(rest, "").to_lowercase().replace("__", "."));
    let sets = after("--set ").map(|rest| first(rest, ".-"));
    let sections = text.split('[').skip(1).filter_map(|rest| {
        let (section, rest) = rest.split_once("] ")?;
        let key = first(rest, "");
        let named =
            !section.is_empty() && section.chars().all(|c| c.is_ascii_lowercase() || c == '.') && !key.is_empty();
        named.then(|| format!("{section}.{key}"))
    });
    variables.chain(sets).chain(sections).filter(|key| key.contains('.') && !key.starts_with("section.")).collect()
}

#[test]
fn readme_and_help_name_keys_that_the_configuration_has() {
    let mut texts = vec![("README.md".to_owned(), readme())];
    for name in commands_in(&shown(&["--help"])) {
        let help = shown(&[&name, "--help"]);
        texts.extend(commands_in(&help).iter().map(|nested| (nested.clone(), shown(&[&name, nested, "--help"]))));
        texts.push((name, help));
    }
    let json: serde_json::Value = serde_json::from_str(&shown(&["config", "show", "--json"])).unwrap();
    let known = |key: &str| {
        // Any property of librdkafka passes through.
        key.starts_with("kafka.properties.") || json.pointer(&format!("/{}", key.replace('.', "/"))).is_some()
    };
    let mut named = 0;
    for (name, text) in texts {
        // A help text ends a line wherever it is full.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for key in keys_named_in(&text) {
            // Of `[simulator] section` and the like a section is named, not a key.
            let section = key.split('.').next().unwrap_or_default();
            assert!(known(&key) || (key.ends_with(".section") && json.get(section).is_some()), "{name} names {key}");
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}

#[test]
fn the_readme_names_every_command_and_every_exit_code() {
    let (readme, help) = (readme(), shown(&["--help"]));
    let commands = commands_in(&help);
    assert!(commands.len() > 5, "{commands:?}");
    for name in commands {
        assert!(readme.contains(&format!("`ims {name}")), "README.md does not name `ims {name}`");
    }
    for line in help.lines().skip_while(|line| *line != "Exit codes:").skip(1) {
        let (exit, meaning) = line.trim().split_once("  ").unwrap();
        let row = format!("| {exit} | {meaning} |");
        assert!(readme.contains(&row), "README.md has no row {row}");
    }
}

#[test]
fn the_topic_table_is_printed_for_people_for_documents_and_for_programs() {
    let json: serde_json::Value = serde_json::from_str(&shown(&["topics", "list", "--json"])).unwrap();
    let topics: Vec<&str> = json.as_array().unwrap().iter().map(|row| row["topic"].as_str().unwrap()).collect();
    assert_eq!(topics.len(), schemas::Topic::all().len());
    for arguments in [&["topics", "list"][..], &["topics", "list", "--markdown"]] {
        let table = shown(arguments);
        assert!(topics.iter().all(|topic| table.contains(&format!(" {topic} "))), "{table}");
    }
    assert!(shown(&["topics", "list", "--markdown"]).lines().all(|line| line.starts_with('|')));
    let api = &shown(&["topics", "list", "--json", "--set", "kafka.partitions=7"]);
    assert!(api.contains("\"partitions\": 7"), "{api}");
}

#[test]
fn data_teams_are_told_the_retention_that_topics_have() {
    let document = include_str!("../../docs/data-teams.md");
    let rows = document.lines().skip_while(|line| *line != "| Topic | Kept | Why |").skip(2);
    let rows: Vec<[&str; 2]> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            [cells[1], cells[2]]
        })
        .collect();
    let json: serde_json::Value = serde_json::from_str(&shown(&["topics", "list", "--json"])).unwrap();
    for topic in json.as_array().unwrap() {
        let name = topic["topic"].as_str().unwrap();
        let family = if name == "ANALYZE-LOG" { name } else { name.split('-').next().unwrap() };
        let found = rows.iter().find(|[families, _]| families.split(", ").any(|of| of == family));
        let [_, told] = found.unwrap_or_else(|| panic!("docs/data-teams.md does not tell how long {name} is kept"));
        let days = topic["retention_ms"].as_u64().map(|ms| ms / 86_400_000);
        let is = match (family, days) {
            (_, None) => "compacted".to_owned(),
            ("DELAY", Some(7..)) => "its reach + 7 d".to_owned(),
            (_, Some(days)) => format!("{days} d"),
        };
        assert_eq!(*told, is, "{name}");
    }
}

#[test]
fn completions_are_scripts_that_their_shells_can_read() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(shown(&["completions", shell]).contains("ledger"), "{shell}");
    }
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(shown(&["completions", "bash"]).as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
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
fn simulated_vendors_answer_steps_of_standard_input_the_same_for_the_same_seed() {
    let simulate = |seed: &str| {
        let mut child = command(&["simulate", "-", "--json", "--seed", seed])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        (0..50).for_each(|n| writeln!(stdin, r#"{{"vendor":"text-one","serial_number":"S-{n}"}}"#).unwrap());
        writeln!(stdin, r#"{{"vendor":"nobody","serial_number":"S"}}"#).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), FAILED, "a line was refused: {}", told(&output));
        assert!(told(&output).contains(r#"{"line":51,"#), "{}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let answers = simulate("7");
    assert_eq!(answers.lines().count(), 50);
    for line in answers.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["vendor"], "text-one");
    }
    assert_eq!(simulate("7"), answers);
    assert_ne!(simulate("8"), answers);
    assert_eq!(code(&ims(&["simulate", "--vendor", "nobody"])), USAGE);
    let wrong = ims(&["simulate", "--set", "simulator.every_vendor.no_answer_share=2"]);
    assert!(code(&wrong) == USAGE && told(&wrong).contains("a share is between 0 and 1"), "{}", told(&wrong));
}

#[test]
fn the_health_of_nobody_and_of_somebody_else_is_told() {
    let nobody = ims(&["health", "--set", "admin.listen=127.0.0.1:1"]);
    assert!(code(&nobody) == AWAY && told(&nobody).contains("127.0.0.1:1"), "{}", told(&nobody));
    assert_eq!(code(&ims(&["health", "--set", "admin.listen="])), USAGE);
    let (listen, answering) = answers_once("HTTP/1.0 404 Not Found\r\n\r\n");
    let other = ims(&["health", "--set", &listen]);
    answering.join().unwrap();
    assert!(code(&other) == FAILED && told(&other).contains("no admin port of ims"), "{}", told(&other));
}

/// An admin port that answers one question so: its setting, and what was asked.
fn answers_once(page: &'static str) -> (String, JoinHandle<String>) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("admin.listen={}", port.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = port.accept().unwrap();
        // All of the request is read, or closing would reset the connection.
        let mut read = [0; 1024];
        let bytes = std::io::Read::read(&mut stream, &mut read).unwrap();
        write!(stream, "{page}").unwrap();
        String::from_utf8_lossy(&read[..bytes]).into_owned()
    });
    (listen, answering)
}

#[test]
fn nothing_that_is_let_go_is_a_failure_and_of_a_vendor_that_there_is_not_a_mistake() {
    let let_go = |vendor: &str| {
        let (listen, answering) = answers_once("HTTP/1.1 200 OK\r\n\r\n{\"let_go\":0}");
        let output = ims(&["vendor", "let-go", vendor, "0215881588", "--set", &listen]);
        let asked = answering.join().unwrap();
        assert!(asked.starts_with(&format!("POST /vendors/let-go?vendor={vendor}&name=0215881588 ")), "{asked}");
        output
    };
    let (known, unknown) = (let_go("text-one"), let_go("nobody"));
    assert!(code(&known) == FAILED && known.stdout == b"0 let go\n", "{}", told(&known));
    let told = told(&unknown);
    assert!(code(&unknown) == USAGE && told.contains("there is no vendor \"nobody\": there are "), "{told}");
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_secret_key_is_told_once_and_its_row_fits_the_reference_data() {
    let made = shown(&["reference", "secret", "hanbit-shop", "--name", "next", "--network", "203.0.113.0/24"]);
    let secret = made.lines().find_map(|line| line.strip_prefix("# Told once, for the customer: secret_key ")).unwrap();
    assert_eq!(secret.len(), 43, "256 bits");
    assert_eq!(made.matches(secret).count(), 1, "the row has its hash alone");
    assert!(made.contains("[[secret_keys]]") && made.contains("hash = \"$argon2id$v=19$m=19456,t=2,p=1$"), "{made}");
    let demo = include_str!("../../connectors/seed/demo.toml");
    let check = |rows: &str| {
        let reference = file(&format!("{demo}{rows}"));
        ims(&["config", "check", "--set", &format!("reference.file={}", reference.path().display())])
    };
    // As it was told, comments and all.
    let checked = check(&made);
    assert_eq!(code(&checked), DONE, "{}", told(&checked));
    let third = check(&format!("{made}{}", made.replace("\"next\"", "\"third\"")));
    assert!(code(&third) == USAGE && told(&third).contains("\"hanbit-shop\" has 3 secret keys"), "{}", told(&third));
    let plain = check(&made.replace("$argon2id$", "$1$"));
    assert!(code(&plain) == USAGE && told(&plain).contains("`ims reference secret` makes one"), "{}", told(&plain));
    assert_eq!(code(&ims(&["reference", "secret", "a:b", "--name", "x"])), USAGE);
    assert_eq!(code(&ims(&["reference", "secret", "a", "--name", "x", "--scope", "all"])), USAGE);
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

/// A process that ends with its test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lines as they come.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (to, lines) = channel();
    std::thread::spawn(move || {
        BufReader::new(from).lines().map_while(Result::ok).for_each(|line| drop(to.send(line)));
    });
    lines
}

#[test]
fn the_demo_tells_what_it_has_found_before_it_serves() {
    let sets = ["--set", "admin.listen=127.0.0.1:0", "--set", "http.listen=127.0.0.1:0"];
    let mut demo = command(&["demo", "--serve", "--messages", "200"]);
    let mut demo = Served(demo.args(sets).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let (results, notes) = (lines(demo.0.stdout.take().unwrap()), lines(demo.0.stderr.take().unwrap()));
    let says = |of: &Receiver<String>, said: &str| {
        let next = || of.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("{said:?} is not said"));
        while !next().contains(said) {}
    };
    says(&notes, "serving until Ctrl-C: http://127.0.0.1:");
    says(&results, "The books balance");
    assert!(demo.0.try_wait().unwrap().is_none(), "it serves");
    let stop = Command::new("kill").args(["-TERM", &demo.0.id().to_string()]).status().unwrap();
    assert!(stop.success());
    assert_eq!(demo.0.wait().unwrap().code(), Some(DONE));
    let rest: Vec<String> = results.iter().collect();
    assert!(!rest.iter().any(|line| line.contains("books")), "told once: {rest:?}");
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

#[test]
fn no_port_is_opened_before_the_settings_of_vendors_are_right() {
    let (taken, folder) = (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), tempfile::tempdir().unwrap());
    let listen = format!("http.listen={}", taken.local_addr().unwrap());
    let memory = ["log.kind=memory", "state.kind=memory", "admin.listen=", &listen];
    let run = |more: &[&str]| {
        let sets = memory.iter().chain(more).flat_map(|set| ["--set", set]);
        let arguments: Vec<&str> = ["run", "--roles", "text,api"].into_iter().chain(sets).collect();
        let output = command(&arguments).current_dir(folder.path()).output().unwrap();
        assert_eq!(code(&output), USAGE, "{}", told(&output));
        told(&output)
    };
    assert!(run(&[]).contains("is in use"), "the door is what else is wrong");
    let refused = run(&["vendors.dealer.key_file=/nowhere/dealer.key"]);
    assert!(refused.contains("vendors.dealer.key_file") && !refused.contains("is in use"), "{refused}");
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

#[test]
fn the_configuration_that_the_environment_names_is_in_force_and_in_no_usage_line() {
    let file = file("[kafka]\npartitions = 7\n");
    let with = |arguments: &[&str]| command(arguments).env("IMS_CONFIG", file.path()).output().unwrap();
    let shown = with(&["config", "show"]);
    assert!(String::from_utf8(shown.stdout).unwrap().contains("partitions = 7"));
    let usage = told(&with(&["run", "--bogus"]));
    assert!(usage.contains("Usage: ims run") && !usage.contains("--config"), "{usage}");
}

#[test]
fn vendors_are_listed_though_no_process_tells_how_they_stand() {
    let output = ims(&["vendor", "list", "--json", "--set", "admin.listen=127.0.0.1:1"]);
    assert_eq!(code(&output), DONE, "{}", told(&output));
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(list[0]["name"].is_string() && list[0]["now"].is_null(), "{list}");
    assert!(told(&output).contains("how they stand now is not known"), "{}", told(&output));
}
