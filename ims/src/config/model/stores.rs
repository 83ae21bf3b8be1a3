//! What is kept outside the log: reference data, state, the store and analysis.

use super::hidden::{hide_user_info, without_user_info};
use connectors::{analysis::mongo::MongoSettings, redis::RedisSettings};
use serde::{Deserialize, Serialize};
use std::{fmt, path::PathBuf, time::Duration};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReferenceKind {
    File,
    Sql,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceConfig {
    pub kind: ReferenceKind,
    pub file: PathBuf,
    pub dormancy: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateKind {
    Sqlite,
    Memory,
    Redis,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateConfig {
    pub kind: StateKind,
    pub file: PathBuf,
    #[serde(serialize_with = "hide_user_info")]
    pub url: String,
    pub password_file: PathBuf,
    pub ca_file: PathBuf,
    pub timeout_ms: u64,
}

impl StateConfig {
    /// What cannot work, without a look at the files.
    pub(super) fn mistakes(&self) -> Option<String> {
        if self.kind != StateKind::Redis {
            let unused = "state.url is set and state.kind does not use it: set state.kind = \"redis\"";
            return (!self.url.is_empty()).then(|| unused.to_owned());
        }
        match RedisSettings::new(&self.url, Duration::from_millis(self.timeout_ms)) {
            Ok(settings) if !settings.is_tls() && !self.ca_file.as_os_str().is_empty() => {
                Some("state.ca_file is for TLS: write rediss:// in state.url".into())
            }
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        }
    }
}

impl fmt::Debug for StateConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateConfig")
            .field("kind", &self.kind)
            .field("file", &self.file)
            .field("url", &without_user_info(&self.url))
            .finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    pub file: PathBuf,
    #[serde(serialize_with = "hide_user_info")]
    pub url: String,
    pub password_file: PathBuf,
    pub key_file: PathBuf,
    pub retention_days: u32,
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig")
            .field("file", &self.file)
            .field("url", &without_user_info(&self.url))
            .field("retention_days", &self.retention_days)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnalysisKind {
    Sqlite,
    Mongodb,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalysisConfig {
    pub kind: AnalysisKind,
    #[serde(serialize_with = "hide_user_info")]
    pub url: String,
    pub password_file: PathBuf,
    pub database: String,
}

impl AnalysisConfig {
    /// What cannot work, without a look at the files.
    pub(super) fn mistakes(&self) -> Option<String> {
        if self.kind == AnalysisKind::Sqlite {
            let unused = "analysis.url is set and analysis.kind does not use it: set analysis.kind = \"mongodb\"";
            return (!self.url.is_empty()).then(|| unused.to_owned());
        }
        MongoSettings::new(&self.url, &self.database, None).err().map(|error| error.to_string())
    }
}

impl fmt::Debug for AnalysisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnalysisConfig")
            .field("kind", &self.kind)
            .field("url", &without_user_info(&self.url))
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}
