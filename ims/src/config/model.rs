//! The configuration as the program uses it. Keys, units and defaults are documented in ims.toml.
#![allow(missing_docs, reason = "ims.toml is the documentation of every key")]

use connectors::{
    analysis::mongo::MongoSettings, callback::CallerSettings, files::FileSettings, redis::RedisSettings,
    reference::Bounds, simulator::SimulatorSettings, sql::Location, vendors::VendorSettings,
};
use ipnet::IpNet;
use processors::{
    breaker::BreakerSettings,
    korea::{AHEAD_MS, DAY_MS, begins_ms},
    law::{self, Law},
    retry::Paces,
    ring::{Rings, Sizes},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};
use topology::callback::CallbackSettings;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub deployment: Deployment,
    pub log: LogConfig,
    pub kafka: Kafka,
    pub registry: Registry,
    pub rings: Sizes,
    pub retry: Paces,
    pub ads: Ads,
    pub reference: ReferenceConfig,
    pub callback: CallbackConfig,
    pub state: StateConfig,
    pub store: StoreConfig,
    pub analysis: AnalysisConfig,
    pub files: FileSettings,
    pub simulator: SimulatorSettings,
    pub vendors: BTreeMap<String, VendorSettings>,
    pub webhooks: Webhooks,
    pub engine: Engine,
    pub http: Http,
    pub center: Bounds,
    pub gateway: Gateway,
    pub admin: Admin,
    pub logs: Logs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ads {
    pub law: Vec<law::Row>,
    pub notice_hour: u8,
}

impl Ads {
    fn mistakes(&self) -> Vec<String> {
        let law = match Law::new(&self.law) {
            Ok(law) => law,
            Err(errors) => return errors.0.into_iter().map(|error| format!("ads.law: {error}")).collect(),
        };
        let hour_ms = i64::from(self.notice_hour) * 3_600_000;
        // The hour as it is on the first day of each row.
        let days = self.law.iter().map(|row| begins_ms(row.since));
        let by_night = days.chain([-AHEAD_MS]).any(|day_ms| !law.night.is_day(day_ms + hour_ms));
        match by_night || hour_ms >= DAY_MS {
            true => {
                vec!["ads.notice_hour must be an hour of the day, Asia/Seoul: 8 to 20 as the law stands".to_owned()]
            }
            false => Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    pub name: String,
    pub instance: String,
    pub cluster: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogKind {
    Kafka,
    Memory,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    pub kind: LogKind,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    pub bootstrap_servers: String,
    pub topic_prefix: String,
    pub partitions: i32,
    pub replication_factor: i32,
    pub min_insync_replicas: i32,
    #[serde(serialize_with = "hide_secrets")]
    pub properties: BTreeMap<String, String>,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("properties", &shown(&self.properties))
            .finish_non_exhaustive()
    }
}

/// Properties with secrets hidden: a password, key or token is nobody's to read in a log.
fn shown(properties: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let secret = |name: &str| ["password", "secret", "key.pem", "oauthbearer.config"].iter().any(|s| name.contains(s));
    properties.iter().map(|(k, v)| (k.as_str(), if secret(k) { "…" } else { v.as_str() })).collect()
}

fn hide_secrets<S: serde::Serializer>(properties: &BTreeMap<String, String>, to: S) -> Result<S::Ok, S::Error> {
    shown(properties).serialize(to)
}

/// A URL, or several separated by commas, without name and password: these are nobody's to read either.
fn without_user_info(urls: &str) -> String {
    urls.split(',').map(mongodb_without_user_info).collect::<Vec<_>>().join(",")
}

fn hide_user_info<S: serde::Serializer>(url: &str, to: S) -> Result<S::Ok, S::Error> {
    without_user_info(url).serialize(to)
}

/// The same of MongoDB, whose commas separate hosts behind one name and password.
fn mongodb_without_user_info(url: &str) -> String {
    let host = |(scheme, rest): (&str, &str)| Some(format!("{scheme}://…@{}", rest.rsplit_once('@')?.1));
    url.split_once("://").and_then(host).unwrap_or_else(|| url.to_owned())
}

fn hide_mongodb_user_info<S: serde::Serializer>(url: &str, to: S) -> Result<S::Ok, S::Error> {
    mongodb_without_user_info(url).serialize(to)
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    #[serde(serialize_with = "hide_user_info")]
    pub url: String,
    pub register: bool,
}

impl Registry {
    /// Where it is, without name and password.
    pub fn shown(&self) -> String {
        without_user_info(&self.url)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("url", &self.shown()).field("register", &self.register).finish()
    }
}

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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallbackConfig {
    pub allow_networks: Vec<IpNet>,
    pub timeout_ms: u32,
    pub in_flight: usize,
    pub endpoint_in_flight: usize,
}

impl CallbackConfig {
    /// For those who make the calls.
    pub fn caller(&self) -> CallerSettings {
        let timeout = Duration::from_millis(u64::from(self.timeout_ms));
        CallerSettings { allow_networks: self.allow_networks.clone(), timeout }
    }

    /// For the role.
    pub fn role(&self) -> CallbackSettings {
        let Self { in_flight, endpoint_in_flight, .. } = *self;
        CallbackSettings { in_flight, endpoint_in_flight, ..CallbackSettings::default() }
    }
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
    fn mistakes(&self) -> Option<String> {
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
    #[serde(serialize_with = "hide_mongodb_user_info")]
    pub url: String,
    pub password_file: PathBuf,
    pub database: String,
}

impl AnalysisConfig {
    /// What cannot work, without a look at the files.
    fn mistakes(&self) -> Option<String> {
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
            .field("url", &mongodb_without_user_info(&self.url))
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    pub batch_records: usize,
    pub stop_within_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub listen: String,
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
    pub body_bytes: usize,
    pub headers_within_ms: u32,
    pub body_within_ms: u32,
    pub read_within_ms: u32,
    pub acknowledged_within_ms: u32,
    pub requests: usize,
    pub connections: usize,
    pub behind: Vec<IpNet>,
    pub cors_origins: Vec<String>,
    pub drain_ms: u32,
}

impl Http {
    /// What no browser would say of a page.
    fn mistakes(&self) -> Vec<String> {
        let is_origin = |text: &String| {
            let origin = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            // The standard of addresses takes a star for a name.
            origin.is_some_and(|url| url.origin().ascii_serialization() == *text) && !text.contains('*')
        };
        let wrong = self.cors_origins.iter().filter(|text| !is_origin(text));
        wrong
            .map(|text| {
                format!(
                    "http.cors_origins: {text:?}: write an origin as a browser does, https://admin.example or \
                     http://127.0.0.1:8080, without path and the port that goes without saying"
                )
            })
            .collect()
    }

    /// Whether each bound lets something through.
    fn lets_in(&self) -> bool {
        let Self {
            listen: _,
            certificate_file: _,
            key_file: _,
            body_bytes,
            headers_within_ms,
            body_within_ms,
            read_within_ms,
            acknowledged_within_ms,
            requests,
            connections,
            behind: _,
            cors_origins: _,
            drain_ms: _,
        } = self;
        let times = [headers_within_ms, body_within_ms, read_within_ms, acknowledged_within_ms];
        [body_bytes, requests, connections].into_iter().all(|bound| *bound > 0) && times.into_iter().all(|ms| *ms > 0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    pub upstreams: Vec<Upstreams>,
    pub ca_file: PathBuf,
    pub connect_within_ms: u32,
    pub answer_within_ms: u32,
    pub look_every_ms: u32,
    pub remembered: usize,
    pub remembered_for_s: u32,
    pub breaker: BreakerSettings,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstreams {
    pub path: String,
    pub urls: Vec<String>,
}

impl Gateway {
    /// Whether a process is spoken to over TLS.
    pub fn has_tls(&self) -> bool {
        self.upstreams.iter().flat_map(|route| &route.urls).any(|url| url.starts_with("https:"))
    }

    /// What is wrong with it.
    fn mistakes(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if [self.connect_within_ms, self.answer_within_ms, self.look_every_ms].contains(&0) {
            wrong.push("the times of [gateway] must be above 0".to_owned());
        }
        for Upstreams { path, urls } in &self.upstreams {
            if !path.starts_with('/') || urls.is_empty() {
                wrong.push(format!("gateway.upstreams: path {path:?}: begin it with / and name urls"));
            }
            for url in urls {
                let plain =
                    |url: &url::Url| ["http", "https"].contains(&url.scheme()) && url.has_host() && url.path() == "/";
                if !url::Url::parse(url).is_ok_and(|url| plain(&url)) {
                    wrong.push(format!("gateway.upstreams: {url:?}: write http://host:port or https://host:port"));
                }
            }
        }
        if !self.ca_file.as_os_str().is_empty() && !self.has_tls() {
            wrong.push("gateway.ca_file is for TLS: write https:// in gateway.upstreams".to_owned());
        }
        wrong
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    pub listen: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    pub listen: String,
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logs {
    pub level: String,
    pub format: LogFormat,
}

/// A message may be scheduled 60 days ahead; a receipt takes up to 80 hours (MMS). A report must stand as long as it may change.
const SHORTEST_RETENTION_DAYS: u32 = 65;

impl Config {
    /// What cannot work although each key by itself could, with the remedy.
    pub fn mistakes(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut check = |bad: bool, text: &str| {
            if bad {
                wrong.push(text.to_owned());
            }
        };
        let kafka = self.log.kind == LogKind::Kafka;
        check(
            kafka && self.state.kind == StateKind::Memory,
            "state.kind = \"memory\" with log.kind = \"kafka\" would forget claimed message ids at every restart: set \"redis\" or \"sqlite\"",
        );
        check(
            self.store.file.as_os_str() == ":memory:",
            "store.file = \":memory:\" is no file, and stores are files named after it: name one in a folder that may be lost",
        );
        check(
            self.deployment.name.is_empty() || !self.deployment.name.bytes().all(is_name),
            "deployment.name must be letters, digits, '.', '_' or '-': it names consumer groups",
        );
        check(
            !self.deployment.instance.bytes().all(is_name),
            "deployment.instance must be letters, digits, '.', '_' or '-'",
        );
        check(self.kafka.partitions < 1 || self.kafka.partitions > 4096, "kafka.partitions must be 1 to 4096");
        check(
            self.kafka.min_insync_replicas > self.kafka.replication_factor,
            "kafka.min_insync_replicas is above kafka.replication_factor: nothing could ever be written",
        );
        check(
            (1..SHORTEST_RETENTION_DAYS).contains(&self.store.retention_days),
            "store.retention_days must be at least 65, or 0 for ever: a message may be scheduled 60 days ahead, and its \
             vendor may report 80 hours later",
        );
        check(
            self.callback.timeout_ms == 0 || self.callback.in_flight == 0 || self.callback.endpoint_in_flight == 0,
            "callback.timeout_ms, in_flight and endpoint_in_flight must be above 0",
        );
        check(
            self.reference.kind == ReferenceKind::Sql && !self.reference.file.as_os_str().is_empty(),
            "reference.file is set and reference.kind = \"sql\" does not read it: `ims reference import FILE` puts a \
             file's data into the store, once; set \"\"",
        );
        check(
            self.reference.kind == ReferenceKind::File
                && self.vendors.values().any(|vendor| vendor.templates_every_ms > 0),
            "vendors.….templates_every_ms needs templates in a store: set reference.kind = \"sql\"",
        );
        check(
            self.reference.kind == ReferenceKind::File
                && self.vendors.values().any(|vendor| vendor.profiles_every_ms > 0),
            "vendors.….profiles_every_ms needs sender profiles in a store: set reference.kind = \"sql\"",
        );
        check(!self.http.lets_in(), "the bounds of [http] must be above 0");
        let files = [(&self.http.certificate_file, &self.http.key_file)];
        let files = files.into_iter().chain([(&self.webhooks.certificate_file, &self.webhooks.key_file)]);
        for ((certificate, key), section) in files.zip(["http", "webhooks"]) {
            check(
                certificate.as_os_str().is_empty() != key.as_os_str().is_empty(),
                &format!("{section}.certificate_file and {section}.key_file belong together: name both, or none"),
            );
        }
        check(self.engine.batch_records == 0, "engine.batch_records must be above 0");
        check(
            !self.store.url.is_empty() && self.store.key_file.as_os_str().is_empty(),
            "store.key_file is empty: processes that share a server share the key of personal data too; make one with \
             `openssl rand -hex 32 > store.key` and name it",
        );
        if !self.store.url.is_empty()
            && let Err(error) = Location::server(&self.store.url, None)
        {
            wrong.push(error.to_string());
        }
        wrong.extend(self.state.mistakes());
        wrong.extend(self.files.mistakes());
        wrong.extend(self.http.mistakes());
        wrong.extend(self.gateway.mistakes());
        wrong.extend(self.analysis.mistakes());
        wrong.extend(self.simulator.mistakes().into_iter().map(|mistake| format!("simulator.{mistake}")));
        wrong.extend(self.retry.mistakes());
        wrong.extend(self.ads.mistakes());
        if let Err(errors) = Rings::new(self.rings) {
            wrong.extend(errors.0.into_iter().map(|error| format!("rings: {error}")));
        }
        wrong
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}
