//! Reference data from a file: checked as a whole, exchanged as a whole when the file changes.

use processors::{
    ports::ReferenceSource,
    reference::{Changes, Reference, Seed, SeedErrors},
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
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
    #[error("reference data {name}, line {line}: {reason}")]
    Syntax {
        /// The file.
        name: String,
        /// Where, from 1. The line itself is nobody's to read in a log: it may hold a key or a phone number.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// It contradicts itself.
    #[error("reference data {name}: {cause}")]
    Contents {
        /// The file.
        name: String,
        /// Every mistake.
        cause: SeedErrors,
    },
    /// It leaves nobody.
    #[error("reference data {path}: it has no customer with a service key: nothing could be sent")]
    Nobody {
        /// The file.
        path: PathBuf,
    },
}

/// Reference data of a file, or the demo's.
#[derive(Debug)]
pub struct FileReference {
    current: RwLock<Arc<Reference>>,
    watched: Option<Mutex<Watched>>,
}

/// A file and how it looked.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    /// At the last look.
    seen: Look,
    /// When it was last read to its end, taken over or refused.
    judged: Look,
}

/// Time of change and length; None: the file is not there.
type Look = Option<(SystemTime, u64)>;

impl FileReference {
    /// The demo's reference data.
    pub fn demo() -> Result<Self, ReferenceError> {
        Ok(Self { current: RwLock::new(Arc::new(parse("of the demo", DEMO)?)), watched: None })
    }

    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, ReferenceError> {
        // The look first: a change while we read is seen at the next reload.
        let look = look(path);
        let current = RwLock::new(Arc::new(read(path)?));
        let watched = Watched { path: path.to_owned(), seen: look, judged: look };
        Ok(Self { current, watched: Some(Mutex::new(watched)) })
    }

    /// Whether there is a file that may change.
    pub fn is_file(&self) -> bool {
        self.watched.is_some()
    }

    /// Takes the file's data over when it changed and looks as it did at the call before: a file that is still being
    /// written is left alone. The answer is what changed in the data; None: nothing new.
    ///
    /// What is wrong with a new file is told once, and leaves the old data in force until the file changes again.
    pub fn reload(&self) -> Result<Option<Changes>, ReferenceError> {
        let Some(watched) = &self.watched else { return Ok(None) };
        let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
        let now = look(&watched.path);
        let settled = std::mem::replace(&mut watched.seen, now) == now;
        if now == watched.judged || !settled {
            return Ok(None);
        }
        watched.judged = now;
        let fresh = read(&watched.path)?;
        if fresh.is_empty() {
            // A start may find nothing yet; nobody means to take every customer away from a running process.
            return Err(ReferenceError::Nobody { path: watched.path.clone() });
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let changes = Changes::between(&current, &fresh);
        *current = Arc::new(fresh);
        Ok(Some(changes))
    }
}

impl ReferenceSource for FileReference {
    fn current(&self) -> Arc<Reference> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn look(path: &Path) -> Look {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &Path) -> Result<Reference, ReferenceError> {
    let text = std::fs::read_to_string(path).map_err(|cause| ReferenceError::File { path: path.to_owned(), cause })?;
    parse(&path.display().to_string(), &text)
}

fn parse(name: &str, text: &str) -> Result<Reference, ReferenceError> {
    let name = name.to_owned();
    let seed: Seed = match toml::from_str(text) {
        Ok(seed) => seed,
        Err(error) => {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            return Err(ReferenceError::Syntax { name, line, reason: error.message().to_owned() });
        }
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

    /// A customer with a service key.
    fn customer(name: char) -> String {
        let key = String::from(name).repeat(40);
        format!("[[customers]]\nusername = \"{name}\"\n[[service_keys]]\nkey = \"{key}\"\nusername = \"{name}\"\n")
    }

    fn on_file(text: &str) -> (tempfile::NamedTempFile, FileReference) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let reference = FileReference::open(file.path()).unwrap();
        (file, reference)
    }

    #[test]
    fn a_changed_file_is_taken_over_once_it_has_settled() {
        let (mut file, reference) = on_file(&customer('a'));
        assert_eq!(reference.reload().unwrap(), None);
        writeln!(file.as_file_mut(), "{}{}", customer('a'), customer('b')).unwrap();
        assert_eq!(reference.reload().unwrap(), None, "it may still be written");
        let changes = reference.reload().unwrap().unwrap();
        assert_eq!(changes.to_string(), "1 customers added, 1 service keys added");
        assert!(reference.current().customer("b").is_some());
        assert_eq!(reference.reload().unwrap(), None);
    }

    #[test]
    fn a_broken_file_is_told_once_and_leaves_the_old_data_in_force() {
        let (file, reference) = on_file(&customer('a'));
        let twice = format!("{}{}", customer('a'), customer('a'));
        for (text, reason) in [
            (twice.as_str(), "stands twice"),
            ("[[customers", "reference data"),
            ("", "no customer with a service key"),
        ] {
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(reference.reload().unwrap(), None);
            let error = reference.reload().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
            assert_eq!(reference.reload().unwrap(), None, "told once");
            assert!(reference.current().customer("a").is_some());
        }
        let secret = format!("{}phone = \"821012345678\"\n", customer('a'));
        std::fs::write(file.path(), &secret).unwrap();
        assert_eq!(reference.reload().unwrap(), None);
        let error = reference.reload().unwrap_err().to_string();
        assert!(error.contains("line 6") && error.contains("phone") && !error.contains("8210"), "{error}");
        std::fs::remove_file(file.path()).unwrap();
        assert_eq!(reference.reload().unwrap(), None);
        assert!(matches!(reference.reload(), Err(ReferenceError::File { .. })));
        std::fs::write(file.path(), customer('c')).unwrap();
        assert_eq!(reference.reload().unwrap(), None);
        assert!(reference.reload().unwrap().is_some());
    }
}
