//! Files that customers uploaded, images of MMS and attachments of mails: in a directory or an S3-compatible store, each
//! encrypted for its customer and its key.

mod settings;
#[cfg(test)]
mod tests;

pub use settings::{FileSettings, FilesError};

use crate::cipher::Cipher;
use aws_lc_rs::rand::fill;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutPayload, memory::InMemory, path::Path};
use processors::{
    center::file::{KEY_LENGTH, KEY_LETTERS},
    ports::Away,
};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc, time::Duration};

/// How the store is named where something is away.
const NAME: &str = "file store";
/// Longest key that is looked for.
const LONGEST_KEY: usize = 64;

/// A file as it was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// As its customer calls it, with its ending.
    pub name: String,
    /// By its content.
    pub content_type: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// What stands before the bytes of a file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    name: String,
    content_type: String,
}

/// Files of all customers. A clone is the same store.
#[derive(Clone)]
pub struct FileStore {
    objects: Arc<dyn ObjectStore>,
    cipher: Arc<Cipher>,
    within: Duration,
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("objects", &format_args!("{}", self.objects)).finish_non_exhaustive()
    }
}

impl FileStore {
    /// Opens the configured store; `folder` is where files are when none is configured.
    pub fn open(settings: &FileSettings, folder: &std::path::Path, cipher: Arc<Cipher>) -> Result<Self, FilesError> {
        Ok(Self { objects: settings.objects(folder)?, cipher, within: settings.within() })
    }

    /// In memory: it ends with its last clone.
    pub fn in_memory(cipher: Arc<Cipher>) -> Self {
        Self { objects: Arc::new(InMemory::new()), cipher, within: Duration::MAX }
    }

    /// A file of a customer by its key. None: there is no such file, or it is another customer's.
    ///
    /// Inside of a tokio runtime, as all that is asked here.
    pub async fn read(&self, username: &str, key: &str) -> Result<Option<File>, Away> {
        let Some(path) = path(key) else { return Ok(None) };
        let read = async {
            match self.objects.get(&path).await {
                Ok(found) => found.bytes().await.map(Some),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let Some(sealed) = self.within(read).await? else { return Ok(None) };
        let file = self.cipher.open(&place(username, key), &sealed).ok().and_then(parted);
        if file.is_none() {
            tracing::warn!(key, "a file is another customer's, or was written with another key");
        }
        Ok(file)
    }

    /// Keeps a file.
    pub async fn write(&self, username: &str, key: &str, file: &File) -> Result<(), Away> {
        let (Some(path), Some(plain)) = (path(key), joined(file)) else { return Err(away("the key is none")) };
        let sealed = self.cipher.seal(&place(username, key), &plain).map_err(away)?;
        self.within(self.objects.put(&path, PutPayload::from(sealed))).await.map(drop)
    }

    /// Forgets a file; one that is not there is none already.
    pub async fn remove(&self, key: &str) -> Result<(), Away> {
        let Some(path) = path(key) else { return Ok(()) };
        let gone = async {
            match self.objects.delete(&path).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        };
        self.within(gone).await
    }

    async fn within<T>(&self, asked: impl Future<Output = object_store::Result<T>>) -> Result<T, Away> {
        match tokio::time::timeout(self.within, asked).await {
            Ok(told) => told.map_err(away),
            Err(_) => Err(away(format_args!("no answer within {} ms", self.within.as_millis()))),
        }
    }
}

/// A key that nobody guesses.
pub fn new_key() -> Result<String, Away> {
    let mut random = [0; KEY_LENGTH];
    fill(&mut random).map_err(|_| away("the system gives no random bytes"))?;
    Ok(random.iter().map(|byte| char::from(KEY_LETTERS[usize::from(byte % 32)])).collect())
}

/// Whether a key could be one: letters and digits lead to no other place.
pub fn is_key(key: &str) -> bool {
    (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Where a file is; in folders by the end of its key, so that none has too many.
fn path(key: &str) -> Option<Path> {
    is_key(key).then(|| Path::from_iter([&key[key.len().saturating_sub(2)..], key]))
}

/// Where an encrypted file belongs; under another key or another customer's it cannot be read.
fn place(username: &str, key: &str) -> String {
    format!("files/{username}/{key}")
}

/// One line of JSON, which has no line break of its own, then the bytes.
fn joined(File { name, content_type, bytes }: &File) -> Option<Vec<u8>> {
    let head = Head { name: name.clone(), content_type: content_type.clone() };
    let mut plain = serde_json::to_vec(&head).ok()?;
    plain.push(b'\n');
    plain.extend_from_slice(bytes);
    Some(plain)
}

fn parted(mut plain: Vec<u8>) -> Option<File> {
    let end = plain.iter().position(|byte| *byte == b'\n')?;
    let Head { name, content_type } = serde_json::from_slice(&plain[..end]).ok()?;
    plain.drain(..=end);
    Some(File { name, content_type, bytes: plain })
}

/// Longest cause that is told: a store's answer may be a page.
const LONGEST_CAUSE: usize = 300;

fn away(cause: impl fmt::Display) -> Away {
    Away { dependency: NAME, cause: cause.to_string().chars().take(LONGEST_CAUSE).collect() }
}
