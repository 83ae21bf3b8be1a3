//! Looks whether Redis answers, for every process that uses it: /health/ready says what is done without it.
//!
//! Ingest waits, which its streams say. Everything else goes on, and nobody would know that it goes on with less.

use crate::{
    beside::Beside,
    config::{Config, StateKind},
    roles::Roles,
    stores,
};
use connectors::redis::{NAME, Redis, Room};
use metrics::gauge;
use processors::ports::Away;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use topology::{graph::Role, metrics::REDIS_AWAY};

/// How often Redis is asked.
const LOOK: Duration = Duration::from_secs(5);

/// A use of Redis, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Use {
    name: &'static str,
    /// While Redis is away.
    away: &'static str,
    /// While it is fuller than three quarters; None: it goes on.
    full: Option<&'static str>,
}

const DUPLICATES: Use = Use {
    name: "duplicate check",
    away: "ingest waits: nothing is taken and nothing is lost, its streams say so",
    full: None,
};
const PENDING: Use = Use {
    name: "pending reports",
    away: "calls and their retries go on; which reports wait for one is noted later, 10,000 at most",
    full: Some("calls and their retries go on; which reports wait for one is not noted"),
};
const DOOR: Use = Use {
    name: "limits and repeated requests",
    away: "this door goes by what it knows itself: a customer has its whole rate at each door, and a repeated request \
           may be written again, of which its message_id makes one message",
    full: Some("a repeated request may be written again, of which its message_id makes one message"),
};
const PUT_OFF: &str =
    "messages leave; delivery reports wait with their vendors, and one of a message that left meanwhile may be missed";
const IDS: Use = Use { name: "message ids of vendors", away: PUT_OFF, full: Some(PUT_OFF) };

/// What is done with less, and why. For /health/ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Degraded {
    /// What is away.
    dependency: &'static str,
    cause: String,
    for_ms: u64,
    /// Each use of this process, and what becomes of it.
    without: BTreeMap<&'static str, &'static str>,
}

#[derive(Debug, Clone)]
struct Lack {
    cause: String,
    since: Instant,
    without: BTreeMap<&'static str, &'static str>,
}

static LACK: Mutex<Option<Lack>> = Mutex::new(None);

/// What this process does without Redis now; None: it has all that it uses.
pub fn now() -> Option<Degraded> {
    let lack = LACK.lock().unwrap_or_else(PoisonError::into_inner).clone();
    lack.map(|Lack { cause, since, without }| Degraded {
        dependency: NAME,
        cause,
        for_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
        without,
    })
}

/// Begins to look, when this process uses Redis. `name_ids`: whether vendors report by ids of their own.
pub fn begin(config: &Config, roles: &Roles, name_ids: bool) -> anyhow::Result<Option<Beside>> {
    let uses = uses(roles, name_ids);
    if config.state.kind != StateKind::Redis || uses.is_empty() {
        return Ok(None);
    }
    let mut redis = Redis::new(stores::redis(&config.state)?);
    let mut watch = Watch { uses, lack: None };
    let turn = move || {
        watch.look(Room::default().is_left(&mut redis));
        *LACK.lock().unwrap_or_else(PoisonError::into_inner) = watch.lack.clone();
        LOOK
    };
    Ok(Some(Beside::start("redis", turn)?))
}

fn uses(roles: &Roles, name_ids: bool) -> Vec<Use> {
    let sends = roles.chain.iter().any(|role| Role::SENDERS.contains(role));
    [
        (roles.chain.contains(&Role::Ingest), DUPLICATES),
        (roles.chain.contains(&Role::Callback), PENDING),
        (roles.api, DOOR),
        (name_ids && sends, IDS),
    ]
    .into_iter()
    .filter_map(|(has, of)| has.then_some(of))
    .collect()
}

#[derive(Debug)]
struct Watch {
    uses: Vec<Use>,
    lack: Option<Lack>,
}

impl Watch {
    /// Takes what Redis answered: whether it has room for what is not as dear as claims.
    fn look(&mut self, room: Result<bool, Away>) {
        let found = match room {
            Ok(true) => None,
            Ok(false) => {
                let full = |of: &Use| Some((of.name, of.full?));
                let cause = "it holds more than three quarters of its maxmemory".to_owned();
                Some((cause, self.uses.iter().filter_map(full).collect::<BTreeMap<_, _>>()))
            }
            Err(away) => Some((away.cause, self.uses.iter().map(|of| (of.name, of.away)).collect())),
        };
        let found = found.filter(|(_, without)| !without.is_empty());
        gauge!(REDIS_AWAY).set(f64::from(found.is_some()));
        self.lack = match (found, self.lack.take()) {
            (None, None) => None,
            (None, Some(_)) => {
                tracing::info!("redis is there again with all that this process uses of it");
                None
            }
            (Some((cause, without)), Some(before)) => Some(Lack { cause, since: before.since, without }),
            (Some((cause, without)), None) => {
                let uses = without.keys().copied().collect::<Vec<_>>().join(", ");
                tracing::warn!(
                    cause,
                    uses,
                    "this process goes on with less than it has of redis: /health/ready says what"
                );
                Some(Lack { cause, since: Instant::now(), without })
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::Work;

    fn of(words: &[&str], name_ids: bool) -> Vec<&'static str> {
        let words: Vec<Work> = words.iter().map(|word| word.parse().unwrap()).collect();
        uses(&Roles::of(&words), name_ids).iter().map(|of| of.name).collect()
    }

    #[test]
    fn each_process_has_the_uses_of_its_roles() {
        assert_eq!(of(&["router", "store"], true), [""; 0]);
        assert_eq!(of(&["callback"], true), ["pending reports"]);
        assert_eq!(of(&["api", "router"], true), ["limits and repeated requests"]);
        assert_eq!(of(&["text"], false), [""; 0]);
        assert_eq!(of(&["text"], true), ["message ids of vendors"]);
        assert_eq!(of(&[], true).len(), 4);
    }

    #[test]
    fn what_is_lacking_is_said_with_since_when_until_it_is_back() {
        let away = |cause: &str| Err(Away { dependency: NAME, cause: cause.into() });
        let mut watch = Watch { uses: vec![DUPLICATES, PENDING], lack: None };
        watch.look(Ok(true));
        assert!(watch.lack.is_none());
        watch.look(away("refused"));
        let first = watch.lack.clone().unwrap();
        assert_eq!((first.cause.as_str(), first.without.len()), ("refused", 2));
        watch.look(away("no answer in time"));
        let next = watch.lack.clone().unwrap();
        assert_eq!((next.cause.as_str(), next.since), ("no answer in time", first.since));
        watch.look(Ok(false));
        let full = watch.lack.clone().unwrap();
        assert_eq!(full.without.keys().collect::<Vec<_>>(), [&"pending reports"], "claims have their room");
        watch.look(Ok(true));
        assert!(watch.lack.is_none());
        let mut ingest = Watch { uses: vec![DUPLICATES], lack: None };
        ingest.look(Ok(false));
        assert!(ingest.lack.is_none(), "it lacks nothing");
    }
}
