//! Customers are told.

mod notes;
mod rests;
mod told;

use super::stage::{Endpoints, Stage, known, perfect};
use connectors::reference::{DEMO, FileReference};
use processors::{callback::Reply, ports::ReferenceSource};
use schemas::{
    AnalyzeLog, Callback, LogEvent, Report, Topic,
    examples::{self, seed},
};
use std::{collections::BTreeMap, time::Duration};

const SHOP: &str = "IMSDEMO0SERVICEKEY0000000000000000000001";
const BANK: &str = "IMSDEMO0SERVICEKEY0000000000000000000002";
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A chain whose shop and bank want to be called; what else the shop wants.
fn stage(shop: &str) -> Stage {
    on(wanted("shop", shop))
}

fn on(reference: impl ReferenceSource + 'static) -> Stage {
    Stage::knowing(reference, seed::NOW_MS, perfect())
}

/// What it knows, with the shop at this host.
fn wanted(host: &str, shop: &str) -> FileReference {
    let secret = format!("whsec_{}", "A".repeat(32));
    let with = |text: String, key: &str, host: &str, more: &str| {
        let line = format!("[[service_keys]]\nkey = \"{key}\"\n");
        assert!(text.contains(&line));
        let callback =
            format!("callback_uri = \"https://{host}.example/\"\ncallback_secrets = [\"{secret}\"]\n{more}\n");
        text.replace(&line, &format!("{line}{callback}"))
    };
    let text = with(with(DEMO.to_owned(), SHOP, host, shop), BANK, "bank", "");
    known(&text)
}

/// Ends so many messages of a service key, as outcome would.
fn end(stage: &Stage, service_key: &str, messages: usize) {
    for number in 0..messages {
        let track_id = format!("{}-{number:06}", &service_key[36..]);
        let report = Report { track_id, service_key: service_key.into(), ..examples::report() };
        stage.driver.append(Topic::report(report.channel), &report.track_id, &report).unwrap();
    }
}

fn status(status: u16) -> Reply {
    Reply::Status { status, retry_after: None }
}

fn asking(status: u16, seconds: &str) -> Reply {
    Reply::Status { status, retry_after: Some(seconds.into()) }
}

/// Seconds since the beginning at which calls came.
fn times(endpoints: &Endpoints) -> Vec<f64> {
    endpoints.calls().iter().map(|(at_ms, _)| (at_ms - seed::NOW_MS) as f64 / 1e3).collect()
}

/// What was recorded of calls: attempt and what came.
fn events(stage: &Stage) -> Vec<(i32, String)> {
    recorded(stage).into_iter().map(|event| (event.attempt, event.code)).collect()
}

fn recorded(stage: &Stage) -> Vec<AnalyzeLog> {
    let mut events: Vec<AnalyzeLog> = stage.driver.decoded([Topic::analyze_log()]).unwrap();
    events.retain(|event| event.event == LogEvent::Callback);
    events.sort_by_key(|event| (event.at, event.attempt));
    events
}

/// How often each message was told to whom it concerns, by host and webhook-id.
fn told(endpoints: &Endpoints) -> BTreeMap<(String, String), usize> {
    let mut told = BTreeMap::new();
    for (_, call) in endpoints.calls() {
        *told.entry((call.uri.host_str().unwrap().to_owned(), call.id)).or_insert(0) += 1;
    }
    told
}

/// Brings reports once more, as `ims replay` does.
fn replay(stage: &Stage, reports: Vec<Report>) {
    for report in reports {
        let track_id = report.track_id.clone();
        let callback = Callback { track_id, reports: vec![report], replay: "R1".into(), ..Callback::default() };
        stage.driver.append(Topic::callback(), &callback.track_id, &callback).unwrap();
    }
}
