//! Looks at topics and brokers before a process starts. What is wrong with one of them would otherwise be met by the first
//! record that needs it, and stop every stream of the process, AUTH included.

use crate::{
    beside::Beside,
    config::{Config, LogKind},
    log::{open_kafka, place},
    roles::Roles,
};
use anyhow::Context;
use schemas::{Topic, topics::Kind};
use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};
use topology::{
    engine::Runtime,
    graph::{Node, chain},
    log::{
        LogError,
        kafka::{Difference, KafkaAdmin},
    },
};

/// How long brokers may be away before a process starts without their word: it waits for them with all its streams.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long a topic that was made elsewhere may be unknown to some broker.
const SPREADS: Duration = Duration::from_secs(3);
/// Pause before a question is asked again.
const PAUSE: Duration = Duration::from_millis(200);
/// When there is nothing more to ask.
const DONE: Duration = Duration::from_secs(24 * 3_600);

/// Topics that nobody could be asked about yet.
pub struct Unchecked {
    admin: KafkaAdmin,
    topics: Vec<Topic>,
    /// One of the streams that need transactions.
    stream: Option<String>,
    place: String,
}

/// Asks about them as soon as somebody answers.
pub struct Checking {
    wrong: Arc<Mutex<Option<LogError>>>,
    place: String,
    _beside: Beside,
}

/// Checks the topics that these roles read or write, of others they ask nothing; gives them back while no broker answers.
pub fn before_start(config: &Config, roles: &Roles) -> anyhow::Result<Option<Unchecked>> {
    if config.log.kind == LogKind::Memory {
        return Ok(None);
    }
    let chain = chain()?;
    let mut topics = chain.topics_of(&roles.chain);
    if roles.api {
        // A door writes requests, and the wish to cancel one.
        topics.extend(Topic::all().iter().filter(|topic| matches!(topic.kind(), Kind::Api(_) | Kind::Result(_))));
    }
    let admin = open_kafka(config)?.admin()?.patient(PATIENCE, Box::new(|_| {}));
    let (topics, place) = (topics.into_iter().collect::<Vec<_>>(), place(config));
    // A stream into a store appends nothing with its offsets.
    let stream = chain.of_roles(&roles.chain).find(|node| node.store.is_none()).map(Node::name);
    match check(&admin, &topics, stream.as_deref()) {
        Ok(()) => Ok(None),
        Err(LogError::Away(why)) => {
            tracing::warn!(why, "topics are not checked: that is done as soon as brokers answer");
            Ok(Some(Unchecked { admin, topics, stream, place }))
        }
        Err(error) => Err(error).context(place),
    }
}

impl Unchecked {
    /// Checks them beside the streams, and stops these if something is wrong.
    pub fn check_beside(self, runtime: &Arc<Runtime>) -> anyhow::Result<Checking> {
        let Self { admin, topics, stream, place } = self;
        let wrong: Arc<Mutex<Option<LogError>>> = Arc::default();
        let (found, runtime) = (Arc::clone(&wrong), Arc::clone(runtime));
        let turn = move || match check(&admin, &topics, stream.as_deref()) {
            Ok(()) => {
                tracing::info!("topics are checked");
                DONE
            }
            Err(LogError::Away(_)) => PAUSE,
            Err(error) => {
                tracing::error!(%error, "stopping");
                *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                runtime.stop();
                DONE
            }
        };
        Ok(Checking { wrong, place, _beside: Beside::start("topics", turn)? })
    }
}

impl Checking {
    /// What was wrong, if that is why the streams stopped.
    pub fn end(self) -> anyhow::Result<()> {
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner).take();
        wrong.map_or(Ok(()), |error| Err(error).context(self.place))
    }
}

/// Warns of what could be better. What is wrong is an error, in one line, when brokers have had time to hear of new topics.
fn check(admin: &KafkaAdmin, topics: &[Topic], stream: Option<&str>) -> Result<(), LogError> {
    let asked = Instant::now();
    loop {
        let (mut wrong, mut advice) = (Vec::new(), Vec::new());
        for difference in admin.check_for_start(topics, stream)? {
            match difference {
                Difference::Wrong(line) => wrong.push(line),
                Difference::Advice(line) => advice.push(line),
            }
        }
        if wrong.is_empty() {
            advice.iter().for_each(|line| tracing::warn!("topics: {line}"));
            return Ok(());
        }
        if asked.elapsed() > SPREADS {
            let more = match wrong.len() - 1 {
                0 => String::new(),
                more => format!(" (and {more} more: `ims topics check` tells all)"),
            };
            return Err(LogError::Stop(format!("{}{more}", wrong[0])));
        }
        thread::sleep(PAUSE);
    }
}
