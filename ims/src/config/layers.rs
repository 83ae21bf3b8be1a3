//! Lays file and environment over the default, and refuses keys that the default does not have.

use super::{
    Config,
    named::{self, NAMED},
};
use std::path::Path;
use toml::{Table, Value};

/// The default configuration, which documents every key.
pub const DEFAULT: &str = include_str!("../../ims.toml");

/// Tables that take any key: they are handed on as they are.
const OPEN_TABLES: &[&str] = &[
    "kafka.properties",
    "simulator.vendors",
    "simulator.every_vendor.codes",
    "simulator.every_vendor.receipts.codes",
    "vendors",
];

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("configuration refused:\n  {}", .0.join("\n  "))]
pub struct ConfigErrors(pub Vec<String>);

/// The configuration in force. `overrides` gives name and value of each variable of the environment, then of each
/// `--set section.key`; later ones win.
pub fn load(
    file: Option<&Path>,
    overrides: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigErrors> {
    let one = |e: String| ConfigErrors(vec![e]);
    let mut table: Table = DEFAULT.parse().map_err(|e| one(format!("the embedded default: {e}")))?;
    let mut errors = Vec::new();
    if let Some(path) = file {
        let shown = path.display();
        let text =
            std::fs::read_to_string(path).map_err(|e| one(format!("{shown}: {e}: name a file that can be read")))?;
        let layer: Table = text.parse().map_err(|e| one(format!("{shown}: {e}")))?;
        lay(&mut table, layer, "", &shown.to_string(), &mut errors);
    }
    for (name, value) in overrides {
        let Some(keys) = keys_of(&name) else { continue };
        set(&mut table, &keys, &value, &name, &mut errors);
    }
    for of in &NAMED {
        errors.extend(below(&table, of.path).map(|table| of.mistakes(table)).unwrap_or_default());
    }
    if !errors.is_empty() {
        return Err(ConfigErrors(errors));
    }
    let config: Config = table.try_into().map_err(|e: toml::de::Error| one(e.message().to_owned()))?;
    let wrong = config.mistakes();
    if wrong.is_empty() { Ok(config) } else { Err(ConfigErrors(wrong)) }
}

/// How a variable of the environment begins that sets a key.
pub const VARIABLES: &str = "IMS__";

/// The keys that a name stands for: `IMS__SECTION__KEY` or `--set section.key`. Other names are none of ours.
fn keys_of(name: &str) -> Option<Vec<String>> {
    if let Some(path) = name.strip_prefix(VARIABLES) {
        return Some(path.split("__").map(str::to_lowercase).collect());
    }
    let path = name.strip_prefix("--set ")?;
    // The key of an open table is whole, dots included: kafka.properties.sasl.mechanism, a vendor's codes.
    let open = OPEN_TABLES.iter().filter(|table| NAMED.iter().all(|named| named.path != **table));
    let open = open.into_iter().find_map(|table| Some((*table, path.strip_prefix(table)?.strip_prefix('.')?)));
    let of_named = || named::at(path).and_then(|_| path.split_once(CODES));
    match (open, of_named()) {
        (Some((table, last)), _) => Some(table.split('.').chain([last]).map(str::to_owned).collect()),
        (None, Some((table, code))) => Some(table.split('.').chain(["codes", code]).map(str::to_owned).collect()),
        (None, None) => Some(path.split('.').map(str::to_owned).collect()),
    }
}

/// Before a code of a vendor that is simulated.
const CODES: &str = ".codes.";

/// The table at a path.
fn below<'t>(table: &'t Table, path: &str) -> Option<&'t Table> {
    path.split('.').try_fold(table, |table, key| table.get(key)?.as_table())
}

fn lay(under: &mut Table, over: Table, prefix: &str, from: &str, errors: &mut Vec<String>) {
    for (key, value) in over {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => lay(under, over, &path, from, errors),
            (Some(known), value) if same_kind(known, &value) => *known = value,
            (Some(known), value) => {
                errors.push(format!("{from}: {path} is a {}, it must be a {}", value.type_str(), known.type_str()));
            }
            (None, value) if OPEN_TABLES.contains(&prefix) => {
                under.insert(key, value);
            }
            (None, _) => errors.push(unknown(under, &path, &key, from)),
        }
    }
}

fn same_kind(known: &Value, value: &Value) -> bool {
    known.same_type(value) || matches!((known, value), (Value::Float(_), Value::Integer(_)))
}

/// Sets one key from text, which takes the kind that the default has.
fn set(table: &mut Table, keys: &[String], text: &str, name: &str, errors: &mut Vec<String>) {
    let Some((last, parents)) = keys.split_last() else { return };
    let mut at = table;
    let mut path = String::new();
    for key in parents {
        if named::at(&path).is_some() && !at.contains_key(key) {
            at.insert(key.clone(), Value::Table(Table::new()));
        }
        path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if !matches!(at.get(key), Some(Value::Table(_))) {
            errors.push(unknown(at, &path, key, name));
            return;
        }
        let Some(Value::Table(next)) = at.get_mut(key) else { return };
        at = next;
    }
    if let Some(of) = named::at(&path).filter(|of| path != of.path) {
        // The type of the settings says which keys there are, and of which kind.
        let below: Vec<&str> = keys.iter().skip(of.path.split('.').count() + 1).map(String::as_str).collect();
        at.insert(last.clone(), of.value(&below, text));
        return;
    }
    let open = OPEN_TABLES.contains(&path.as_str());
    let kind = match at.get(last) {
        Some(known) => known.clone(),
        None if open && path.ends_with(".codes") => Value::Float(0.0),
        // librdkafka's properties have dots, environment names cannot: SASL_MECHANISM is sasl.mechanism.
        None if open => {
            at.insert(last.replace('_', "."), Value::String(text.to_owned()));
            return;
        }
        None => {
            errors.push(unknown(at, &format!("{path}.{last}"), last, name));
            return;
        }
    };
    let value = match kind {
        Value::Integer(_) => text.parse().map(Value::Integer).ok(),
        Value::Float(_) => text.parse().map(Value::Float).ok(),
        Value::Boolean(_) => text.parse().map(Value::Boolean).ok(),
        // As TOML writes it: ["10.20.0.0/16", "fd12::/48"].
        Value::Array(_) => format!("list = {text}")
            .parse::<Table>()
            .ok()
            .and_then(|mut list| list.remove("list"))
            .filter(Value::is_array),
        Value::Table(_) => {
            errors.push(format!("{name} is a table: set its keys, each by itself"));
            return;
        }
        _ => Some(Value::String(text.to_owned())),
    };
    match value {
        Some(value) => drop(at.insert(last.clone(), value)),
        None => errors.push(format!("{name}: what it holds is no {}", kind.type_str())),
    }
}

fn unknown(table: &Table, path: &str, key: &str, from: &str) -> String {
    let nearest = table.keys().max_by(|a, b| strsim::jaro(a, key).total_cmp(&strsim::jaro(b, key)));
    match nearest {
        Some(nearest) => format!("{from}: there is no key {path}: did you mean {nearest:?}?"),
        None => format!("{from}: there is no key {path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connectors::simulator::Outage;
    use std::io::Write;

    fn loaded(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        load(Some(file.path()), environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn the_default_is_a_configuration() {
        assert_eq!(load(None, []).unwrap().kafka.partitions, 20);
    }

    /// 9998 is promised within a second; a fifth of it is for the way of request and answer.
    #[test]
    fn a_second_has_room_for_the_answer_that_nothing_was_acknowledged() {
        assert!(load(None, []).unwrap().http.acknowledged_within_ms <= 1_000 - 200);
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let config = loaded("[kafka]\npartitions = 3\n", &[("IMS__KAFKA__PARTITIONS", "5"), ("HOME", "/")]).unwrap();
        assert_eq!(config.kafka.partitions, 5);
    }

    #[test]
    fn the_command_line_wins_over_the_environment() {
        let config = loaded(
            "",
            &[
                ("IMS__KAFKA__PARTITIONS", "5"),
                ("--set kafka.partitions", "7"),
                ("--set kafka.properties.sasl.mechanism", "PLAIN"),
            ],
        )
        .unwrap();
        assert_eq!(config.kafka.partitions, 7);
        assert_eq!(config.kafka.properties["sasl.mechanism"], "PLAIN");
        let errors = loaded("", &[("--set kafka.partitons", "7")]).unwrap_err().to_string();
        assert!(errors.contains("--set kafka.partitons") && errors.contains("\"partitions\""), "{errors}");
    }

    #[test]
    fn properties_of_librdkafka_pass_through() {
        let config = loaded(
            "[kafka.properties]\n\"ssl.ca.location\" = \"ca.pem\"\n",
            &[("IMS__KAFKA__PROPERTIES__SECURITY_PROTOCOL", "sasl_ssl")],
        );
        let properties = config.unwrap().kafka.properties;
        assert_eq!(properties["ssl.ca.location"], "ca.pem");
        assert_eq!(properties["security.protocol"], "sasl_ssl");
    }

    #[test]
    fn a_vendors_key_file_is_named_in_a_file_the_environment_or_on_the_command_line() {
        let config = loaded(
            "[vendors.dealer]\nkey_file = \"a.key\"\npoll_ms = 500\n",
            &[
                ("IMS__VENDORS__DEALER__KEY_FILE", "b.key"),
                ("IMS__VENDORS__OTHER__CONNECT_MS", "700"),
                ("--set vendors.dealer-two.key_file", "c.key"),
                ("--set vendors.relay.smtp.hello", "ims.example.kr"),
                ("IMS__VENDORS__RELAY__SMTP__PLAINTEXT", "true"),
            ],
        );
        let vendors = config.unwrap().vendors;
        assert_eq!((vendors["dealer"].key_file.to_str(), vendors["dealer"].poll_ms), (Some("b.key"), 500));
        assert_eq!((vendors["other"].connect_ms, vendors["other"].poll_ms), (700, 2_000));
        assert_eq!(vendors["dealer-two"].key_file.to_str(), Some("c.key"));
        let smtp = vendors["relay"].smtp.as_ref().unwrap();
        assert_eq!((smtp.hello.as_str(), smtp.plaintext), ("ims.example.kr", true));
        let wrong = loaded("[vendors.dealer]\nkey = \"geheim\"\n", &[]).unwrap_err().to_string();
        assert!(wrong.contains("key_file") && !wrong.contains("geheim"), "{wrong}");
    }

    #[test]
    fn a_simulated_vendor_has_a_behaviour_of_its_own_on_the_command_line_and_in_the_environment() {
        let config = loaded(
            "[simulator.vendors.slow]\nlatency_ms = { median = 900.0, p99 = 1000.0 }\n",
            &[
                ("IMS__SIMULATOR__VENDORS__FAST__NO_ANSWER_SHARE", "0.25"),
                ("--set simulator.vendors.talk-one.latency_ms.median", "5"),
                ("--set simulator.vendors.talk-one.latency_ms.p99", "7.5"),
                ("--set simulator.vendors.talk-one.codes.common.A401", "1"),
                ("--set simulator.vendors.talk-one.receipts.codes.3.1", "0.5"),
                ("--set simulator.vendors.slow.outage", "silent"),
                ("--set simulator.every_vendor.codes.3018", "1"),
                ("--set simulator.every_vendor.receipts.codes.rcs_1", "0.5"),
            ],
        );
        let simulator = config.unwrap().simulator;
        let every = simulator.every_vendor;
        assert_eq!((every.codes["3018"], every.receipts.codes["rcs_1"]), (1.0, 0.5));
        let vendors = simulator.vendors;
        assert_eq!(vendors["fast"].no_answer_share, 0.25);
        let talk = &vendors["talk-one"];
        assert_eq!((talk.latency_ms.median, talk.latency_ms.p99), (5.0, 7.5));
        assert_eq!((talk.codes["common.A401"], talk.receipts.codes["3.1"]), (1.0, 0.5));
        assert_eq!((vendors["slow"].latency_ms.median, vendors["slow"].outage), (900.0, Outage::Silent));
    }

    #[test]
    fn text_that_is_no_weight_or_stands_for_a_table_is_told_with_its_key() {
        let set = [("--set simulator.every_vendor.codes.3018", "often"), ("--set simulator.every_vendor.codes", "1")];
        let told = loaded("", &set).unwrap_err().to_string();
        assert!(told.contains("--set simulator.every_vendor.codes.3018: what it holds is no float"), "{told}");
        assert!(told.contains("--set simulator.every_vendor.codes is a table: set its keys"), "{told}");
    }

    #[test]
    fn text_for_a_vendor_is_of_the_kind_that_its_key_takes() {
        let set = [("--set vendors.carrier.smpp.system_id", "12345"), ("--set vendors.carrier.connect_ms", "700")];
        let carrier = &loaded("", &set).unwrap().vendors["carrier"];
        assert_eq!((carrier.smpp.as_ref().unwrap().system_id.as_str(), carrier.connect_ms), ("12345", 700));
    }

    #[test]
    fn every_mistake_of_every_named_vendor_is_told_at_once_with_its_section_and_key() {
        let errors = loaded(
            "[vendors.dealer]\nkey_fil = \"k\"\nconnect_ms = \"soon\"\n[vendors.relay.smtp]\nhelo = \"a\"\nuser = 5\n\
             [simulator.vendors.slow]\nlatency_ms = { median = 1.0 }\noutage = \"total\"\n[kafka]\npartitons = 3\n",
            &[("--set vendors.dealer.pol_ms", "5")],
        );
        let told = errors.unwrap_err().to_string();
        for part in [
            "there is no key vendors.dealer.key_fil: did you mean \"key_file\"?",
            "vendors.dealer.connect_ms: invalid type",
            "there is no key vendors.dealer.pol_ms: did you mean \"poll_ms\"?",
            "there is no key vendors.relay.smtp.helo: did you mean \"hello\"?",
            "vendors.relay.smtp.user: invalid type",
            "simulator.vendors.slow.latency_ms: missing field `p99`",
            "simulator.vendors.slow.outage: unknown variant `total`",
            "kafka.partitons",
        ] {
            assert!(told.contains(part), "{part} is missing in {told}");
        }
        assert_eq!(told.lines().count(), 1 + 8, "{told}");
    }

    #[test]
    fn every_mistake_is_told_at_once_with_the_nearest_key() {
        let errors =
            loaded("[kafka]\npartitons = 3\nreplication_factor = \"x\"\n[kavka]\n", &[("IMS__LOG__KINT", "memory")]);
        let text = errors.unwrap_err().to_string();
        for part in [
            "kafka.partitons",
            "did you mean \"partitions\"",
            "must be a integer",
            "kavka",
            "IMS__LOG__KINT",
            "\"kind\"",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn stores_that_are_no_files_are_refused() {
        let wrong = loaded("[log]\nkind = \"memory\"\n[store]\nfile = \":memory:\"\n", &[]).unwrap_err().to_string();
        assert!(wrong.contains("store.file = \":memory:\" is no file"), "{wrong}");
    }

    #[test]
    fn memory_state_with_a_kafka_log_is_refused() {
        let errors = loaded("[state]\nkind = \"memory\"\n", &[]).unwrap_err().to_string();
        assert!(errors.contains("state.kind") && errors.contains("sqlite"), "{errors}");
    }

    #[test]
    fn redis_as_state_is_checked_and_its_passwords_are_never_printed() {
        let kind = "[state]\nkind = \"redis\"\n";
        let urls = "redis://ims:geheim@a:6379,redis://ims:geheim@b:6379";
        let config = loaded(kind, &[("IMS__STATE__URL", urls)]).unwrap();
        let shown = toml::to_string(&config).unwrap();
        assert!(shown.contains("redis://…@a:6379,redis://…@b:6379") && !shown.contains("geheim"), "{shown}");
        assert!(!format!("{config:?}").contains("geheim"));
        let refused = |text: &str, key: &str, value: &str| {
            let errors = loaded(text, &[("IMS__STATE__URL", urls), (key, value)]).unwrap_err().to_string();
            assert!(!errors.contains("geheim"), "{errors}");
            errors
        };
        assert!(refused(kind, "IMS__STATE__URL", "").contains("state.url: an address is missing"));
        assert!(refused(kind, "IMS__STATE__URL", "mysql://:geheim@a").contains("redis:// nor rediss://"));
        assert!(refused(kind, "IMS__STATE__CA_FILE", "ca.pem").contains("write rediss://"));
        assert!(refused(kind, "IMS__STATE__TIMEOUT_MS", "0").contains("state.timeout_ms"));
        assert!(refused("", "IMS__STATE__KIND", "sqlite").contains("set state.kind = \"redis\""));
    }

    #[test]
    fn mongodb_as_analysis_is_checked_and_its_password_is_never_printed() {
        let url = "mongodb://ims:hush@db1:27017,db2:27017/?replicaSet=rs0";
        let with = |url: &str, more: &[(&str, &str)]| {
            let variables = [("IMS__ANALYSIS__KIND", "mongodb"), ("IMS__ANALYSIS__URL", url)];
            let all = variables.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            load(None, all.collect::<Vec<_>>())
        };
        let config = with(url, &[]).unwrap();
        for shown in [format!("{config:?}"), toml::to_string(&config).unwrap()] {
            assert!(shown.contains("mongodb://…@db1:27017,db2:27017") && !shown.contains("hush"), "{shown}");
        }
        let wrong = |url: &str, more: &[(&str, &str)], told: &str| {
            let error = with(url, more).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("hush"), "{error}");
        };
        wrong("", &[], "analysis.url");
        wrong("mongodb://ims:hush@db1/", &[], "replicaSet is missing");
        wrong(url, &[("IMS__ANALYSIS__DATABASE", "a.b")], "analysis.database");
        wrong(url, &[("IMS__ANALYSIS__KIND", "sqlite")], "set analysis.kind = \"mongodb\"");
    }

    #[test]
    fn a_server_as_store_needs_a_shared_key_and_its_password_is_never_printed() {
        let url = "[store]\nurl = \"mysql://ims:geheim@db:3306/ims\"\n";
        let errors = loaded(url, &[]).unwrap_err().to_string();
        assert!(errors.contains("store.key_file") && errors.contains("openssl rand -hex 32"), "{errors}");
        let config = loaded(url, &[("IMS__STORE__KEY_FILE", "store.key")]).unwrap();
        let shown = toml::to_string(&config).unwrap();
        assert!(shown.contains("mysql://…@db:3306/ims") && !shown.contains("geheim"), "{shown}");
        assert!(!format!("{config:?}").contains("geheim"));
        for bad in ["postgres://ims:geheim@db/ims", "mysql://ims:geheim@db:3306"] {
            let errors =
                loaded("", &[("IMS__STORE__URL", bad), ("IMS__STORE__KEY_FILE", "k")]).unwrap_err().to_string();
            assert!(errors.contains("store.url") && !errors.contains("geheim"), "{errors}");
        }
    }

    #[test]
    fn rows_that_may_still_change_cannot_be_deleted() {
        let errors = loaded("[store]\nretention_days = 64\n", &[]).unwrap_err().to_string();
        assert!(errors.contains("store.retention_days must be at least 65"), "{errors}");
        assert_eq!(loaded("[store]\nretention_days = 0\n", &[]).unwrap().store.retention_days, 0);
    }

    #[test]
    fn an_origin_is_written_as_a_browser_writes_it() {
        let told = |origin: &str| loaded(&format!("[http]\ncors_origins = [\"{origin}\"]\n"), &[]);
        for origin in ["https://admin.example", "http://127.0.0.1:8080", "https://[::1]:8443"] {
            assert!(told(origin).is_ok(), "{origin}");
        }
        for origin in [
            "*",
            "null",
            "admin.example",
            "https://admin.example/",
            "https://admin.example:443",
            "https://ADMIN.example",
            "https://*.example",
            "https://a@admin.example",
            "ftp://admin.example",
            "file:///a",
        ] {
            assert!(told(origin).unwrap_err().to_string().contains("http.cors_origins"), "{origin}");
        }
    }

    #[test]
    fn tls_takes_two_files_and_an_authority_is_for_https() {
        let told = |text: &str| loaded(text, &[]).unwrap_err().to_string();
        for section in ["http", "webhooks"] {
            let together = format!("{section}.certificate_file and {section}.key_file belong together");
            assert!(told(&format!("[{section}]\nkey_file = \"a\"\n")).contains(&together));
            loaded(&format!("[{section}]\nkey_file = \"a\"\ncertificate_file = \"b\"\n"), &[]).unwrap();
        }
        let gateway =
            |url: &str| format!("[gateway]\nca_file = \"a\"\nupstreams = [{{ path = \"/\", urls = [\"{url}\"] }}]\n");
        assert!(told(&gateway("http://a:1")).contains("write https:// in gateway.upstreams"));
        assert!(told(&gateway("ftp://a:1")).contains("write http://host:port or https://host:port"));
        assert!(loaded(&gateway("https://a:1"), &[]).unwrap().gateway.has_tls());
    }

    #[test]
    fn a_change_of_law_is_a_row_and_notices_go_out_by_day() {
        let window = |from: &str, until: &str| format!("{{ from = \"{from}\", until = \"{until}\" }}");
        let row = |since: &str, from, until, years: u8| {
            let night = format!("{{ kakao = {0}, others = {0} }}", window(from, until));
            format!("{{ since = \"{since}\", night = {night}, notice_years = {years} }}")
        };
        let law = |rows: &[String], hour: u8| {
            loaded(&format!("[ads]\nlaw = [{}]\nnotice_hour = {hour}\n", rows.join(", ")), &[])
        };
        let old = row("2014-11-29", "21:00:00", "08:00:00", 2);
        let new = row("2030-01-01", "20:00:00", "09:00:00", 1);
        assert_eq!(law(&[old.clone(), new.clone()], 10).unwrap().ads.law.len(), 2);
        let told = |rows: &[String], hour| law(rows, hour).unwrap_err().to_string();
        assert!(told(std::slice::from_ref(&old), 7).contains("ads.notice_hour"), "before eight");
        assert!(
            told(std::slice::from_ref(&old), 21).contains("ads.notice_hour")
                && told(std::slice::from_ref(&old), 24).contains("ads.notice_hour")
        );
        assert!(told(&[old.clone(), new], 8).contains("ads.notice_hour"), "by night as the law will stand");
        assert!(told(&[old.clone(), old], 10).contains("ads.law: two rows start on 2014-11-29"));
    }

    #[test]
    fn a_list_is_read_from_one_variable_and_networks_are_checked() {
        let allowed = |text| loaded("", &[("IMS__CALLBACK__ALLOW_NETWORKS", text)]);
        let networks = allowed(r#"["10.20.0.0/16", "fd12::/48"]"#).unwrap().callback.allow_networks;
        assert_eq!(networks, ["10.20.0.0/16".parse().unwrap(), "fd12::/48".parse().unwrap()]);
        assert!(allowed("10.20.0.0/16").unwrap_err().to_string().contains("array"));
        assert!(allowed(r#"["10.20.0.0/99"]"#).is_err());
        let none = loaded("callback = { in_flight = 0 }", &[]).unwrap_err().to_string();
        assert!(none.contains("callback.timeout_ms, in_flight and endpoint_in_flight must be above 0"), "{none}");
    }
}
