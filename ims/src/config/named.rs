//! Tables whose keys are names, each a table of settings: [vendors.dealer], [simulator.vendors.talk-one]. The default has
//! none of them, so the type of the settings says which keys there are and of which kind.

use connectors::{simulator::Behaviour, vendors::VendorSettings};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// One of them.
pub struct Named {
    /// Where it stands.
    pub path: &'static str,
    /// What is wrong with the settings of one name; every key may be left out.
    refuses: fn(Table) -> Option<String>,
}

/// All of them.
pub const NAMED: [Named; 2] = [
    Named { path: "vendors", refuses: refuses::<VendorSettings> },
    Named { path: "simulator.vendors", refuses: refuses::<Behaviour> },
];

fn refuses<T: DeserializeOwned>(table: Table) -> Option<String> {
    table.try_into::<T>().err().map(|error| error.message().to_owned())
}

/// The one that a path is, or leads into.
pub fn at(path: &str) -> Option<&'static Named> {
    NAMED
        .iter()
        .find(|named| path.strip_prefix(named.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

impl Named {
    /// The value that a text means for the settings of one name: as TOML writes it, if its key takes that, or as it is.
    pub fn value(&self, keys: &[&str], text: &str) -> Value {
        let written = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
        let plain = Value::String(text.to_owned());
        let candidates = written.into_iter().chain([plain.clone()]);
        let fits = |value: &Value| self.told(keys, value).is_none_or(|told| is_half(&told));
        candidates.into_iter().find(fits).unwrap_or(plain)
    }

    /// Everything that is wrong in it, each with its whole key.
    pub fn mistakes(&self, table: &Table) -> Vec<String> {
        let mut found = Vec::new();
        for (name, settings) in table {
            let at = format!("{}.{name}", self.path);
            match settings {
                Value::Table(settings) => {
                    settings.iter().for_each(|(key, value)| self.look(&at, &mut vec![key], value, &mut found));
                }
                other => found.push(format!("{at} is a {}, it must be a table", other.type_str())),
            }
        }
        found
    }

    /// What is wrong below a key is told there, and here only what is wrong with all of it.
    fn look<'t>(&self, at: &str, keys: &mut Vec<&'t str>, value: &'t Value, found: &mut Vec<String>) {
        let Some(told) = self.told(keys, value) else { return };
        let before = found.len();
        if let Value::Table(below) = value {
            for (key, value) in below {
                keys.push(key);
                self.look(at, keys, value, found);
                keys.pop();
            }
        }
        // A key by itself may be half of what must stand together.
        if found.len() == before && (value.is_table() || !is_half(&told)) {
            found.push(in_words(&format!("{at}.{}", keys.join(".")), keys.last().unwrap_or(&""), &told));
        }
    }

    /// What is said of a value under these keys of one name.
    fn told(&self, keys: &[&str], value: &Value) -> Option<String> {
        let wrap = |value, key: &&str| Value::Table(Table::from_iter([((*key).to_owned(), value)]));
        match keys.iter().rev().fold(value.clone(), wrap) {
            Value::Table(table) => (self.refuses)(table),
            _ => None,
        }
    }
}

fn is_half(told: &str) -> bool {
    told.starts_with("missing field")
}

/// A key that there is not is told with the nearest that there is.
fn in_words(path: &str, key: &str, told: &str) -> String {
    let Some((_, known)) = told.strip_prefix("unknown field").and_then(|rest| rest.split_once("expected")) else {
        return format!("{path}: {told}");
    };
    let known = known.split('`').skip(1).step_by(2);
    match known.max_by(|a, b| strsim::jaro(a, key).total_cmp(&strsim::jaro(b, key))) {
        Some(nearest) => format!("there is no key {path}: did you mean {nearest:?}?"),
        None => format!("there is no key {path}"),
    }
}
