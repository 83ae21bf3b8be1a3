//! The admin port: is it alive, is it ready, what does it measure.

mod health;
mod server;

pub use server::{Admin, LET_GO, READY, STOPPED, Senders, WAITS};

use crate::{config, http};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the buckets of everything measured in seconds: 1 ms for a hop, 10 s for a vendor that hesitates.
const SECONDS: [f64; 13] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Opens the configured port, if there is one, and begins to keep metrics: call it before anything is counted. The port
/// is open until the answer is dropped.
pub fn open(config: &config::Admin) -> anyhow::Result<Option<Admin>> {
    if config.listen.is_empty() {
        return Ok(None);
    }
    Admin::open(&config.listen, record_metrics()?).map(Some)
}

fn record_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    topology::metrics::describe();
    connectors::claims::describe_metrics();
    connectors::pending::describe_metrics();
    http::describe_metrics();
    crate::notices::describe_metrics();
    connectors::vendors::describe_metrics();
    Ok(handle)
}
