//! Help, README and printed tables say what the program does.

use super::shown;
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

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
fn help_teaches_every_command_with_examples_and_exit_codes() {
    let help = shown(&["--help"]);
    for exit in (0..=5).chain([130, 143]) {
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
    let document = include_str!("../../../docs/data-teams.md");
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
