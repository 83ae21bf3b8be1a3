//! `ims migrate`: the stores to this program's version.

use crate::{
    cli::Globals,
    exit::{self, Exit},
    logging, output,
    stores::schemas,
};
use clap::Args as ClapArgs;
use connectors::sql::Standing;

/// Bring the stores (SQLite files, or MySQL and MariaDB) to this program's version.
///
/// `ims run` does the same at its start. Forward only, under a lock: of processes that start together one migrates, the
/// others wait. A store of a newer version, or one whose migrations are not this program's, is refused and left as it is.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped]))]
pub struct Args {
    /// Change nothing, tell what is pending; exit code 1 when something is.
    #[arg(long)]
    check: bool,
}

const EXAMPLES: &str = "  ims migrate --check                          what is pending
  ims migrate --config production.toml         before the new version starts";

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    let mut found = Vec::new();
    for (location, schema) in schemas(&config)? {
        found.push(if args.check { schema.check(&location)? } else { schema.migrate(&location)? });
    }
    let done = if args.check { "pending" } else { "applied" };
    output::result(globals.json, &found, || {
        found.iter().map(|standing| line(standing, done)).collect::<Vec<_>>().join("\n")
    })?;
    let pending = found.iter().any(|standing| !standing.pending.is_empty());
    Ok(if args.check && pending { Exit::Failed } else { Exit::Done })
}

fn line(Standing { store, pending, .. }: &Standing, done: &str) -> String {
    match pending.is_empty() {
        true => format!("{store}: up to date"),
        false => format!("{store}: {done} {}", pending.join(", ")),
    }
}
