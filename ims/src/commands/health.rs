//! `ims health`: asks a running process whether it does its work.

use crate::{
    admin::READY,
    cli::Globals,
    commands::{running::answer, stands},
    exit::{self, Exit},
    output,
};
use clap::Args as ClapArgs;
use serde_json::Value;

/// Ask the `ims run` of this configuration whether every stream of it works, as its /health/ready says.
///
/// It listens at `[admin] listen`. Vendors that it does not reach, that let it not in or that are left alone are told with
/// the reason and how many messages wait for them; they leave it ready. Made for health checks of containers, which then need no other program.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away]))]
pub struct Args {}

const EXAMPLES: &str = "  ims health
  ims health --json --set admin.listen=127.0.0.1:29001      another process";

/// Runs the command.
pub fn run(_: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let (status, page) = answer(&globals.config()?, "GET", READY, &["200", "503"])?;
    output::result(globals.json, &page, || text(&page))?;
    Ok(if status == "200" { Exit::Done } else { Exit::Failed })
}

/// What does not work, and what it waits for.
fn text(page: &Value) -> String {
    let word = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    let streams = page["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
    let not_ready = streams.iter().filter(|stream| stream["state"] != "ready");
    let not_ready = not_ready.map(|stream| match (&stream["waits"], &stream["restored"]) {
        (Value::Null, Value::Null) => format!("{}: {}", word(&stream["name"]), word(&stream["state"])),
        (Value::Null, restored) => {
            format!("{}: restores its state, {} of {}", word(&stream["name"]), restored["done"], restored["of"])
        }
        (waits, _) => format!(
            "{}: waits for {} since {:.0} s: {}",
            word(&stream["name"]),
            word(&waits["dependency"]),
            waits["for_ms"].as_f64().unwrap_or_default() / 1e3,
            word(&waits["cause"]),
        ),
    });
    let lines: Vec<String> = not_ready.collect();
    let degraded = format!("{}{}", degraded(&page["degraded"]), stands::below(&page["vendors"]));
    match (page["ready"] == true, lines.is_empty()) {
        (true, _) => {
            let doubt =
                page["in_doubt"]["cause"].as_str().map_or(String::new(), |cause| format!("\n  in doubt: {cause}"));
            let old = page["old_reference"]["cause"].as_str();
            let old = old.map_or(String::new(), |cause| format!("\n  reference data of before: {cause}"));
            let refused: String = page["refused_groups"].as_array().into_iter().flatten().map(refused).collect();
            format!("ready: {} streams work{doubt}{old}{refused}{degraded}", streams.len())
        }
        (false, true) => "not ready: no stream has started yet".to_owned(),
        (false, false) => format!("not ready\n  {}{degraded}", lines.join("\n  ")),
    }
}

/// What goes on with less, if anything does.
fn degraded(lack: &Value) -> String {
    let Some(without) = lack["without"].as_object() else { return String::new() };
    let word = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    let uses = without.iter().map(|(of, what)| format!("\n    {of}: {}", word(what)));
    let seconds = lack["for_ms"].as_f64().unwrap_or_default() / 1e3;
    let (dependency, cause) = (word(&lack["dependency"]), word(&lack["cause"]));
    format!("\n  without {dependency} since {seconds:.0} s: {cause}{}", uses.collect::<String>())
}

fn refused(group: &Value) -> String {
    let word = |key: &str| group[key].as_str().unwrap_or_default();
    format!("\n  routing group {} without its topics: {}", word("group"), word("cause"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_does_not_work_is_told_with_what_it_waits_for() {
        let waits = json!({"dependency": "log", "cause": "no broker answers", "for_ms": 12_345});
        let page = json!({"ready": false, "streams": [
            {"name": "ingest-AUTH", "state": "waiting", "waits": waits},
            {"name": "router-AUTH", "state": "ready"},
            {"name": "outcome-MASS", "state": "restoring", "restored": {"done": 50_000, "of": 120_000}},
            {"name": "store", "state": "starting"},
        ]});
        let expected = "not ready\n  ingest-AUTH: waits for log since 12 s: no broker answers\n  \
                        outcome-MASS: restores its state, 50000 of 120000\n  store: starting";
        assert_eq!(text(&page), expected);
        assert_eq!(text(&json!({"ready": false, "streams": []})), "not ready: no stream has started yet");
        let ready = json!({"ready": true, "streams": [{"name": "a", "state": "ready"}]});
        assert_eq!(text(&ready), "ready: 1 streams work");
        let doubt = json!({"ready": true, "streams": [], "in_doubt": {"cause": "not all are known"}});
        assert_eq!(text(&doubt), "ready: 0 streams work\n  in doubt: not all are known");
        let without = json!({"pending reports": "not noted"});
        let lack = json!({"dependency": "redis", "cause": "refused", "for_ms": 7_400, "without": without});
        let degraded = json!({"ready": true, "streams": [], "degraded": lack});
        let expected = "ready: 0 streams work\n  without redis since 7 s: refused\n    pending reports: not noted";
        assert_eq!(text(&degraded), expected);
        let refused = json!({"ready": true, "streams": [], "refused_groups": [{"group": "VIP", "cause": "too few"}]});
        assert_eq!(text(&refused), "ready: 0 streams work\n  routing group VIP without its topics: too few");
        let vendors = json!([
            {"vendor": "up", "state": "well", "breaker": "closed", "in_flight": 0, "waiting": 2},
            {"vendor": "new", "state": "not_asked", "breaker": "closed", "in_flight": 0, "waiting": 0},
            {"vendor": "out", "state": "locked_out", "breaker": "open", "since_ms": 7, "why": "it refuses our key",
             "in_flight": 0, "waiting": 3},
        ]);
        let page = json!({"ready": true, "streams": [], "vendors": vendors});
        let expected = "ready: 0 streams work\n  vendor out: locked out since 1970-01-01T00:00:00.007Z, breaker open, \
                        3 wait: it refuses our key";
        assert_eq!(text(&page), expected);
    }
}
