//! `ims config`: is it right, and what is in force.

use crate::{
    assemble,
    cli::Globals,
    config,
    exit::{self, Exit},
    findings, http, log, logging, output,
};
use serde_json::json;

/// Check or show the configuration.
///
/// The embedded default (documented key by key in ims.toml), over it your --config FILE, over it the environment
/// (IMS__SECTION__KEY), over it --set. A key that does not exist is refused with the nearest that does.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Tell everything that is wrong with the configuration, at once, and with the reference data that it names.
    ///
    /// What is right and nobody looks at, or is not enough to send anything, is told as advice.
    #[command(after_long_help = exit::help(CHECK, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped]))]
    Check,
    /// Print the configuration in force, secrets hidden.
    #[command(after_long_help = exit::help(SHOW, &[Exit::Done, Exit::Usage]))]
    Show,
    /// Print the embedded default, which documents every key.
    #[command(after_long_help = exit::help(DEFAULT, &[Exit::Done]))]
    Default,
}

const CHECK: &str = "  ims config check --config production.toml
  IMS__KAFKA__PARTITIONS=3 ims config check";
const SHOW: &str = "  ims config show --config production.toml
  ims config show --json --set kafka.partitions=3";
const DEFAULT: &str = "  ims config default > ims.toml";

/// Checks or shows.
pub fn run(command: &Command, globals: &Globals) -> anyhow::Result<Exit> {
    if matches!(command, Command::Default) {
        output::line(config::DEFAULT.trim_end())?;
        return Ok(Exit::Done);
    }
    let config = globals.config()?;
    logging::filter(&config.logs, globals.verbose)?;
    if matches!(command, Command::Check) {
        log::check(&config)?;
        let reference = assemble::open_reference(&config)?;
        let vendors = assemble::open_vendors(&config, reference.clone());
        http::check(&config)?;
        vendors.all_have_keys().map_err(|error| exit::usage(error.to_string()))?;
        let current = reference.current();
        let mut advice = findings::unused_settings(&config, &current);
        advice.extend(findings::lack(&config, &current));
        output::result(globals.json, &json!({"ok": true, "advice": advice}), || {
            let advice: String = advice.iter().map(|line| format!("\nadvice: {line}")).collect();
            format!("the configuration is right{advice}")
        })?;
    } else {
        let text = toml::to_string(&config)?;
        output::result(globals.json, &config, || text)?;
    }
    Ok(Exit::Done)
}
