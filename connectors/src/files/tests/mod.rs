//! One suite for every store.

mod s3;

use super::*;
use crate::cipher::KEY_BYTES;
use std::{fs, path::PathBuf};

fn cipher() -> Arc<Cipher> {
    Arc::new(Cipher::new(&[7; KEY_BYTES]))
}

pub fn settings() -> FileSettings {
    FileSettings {
        folder: PathBuf::new(),
        url: String::new(),
        endpoint: String::new(),
        region: String::new(),
        access_key: String::new(),
        secret_key_file: PathBuf::new(),
        timeout_ms: 10_000,
        largest_bytes: 10_000_000,
        uploads: 8,
    }
}

fn statement() -> File {
    let bytes = [b"%PDF-1.7\n\0\xff".to_vec(), vec![7; 1 << 20]].concat();
    File { name: "3월 명세서.pdf".into(), content_type: "application/pdf".into(), bytes }
}

/// What every store does.
pub async fn keeps_files(store: &FileStore) {
    let (key, file) = (new_key().unwrap(), statement());
    assert_eq!(store.read("hana", &key).await, Ok(None));
    store.write("hana", &key, &file).await.unwrap();
    assert_eq!(store.read("hana", &key).await.unwrap().unwrap(), file);
    assert_eq!(store.read("dure", &key).await, Ok(None), "another customer's");
    store.write("hana", &key, &File { bytes: Vec::new(), ..file.clone() }).await.unwrap();
    assert_eq!(store.read("hana", &key).await.unwrap().unwrap().bytes, b"");
    store.remove(&key).await.unwrap();
    assert_eq!(store.read("hana", &key).await, Ok(None));
    store.remove(&key).await.unwrap();
}

#[tokio::test]
async fn files_are_kept_in_a_directory_and_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    keeps_files(&FileStore::open(&settings(), &folder.path().join("new/files"), cipher()).unwrap()).await;
    keeps_files(&FileStore::in_memory(cipher())).await;
}

fn all(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { all(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn what_stands_in_the_directory_is_read_by_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let open = |cipher| FileStore::open(&settings(), folder.path(), cipher).unwrap();
    let (store, file) = (open(cipher()), statement());
    store.write("hana", "FILE1", &file).await.unwrap();
    let [path] = &all(folder.path())[..] else { panic!("{:?}", all(folder.path())) };
    let stored = fs::read(path).unwrap();
    // Long enough not to stand by chance in a million bytes that look like chance.
    for plain in [&b"%PDF-1.7"[..], "명세서".as_bytes(), b"application/pdf", &[7; 32]] {
        assert!(!stored.windows(plain.len()).any(|part| part == plain), "{plain:?}");
    }
    assert_eq!(open(Arc::new(Cipher::new(&[8; KEY_BYTES]))).read("hana", "FILE1").await, Ok(None));
    let other = folder.path().join(path.strip_prefix(folder.path()).unwrap().with_file_name("FILEX1"));
    fs::copy(path, other).unwrap();
    assert_eq!(store.read("hana", "FILEX1").await, Ok(None), "under another key");
    fs::write(path, &stored[..stored.len() - 1]).unwrap();
    assert_eq!(store.read("hana", "FILE1").await, Ok(None), "cut");
    assert_eq!(open(cipher()).read("hana", "FILE2").await, Ok(None));
}

#[tokio::test]
async fn no_key_leads_out_of_the_directory() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "kept").unwrap();
    let store = FileStore::open(&settings(), &folder.path().join("files"), cipher()).unwrap();
    let long = "A".repeat(LONGEST_KEY + 1);
    for key in ["../secret", "..", ".", "", "/etc/passwd", "a/b", "a\\b", "a\0b", "%2e%2e%2fsecret", "가", &long] {
        assert_eq!(store.read("hana", key).await, Ok(None), "{key:?}");
        assert!(store.write("hana", key, &statement()).await.is_err(), "{key:?}");
        store.remove(key).await.unwrap();
    }
    assert_eq!(all(folder.path()), [folder.path().join("secret")]);
}

#[tokio::test]
async fn a_directory_that_is_none_is_away_and_not_a_missing_file() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    let store = FileStore::open(&settings(), &files, cipher()).unwrap();
    fs::write(&files, "no directory").unwrap();
    let told = store.write("hana", "FILE1", &statement()).await.unwrap_err();
    assert_eq!(told.dependency, NAME);
    assert!(store.read("hana", "FILE1").await.is_err());
}

#[test]
fn keys_are_not_guessed() {
    let keys: std::collections::HashSet<String> = (0..1000).map(|_| new_key().unwrap()).collect();
    assert_eq!(keys.len(), 1000);
    assert!(keys.iter().all(|key| is_key(key) && key.len() == 26));
}

#[test]
fn settings_that_cannot_work_are_told() {
    let wrong = |change: &dyn Fn(&mut FileSettings)| {
        let mut settings = settings();
        change(&mut settings);
        settings.mistakes().join("; ")
    };
    assert_eq!(wrong(&|_| {}), "");
    assert_eq!(wrong(&|s| (s.url, s.endpoint) = ("s3://bucket/a/b".into(), "http://127.0.0.1:9000".into())), "");
    assert!(wrong(&|s| s.uploads = 0).contains("above 0"));
    assert!(wrong(&|s| s.endpoint = "http://x".into()).contains("write s3://BUCKET"));
    assert!(wrong(&|s| (s.url, s.folder) = ("s3://bucket".into(), "x".into())).contains("two places"));
    assert!(wrong(&|s| (s.url, s.access_key) = ("s3://bucket".into(), "x".into())).contains("go together"));
    for url in ["bucket", "http://bucket", "s3://", "s3://name:secret@bucket", "s3://bucket?x=1"] {
        let told = wrong(&|s| s.url = url.into());
        assert!(told.contains("write s3://BUCKET") && !told.contains("secret"), "{url}: {told}");
    }
    assert!(wrong(&|s| (s.url, s.endpoint) = ("s3://bucket".into(), "ftp://x".into())).contains("https://HOST"));
}
