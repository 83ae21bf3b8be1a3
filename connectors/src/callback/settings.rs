//! How endpoints are called.

use ipnet::IpNet;
use std::time::Duration;

/// How endpoints are called.
#[derive(Debug, Clone)]
pub struct CallerSettings {
    /// Networks that may be called although they are not public.
    pub allow_networks: Vec<IpNet>,
    /// The time of a call in all: name, connection, TLS, request, answer.
    pub timeout: Duration,
}
