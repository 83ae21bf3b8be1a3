//! `ims vendor stopped` and `ims vendor let-go`: what vendors refuse, as a running process knows it.

use crate::{
    admin::{LET_GO, STOPPED},
    commands::health::ask,
    config::Config,
    exit::{Exit, usage},
    moment, output,
};
use anyhow::{Context, bail};
use processors::ports::Away;
use serde_json::Value;

/// Lists them.
pub fn list(config: &Config, json: bool, vendor: Option<&str>) -> anyhow::Result<()> {
    let Value::Array(mut all) = answer(config, "GET", STOPPED)? else {
        bail!("the admin port answers no list");
    };
    all.retain(|stopped| vendor.is_none_or(|vendor| stopped["vendor"] == vendor));
    output::result(json, &all, || table(&all))
}

/// Lets some of it go.
pub fn let_go(config: &Config, json: bool, vendor: &str, name: Option<&str>) -> anyhow::Result<Exit> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("vendor", vendor);
    if let Some(name) = name {
        query.append_pair("name", name);
    }
    let answer = answer(config, "POST", &format!("{LET_GO}?{}", query.finish()))?;
    output::result(json, &answer, || format!("{} let go", answer["let_go"]))?;
    Ok(if answer["let_go"] == 0 { Exit::Failed } else { Exit::Done })
}

fn answer(config: &Config, method: &str, path: &str) -> anyhow::Result<Value> {
    let listen = &config.admin.listen;
    if listen.is_empty() {
        return Err(usage("admin.listen is empty: this process has no port that could be asked"));
    }
    let page = ask(listen, method, path)
        .map_err(|error| Away { dependency: "ims run", cause: format!("{listen}: {error}") })?;
    let (head, body) = page.split_once("\r\n\r\n").unwrap_or((&page, ""));
    if head.split(' ').nth(1) != Some("200") {
        bail!("{listen} (admin.listen) is no admin port of an ims that knows vendors: {:?}", head.lines().next());
    }
    serde_json::from_str(body).with_context(|| format!("what {listen} (admin.listen) answers"))
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
