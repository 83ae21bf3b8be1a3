//! The requests that vendors are asked to answer: made up, or read as JSON lines.

use super::Pair;
use crate::{
    exit::usage,
    lines::{Line, Lines},
    output,
};
use processors::reference::Vendor;
use schemas::Family;
use serde::Deserialize;
use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::Path,
    sync::Arc,
};

/// A request on its way.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it is.
    pub family: Family,
    /// Who gets it.
    pub vendor: Arc<Vendor>,
    /// Our number of the step.
    pub serial_number: String,
    /// Which attempt, from 1.
    pub attempt: i32,
    /// When it leaves, milliseconds after the start.
    pub after_ms: i64,
}

/// Requests for one vendor at an even pace.
pub fn made_up((family, vendor): &Pair, messages: u32, rate: Option<u32>) -> impl Iterator<Item = Step> {
    let rate = i64::from(rate.unwrap_or(vendor.tps));
    (0..messages).map(move |number| Step {
        family: *family,
        vendor: Arc::clone(vendor),
        serial_number: format!("{}-{family}-{:06}", vendor.name, number + 1),
        attempt: 1,
        after_ms: i64::from(number) * 1_000 / rate,
    })
}

/// A line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    vendor: String,
    serial_number: String,
    family: Option<String>,
    #[serde(default = "first")]
    attempt: i32,
    #[serde(default)]
    after_ms: i64,
}

fn first() -> i32 {
    1
}

/// Hands on every step of a file, and the number and fault of each line that is none; how many these were.
pub fn read(
    path: &Path,
    chosen: &[Pair],
    to: &mut impl FnMut(Step) -> anyhow::Result<()>,
    mut refuse: impl FnMut(u64, &str),
) -> anyhow::Result<u64> {
    let (mut lines, mut refused, mut latest_ms) = (Lines::new(open(path)?), 0, 0);
    while let Some(line) = lines.next_line()? {
        let step = match line {
            Line::Whole(text) if text.iter().all(u8::is_ascii_whitespace) => continue,
            Line::Whole(text) => step(text, chosen, latest_ms),
            Line::TooLong => Err("longer than any step can be".to_owned()),
        };
        match step {
            Ok(step) => {
                latest_ms = step.after_ms;
                to(step)?;
            }
            Err(reason) => {
                refused += 1;
                refuse(lines.number, &reason);
            }
        }
    }
    Ok(refused)
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        if io::stdin().is_terminal() {
            output::note("reading steps, one JSON object a line; end with Ctrl-D");
        }
        return Ok(Box::new(io::stdin()));
    }
    let unreadable = |error| usage(format!("{}: {error}: name a file that can be read", path.display()));
    Ok(Box::new(File::open(path).map_err(unreadable)?))
}

/// One line, whose time must not lie before the last one's: limits of a second are counted as requests come.
fn step(text: &[u8], chosen: &[Pair], latest_ms: i64) -> Result<Step, String> {
    let written: Written = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let Written { vendor: name, serial_number, family: wanted, attempt, after_ms } = written;
    let fits = |family: &Family| wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(family.as_str()));
    let found = chosen.iter().find(|(family, vendor)| vendor.name == name && fits(family));
    let Some((family, vendor)) = found else {
        return Err(format!(
            "no such vendor among those asked for, or it has no such family: {}",
            super::names(chosen)
        ));
    };
    if attempt < 1 {
        return Err(format!("attempt: got {attempt}, the first is 1"));
    }
    // 10 years: more than any receipt takes, and far from the ends of the clock.
    const LONGEST_MS: i64 = 10 * 366 * 86_400_000;
    if !(latest_ms..=LONGEST_MS).contains(&after_ms) {
        return Err(format!("after_ms: got {after_ms}, allowed are {latest_ms} (the step before) to {LONGEST_MS}"));
    }
    Ok(Step { family: *family, vendor: Arc::clone(vendor), serial_number, attempt, after_ms })
}
