//! Logs to standard error: text for people, JSON lines for collectors.

use crate::{
    config::{LogFormat, Logs},
    exit::usage,
};
use std::io::{self, IsTerminal};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// Starts logging for the whole process.
pub fn start(logs: &Logs, verbose: u8) -> anyhow::Result<()> {
    let filter = filter(logs, verbose)?;
    let json = match logs.format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = if json {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        lines.with_ansi(io::stderr().is_terminal()).with_target(false).try_init()
    };
    started.map_err(|error| anyhow::anyhow!("logging: {error}"))
}

/// What is logged; `-v` adds to the configured level.
pub fn filter(logs: &Logs, verbose: u8) -> anyhow::Result<EnvFilter> {
    let level = &logs.level;
    let refused = || usage(format!("logs.level = {level:?}: use error, warn, info, debug or trace, or module=level"));
    // A lone word that is no level would be taken for a module's name, and nothing would be logged.
    if level.split(',').any(|part| !part.contains('=') && part.trim().parse::<LevelFilter>().is_err()) {
        return Err(refused());
    }
    let more = ["", ",debug", ",trace"][usize::from(verbose.min(2))];
    // Who changed what is told at any level.
    EnvFilter::try_new(format!("{level}{more},audit=info")).map_err(|_| refused())
}
