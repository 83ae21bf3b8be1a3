//! `ims report`: what became of one message, and of the calls that told it.

mod calls;
mod show;
#[cfg(test)]
mod tests;

use crate::{
    admin::{READY, WAITS},
    assemble::open_reference,
    cli::Globals,
    commands::{running::answer, stands},
    config::{Config, StateKind},
    exit::{self, Exit, usage},
    logging,
    moment::iso,
    output,
    stores::{self, Stores},
};
use clap::Args as ClapArgs;
use connectors::{
    history::{HistoryReader, HistoryTable},
    pending::{PendingReports, RedisPending, ReportName},
    reports::{Found, ReportReader, ReportTable},
    sql::{Location, Schema, Table},
};
use schemas::{History, Report, TrackId};
use serde_json::Value;
use show::Shown;
use std::sync::Arc;

/// Reports of single messages, from the store.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Get(Args),
    Calls(calls::Args),
}

/// What became of one message: its report as the customer sees it, its steps, and what came after its end.
///
/// Reads the store of `[store]`, which the roles `reports` and `store` of `ims run` write; run it with their
/// configuration. A message_id belongs to a customer, so it needs --service-key or --username; of several messages that
/// used one id the newest is shown that was not refused as a duplicate, and the others are named.
///
/// Of a message that is not there it tells which vendor it waits for, when the `ims run` of this configuration
/// (`[admin] listen`) put it aside for one, and which vendors keep messages waiting.
///
/// With `[state] kind = "redis"` it also tells whether a callback that failed waits for its next call.
///
/// Texts are not shown, recipients only in part: this is for terminals and tickets. What is older than
/// `[store] retention_days` is gone.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped]))]
pub struct Args {
    #[command(flatten)]
    which: Which,
}

// No text of its own: it would stand for that of the command.
#[derive(Debug, ClapArgs)]
struct Which {
    /// The track_id; with --service-key or --username, the message_id.
    #[arg(value_name = "ID")]
    id: String,
    /// The service key with which the message_id was sent.
    #[arg(long, value_name = "KEY")]
    service_key: Option<String>,
    /// The customer whose message_id it is, whatever its service key.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
}

const EXAMPLES: &str = "  ims report get 01KKD87PHR0500R000005M4K00
  ims report get ORD-20260311-000123 --username hanbit-shop
  ims report get ORD-20260311-000123 --service-key IMSDEMO0SERVICEKEY0000000000000000000001 --json | jq .report.state";

/// Messages of one id that are looked at.
const MOST: u32 = 20;

/// Runs the command.
pub fn run(command: &Command, globals: &Globals) -> anyhow::Result<Exit> {
    match command {
        Command::Get(args) => get(args, globals),
        Command::Calls(args) => calls::run(args, globals),
    }
}

fn get(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    let wanted = Wanted::of(&args.which, &config)?;
    let stores = Stores::of(&config);
    let reports = stores.reports()?;
    must_stand(&ReportTable::SCHEMA, &reports)?;
    let mut found = wanted.look(&mut ReportReader::open(&reports)?)?.into_iter();
    let Some(first) = found.next() else {
        return Err(wanted.not_in(&reports, &config));
    };
    let steps = steps(&stores, &first.report.track_id)?;
    let pending = is_pending(&config, &first.report)?;
    let shown = Shown::new(&first, &steps, found.map(|found| found.report).collect(), pending);
    output::result(globals.json, &shown, || shown.text())?;
    Ok(Exit::Done)
}

/// The rows of history. They come by another topic, so they may be missing for a moment.
fn steps(stores: &Stores, track_id: &str) -> anyhow::Result<Vec<History>> {
    let history = stores.history()?;
    must_stand(&HistoryTable::SCHEMA, &history)?;
    Ok(HistoryReader::open(&history, Arc::new(stores.existing_cipher()?))?.steps(track_id)?)
}

/// Whether the message's callback waits for a further call, as far as Redis tells; None without one.
fn is_pending(config: &Config, report: &Report) -> anyhow::Result<Option<bool>> {
    if config.state.kind != StateKind::Redis {
        return Ok(None);
    }
    match RedisPending::new(stores::redis(&config.state)?).get(&ReportName::of(report)) {
        // Another message may have the name by now.
        Ok(json) => Ok(Some(json.is_some_and(|json| json.contains(&report.track_id)))),
        Err(away) => {
            tracing::warn!(%away, "whether a call is pending is not known");
            Ok(None)
        }
    }
}

/// Who only reads makes no store: one that is not there is that of another folder or configuration.
fn must_stand(schema: &Schema, location: &Location) -> anyhow::Result<()> {
    let pending = schema.check(location)?.pending;
    if pending.is_empty() {
        return Ok(());
    }
    Err(usage(format!(
        "{location} is no {} of this version: give the configuration with which `ims run` writes it ([store]); \
         `ims migrate` makes one",
        schema.name
    )))
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    TrackId(String),
    MessageId { id: String, username: String, service_key: Option<String> },
}

impl Wanted {
    fn of(which: &Which, config: &Config) -> anyhow::Result<Self> {
        let Which { id, service_key, username } = which;
        let username = match (service_key, username) {
            (None, None) => {
                let known = id.parse::<TrackId>().map(|id| Self::TrackId(id.to_string()));
                return known.map_err(|error| {
                    usage(format!("{error}: a message_id needs --service-key or --username, to tell whose it is"))
                });
            }
            (None, Some(username)) => username.clone(),
            (Some(key), username) => {
                let reference = open_reference(config)?;
                let reference = reference.current();
                let whose = reference.service_key(key).map(|(_, customer)| customer.username.clone());
                match (whose, username) {
                    (Some(whose), Some(username)) if whose != *username => {
                        return Err(usage(format!(
                            "--service-key is {whose}'s, not {username}'s: leave one of them out"
                        )));
                    }
                    (Some(whose), _) => whose,
                    // A key that was deleted is still that of its messages.
                    (None, Some(username)) => username.clone(),
                    (None, None) => {
                        return Err(usage(
                            "--service-key is not in the reference data ([reference] file): add --username",
                        ));
                    }
                }
            }
        };
        Ok(Self::MessageId { id: id.clone(), username, service_key: service_key.clone() })
    }

    /// What is known, what the id stands for first.
    fn look(&self, reader: &mut ReportReader) -> anyhow::Result<Vec<Found>> {
        Ok(match self {
            Self::TrackId(id) => reader.by_track_id(id)?.into_iter().collect(),
            Self::MessageId { id, username, service_key } => {
                reader.by_message_id(username, service_key.as_deref(), id, MOST)?
            }
        })
    }

    /// Why nothing is known, as far as a running process tells it.
    fn not_in(&self, reports: &Location, config: &Config) -> anyhow::Error {
        let asked = answer(config, "GET", &self.waits(), &["200"]);
        let waits = asked.as_ref().map_or(&Value::Null, |(_, waits)| waits);
        let page = answer(config, "GET", READY, &["200", "503"]);
        let vendors = page.as_ref().map_or(&Value::Null, |(_, page)| &page["vendors"]);
        anyhow::anyhow!(self.missing(&reports.to_string(), config.store.retention_days, waits, vendors))
    }

    /// The same, with what the process says that the message waits for, and how vendors stand there.
    fn missing(&self, reports: &str, days: u32, waits: &Value, vendors: &Value) -> String {
        let text = self.text();
        if let Some(vendor) = waits["vendor"].as_str() {
            let until = waits["due_ms"].as_i64().map_or_else(String::new, iso);
            let mut how = stands::hindered(vendors).filter(|line| line.starts_with(&format!("{vendor}: ")));
            let how = how.next().unwrap_or_else(|| format!("{vendor}: `ims vendor list` tells how it stands"));
            return format!("{text} waits for a vendor and tries again at {until}; {how}");
        }
        let hindered = stands::below(vendors);
        let waits = match hindered.is_empty() {
            true => "`ims health` tells what waits".to_owned(),
            false => format!("messages may wait for the vendors below{hindered}"),
        };
        format!(
            "{text} is not in {reports}: it is older than store.retention_days = {days}, never came, or was not decided \
             yet: {waits}"
        )
    }

    /// Where a running process tells what it waits for.
    fn waits(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        match self {
            Self::TrackId(id) => query.append_pair("id", id),
            Self::MessageId { id, username, .. } => query.append_pair("id", id).append_pair("username", username),
        };
        format!("{WAITS}?{}", query.finish())
    }

    fn text(&self) -> String {
        match self {
            Self::TrackId(id) => format!("track_id {id}"),
            Self::MessageId { id, username, .. } => format!("message_id {id} of {username}"),
        }
    }
}
