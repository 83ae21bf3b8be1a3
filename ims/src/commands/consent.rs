//! `ims consent`: consents to ads that are to be told again.

use crate::{
    assemble::{self, open_reference},
    cli::Globals,
    config::{Config, ReferenceKind},
    exit::{self, Exit, usage},
    log::{self, open_log},
    logging,
    notices::{Do, Looked, Notices, OfCustomer},
    output,
    stores::Stores,
};
use processors::ports::ReferenceSource;
use serde_json::json;
use std::sync::Arc;

/// Look at the consents to ads whose two years are over, and tell them again.
///
/// Whoever agreed to ads is told so every two years from the day of consent (정보통신망법 제50조 ⑧). A process of the role
/// store does it once a day from ads.notice_hour on; how is each customer's to say (consent_notices, docs/center.md).
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Tell whose consents are to be told again, how many, and why some cannot be. Nothing is sent.
    #[command(after_long_help = exit::help(DUE, &[Exit::Done, Exit::Usage, Exit::Away, Exit::Stopped]))]
    Due,
    /// Tell them now, as the process does once a day; by night nothing is sent.
    #[command(after_long_help = exit::help(NOTIFY, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped]))]
    Notify {
        /// Only say what would be sent.
        #[arg(long)]
        dry_run: bool,
    },
}

const DUE: &str = "  ims consent due
  ims consent due --json | jq '.[] | select(.unreached > 0) | .username'";

const NOTIFY: &str = "  ims consent notify --dry-run
  ims consent notify";

/// Runs the command.
pub fn run(command: &Command, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    if config.reference.kind == ReferenceKind::File {
        return Err(usage("consents of a file are its owner's to tell again: set reference.kind = \"sql\""));
    }
    let mut notices = open(&config)?;
    let what = match command {
        Command::Due | Command::Notify { dry_run: true } => Do::Look,
        Command::Notify { dry_run: false } => Do::Tell,
    };
    if what == Do::Tell && !notices.law.night.is_day(notices.clock.now_ms()) {
        return Err(usage("it is night in Korea: notices go out by day"));
    }
    let Looked { customers: all, away } = notices.look(what)?;
    output::result(globals.json, &json!(all), || text(&all, what))?;
    if let Some(away) = away {
        return Err(away.into());
    }
    let untold = all.iter().any(|of| of.unreached + of.refused + of.elsewhere > 0);
    Ok(if what == Do::Tell && untold { Exit::Failed } else { Exit::Done })
}

fn open(config: &Config) -> anyhow::Result<Notices> {
    let cipher = Arc::new(Stores::of(config).existing_cipher()?);
    let reference: Arc<dyn ReferenceSource> = open_reference(config)?;
    let (schemas, _) = log::open_schemas(config)?;
    let of_log = config.clone();
    assemble::notices(config, cipher, reference, schemas, Box::new(move || Ok(open_log(&of_log)?.producer()?)))
}

fn text(all: &[OfCustomer], what: Do) -> String {
    if all.is_empty() {
        return "no consent is to be told again".to_owned();
    }
    let told = if what == Do::Tell { "told" } else { "to be told" };
    let line = |of: &OfCustomer| {
        let OfCustomer { username, due, told: count, unreached, refused, elsewhere, reason } = of;
        let mut line = format!("{username}: {due} due, {count} {told}");
        for (count, what) in [(unreached, "not reached"), (refused, "refused"), (elsewhere, "being told elsewhere")] {
            if *count > 0 {
                line += &format!(", {count} {what}");
            }
        }
        reason.iter().for_each(|reason| line += &format!(" ({reason})"));
        line
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}
