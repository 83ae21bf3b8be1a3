//! Where Redis is, how it is entered, and how long it may take.

use ::redis::io::tcp::{TcpSettings, socket2};
use ::redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, TlsCertificates};
use std::fmt;
use std::time::Duration;

/// An idle connection is asked for a sign of life after this.
const KEPT_ALIVE_AFTER: Duration = Duration::from_secs(60);

/// Why the settings make no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisSettingsError {
    /// An address cannot be used.
    #[error(
        "state.url: {0}; write redis://USER:PASSWORD@HOST:PORT, rediss:// for TLS, several addresses of a cluster \
             separated by commas"
    )]
    Url(String),
    /// A key that fits the others.
    #[error("{0}")]
    Key(&'static str),
}

/// One server, or some nodes of a cluster by which all of them are found.
#[derive(Clone)]
pub struct RedisSettings {
    nodes: Vec<ConnectionInfo>,
    certificates: Option<TlsCertificates>,
    timeout: Duration,
}

impl RedisSettings {
    /// By addresses separated by commas: one is a server, several are nodes of a cluster. `timeout` is how long one
    /// batch may take, connecting included.
    pub fn new(urls: &str, timeout: Duration) -> Result<Self, RedisSettingsError> {
        let nodes: Vec<_> = urls.split(',').map(|url| node(url.trim())).collect::<Result<_, _>>()?;
        let cluster = nodes.len() > 1;
        let tls = nodes.iter().filter(|node| is_tls(node.addr())).count();
        if tls != 0 && tls != nodes.len() {
            return Err(RedisSettingsError::Url("some addresses ask for TLS and some do not".into()));
        }
        if cluster && nodes.iter().any(|node| node.redis_settings().db() != 0) {
            return Err(RedisSettingsError::Url("a cluster has no database but 0".into()));
        }
        if timeout < Duration::from_millis(10) {
            return Err(RedisSettingsError::Key("state.timeout_ms must be 10 or more"));
        }
        Ok(Self { nodes, certificates: None, timeout })
    }

    /// With this password, whatever the addresses say.
    pub fn with_password(mut self, password: &str) -> Self {
        for node in &mut self.nodes {
            let entry = node.redis_settings().clone().set_password(password);
            *node = node.clone().set_redis_settings(entry);
        }
        self
    }

    /// With these certificate authorities in place of the system's.
    pub fn with_authorities(mut self, pem: Vec<u8>) -> Result<Self, RedisSettingsError> {
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) };
        let understood = Client::build_with_tls(self.nodes[0].clone(), certificates.clone()).is_ok();
        if !understood || !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
            return Err(RedisSettingsError::Key(
                "state.ca_file holds no certificate in PEM form, or state.url asks for no TLS",
            ));
        }
        self.certificates = Some(certificates);
        Ok(self)
    }

    /// Whether TLS is asked for.
    pub fn is_tls(&self) -> bool {
        is_tls(self.nodes[0].addr())
    }

    /// Whether these are nodes of a cluster.
    pub fn is_cluster(&self) -> bool {
        self.nodes.len() > 1
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn certificates(&self) -> Option<&TlsCertificates> {
        self.certificates.as_ref()
    }

    /// The addresses as configured.
    pub(super) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.nodes.iter().filter_map(|node| Address::of(node.addr()))
    }

    /// How a node at this address is entered: all nodes of a cluster alike.
    pub(super) fn entry(&self, address: &Address) -> ConnectionInfo {
        let like = &self.nodes[0];
        let (host, port) = (address.host.clone(), address.port);
        like.clone().set_addr(match is_tls(like.addr()) {
            true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            false => ConnectionAddr::Tcp(host, port),
        })
    }
}

/// Names places, never a password.
impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<_> = self.addresses().map(|address| address.to_string()).collect();
        f.debug_struct("RedisSettings").field("nodes", &nodes).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Where a node listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    fn of(address: &ConnectionAddr) -> Option<Self> {
        match address {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Some(Self { host: host.clone(), port: *port })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn is_tls(address: &ConnectionAddr) -> bool {
    matches!(address, ConnectionAddr::TcpTls { .. })
}

/// Errors name no part of the address: it may hold a password.
fn node(url: &str) -> Result<ConnectionInfo, RedisSettingsError> {
    let refused = |what: &str| RedisSettingsError::Url(what.to_owned());
    if url.is_empty() {
        return Err(refused("an address is missing"));
    }
    if !url.starts_with("redis://") && !url.starts_with("rediss://") {
        return Err(refused("an address begins with neither redis:// nor rediss://"));
    }
    let info = url.into_connection_info().map_err(|_| refused("an address cannot be understood"))?;
    if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
        return Err(refused("#insecure is not had here, name the server's authority in state.ca_file"));
    }
    // The last part of a large batch must not wait for the acknowledgement of the one before; and an idle lane's
    // connection stays known to what stands between.
    let alive = socket2::TcpKeepalive::new().with_time(KEPT_ALIVE_AFTER);
    Ok(info.set_tcp_settings(TcpSettings::default().set_nodelay(true).set_keepalive(alive)))
}
