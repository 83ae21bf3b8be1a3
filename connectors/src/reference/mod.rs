//! Reference data from a file: checked as a whole, exchanged as a whole when the file changes.

use processors::{
    ports::ReferenceSource,
    reference::{Reference, Seed, SeedErrors},
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

/// The demo's reference data.
pub const DEMO: &str = include_str!("../../seed/demo.toml");

/// Why a file gives no reference data.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The file cannot be read.
    #[error("reference data {path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file is no reference data.
    #[error("reference data {name}: {cause}")]
    Syntax {
        /// The file.
        name: String,
        /// Where and what.
        cause: Box<toml::de::Error>,
    },
    /// It contradicts itself.
    #[error("reference data {name}: {cause}")]
    Contents {
        /// The file.
        name: String,
        /// Every mistake.
        cause: SeedErrors,
    },
}

/// Reference data of a file, or the demo's.
#[derive(Debug)]
pub struct FileReference {
    path: Option<PathBuf>,
    state: RwLock<(Arc<Reference>, Option<SystemTime>)>,
}

impl FileReference {
    /// The demo's reference data.
    pub fn demo() -> Result<Self, ReferenceError> {
        Ok(Self { path: None, state: RwLock::new((Arc::new(parse("of the demo", DEMO)?), None)) })
    }

    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, ReferenceError> {
        let state = RwLock::new(read(path)?);
        Ok(Self { path: Some(path.to_owned()), state })
    }

    /// Takes the file's data over when it changed since; whether it did. What is wrong with a new file leaves the old
    /// data in force.
    pub fn reload(&self) -> Result<bool, ReferenceError> {
        let Some(path) = &self.path else { return Ok(false) };
        let known = self.state.read().unwrap_or_else(PoisonError::into_inner).1;
        if modified(path).is_ok_and(|now| Some(now) == known) {
            return Ok(false);
        }
        let fresh = read(path)?;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(true)
    }
}

impl ReferenceSource for FileReference {
    fn current(&self) -> Arc<Reference> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner).0)
    }
}

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    std::fs::metadata(path)?.modified()
}

fn read(path: &Path) -> Result<(Arc<Reference>, Option<SystemTime>), ReferenceError> {
    let failed = |cause| ReferenceError::File { path: path.to_owned(), cause };
    // The time first: a change while we read is seen at the next reload.
    let changed = modified(path).map_err(failed)?;
    let text = std::fs::read_to_string(path).map_err(failed)?;
    Ok((Arc::new(parse(&path.display().to_string(), &text)?), Some(changed)))
}

fn parse(name: &str, text: &str) -> Result<Reference, ReferenceError> {
    let name = name.to_owned();
    let seed: Seed = match toml::from_str(text) {
        Ok(seed) => seed,
        Err(cause) => return Err(ReferenceError::Syntax { name, cause: Box::new(cause) }),
    };
    Reference::new(seed).map_err(|cause| ReferenceError::Contents { name, cause })
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Channel, examples::seed};
    use std::io::Write;

    #[test]
    fn the_demo_knows_what_the_examples_name() {
        let reference = FileReference::demo().unwrap().current();
        let (_, customer) = reference.service_key(seed::SERVICE_KEY).unwrap();
        assert_eq!(customer.username, seed::USERNAME);
        assert!(reference.sender_profile(seed::SENDER_KEY).is_some());
        for template in seed::TEMPLATES {
            let known = reference.template(template.channel, seed::USERNAME, template.code).unwrap();
            assert_eq!(known.message, template.message.unwrap_or_default(), "{}", template.code);
            assert_eq!(known.auth_allowed, template.auth);
        }
        for number in seed::SENDER_NUMBERS {
            assert!(reference.sender_number(Channel::Mt, seed::USERNAME, number).is_some());
        }
    }

    #[test]
    fn the_demo_has_templates_of_every_channel() {
        let seed: Seed = toml::from_str(DEMO).unwrap();
        for &channel in Channel::ALL {
            assert!(seed.templates.iter().any(|template| template.channel == channel), "{channel}");
        }
        assert!(Reference::new(seed).is_ok());
    }

    #[test]
    fn a_changed_file_is_taken_over_and_a_broken_one_is_not() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "[[customers]]\nusername = \"a\"").unwrap();
        let reference = FileReference::open(file.path()).unwrap();
        assert!(!reference.reload().unwrap(), "nothing changed");
        let later = |seconds| SystemTime::now() + std::time::Duration::from_secs(seconds);
        writeln!(file, "[[customers]]\nusername = \"b\"").unwrap();
        file.as_file().set_modified(later(5)).unwrap();
        assert!(reference.reload().unwrap());
        assert!(reference.current().customer("b").is_some());
        writeln!(file, "[[customers]]\nusername = \"b\"").unwrap();
        file.as_file().set_modified(later(10)).unwrap();
        assert!(reference.reload().unwrap_err().to_string().contains("stands twice"));
        assert!(reference.current().customer("b").is_some());
    }
}
