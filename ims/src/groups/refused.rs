//! Routing groups whose topics Kafka refuses, or did not answer for when the process started.

use crate::assemble::now_ms;
use metrics::gauge;
use processors::reference::Group;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use topology::metrics as names;

/// One of them: why, and since when, Unix milliseconds. For /health/ready.
#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    pub group: String,
    pub cause: String,
    pub since_ms: i64,
    #[serde(skip)]
    asked: Arc<Group>,
}

/// By name.
static REFUSED: Mutex<BTreeMap<String, Refused>> = Mutex::new(BTreeMap::new());

/// Those of this process.
pub fn refused() -> Vec<Refused> {
    lock().values().cloned().collect()
}

/// What was asked for in vain.
pub fn asked() -> Vec<Arc<Group>> {
    lock().values().map(|refused| Arc::clone(&refused.asked)).collect()
}

/// Notes one, and tells it once.
pub fn note(group: &Arc<Group>, cause: String) {
    let mut refused = lock();
    let before = refused.get(&group.name);
    if before.is_none_or(|before| before.cause != cause) {
        tracing::warn!(
            group = %group.name, %cause,
            "a routing group is without its topics: its messages go over those of all, with its priority. Where Kafka \
             refuses them, change its partitions or replicas, let this process create topics, or run `ims topics create`"
        );
    }
    let since_ms = before.map_or_else(now_ms, |before| before.since_ms);
    let (name, asked) = (group.name.clone(), Arc::clone(group));
    refused.insert(name.clone(), Refused { group: name, cause, since_ms, asked });
    gauge!(names::GROUPS_REFUSED).set(refused.len() as f64);
}

/// Forgets all but these.
pub fn keep(names: &BTreeSet<String>) {
    let mut refused = lock();
    refused.retain(|name, _| names.contains(name));
    gauge!(names::GROUPS_REFUSED).set(refused.len() as f64);
}

fn lock() -> MutexGuard<'static, BTreeMap<String, Refused>> {
    REFUSED.lock().unwrap_or_else(PoisonError::into_inner)
}
