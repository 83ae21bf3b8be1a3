//! What an operator says of a vendor: to the store, since a file is its owner's to write.

use super::show;
use crate::{
    assemble::now_ms,
    commands::{by, unchanged},
    config::{Config, ReferenceKind},
    exit::{Exit, usage},
    output,
    stores::Stores,
};
use connectors::reference::{By, Editor, NoSuch, VendorChange};
use processors::reference::VendorWeight;
use schemas::{Family, Lane};
use serde_json::json;
use std::sync::Arc;

/// Of which messages a weight is.
#[derive(Debug, clap::Args)]
pub struct Messages {
    /// Of this family alone: AT, FT, BT, SMS, LMS, MMS, RCS, PUSH or EMAIL.
    #[arg(long, value_parser = family)]
    family: Option<Family>,
    /// Of this priority alone: AUTH, REALTIME, MASS or AD.
    #[arg(long)]
    priority: Option<Lane>,
    /// Of this customer alone.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
}

/// A weight, or none.
#[derive(Debug, Clone, Copy)]
pub struct Weight(Option<u32>);

impl std::str::FromStr for Weight {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        if word == "none" {
            return Ok(Self(None));
        }
        word.parse().map(|weight| Self(Some(weight))).map_err(|_| "write a whole number from 0, or none".to_owned())
    }
}

fn family(name: &str) -> Result<Family, String> {
    let known = Family::ALL.into_iter().find(|family| family.as_str().eq_ignore_ascii_case(name));
    known.ok_or_else(|| "allowed are AT, FT, BT, SMS, LMS, MMS, RCS, PUSH, EMAIL".to_owned())
}

/// The change that a weight means.
pub fn weight(vendor: &str, Weight(weight): Weight, of: &Messages) -> anyhow::Result<VendorChange> {
    let Messages { family, priority, username } = of;
    let of_all = family.is_none() && priority.is_none() && username.is_none();
    let row = |weight| VendorWeight {
        vendor: vendor.to_owned(),
        family: *family,
        priority: *priority,
        username: username.clone(),
        weight,
    };
    match weight {
        Some(weight) if of_all => Ok(VendorChange::Weight(weight)),
        Some(weight) => Ok(VendorChange::WeightOf(row(weight))),
        None if of_all => Err(usage("none: name the weight to be taken out with --family, --priority or --username")),
        None => Ok(VendorChange::NoWeightOf(row(0))),
    }
}

/// Makes it.
pub fn run(
    config: &Config,
    json: bool,
    vendor: &str,
    change: &VendorChange,
    actor: Option<&String>,
) -> anyhow::Result<Exit> {
    if config.reference.kind == ReferenceKind::File {
        super::must_be_there(config, vendor)?;
        return Err(usage(in_file(config, vendor, change)));
    }
    let by = By::named(by(actor)?, now_ms());
    let stores = Stores::of(config);
    let location = stores.reference()?;
    let mut editor = Editor::open(&location, Arc::new(stores.existing_cipher()?), config.center)?;
    let refused = |no_such| match no_such {
        NoSuch::Vendor(there) => format!("there is no vendor {vendor:?}: there are {}", there.join(", ")),
        NoSuch::Weight => format!("{vendor} has no such weight: `ims vendor list` tells those that it has"),
    };
    let changed = editor.change_vendor(&by, vendor, change)?.map_err(|error| unchanged(error, refused))?;
    output::result(json, &json!({"vendor": vendor, "changed": changed}), || match changed {
        true => format!("{vendor}: {}; running processes take it up within 5 s", told(change)),
        false => format!("{vendor}: {} already", told(change)),
    })?;
    Ok(Exit::Done)
}

fn told(change: &VendorChange) -> String {
    match change {
        VendorChange::Paused(true) => "paused".to_owned(),
        VendorChange::Paused(false) => "in use".to_owned(),
        VendorChange::Weight(weight) => format!("weight {weight}"),
        VendorChange::WeightOf(row) => format!("weight {} for {}", row.weight, show::messages(row)),
        VendorChange::NoWeightOf(row) => format!("no weight of its own for {}", show::messages(row)),
    }
}

/// What to do where the reference data are a file.
fn in_file(config: &Config, vendor: &str, change: &VendorChange) -> String {
    let file = config.reference.file.display().to_string();
    if file.is_empty() {
        return "the reference data are those of the demo, which nobody changes: set reference.file, or reference.kind = \"sql\""
            .to_owned();
    }
    let todo = match change {
        VendorChange::Paused(paused) => format!("write paused = {paused} into the row of vendor {vendor:?}"),
        VendorChange::Weight(weight) => format!("write weight = {weight} into the row of vendor {vendor:?}"),
        VendorChange::WeightOf(row) => {
            let mut text = format!("[[vendor_weights]] vendor = {vendor:?}");
            let words = [("family", row.family.map(|f| f.as_str())), ("priority", row.priority.map(|p| p.as_str()))];
            for (key, word) in words.into_iter().chain([("username", row.username.as_deref())]) {
                if let Some(word) = word {
                    text.push_str(&format!(" {key} = {word:?}"));
                }
            }
            format!("write a row {text} weight = {}, a line for each key", row.weight)
        }
        VendorChange::NoWeightOf(row) => {
            format!("take the row of {vendor:?} for {} out of [[vendor_weights]]", show::messages(row))
        }
    };
    format!("the reference data are the file {file}: {todo} there; running processes take it up within 5 s")
}
