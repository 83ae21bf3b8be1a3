//! Keys of RCS brands out of a file: which of them a chatbot's messages go with.

use super::watched::Watched;
use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The brand keys that one vendor has given, by chatbot.
pub struct Brands(Mutex<Watched<BTreeMap<String, String>>>);

impl Brands {
    /// Reads the file; the error is the reason with its remedy. An empty path is a file without brands.
    pub fn read(path: &Path) -> Result<Self, String> {
        Watched::open(path, "the keys of RCS brands", keys).map(|file| Self(Mutex::new(file)))
    }

    /// The key of a chatbot's brand. One that is not known is looked for in the file again once that has changed.
    pub fn key(&self, chatbot: &str) -> Option<String> {
        let mut file = self.lock();
        if !file.value().contains_key(chatbot) {
            file.follow();
        }
        file.value().get(chatbot).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Watched<BTreeMap<String, String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keys(path: &Path) -> Result<BTreeMap<String, String>, String> {
    const REMEDY: &str = "write a line for each chatbot: its id, a blank, the key of its brand";
    let mut keys = BTreeMap::new();
    if path.as_os_str().is_empty() {
        return Ok(keys);
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{error}: {REMEDY}"))?;
    for (number, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            [chatbot, key] => drop(keys.insert(chatbot.to_owned(), key.to_owned())),
            _ => return Err(format!("line {}: {REMEDY}", number + 1)),
        }
    }
    Ok(keys)
}

impl fmt::Debug for Brands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brands").field("path", &self.lock().path()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs::File,
        time::{Duration, SystemTime},
    };

    #[test]
    fn a_chatbot_that_is_new_is_found_in_the_file_and_keys_are_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# chatbot key\n15880000 brand-one\n").unwrap();
        let brands = Brands::read(file.path()).unwrap();
        assert_eq!(brands.key("15880000").as_deref(), Some("brand-one"));
        assert_eq!(brands.key("15990000"), None);
        std::fs::write(file.path(), "15880000 brand-one\n15990000 brand-two\n").unwrap();
        // However fast this machine is, the file is newer.
        let later = SystemTime::now() + Duration::from_secs(5);
        File::options().write(true).open(file.path()).unwrap().set_modified(later).unwrap();
        assert_eq!(brands.key("15990000").as_deref(), Some("brand-two"));
        assert!(!format!("{brands:?}").contains("brand-"));
    }

    #[test]
    fn what_is_no_list_of_brands_is_refused_with_its_line_and_not_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\n15880000\n").unwrap();
        let refused = Brands::read(file.path()).err().unwrap();
        assert!(refused.starts_with("line 2: write a line") && !refused.contains("1588"), "{refused}");
        assert!(Brands::read(Path::new("/nowhere/brands")).is_err());
        assert_eq!(Brands::read(Path::new("")).unwrap().key("15880000"), None);
    }
}
