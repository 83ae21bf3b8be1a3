//! `ims report calls`: every call of the customer's endpoint for one message.

use super::{Wanted, Which, must_stand};
use crate::{
    calls::CallTold,
    cli::Globals,
    config::Config,
    exit::{self, Exit},
    logging, output,
    stores::{AnalysisStore, Stores},
};
use clap::Args as ClapArgs;
use comfy_table::{Table, presets};
use connectors::{
    reports::{ReportReader, ReportTable},
    sql::Table as _,
};
use serde::Serialize;

/// Every call of the customer's endpoint for one message: when, where to, what it answered, and what followed.
///
/// Reads what the analyzer has stored, as `analysis.kind` says where; a call is there within a second of its end while the
/// analyzer keeps up. A message_id is looked up in the store of `[store]` first. Of an endpoint scheme, host and port are
/// shown: its path may hold a token.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped]))]
pub struct Args {
    #[command(flatten)]
    which: Which,
}

const EXAMPLES: &str = "  ims report calls 01KKD87PHR0500R000005M4K00
  ims report calls ORD-20260311-000123 --username hanbit-shop
  ims report calls 01KKD87PHR0500R000005M4K00 --json | jq '.calls[] | select(.outcome != \"told\")'";

/// The calls of a message.
#[derive(Debug, Serialize)]
struct Shown {
    track_id: String,
    calls: Vec<CallTold>,
}

/// Asks and tells.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    let track_id = track_id(Wanted::of(&args.which, &config)?, &config)?;
    let store = AnalysisStore::of(&config)?;
    store.must_fit()?;
    let calls = store.reader()?.calls(&track_id)?;
    let shown = Shown { track_id, calls: calls.into_iter().map(CallTold::from).collect() };
    output::result(globals.json, &shown, || shown.text())?;
    Ok(Exit::Done)
}

fn track_id(wanted: Wanted, config: &Config) -> anyhow::Result<String> {
    if let Wanted::TrackId(id) = wanted {
        return Ok(id);
    }
    let reports = Stores::of(config).reports()?;
    must_stand(&ReportTable::SCHEMA, &reports)?;
    let first = wanted.look(&mut ReportReader::open(&reports)?)?.into_iter().next();
    let found = first.ok_or_else(|| wanted.not_in(&reports, config))?;
    Ok(found.report.track_id)
}

impl Shown {
    fn text(&self) -> String {
        if self.calls.is_empty() {
            return format!(
                "{}: no call is recorded: it has not ended, or its service key has no callback_uri, or one that answered 410 or \
                 rests; `ims report get` shows its report",
                self.track_id
            );
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header(["ended", "call", "endpoint", "answer", "ms", "outcome", "next", "replay"]);
        for call in &self.calls {
            let answer = call.status.map(|status| status.to_string()).or_else(|| call.failure.clone());
            table.add_row([
                call.at.clone(),
                call.attempt.to_string(),
                call.endpoint.clone().unwrap_or_default(),
                answer.unwrap_or_default(),
                call.took_ms.map_or(String::new(), |ms| ms.to_string()),
                call.outcome.clone(),
                call.next_at.clone().unwrap_or_default(),
                call.replay.clone().unwrap_or_default(),
            ]);
        }
        format!("{}\n{table}", self.track_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connectors::analysis::Call;

    #[test]
    fn each_call_is_a_line_and_all_of_it_is_json() {
        let call = Call {
            endpoint: "https://shop.example".into(),
            attempt: 2,
            code: "503".into(),
            sent_at: Some(1_773_192_600_000),
            at: 1_773_192_600_120,
            outcome: "again".into(),
            next_at: Some(1_773_192_780_120),
            ..Call::default()
        };
        let lost = Call { code: "lost".into(), sent_at: None, endpoint: String::new(), ..call.clone() };
        let calls = vec![CallTold::from(call), CallTold::from(lost)];
        let shown = Shown { track_id: "T".into(), calls };
        let text = shown.text();
        for part in ["2026-03-11T01:30:00.120Z", "https://shop.example", "503", "120", "again", "01:33:00.120Z", "lost"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!((&json["calls"][0]["status"], &json["calls"][0]["failure"]), (&503.into(), &().into()));
        assert_eq!((&json["calls"][1]["status"], &json["calls"][1]["failure"]), (&().into(), &"lost".into()));
        assert_eq!((&json["calls"][1]["took_ms"], &json["calls"][1]["endpoint"]), (&().into(), &().into()));
        let none = Shown { track_id: "T".into(), calls: vec![] };
        assert!(none.text().contains("no call is recorded"));
    }
}
