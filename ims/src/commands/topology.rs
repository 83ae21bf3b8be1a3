//! `ims topology`: the chain as it is wired.

use crate::{
    cli::Globals,
    exit::{self, Exit},
    output,
};
use schemas::Topic;
use serde::Serialize;
use topology::graph::{Node, chain};

/// Show the chain: its streams, what each reads, keeps and writes.
///
/// Text by default; --mermaid draws the picture of the README; --json lists the streams for other programs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::help(EXAMPLES, &[Exit::Done, Exit::Failed]))]
pub struct Args {
    /// A Mermaid flow chart, lanes drawn as one.
    #[arg(long, conflicts_with = "json")]
    mermaid: bool,
}

const EXAMPLES: &str = "  ims topology
  ims topology --mermaid > chain.mmd
  ims topology --json | jq '.[] | select(.role == \"router\") | .reads'";

#[derive(Serialize)]
struct Stream {
    name: String,
    role: String,
    lane: Option<&'static str>,
    reads: Vec<&'static str>,
    keeps: Option<&'static str>,
    writes: Vec<&'static str>,
    stores: Option<&'static str>,
}

impl From<&Node> for Stream {
    fn from(node: &Node) -> Self {
        let names = |topics: &[Topic]| topics.iter().map(|t| t.name()).collect();
        Self {
            name: node.name(),
            role: node.role.to_string(),
            lane: node.lane.map(|lane| lane.as_str()),
            reads: names(&node.sources),
            keeps: node.state.map(Topic::name),
            writes: names(&node.sinks),
            stores: node.store,
        }
    }
}

/// Shows it.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let chain = chain()?;
    let streams: Vec<Stream> = chain.nodes().iter().map(Stream::from).collect();
    output::result(globals.json, &streams, || if args.mermaid { chain.mermaid() } else { chain.to_string() })?;
    Ok(Exit::Done)
}
