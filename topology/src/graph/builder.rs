//! Puts nodes together and reports every wiring mistake at once.

use super::Role;
use schemas::{Lane, Record, Topic, topics::Kind};
use std::collections::{BTreeMap, BTreeSet};

/// One stream of the chain: a role on a lane, with what it reads, writes and keeps.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it does.
    pub role: Role,
    /// For which lane; None for roles that serve all lanes in one stream.
    pub lane: Option<Lane>,
    /// Topics it reads.
    pub sources: Vec<Topic>,
    /// Topics it writes.
    pub sinks: Vec<Topic>,
    /// The topic that holds its state.
    pub state: Option<Topic>,
    /// The store that it fills, in words; such a node keeps its offsets there.
    pub store: Option<&'static str>,
}

impl Node {
    /// `<role>-<LANE>`, or `<role>`.
    pub fn name(&self) -> String {
        self.lane.map_or_else(|| self.role.to_string(), |lane| format!("{}-{lane}", self.role))
    }

    /// Whether its commits must be fast.
    pub fn urgent(&self) -> bool {
        self.lane == Some(Lane::Auth)
    }
}

/// The checked graph.
#[derive(Debug, Clone)]
pub struct Topology {
    nodes: Vec<Node>,
}

impl Topology {
    /// Every stream, in the order of the chain.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The streams of some roles.
    pub fn of_roles<'a>(&'a self, roles: &'a [Role]) -> impl Iterator<Item = &'a Node> {
        self.nodes.iter().filter(|n| roles.contains(&n.role))
    }

    /// Every topic that some roles read, write or keep their state in, and those of their dead letters.
    pub fn topics_of(&self, roles: &[Role]) -> BTreeSet<Topic> {
        let of = |node: &Node| {
            let dead_letters: Vec<Topic> = node.sources.iter().map(|source| source.dead_letters()).collect();
            [node.sources.clone(), node.sinks.clone(), dead_letters].into_iter().flatten().chain(node.state)
        };
        self.of_roles(roles).flat_map(of).collect()
    }
}

/// All mistakes in the wiring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the topology cannot run: {}", .0.join("; "))]
pub struct WiringErrors(pub Vec<String>);

/// Collects nodes.
#[derive(Debug, Default)]
pub struct Builder {
    nodes: Vec<Node>,
    errors: Vec<String>,
}

/// The node under construction.
pub struct NodeBuilder<'b> {
    builder: &'b mut Builder,
}

impl Builder {
    /// Adds a stream.
    pub fn node(&mut self, role: Role, lane: impl Into<Option<Lane>>) -> NodeBuilder<'_> {
        let node = Node { role, lane: lane.into(), sources: vec![], sinks: vec![], state: None, store: None };
        self.nodes.push(node);
        NodeBuilder { builder: self }
    }

    /// Checks the whole.
    pub fn build(self) -> Result<Topology, WiringErrors> {
        let Self { nodes, mut errors } = self;
        let mut names = BTreeMap::new();
        for node in &nodes {
            *names.entry(node.name()).or_insert(0) += 1;
            if node.sources.is_empty() {
                errors.push(format!("{} reads nothing", node.name()));
            }
            if node.sinks.is_empty() && node.store.is_none() {
                errors.push(format!("{} writes nothing and fills no store", node.name()));
            }
            if node.store.is_some() && !node.sinks.is_empty() {
                errors.push(format!(
                    "{} fills a store and writes topics: offsets can be kept in one place only",
                    node.name()
                ));
            }
        }
        errors.extend(names.iter().filter(|(_, n)| **n > 1).map(|(name, n)| format!("{name} stands {n} times")));
        for &topic in Topic::all() {
            let readers: Vec<&Node> = nodes.iter().filter(|n| n.sources.contains(&topic)).collect();
            let writers = nodes.iter().filter(|n| n.sinks.contains(&topic) || n.state == Some(topic)).count();
            for role in Role::ALL {
                let twice = readers.iter().filter(|n| n.role == role).count();
                if twice > 1 {
                    errors.push(format!(
                        "{topic} is read by {twice} streams of {role}: its records would be taken twice"
                    ));
                }
            }
            // Data teams read everything; what only they would read is a mistake, except reports.
            let (needs_reader, needs_writer) = match topic.kind() {
                Kind::Api(_) => (true, false),
                Kind::Open(_) | Kind::Endpoint | Kind::Report(_) => (false, true),
                Kind::DeadLetter(_) => (false, false),
                _ => (true, true),
            };
            if needs_reader && readers.is_empty() {
                errors.push(format!("nobody reads {topic}"));
            }
            if needs_writer && writers == 0 {
                errors.push(format!("nobody writes {topic}"));
            }
        }
        if errors.is_empty() { Ok(Topology { nodes }) } else { Err(WiringErrors(errors)) }
    }
}

impl NodeBuilder<'_> {
    fn node(&mut self) -> &mut Node {
        self.builder.nodes.last_mut().expect("a node builder has pushed its node")
    }

    fn check<R: Record>(&mut self, topic: Topic, verb: &str) {
        if topic.record() != Some(R::NAME) {
            let name = self.node().name();
            let holds = topic.record().unwrap_or("raw bytes");
            self.builder.errors.push(format!("{name} {verb} {} at {topic}, which holds {holds}", R::NAME));
        }
    }

    /// Reads records of one type from topics.
    pub fn reads<R: Record>(mut self, topics: impl IntoIterator<Item = Topic>) -> Self {
        for topic in topics {
            self.check::<R>(topic, "reads");
            self.node().sources.push(topic);
        }
        self
    }

    /// Writes records of one type to topics.
    pub fn writes<R: Record>(mut self, topics: impl IntoIterator<Item = Topic>) -> Self {
        for topic in topics {
            self.check::<R>(topic, "writes");
            self.node().sinks.push(topic);
        }
        self
    }

    /// Writes values that were framed by others for these topics.
    pub fn writes_due(mut self, topics: impl IntoIterator<Item = Topic>) -> Self {
        self.node().sinks.extend(topics);
        self
    }

    /// Keeps keyed state in a compacted topic, written in the same transactions.
    pub fn keeps<R: Record>(mut self, topic: Topic) -> Self {
        self.check::<R>(topic, "keeps");
        self.node().state = Some(topic);
        self
    }

    /// Fills a store, which keeps the offsets too.
    pub fn into_store(mut self, what: &'static str) {
        self.node().store = Some(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Accepted, Report, SendRequest};

    #[test]
    fn every_wiring_mistake_is_told_at_once() {
        let mut broken = Builder::default();
        broken.node(Role::Ingest, Lane::Auth).reads::<Accepted>([Topic::api(Lane::Auth)]);
        broken.node(Role::Ingest, Lane::Auth).writes::<Report>([Topic::recv(schemas::Channel::At, Lane::Auth)]);
        broken.node(Role::Router, Lane::Mass).reads::<SendRequest>([Topic::api(Lane::Mass)]);
        broken.node(Role::Router, None).reads::<SendRequest>([Topic::api(Lane::Mass)]).into_store("nothing");
        let WiringErrors(errors) = broken.build().unwrap_err();
        for expected in [
            "ingest-AUTH reads Accepted at API-AUTH, which holds SendRequest",
            "ingest-AUTH writes Report at RECV-AT-AUTH, which holds Accepted",
            "ingest-AUTH reads nothing",
            "ingest-AUTH writes nothing and fills no store",
            "ingest-AUTH stands 2 times",
            "API-MASS is read by 2 streams of router: its records would be taken twice",
            "nobody reads API-AD",
            "nobody writes ANALYZE-LOG",
        ] {
            assert!(errors.iter().any(|e| e == expected), "{expected:?} is missing in {errors:#?}");
        }
    }
}
