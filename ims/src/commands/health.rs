//! `ims health`: asks a running process whether it does its work.

use crate::{
    cli::Globals,
    exit::{self, Exit, usage},
    output,
};
use anyhow::{Context, bail};
use clap::Args as ClapArgs;
use processors::ports::Away;
use serde_json::Value;
use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

/// Ask the `ims run` of this configuration whether every stream of it works, as its /health/ready says.
///
/// It listens at `[admin] listen`. Made for health checks of containers, which then need no other program.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away]))]
pub struct Args {}

const EXAMPLES: &str = "  ims health
  ims health --json --set admin.listen=127.0.0.1:29001      another process";

/// A process that is alive answers at once, whatever its streams wait for.
const PATIENCE: Duration = Duration::from_secs(3);
/// More than any page of ours.
const LONGEST_PAGE: u64 = 1 << 20;

/// Runs the command.
pub fn run(_: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let listen = globals.config()?.admin.listen;
    if listen.is_empty() {
        return Err(usage("admin.listen is empty: this process has no port that could be asked"));
    }
    let page = ask(&listen, "GET", "/health/ready")
        .map_err(|error| Away { dependency: "ims run", cause: format!("{listen}: {error}") })?;
    let (head, body) = page.split_once("\r\n\r\n").unwrap_or((&page, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    if !matches!(status, "200" | "503") {
        bail!("{listen} (admin.listen) is no admin port of ims: it answers {status:?}");
    }
    let page: Value = serde_json::from_str(body).with_context(|| format!("what {listen} (admin.listen) answers"))?;
    output::result(globals.json, &page, || text(&page))?;
    Ok(if status == "200" { Exit::Done } else { Exit::Failed })
}

/// A page of an admin port, with its head.
pub fn ask(listen: &str, method: &str, path: &str) -> io::Result<String> {
    let address = listen.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // HTTP/1.0: the answer comes in one piece and ends with the connection.
    stream.write_all(format!("{method} {path} HTTP/1.0\r\nHost: {listen}\r\n\r\n").as_bytes())?;
    let mut page = String::new();
    stream.take(LONGEST_PAGE).read_to_string(&mut page)?;
    Ok(page)
}

/// What does not work, and what it waits for.
fn text(page: &Value) -> String {
    let word = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    let streams = page["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
    let not_ready = streams.iter().filter(|stream| stream["state"] != "ready").map(|stream| match &stream["waits"] {
        Value::Null => format!("{}: {}", word(&stream["name"]), word(&stream["state"])),
        waits => format!(
            "{}: waits for {} since {:.0} s: {}",
            word(&stream["name"]),
            word(&waits["dependency"]),
            waits["for_ms"].as_f64().unwrap_or_default() / 1e3,
            word(&waits["cause"]),
        ),
    });
    let lines: Vec<String> = not_ready.collect();
    let degraded = degraded(&page["degraded"]);
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
            {"name": "store", "state": "starting"},
        ]});
        let expected = "not ready\n  ingest-AUTH: waits for log since 12 s: no broker answers\n  store: starting";
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
    }
}
