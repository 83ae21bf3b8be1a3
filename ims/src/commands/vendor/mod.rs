//! `ims vendor`: the vendors, and what operators say of them while they are in use.

mod change;
mod show;
mod stopped;
mod unmatched;

use crate::{
    admin::READY,
    assemble::{open_reference, open_vendors},
    cli::Globals,
    commands::running::answer,
    config::Config,
    exit::{self, Exit, usage},
    findings::vendor_names,
    logging, output,
};
use change::{Messages, Weight};
use connectors::{reference::VendorChange, vendors::Use};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Look at the vendors and what they reported of nobody's messages, pause and weigh them, and upload images to them.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the vendors: what they take, their shares, rates and prices; and how they stand now.
    ///
    /// The last is asked of the `ims run` of this configuration, at `[admin] listen`: whether a vendor is reached and lets us
    /// in, since when not and why, its circuit breaker, and how many messages wait for it in that process.
    #[command(after_long_help = exit::help(LIST, EXITS))]
    List,
    /// Let nothing leave to a vendor: its messages go to another one, or wait.
    ///
    /// What is on its way still leaves, and its reports are taken. The reference data must be those of the store
    /// (reference.kind = "sql"); running processes take it up within 5 seconds.
    #[command(after_long_help = exit::help(PAUSE, EXITS))]
    Pause(Named),
    /// Use a vendor again that was paused.
    #[command(after_long_help = exit::help(RESUME, EXITS))]
    Resume(Named),
    /// Give a vendor another share of its families' messages, or of some of them.
    ///
    /// A weight is relative to those of the family's other vendors; 0 drains it. With --family, --priority or --username
    /// it is for such messages alone: one of a customer wins over one of a priority, and that over one of a family.
    /// Weights that would sum to zero for some message are refused. Running processes take it up within 5 seconds.
    #[command(after_long_help = exit::help(WEIGHT, EXITS))]
    Weight {
        #[command(flatten)]
        named: Named,
        /// A whole number from 0; none takes a weight for some messages out again.
        weight: Weight,
        #[command(flatten)]
        of: Messages,
    },
    /// List what vendors refuse for good: sender profiles, numbers and templates whose messages the `ims run` of this
    /// configuration ends without a request.
    ///
    /// Each process learns by itself, from its own messages, so this one is asked, at `[admin] listen`.
    #[command(after_long_help = exit::help(STOPPED, &[Exit::Done, Exit::Usage, Exit::Away]))]
    Stopped {
        /// Of this vendor alone.
        vendor: Option<String>,
    },
    /// Let the `ims run` of this configuration send again what a vendor refused, because it was mended.
    ///
    /// Without this, one message every 5 minutes tries, and what the vendor takes again goes on by itself.
    #[command(after_long_help = exit::help(LET_GO, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away]))]
    LetGo {
        /// Its name, as `ims vendor list` tells it.
        vendor: String,
        /// One profile, number or template, as `ims vendor stopped` tells it; all when left out.
        name: Option<String>,
    },
    /// List the delivery reports that no message is known for, the oldest first.
    ///
    /// Their number is none of ours (another system uses the same account, or the vendor gave none), the reference data have
    /// no such vendor (any more), or they make this program panic, a defect. They are kept in DLQ-RESULT-REALTIME for as long
    /// as dead letters are, and counted in ims_receipts_total{outcome="foreign"|"unknown vendor"|"defect"}.
    #[command(after_long_help = exit::help(UNMATCHED, &[Exit::Done, Exit::Usage, Exit::Away, Exit::Stopped]))]
    Unmatched {
        /// Of this vendor alone.
        vendor: Option<String>,
        /// Only the newest, so many.
        #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
        last: usize,
    },
    /// Upload an image to a vendor, and tell the key or address that messages name it by.
    ///
    /// The keys of MMS and RCS are valid for some days, which the vendor says; the addresses of KakaoTalk stay.
    #[command(after_long_help = exit::help(UPLOAD, EXITS))]
    Upload {
        /// Its name, as `ims vendor list` tells it.
        vendor: String,
        /// The image: JPEG, for KakaoTalk also PNG.
        file: PathBuf,
        /// What it is for: mms, rcs, image, wide, wide-item-first, wide-item, carousel-feed, carousel-commerce or
        /// template.
        #[arg(long = "for", value_name = "USE")]
        what: Use,
    },
}

/// A vendor, and who speaks.
#[derive(Debug, clap::Args)]
pub struct Named {
    /// Its name, as `ims vendor list` tells it.
    vendor: String,
    /// Who changes it, for the audit; the user of the system when left out.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

const EXITS: &[Exit] = &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped];

const PAUSE: &str = "  ims vendor pause dealer
  ims vendor pause dealer --by kim --config production.toml";

const RESUME: &str = "  ims vendor resume dealer";

const WEIGHT: &str = "  ims vendor weight dealer 3
  ims vendor weight dealer 0 --priority MASS
  ims vendor weight dealer 1 --family SMS --username hanbit-shop
  ims vendor weight dealer none --family SMS --username hanbit-shop";

const LIST: &str = "  ims vendor list
  ims vendor list --json | jq -r '.[] | select(.weight == 0) | .name'
  ims vendor list --json | jq '.[].now | select(.reached == false)'";

const STOPPED: &str = "  ims vendor stopped
  ims vendor stopped dealer --json | jq -r '.[] | .kind + \" \" + .name + \" \" + .code'
  ims vendor stopped --set admin.listen=127.0.0.1:29001      another process";

const LET_GO: &str = "  ims vendor let-go dealer
  ims vendor let-go dealer 0215881588";

const UNMATCHED: &str = "  ims vendor unmatched
  ims vendor unmatched dealer --last 20
  ims vendor unmatched --json | jq -r '.[].vendor' | sort | uniq -c";

const UPLOAD: &str = "  ims vendor upload dealer spring.jpg --for mms
  ims vendor upload dealer spring.png --for wide --json | jq -r .key";

/// Largest image that any vendor takes, bytes.
const MOST_BYTES: u64 = 5 << 20;

/// Runs the command.
pub fn run(command: &Command, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    let changed = |named: &Named, change| change::run(&config, globals.json, &named.vendor, &change, named.by.as_ref());
    match command {
        Command::Pause(named) => return changed(named, VendorChange::Paused(true)),
        Command::Resume(named) => return changed(named, VendorChange::Paused(false)),
        Command::Weight { named, weight, of } => {
            return changed(named, change::weight(&named.vendor, *weight, of)?);
        }
        Command::List => {
            let reference = open_reference(&config)?.current();
            let (stand, unknown) = match answer(&config, "GET", READY, &["200", "503"]) {
                Ok((_, page)) => (page["vendors"].clone(), None),
                Err(error) => (Value::Null, Some(error)),
            };
            let shown = show::all(&reference, &stand);
            output::result(globals.json, &shown, || show::table(&shown))?;
            if let Some(error) = unknown {
                output::note(format_args!("how they stand now is not known: {error}"));
            }
        }
        Command::Stopped { vendor } => {
            stopped::list(&config, globals.json, vendor.as_deref())?;
        }
        Command::LetGo { vendor, name } => {
            return stopped::let_go(&config, globals.json, vendor, name.as_deref());
        }
        Command::Unmatched { vendor, last } => unmatched::run(&config, globals.json, vendor.as_deref(), *last)?,
        Command::Upload { vendor, file, what } => {
            let vendors = open_vendors(&config, open_reference(&config)?);
            vendors.can_be_used().map_err(|error| usage(error.to_string()))?;
            let image = read(file)?;
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let uploaded = vendors.upload(vendor, *what, name, &image).map_err(anyhow::Error::msg)?;
            let expires_at = uploaded.expires_at.map(|at| at.to_string());
            output::result(
                globals.json,
                &json!({"key": uploaded.key, "expires_at": expires_at}),
                || match &expires_at {
                    Some(until) => format!("{}  until {until}", uploaded.key),
                    None => uploaded.key.clone(),
                },
            )?;
        }
    }
    Ok(Exit::Done)
}

/// Refuses the name of a vendor that the reference data do not have, as far as they can be read here.
fn must_be_there(config: &Config, vendor: &str) -> anyhow::Result<()> {
    let Ok(reference) = open_reference(config) else { return Ok(()) };
    let reference = reference.current();
    let there = vendor_names(&reference);
    if there.contains(&vendor) {
        return Ok(());
    }
    Err(usage(format!("there is no vendor {vendor:?}: there are {}", there.join(", "))))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let named = |error| usage(format!("{}: {error}", file.display()));
    let bytes = std::fs::metadata(file).map_err(named)?.len();
    if bytes > MOST_BYTES {
        return Err(usage(format!("{}: {bytes} bytes, {MOST_BYTES} are allowed", file.display())));
    }
    std::fs::read(file).map_err(named)
}
