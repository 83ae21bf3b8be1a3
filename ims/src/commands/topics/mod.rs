//! `ims topics`: make them, check them, list them.

mod table;

use crate::{
    cli::Globals,
    config::Config,
    exit::{self, Exit},
    groups::{self, topics as of_group},
    log, logging, output,
};
use anyhow::Context;
use processors::reference::Group;
use schemas::Topic;
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use topology::{
    graph::{GroupStream, Node, chain},
    log::{
        LogError,
        kafka::{Difference, KafkaAdmin, Made, OnAway},
    },
};

/// Make, check or list the topics.
///
/// Every topic stands in one table of this program, or is of a routing group that the reference data name; partitions and
/// copies come from the configuration, or from the group. A deployment
/// starts with `create`, which also lets each consumer group begin at the start of its topics: later a group without
/// offsets is a fault, and `ims run` stops rather than skip or repeat messages.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make the topics that are missing and the start offsets of their groups, then check.
    ///
    /// May be repeated: what is there stays as it is. Nothing is made on brokers without transactions.
    #[command(after_long_help = exit::help(CREATE, &EXITS))]
    Create(Patience),
    /// Tell everything on Kafka that differs from table and configuration, each with its remedy.
    ///
    /// Partitions, cleanup, timestamps, copies, offsets of the groups, what brokers allow, and whether transactions
    /// work. "wrong" must be mended before `ims run`, and is exit code 5; "advice" works and could work better, like
    /// brokers that let offset commits linger, and is exit code 0.
    #[command(after_long_help = exit::help(CHECK, &EXITS))]
    Check(Patience),
    /// Print the topic table: record, key, partitions, cleanup. Asks no server.
    #[command(after_long_help = exit::help(LIST, &[Exit::Done, Exit::Usage]))]
    List {
        /// As a Markdown table.
        #[arg(long, conflicts_with = "json")]
        markdown: bool,
    },
}

/// How long a broker may be away.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Patience {
    /// How long a question that brokers do not answer is asked again, and a topic that was made may be unknown to them.
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    wait: u64,
}

const EXITS: [Exit; 4] = [Exit::Done, Exit::Usage, Exit::Away, Exit::Stopped];
const CREATE: &str = "  ims topics create --set kafka.partitions=3 --set kafka.replication_factor=1 \\
                    --set kafka.min_insync_replicas=1        a laptop with one broker
  ims topics create --config production.toml                 a cluster
  ims topics create --wait 300                               brokers that are being started";
const CHECK: &str = "  ims topics check --config production.toml
  ims topics check --json | jq -r '.wrong[]'";
const LIST: &str = "  ims topics list
  ims topics list --json | jq -r '.[].topic'";

/// Runs the command.
pub fn run(command: &Command, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    match command {
        Command::List { markdown } => table::print(&config, globals.json, *markdown),
        Command::Create(patience) => on_kafka(&config, globals.json, *patience, true),
        Command::Check(patience) => on_kafka(&config, globals.json, *patience, false),
    }
}

/// What was made and what is still not as it should be.
#[derive(Serialize)]
struct Outcome {
    topics: usize,
    made_topics: Vec<&'static str>,
    started_groups: Vec<String>,
    wrong: Vec<String>,
    advice: Vec<String>,
}

fn on_kafka(config: &Config, json: bool, patience: Patience, create: bool) -> anyhow::Result<Exit> {
    let work = if create { "making topics" } else { "checking topics" };
    let waiting = output::progress(json, None, work);
    let shown = waiting.clone();
    let on_away: OnAway = Box::new(move |why| {
        shown.set_message(why.map_or_else(|| work.to_owned(), |why| format!("{work}, asking again: {why}")));
    });
    let admin = log::open_kafka(config)?.admin()?.patient(Duration::from_secs(patience.wait), on_away);
    let chain = chain()?;
    // A stream into a store keeps its offsets there.
    let streams = || chain.nodes().iter().filter(|node| node.store.is_none());
    let names: Vec<String> = streams().map(Node::name).collect();
    let groups: Vec<(&str, &[Topic])> =
        names.iter().map(String::as_str).zip(streams().map(|node| node.sources.as_slice())).collect();
    let (of_groups, unknown) = groups::configured(config);
    let outcome = create_and_check(&admin, create, &groups, &of_groups).with_context(|| log::place(config));
    waiting.finish_and_clear();
    let mut outcome = outcome?;
    outcome.advice.extend(unknown);
    output::result(json, &outcome, || outcome.text(create))?;
    Ok(if outcome.wrong.is_empty() { Exit::Done } else { Exit::Stopped })
}

fn create_and_check(
    admin: &KafkaAdmin,
    create: bool,
    groups: &[(&str, &[Topic])],
    of_groups: &[Arc<Group>],
) -> anyhow::Result<Outcome> {
    let mut made = if create { admin.create(Topic::all(), groups)? } else { Made::default() };
    let mut differences = Vec::new();
    for group in of_groups {
        // What is refused for one group is told beside everything else.
        match if create { of_group::create(admin, group) } else { Ok(Made::default()) } {
            Ok(Made { topics, groups }) => {
                made.topics.extend(topics);
                made.groups.extend(groups);
                differences.extend(check_group(admin, group)?);
            }
            Err(LogError::Stop(line)) => {
                differences.push(Difference::Wrong(format!("routing group {}: {line}", group.name)))
            }
            Err(error) => return Err(error.into()),
        }
    }
    differences.extend(admin.check(Topic::all(), groups)?);
    let mut outcome = Outcome {
        topics: Topic::all().len() + of_groups.iter().map(|group| group.topics.len()).sum::<usize>(),
        made_topics: made.topics.iter().map(|topic| topic.name()).collect(),
        started_groups: made.groups.into_iter().map(|(group, _)| group).collect(),
        wrong: Vec::new(),
        advice: Vec::new(),
    };
    for difference in differences {
        match difference {
            Difference::Wrong(line) => outcome.wrong.push(line),
            Difference::Advice(line) => outcome.advice.push(line),
        }
    }
    Ok(outcome)
}

fn check_group(admin: &KafkaAdmin, group: &Group) -> Result<Vec<Difference>, LogError> {
    let streams: Vec<GroupStream> = GroupStream::of(group).collect();
    let sources: Vec<_> = streams.iter().map(|stream| (stream.name.as_str(), &*stream.sources)).collect();
    admin.check_shaped(&of_group::topics(group), of_group::shape(group), &sources)
}

impl Outcome {
    fn text(&self, create: bool) -> String {
        let mut lines = Vec::new();
        if create {
            let (topics, groups) = (self.made_topics.len(), self.started_groups.len());
            lines.push(format!("made {topics} of {} topics, started {groups} groups", self.topics));
        }
        lines.extend(self.wrong.iter().map(|line| format!("wrong: {line}")));
        lines.extend(self.advice.iter().map(|line| format!("advice: {line}")));
        lines.push(match self.wrong.len() {
            0 => format!("{} topics are as they should be", self.topics),
            wrong => format!("{wrong} to be mended before `ims run`"),
        });
        lines.join("\n")
    }
}
