//! The chain in words and as a picture: stable text, drawn from the same graph that runs.

use super::{Node, Role, Topology};
use schemas::{
    Topic,
    topics::{Kind, Ring},
};
use std::{collections::BTreeSet, fmt, fmt::Write};

impl fmt::Display for Topology {
    /// One paragraph a stream: name, sources, state, sinks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in self.nodes() {
            writeln!(f, "{}", node.name())?;
            writeln!(f, "  reads  {}", names(&node.sources))?;
            if let Some(state) = node.state {
                writeln!(f, "  keeps  {state}")?;
            }
            match node.store {
                Some(store) => writeln!(f, "  stores {store}")?,
                None => writeln!(f, "  writes {}", names(&node.sinks))?,
            }
        }
        Ok(())
    }
}

impl Topology {
    /// A Mermaid flow chart: roles as boxes, topic families as labels of the arrows, lanes drawn as one.
    pub fn mermaid(&self) -> String {
        let mut chart = String::from("flowchart LR\n  producers([producers]) -->|\"API-‹LANE›\"| ingest\n");
        let mut arrows = BTreeSet::new();
        for from in self.nodes() {
            for sink in &from.sinks {
                let family = family(*sink);
                let readers: Vec<&Node> = self.nodes().iter().filter(|n| n.sources.contains(sink)).collect();
                for to in &readers {
                    arrows.insert((place(from.role), box_of(from.role), family, box_of(to.role)));
                }
                if matches!(sink.kind(), Kind::Report(_)) {
                    arrows.insert((place(from.role), box_of(from.role), family, "customers([customers, data teams])"));
                }
            }
            if let Some(state) = from.state {
                let kept =
                    if matches!(state.kind(), Kind::Endpoint) { "endpoints[(endpoints)]" } else { "state[(state)]" };
                arrows.insert((place(from.role), box_of(from.role), family(state), kept));
            }
        }
        for (_, from, label, to) in arrows {
            writeln!(chart, "  {from} -->|\"{label}\"| {to}").expect("a string");
        }
        chart.push_str("  senders <--> vendors([vendors])\n  callback --> endpoint([customers' endpoints])\n");
        chart
    }
}

fn names(topics: &[Topic]) -> String {
    topics.iter().map(|t| t.name()).collect::<Vec<_>>().join(" ")
}

fn place(role: Role) -> usize {
    Role::ALL.iter().position(|r| box_of(*r) == box_of(role)).unwrap_or_default()
}

fn box_of(role: Role) -> &'static str {
    if Role::SENDERS.contains(&role) { "senders" } else { role.as_str() }
}

fn family(topic: Topic) -> &'static str {
    match topic.kind() {
        Kind::Api(_) => "API-‹LANE›",
        Kind::Recv(..) => "RECV-‹CHANNEL›-‹LANE›",
        Kind::Send(..) => "SEND-‹FAMILY›-‹PRIORITY›",
        Kind::Group(..) => "SEND-‹FAMILY›-‹GROUP›",
        Kind::Result(_) => "RESULT-‹LANE›",
        Kind::Fallback(_) => "FALLBACK-‹LANE›",
        Kind::Report(_) => "REPORT-‹CHANNEL›",
        Kind::Hist(_) => "HIST-‹CHANNEL›",
        Kind::AnalyzeLog => "ANALYZE-LOG",
        Kind::Open(_) => "OPEN-‹LANE›",
        Kind::Callback => "CALLBACK",
        Kind::Endpoint => "ENDPOINT",
        Kind::Delay(Ring::SecondsAuth | Ring::Seconds | Ring::Minutes | Ring::Hours | Ring::Days) => "DELAY-‹RING›",
        Kind::DeadLetter(_) => "DLQ-‹TOPIC›",
    }
}
