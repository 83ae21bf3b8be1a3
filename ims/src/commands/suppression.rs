//! `ims suppression`: mailboxes that are not written to any more.

use super::by;
use crate::{
    assemble::now_ms,
    cli::Globals,
    exit::{self, Exit, usage},
    logging, output,
    stores::Stores,
};
use connectors::{
    reference::{By, Editor},
    vendors::mailbox,
};
use serde_json::json;
use std::sync::Arc;

/// Look up mailboxes that are not written to, and let them be written to again.
///
/// A mailbox comes into the list when a mail server refuses it for good (5.1.1 and such, docs/vendors.md), at once or by a
/// mail that comes back. The list holds no addresses: who asks names one.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Tell whether a mailbox is in the list, by which code, and since when.
    #[command(after_long_help = exit::help(FIND, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped]))]
    Find {
        /// The address.
        address: String,
    },
    /// Take a mailbox out of the list: the next mail to it is sent.
    #[command(after_long_help = exit::help(REMOVE, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped]))]
    Remove {
        /// The address.
        address: String,
        /// Who takes it out, for the audit; the user of the system when left out.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

const FIND: &str = "  ims suppression find haneul.kim@mail.example
  ims suppression find haneul.kim@mail.example --json | jq -r .code";

const REMOVE: &str = "  ims suppression remove haneul.kim@mail.example --by kim";

/// Runs the command.
pub fn run(command: &Command, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    let stores = Stores::of(&config);
    let (Command::Find { address } | Command::Remove { address, .. }) = command;
    if address.split('@').filter(|part| !part.is_empty()).count() != 2 {
        return Err(usage("the address is none: write NAME@DOMAIN"));
    }
    let address = mailbox(address);
    let mut editor = Editor::open(&stores.reference()?, Arc::new(stores.existing_cipher()?), config.center)?;
    match command {
        Command::Find { .. } => {
            let known = editor.suppressed(&address)?;
            let since = known.as_ref().and_then(|known| jiff::Timestamp::from_millisecond(known.since_ms).ok());
            let code = known.as_ref().map(|known| known.code.as_str());
            output::result(
                globals.json,
                &json!({"suppressed": known.is_some(), "code": code, "since": since.map(|at| at.to_string())}),
                || match (code, since) {
                    (Some(code), Some(since)) => format!("not written to: {code} since {since}"),
                    _ => "not in the list".to_owned(),
                },
            )?;
            Ok(if known.is_some() { Exit::Done } else { Exit::Failed })
        }
        Command::Remove { by: named, .. } => {
            let by = By::named(by(named.as_ref())?, now_ms());
            let removed = editor.unsuppress(&by, &address)?;
            output::result(globals.json, &json!({"removed": removed}), || {
                if removed { "taken out: the next mail to it is sent".to_owned() } else { "not in the list".to_owned() }
            })?;
            Ok(if removed { Exit::Done } else { Exit::Failed })
        }
    }
}
