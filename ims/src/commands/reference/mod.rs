//! `ims reference`: the reference data of the store.

mod secret;

use crate::{
    assemble::now_ms,
    cli::Globals,
    config::{Config, ReferenceKind},
    exit::{self, Exit, usage},
    logging, output,
    stores::Stores,
};
use connectors::reference::{self, Importer, Revealed, parse};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Write and read the reference data: customers, service keys, secret keys, templates, vendors.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make the store say what a file says.
    ///
    /// Rows are added, changed and removed in one transaction; what is wrong with the file is told all at once, and then
    /// nothing is written. Opt-outs, push tokens and users are only added: what the store knows of them it keeps as it is, until
    /// their customer is removed. Each row that changed gets a line in the table `audit`, without
    /// personal data and secrets. While another import is at work this one waits, two minutes at most. Processes with reference.kind = "sql" take it up within 5 seconds.
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
    /// Print what the store says, as a file that `import` takes.
    ///
    /// It is a true copy: it holds callback URIs and secrets and the numbers and addresses of those who opted out, in the
    /// clear. Keep it where only you can read it. Rows come in the order of their keys, those of patterns and vendors in
    /// their own; the audit stays in the store.
    #[command(after_long_help = exit::help(EXPORT, &[Exit::Done, Exit::Usage, Exit::Away, Exit::Stopped]))]
    Export,
}

const IMPORT: &str = "  ims reference import customers.toml
  ims reference import customers.toml --by kim --config production.toml";

const SECRET: &str = "  ims reference secret hanbit-shop --name 2026-03 >> customers.toml
  ims reference secret hanbit-shop --name 2026-03 --expires-at 2027-03-31T00:00:00+09:00 --network 203.0.113.0/24
  ims reference secret hanbit-shop --name results --scope report --json | jq -r .header";

const EXPORT: &str = "  (umask 077; ims reference export > copy.toml)
  ims reference export --config old.toml > copy.toml && ims reference import copy.toml --config new.toml
  ims reference export --json | jq -r '.customers[].username'";

/// Runs the command.
pub fn run(command: &Command, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    match command {
        Command::Secret(args) => secret::run(args, globals.json),
        Command::Import { file, by } => import(&config, globals.json, file, by.as_ref()),
        Command::Export => export(&config, globals.json),
    }
}

fn import(config: &Config, json: bool, file: &Path, by: Option<&String>) -> anyhow::Result<Exit> {
    let by = super::by(by)?;
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| usage(format!("{name}: {error}")))?;
    let seed = parse(&name, &text)?;
    let stores = Stores::of(config);
    let location = stores.reference()?;
    let mut importer = Importer::open(&location, Arc::new(stores.cipher()?))?;
    let on_wait = || output::note(format_args!("{location}: another change is being written, waiting for its end"));
    let (imported, users_left) = importer.import(&name, seed, &by, now_ms(), on_wait)?;
    let changes = imported.as_ref().map(|imported| imported.changes.to_string()).unwrap_or_default();
    let (opt_outs, consents, push_tokens, without_consent) = imported
        .map(|imported| (imported.opt_outs, imported.consents, imported.push_tokens, imported.without_consent))
        .unwrap_or_default();
    output::result(
        json,
        &json!({
            "store": location.to_string(), "changes": changes, "opt_outs_added": opt_outs, "consents_kept": consents,
            "push_tokens_added": push_tokens, "users_left": users_left,
            "ads_by_consent_off": without_consent,
        }),
        || {
            let mut told = if changes.is_empty() { "says the same already".to_owned() } else { changes.clone() };
            let beside =
                [(opt_outs, "opt-outs added"), (consents, "consents kept"), (push_tokens, "push tokens added")];
            for (count, what) in beside {
                if count > 0 {
                    told += &format!(", {count} {what}");
                }
            }
            format!("{location}: {told}")
        },
    )?;
    if !without_consent.is_empty() {
        output::note(format_args!(
            "ads_by_consent is off from now on for {}: {name} does not say it, so their ads go to all who did not refuse. \
             Write `ads_by_consent = true` there and import it again where that was not meant",
            without_consent.join(", ")
        ));
    }
    if users_left > 0 {
        output::note(format_args!(
            "{users_left} users stand otherwise in the store, which keeps them: `ims user` changes them"
        ));
    }
    if config.reference.kind == ReferenceKind::File {
        output::note("reference.kind is \"file\": `ims run` reads the store with reference.kind = \"sql\"");
    }
    Ok(Exit::Done)
}

fn export(config: &Config, json: bool) -> anyhow::Result<Exit> {
    let stores = Stores::of(config);
    let location = stores.reference()?;
    let rows = reference::export(&location, &Arc::new(stores.existing_cipher()?))?;
    let revealed = Revealed::of(&rows);
    let toml = if json { String::new() } else { revealed.toml()? };
    output::result(json, &revealed, || toml)?;
    let secrets: usize = rows.service_keys.iter().map(|key| key.callback_secrets.len()).sum();
    output::note(format_args!(
        "{location}: {} customers, {} service keys; in the clear: {secrets} callback secrets, and whom {} opt-outs and {} consents \
         are of",
        rows.customers.len(),
        rows.service_keys.len(),
        rows.opt_outs.len(),
        rows.consents.len(),
    ));
    Ok(Exit::Done)
}
