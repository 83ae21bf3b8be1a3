//! The command line: one binary, its commands, and what they share.

use crate::{
    commands::{
        analyze, bench, completions, config as config_command, consent, demo, health, ledger, migrate, openapi,
        reference, replay, report, run, schemas, send, simulate, suppression, topics, topology, user, vendor,
    },
    config::{self, Config},
    exit::{self, Exit, usage},
};
use clap::{ArgAction, Args, Parser, Subcommand};
use std::path::PathBuf;

/// IMS takes messages from many customers and delivers them over KakaoTalk, text, RCS, app push and email, then tells
/// each customer what became of every message. It is one program with many roles, chained by Kafka topics.
#[derive(Debug, Parser)]
#[command(name = "ims", version, propagate_version = true, max_term_width = 100)]
#[command(after_long_help = exit::help(EXAMPLES, &Exit::ALL), after_help = exit::help(EXAMPLES, &Exit::ALL))]
pub struct Cli {
    /// What every command understands.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "  ims config check                       is the configuration right?
  ims topics create                      make the topics on Kafka
  ims send requests.jsonl --lane MASS    send requests, one JSON object a line
  ims ledger                             prove that nothing was lost or doubled
  ims help send                          more about one command";

/// Each command, in the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(demo::Args),
    Run(run::Args),
    Health(health::Args),
    #[command(subcommand)]
    Topics(topics::Command),
    #[command(subcommand)]
    Schemas(schemas::Command),
    Migrate(migrate::Args),
    #[command(subcommand)]
    Reference(reference::Command),
    #[command(subcommand)]
    User(user::Command),
    #[command(subcommand)]
    Vendor(vendor::Command),
    #[command(subcommand)]
    Suppression(suppression::Command),
    #[command(subcommand)]
    Consent(consent::Command),
    Send(send::Args),
    Ledger(ledger::Args),
    #[command(subcommand)]
    Report(report::Command),
    Analyze(analyze::Args),
    Replay(replay::Args),
    Topology(topology::Args),
    Openapi(openapi::Args),
    Simulate(simulate::Args),
    #[command(subcommand)]
    Bench(bench::Command),
    #[command(subcommand)]
    Config(config_command::Command),
    Completions(completions::Args),
}

/// What every command understands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Configuration laid over the embedded default; `ims config show` prints the result. When left out, the file that the
    /// environment names: IMS_CONFIG.
    // Were it the parser's to look there, each usage line would show it as if it had to be given.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Sets one key, over file and environment; may be repeated.
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE", value_parser = key_and_value)]
    pub set: Vec<(String, String)>,
    /// Results as JSON on standard output, errors as {"error": …} on standard error.
    #[arg(long, global = true)]
    pub json: bool,
    /// More log lines: -v adds debug, -vv trace.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

impl Globals {
    /// The configuration in force: default, file, environment, `--set`.
    pub fn config(&self) -> anyhow::Result<Config> {
        let sets = self.set.iter().map(|(key, value)| (format!("--set {key}"), value.clone()));
        let of_environment = || std::env::var_os("IMS_CONFIG").filter(|file| !file.is_empty()).map(PathBuf::from);
        let file = self.config.clone().or_else(of_environment);
        Ok(config::load(file.as_deref(), environment()?.into_iter().chain(sets))?)
    }
}

/// Variables that are ours; those of others may hold what is no text.
fn environment() -> anyhow::Result<Vec<(String, String)>> {
    let ours = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with(config::VARIABLES))?;
        Some((name, value.into_string()))
    });
    ours.map(|(name, value)| match value {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(usage(format!("{name}: its value is no UTF-8"))),
    })
    .collect()
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let split = text.split_once('=').filter(|(key, _)| key.contains('.'));
    let (key, value) = split.ok_or("write section.key=value, for example kafka.partitions=3")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
