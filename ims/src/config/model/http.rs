//! The ports: HTTP, the gateway, the admin port and webhooks.

use ipnet::IpNet;
use processors::breaker::BreakerSettings;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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
    pub(super) fn mistakes(&self) -> Vec<String> {
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
    pub(super) fn lets_in(&self) -> bool {
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
    pub(super) fn mistakes(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if [self.connect_within_ms, self.answer_within_ms, self.look_every_ms].contains(&0) {
            wrong.push("the times of [gateway] must be above 0".to_owned());
        }
        wrong.extend(self.breaker.mistakes().into_iter().map(|mistake| format!("gateway.breaker.{mistake}")));
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
