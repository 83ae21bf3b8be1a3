//! One file or folder for each command.

pub mod analyze;
pub mod bench;
pub mod completions;
pub mod config;
pub mod consent;
mod customer;
pub mod demo;
mod follow;
pub mod health;
pub mod ledger;
pub mod migrate;
pub mod openapi;
mod person;
pub mod reference;
pub mod replay;
pub mod report;
pub mod run;
mod running;
pub mod schemas;
pub mod send;
pub mod simulate;
mod stands;
pub mod suppression;
pub mod topics;
pub mod topology;
pub mod user;
pub mod vendor;

use crate::exit::usage;
use connectors::reference::Unchanged;

/// Longest name of who changes something, characters.
const LONGEST_NAME: usize = 64;

/// Who changes something, as the audit names it: who was named, or who runs this.
fn by(named: Option<&String>) -> anyhow::Result<String> {
    let by = named.cloned().unwrap_or_else(person::name);
    match by.chars().count() {
        1..=LONGEST_NAME => Ok(by),
        _ => Err(usage(format!("--by: give a name of 1 to {LONGEST_NAME} characters"))),
    }
}

/// Why the store was left as it was; `refused` says it of what the change itself refuses.
fn unchanged<R>(unchanged: Unchanged<R>, refused: impl FnOnce(R) -> String) -> anyhow::Error {
    usage(match unchanged {
        Unchanged::Stranger => "nothing was changed: who asks is not let in any more".to_owned(),
        Unchanged::Refused(reason) => refused(reason),
        Unchanged::Contents(reason) => format!("nothing was changed: {reason}"),
        Unchanged::Full { what, most } => format!("nothing was changed: there may be {most} of {what} at most"),
    })
}
