//! `ims vendor`: the vendors, and what operators say of them while they are in use.

mod show;

use crate::{
    assemble::{open_reference, open_vendors},
    cli::Globals,
    exit::{self, Exit, usage},
    logging, output,
};
use connectors::vendors::Use;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Look at the vendors, and upload images to them.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the vendors: what they take, their shares, rates and prices.
    #[command(after_long_help = exit::help(LIST, &[Exit::Done, Exit::Usage, Exit::Away]))]
    List,
    /// Upload an image to a vendor, and tell the key or address that messages name it by.
    ///
    /// The keys of MMS and RCS are valid for some days, which the vendor says; the addresses of KakaoTalk stay.
    #[command(after_long_help = exit::help(UPLOAD, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away]))]
    Upload {
        /// Its name, as `ims vendor list` tells it.
        vendor: String,
        /// The image: JPEG, for KakaoTalk also PNG.
        file: PathBuf,
        /// What it is for: mms, rcs, image, wide, wide-item-first, wide-item, carousel-feed or carousel-commerce.
        #[arg(long = "for", value_name = "USE")]
        what: Use,
    },
}

const LIST: &str = "  ims vendor list
  ims vendor list --json | jq -r '.[] | select(.weight == 0) | .name'";

const UPLOAD: &str = "  ims vendor upload dealer spring.jpg --for mms
  ims vendor upload dealer spring.png --for wide --json | jq -r .key";

/// Largest image that any vendor takes, bytes.
const MOST_BYTES: u64 = 5 << 20;

/// Runs the command.
pub fn run(command: &Command, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    let reference = open_reference(&config)?;
    match command {
        Command::List => {
            let shown = show::all(&reference.current());
            output::result(globals.json, &shown, || show::table(&shown))?;
        }
        Command::Upload { vendor, file, what } => {
            let vendors = open_vendors(&config, reference);
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

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let named = |error| usage(format!("{}: {error}", file.display()));
    let bytes = std::fs::metadata(file).map_err(named)?.len();
    if bytes > MOST_BYTES {
        return Err(usage(format!("{}: {bytes} bytes, {MOST_BYTES} are allowed", file.display())));
    }
    std::fs::read(file).map_err(named)
}
