//! `ims vendor stopped` and `ims vendor let-go`: what vendors refuse, as a running process knows it.

use super::must_be_there;
use crate::{
    admin::{LET_GO, STOPPED},
    commands::running::answer,
    config::Config,
    exit::Exit,
    moment, output,
};
use anyhow::bail;
use serde_json::Value;

/// Lists them.
pub fn list(config: &Config, json: bool, vendor: Option<&str>) -> anyhow::Result<()> {
    let Value::Array(mut all) = answer(config, "GET", STOPPED, &["200"])?.1 else {
        bail!("the admin port answers no list");
    };
    all.retain(|stopped| vendor.is_none_or(|vendor| stopped["vendor"] == vendor));
    if let Some(vendor) = vendor.filter(|_| all.is_empty()) {
        must_be_there(config, vendor)?;
    }
    output::result(json, &all, || table(&all))
}

/// Lets some of it go.
pub fn let_go(config: &Config, json: bool, vendor: &str, name: Option<&str>) -> anyhow::Result<Exit> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("vendor", vendor);
    if let Some(name) = name {
        query.append_pair("name", name);
    }
    let (_, answer) = answer(config, "POST", &format!("{LET_GO}?{}", query.finish()), &["200"])?;
    if answer["let_go"] == 0 {
        must_be_there(config, vendor)?;
    }
    output::result(json, &answer, || format!("{} let go", answer["let_go"]))?;
    Ok(if answer["let_go"] == 0 { Exit::Failed } else { Exit::Done })
}

fn table(all: &[Value]) -> String {
    if all.is_empty() {
        return "nothing is refused".to_owned();
    }
    let word = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    let line = |stopped: &Value| {
        let since = stopped["since_ms"].as_i64().map_or_else(String::new, moment::iso);
        let ad = if stopped["ad"] == true { " (ads)" } else { "" };
        let [vendor, family, kind, name, code] =
            ["vendor", "family", "kind", "name", "code"].map(|field| word(&stopped[field]));
        format!("{vendor}  {family}{ad}  {kind} {name}  {code}  since {since}, {} kept back", stopped["kept_back"])
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}
