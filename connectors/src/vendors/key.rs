//! An API key out of a file: sent, never shown, and read again when the vendor refuses it.

use hyper::header::HeaderValue;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

/// The key of a vendor.
pub struct Key {
    path: PathBuf,
    value: RwLock<HeaderValue>,
}

impl Key {
    /// Reads it; the error is the reason with its remedy.
    pub fn read(path: &Path) -> Result<Self, String> {
        Ok(Self { path: path.to_owned(), value: RwLock::new(value(path)?) })
    }

    /// As it is sent.
    pub fn header(&self) -> HeaderValue {
        self.value.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As it is written, for who compares it.
    pub fn reveal(&self) -> String {
        self.header().to_str().unwrap_or_default().to_owned()
    }

    /// `used` was refused: whoever exchanged the key has written the new one into the file. A file that cannot be
    /// read leaves the key as it is.
    pub fn renew(&self, used: &HeaderValue) {
        match value(&self.path) {
            Ok(fresh) if fresh != *used => {
                tracing::info!(file = %self.path.display(), "a key was refused: its file has a new one");
                *self.value.write().unwrap_or_else(PoisonError::into_inner) = fresh;
            }
            Ok(_) => {}
            Err(reason) => tracing::error!(file = %self.path.display(), reason, "the key of a vendor cannot be read"),
        }
    }
}

/// A key as it is written, for who needs no more than that.
pub fn read(path: &Path) -> Result<String, String> {
    Key::read(path).map(|key| key.reveal())
}

fn value(path: &Path) -> Result<HeaderValue, String> {
    if path.as_os_str().is_empty() {
        return Err("name a file that holds the vendor's key alone".into());
    }
    let text =
        std::fs::read_to_string(path).map_err(|e| format!("{e}: name a file that holds the vendor's key alone"))?;
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("a key is one word of visible ASCII characters, and nothing beside it".into());
    }
    let mut value = HeaderValue::from_str(text).map_err(|_| "a key is one word of ASCII characters".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_its_file_again_when_it_was_refused_and_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "first-key\n").unwrap();
        let key = Key::read(file.path()).unwrap();
        let used = key.header();
        std::fs::write(file.path(), "second-key\n").unwrap();
        assert_eq!(key.reveal(), "first-key", "one that works is kept");
        key.renew(&used);
        assert_eq!(key.reveal(), "second-key");
        std::fs::write(file.path(), "").unwrap();
        key.renew(&key.header());
        assert_eq!(key.reveal(), "second-key", "an empty file takes nothing away");
        assert!(!format!("{key:?} {:?}", key.header()).contains("second-key"));
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for text in ["", "  \n", "two words", "비밀"] {
            std::fs::write(file.path(), text).unwrap();
            let refused = Key::read(file.path()).err().unwrap();
            assert!(refused.contains("one word") && !refused.contains("two words"), "{refused}");
        }
        assert!(Key::read(Path::new("/nowhere/key")).is_err());
        assert!(Key::read(Path::new("")).err().unwrap().contains("name a file"));
    }
}
