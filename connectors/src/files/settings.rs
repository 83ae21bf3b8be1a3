//! Which store, and how it is reached.

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig, aws::AmazonS3Builder, local::LocalFileSystem,
    path::Path as Prefix, prefix::PrefixStore,
};
use serde::{Deserialize, Serialize};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use url::Url;

/// Where files are kept; the keys are documented in ims.toml.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    /// A directory that all processes share; empty: beside the store's file.
    pub folder: PathBuf,
    /// `s3://BUCKET` or `s3://BUCKET/PREFIX`; empty: the directory.
    pub url: String,
    /// Address of an S3-compatible store; empty: that of AWS.
    pub endpoint: String,
    /// As the store calls it.
    pub region: String,
    /// Name of the key; empty: as tools of AWS find it.
    pub access_key: String,
    /// File with its secret.
    pub secret_key_file: PathBuf,
    /// How long an answer may take.
    pub timeout_ms: u32,
    /// Largest file, bytes.
    pub largest_bytes: usize,
    /// Uploads under way at most, of this process.
    pub uploads: usize,
}

impl fmt::Debug for FileSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSettings").field("folder", &self.folder).field("url", &self.url).finish_non_exhaustive()
    }
}

/// Why there is no store for files.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The directory has no name that can be used.
    #[error("files.folder {}: {cause}", path.display())]
    Folder {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// The file of the secret cannot be read.
    #[error("files.secret_key_file {}: {cause}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The address of the store is none.
    #[error("files.url: {0}")]
    Url(String),
}

impl FileSettings {
    /// What cannot work, without a look at anything.
    pub fn mistakes(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.timeout_ms == 0 || self.largest_bytes == 0 || self.uploads == 0 {
            wrong.push("files.timeout_ms, largest_bytes and uploads must be above 0".to_owned());
        }
        if self.url.is_empty() {
            if [&self.endpoint, &self.access_key].iter().any(|text| !text.is_empty()) {
                wrong.push(
                    "files.endpoint and access_key are of an S3-compatible store: write s3://BUCKET in files.url"
                        .into(),
                );
            }
            return wrong;
        }
        if !self.folder.as_os_str().is_empty() {
            wrong.push("files.folder and files.url are two places: set one".into());
        }
        if self.access_key.is_empty() != self.secret_key_file.as_os_str().is_empty() {
            wrong.push("files.access_key and files.secret_key_file go together".into());
        }
        if let Err(error) = bucket(&self.url) {
            wrong.push(error.to_string());
        }
        let http = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        if !self.endpoint.is_empty() && !Url::parse(&self.endpoint).is_ok_and(http) {
            wrong.push("files.endpoint: write https://HOST".into());
        }
        wrong
    }

    pub(super) fn within(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.into())
    }

    /// The store, which is not asked yet.
    pub(super) fn objects(&self, folder: &Path) -> Result<Arc<dyn ObjectStore>, FilesError> {
        if self.url.is_empty() {
            return directory(if self.folder.as_os_str().is_empty() { folder } else { &self.folder });
        }
        let (bucket, prefix) = bucket(&self.url)?;
        let within = self.within();
        // What fails at once is tried once more: its caller waits.
        let retry = RetryConfig { backoff: BackoffConfig::default(), max_retries: 1, retry_timeout: within };
        let options = ClientOptions::new().with_timeout(within).with_connect_timeout(within / 2);
        let mut builder = match self.access_key.is_empty() {
            true => AmazonS3Builder::from_env(),
            false => {
                let path = &self.secret_key_file;
                let secret =
                    fs::read_to_string(path).map_err(|cause| FilesError::Secret { path: path.clone(), cause })?;
                AmazonS3Builder::new()
                    .with_access_key_id(&self.access_key)
                    .with_secret_access_key(secret.trim_end_matches(['\r', '\n']))
            }
        };
        if !self.region.is_empty() {
            builder = builder.with_region(&self.region);
        }
        if !self.endpoint.is_empty() {
            builder = builder.with_endpoint(&self.endpoint).with_allow_http(self.endpoint.starts_with("http://"));
        }
        // After these: they would forget that http is allowed.
        let options = options.with_allow_http(self.endpoint.starts_with("http://"));
        let store = builder.with_bucket_name(bucket).with_retry(retry).with_client_options(options).build();
        let store = store.map_err(|error| FilesError::Url(error.to_string()))?;
        Ok(Arc::new(PrefixStore::new(store, prefix)))
    }
}

/// Bucket and prefix.
fn bucket(url: &str) -> Result<(String, Prefix), FilesError> {
    let wrong = || FilesError::Url("write s3://BUCKET or s3://BUCKET/PREFIX".into());
    let url = Url::parse(url).map_err(|_| wrong())?;
    let plain = url.scheme() == "s3" && url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let bucket = url.host_str().filter(|_| plain).ok_or_else(wrong)?;
    let prefix = Prefix::from_url_path(url.path()).map_err(|_| wrong())?;
    Ok((bucket.to_owned(), prefix))
}

/// A directory; it is made with the first file. A process that keeps none needs no place for them.
fn directory(path: &Path) -> Result<Arc<dyn ObjectStore>, FilesError> {
    let refused = |cause: String| FilesError::Folder { path: path.to_owned(), cause };
    let absolute = std::path::absolute(path).map_err(|cause| refused(cause.to_string()))?;
    let prefix = Prefix::from_absolute_path(absolute).map_err(|cause| refused(cause.to_string()))?;
    // Who is told that a file is kept does not lose it with the power.
    Ok(Arc::new(PrefixStore::new(LocalFileSystem::new().with_fsync(true), prefix)))
}
