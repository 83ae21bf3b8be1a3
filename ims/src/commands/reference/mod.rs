//! `ims reference`: the reference data of the store.

mod secret;

use crate::{
    assemble::now_ms,
    cli::Globals,
    config::ReferenceKind,
    exit::{self, Exit, usage},
    logging, output,
    stores::Stores,
};
use connectors::reference::{Importer, parse};
use serde_json::json;
use std::{path::PathBuf, sync::Arc};

/// Write the reference data: customers, service keys, secret keys, templates, vendors.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make the store say what a file says.
    ///
    /// Rows are added, changed and removed in one transaction; what is wrong with the file is told all at once, and then
    /// nothing is written. Opt-outs are only added. Each row that changed gets a line in the table `audit`, without
    /// personal data and secrets. Processes with reference.kind = "sql" take it up within 5 seconds.
    #[command(after_long_help = exit::help(IMPORT, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped]))]
    Import {
        /// TOML, as connectors/seed/demo.toml.
        file: PathBuf,
        /// Who changes it, for the audit; the user of the system when left out.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Make a secret key with which a customer comes in over HTTP.
    ///
    /// The secret is told once and kept nowhere; its hash is told as a row for the file of the reference data, which
    /// `ims run` reads or `ims reference import` puts into the store. A customer has two keys while it exchanges them:
    /// add the new one, let the customer change, take the old one out.
    #[command(after_long_help = exit::help(SECRET, &[Exit::Done, Exit::Usage]))]
    Secret(secret::Args),
}

const IMPORT: &str = "  ims reference import customers.toml
  ims reference import customers.toml --by kim --config production.toml";

const SECRET: &str = "  ims reference secret hanbit-shop --name 2026-03 >> customers.toml
  ims reference secret hanbit-shop --name 2026-03 --expires-at 2027-03-31T00:00:00+09:00 --network 203.0.113.0/24
  ims reference secret hanbit-shop --name results --scope report --json | jq -r .header";

/// Longest name of who changes something, characters.
const LONGEST_NAME: usize = 64;

/// Runs the command.
pub fn run(command: &Command, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    let (file, by) = match command {
        Command::Secret(args) => return secret::run(args, globals.json),
        Command::Import { file, by } => (file, by),
    };
    let by = by.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "unknown".into());
    if by.is_empty() || by.chars().count() > LONGEST_NAME {
        return Err(usage(format!("--by: give a name of 1 to {LONGEST_NAME} characters")));
    }
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| usage(format!("{name}: {error}")))?;
    let seed = parse(&name, &text)?;
    let stores = Stores::of(&config);
    let location = stores.reference()?;
    let mut importer = Importer::open(&location, Arc::new(stores.cipher()?))?;
    let imported = importer.import(&name, seed, &by, now_ms())?;
    let (changes, opt_outs) = imported.map_or_else(Default::default, |(changes, added)| (changes.to_string(), added));
    output::result(
        globals.json,
        &json!({"store": location.to_string(), "changes": changes, "opt_outs_added": opt_outs}),
        || match (changes.as_str(), opt_outs) {
            ("", _) => format!("{location}: says the same already"),
            (changes, 0) => format!("{location}: {changes}"),
            (changes, added) => format!("{location}: {changes}, {added} opt-outs added"),
        },
    )?;
    if config.reference.kind == ReferenceKind::File {
        output::note("reference.kind is \"file\": `ims run` reads the store with reference.kind = \"sql\"");
    }
    Ok(Exit::Done)
}
