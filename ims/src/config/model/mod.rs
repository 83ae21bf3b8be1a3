//! The configuration as the program uses it. Keys, units and defaults are documented in ims.toml.
#![allow(missing_docs, reason = "ims.toml is the documentation of every key")]

mod hidden;
mod http;
mod log;
mod mistakes;
mod stores;

pub use http::*;
pub use log::*;
pub use stores::*;

use connectors::{
    callback::CallerSettings, files::FileSettings, reference::Bounds, simulator::SimulatorSettings,
    vendors::VendorSettings,
};
use ipnet::IpNet;
use processors::{
    korea::{AHEAD_MS, DAY_MS, begins_ms},
    law::{self, Law},
    retry::Paces,
    ring::Sizes,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    pub batch_records: usize,
    pub stop_within_ms: u64,
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
