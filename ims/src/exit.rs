//! The one table of exit codes, and which error ends with which.

use crate::config::ConfigErrors;
use connectors::{reference::ReferenceError, registry::RegistryError, sql::StoreError};
use processors::ports::Away;
use std::{error::Error, fmt::Write, process::ExitCode};
use topology::{assembly::AssemblyError, engine::Halt, log::LogError};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All was done.
    Done = 0,
    /// Something was not done.
    Failed = 1,
    /// The caller has to change the command line or the configuration.
    Usage = 2,
    /// A message was lost or doubled.
    Unbalanced = 3,
    /// The same command may succeed later.
    Away = 4,
    /// Going on would lose or double messages.
    Stopped = 5,
    /// Ctrl-C, and it did not finish what it did: 128 and the signal's number, as shells say it.
    Interrupted = 130,
    /// The same with SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Unbalanced,
        Self::Away,
        Self::Stopped,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// What it tells the caller, in every help and in the README.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "all was done",
            Self::Failed => "something was not done; the error says what",
            Self::Usage => "wrong command line or configuration; nothing was done",
            Self::Unbalanced => "the books do not balance: a message was lost or doubled, or is still under way",
            Self::Away => "a server is away; the same command may succeed later",
            Self::Stopped => "must not go on: fenced, offsets gone, wrong topics; mend what the error names",
            Self::Interrupted => "ended at once by Ctrl-C; `ims run` and a demo that serves: by the second one",
            Self::Terminated => "ended at once by SIGTERM; `ims run` and a demo that serves: by the second one",
        }
    }

    /// How an error ends: by the first of its causes that decides.
    pub fn of(error: &anyhow::Error) -> Self {
        error.chain().find_map(decided_by).unwrap_or(Self::Failed)
    }
}

fn decided_by(cause: &(dyn Error + 'static)) -> Option<Exit> {
    if cause.is::<Usage>() || cause.is::<ConfigErrors>() {
        return Some(Exit::Usage);
    }
    if let Some(error) = cause.downcast_ref::<ReferenceError>() {
        return match error {
            ReferenceError::Store(error) => decided_by(error),
            ReferenceError::Away(error) => decided_by(error),
            _ => Some(Exit::Usage),
        };
    }
    if cause.is::<Away>() {
        return Some(Exit::Away);
    }
    if cause.is::<Halt>() {
        return Some(Exit::Stopped);
    }
    if let Some(error) = cause.downcast_ref::<AssemblyError>() {
        return match error {
            AssemblyError::Log(error) => decided_by(error),
            AssemblyError::Away(error) => decided_by(error),
        };
    }
    if let Some(error) = cause.downcast_ref::<RegistryError>() {
        return Some(match error {
            RegistryError::Away(_) => Exit::Away,
            RegistryError::Settings(_) => Exit::Usage,
            RegistryError::Refused { .. } | RegistryError::Lacking(_) => Exit::Stopped,
        });
    }
    if let Some(error) = cause.downcast_ref::<StoreError>() {
        return Some(match error {
            StoreError::Newer { .. }
            | StoreError::Altered { .. }
            | StoreError::HalfDone { .. }
            | StoreError::Pending { .. } => Exit::Stopped,
            StoreError::Away { .. } => Exit::Away,
            StoreError::Open { .. } => Exit::Failed,
            StoreError::Url(_) | StoreError::Key(_) => Exit::Usage,
        });
    }
    cause.downcast_ref().map(|error: &LogError| match error {
        LogError::Away(_) => Exit::Away,
        LogError::Stop(_) => Exit::Stopped,
        LogError::Rewound(_) => Exit::Failed,
    })
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What the caller has to change before anything can be done.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// An error that ends with [`Exit::Usage`].
pub fn usage(text: impl Into<String>) -> anyhow::Error {
    Usage(text.into()).into()
}

/// The end of a help text: examples, and the exit codes that this command has.
pub fn help(examples: &str, exits: &[Exit]) -> String {
    let mut text = format!("Examples:\n{examples}\n\nExit codes:");
    for exit in exits {
        let _ = write!(text, "\n  {}  {}", *exit as u8, exit.meaning());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn the_cause_decides_however_deep_it_lies() {
        let away = anyhow::Error::from(LogError::Away("no broker answers".into())).context("reading the books");
        assert_eq!(Exit::of(&away), Exit::Away);
        let stop = Err::<(), _>(LogError::Stop("offsets are gone".into())).context("a").context("b").unwrap_err();
        assert_eq!(Exit::of(&stop), Exit::Stopped);
        assert_eq!(Exit::of(&anyhow::Error::from(Halt::new("ingest-AUTH", "fenced"))), Exit::Stopped);
        let registry = |cause: &str| RegistryError::Away(Away { dependency: "registry", cause: cause.into() });
        assert_eq!(Exit::of(&anyhow::Error::from(registry("refused")).context("send")), Exit::Away);
        assert_eq!(Exit::of(&anyhow::Error::from(AssemblyError::Log(LogError::Away("x".into())))), Exit::Away);
        assert_eq!(Exit::of(&usage("no such lane").context("send")), Exit::Usage);
        assert_eq!(Exit::of(&anyhow::anyhow!("the disk is full")), Exit::Failed);
    }
}
