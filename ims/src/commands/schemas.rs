//! `ims schemas`: the subjects of the schema registry.

use crate::{
    cli::Globals,
    config::Config,
    exit::{self, Exit},
    groups::{self, topics::topics},
    log, logging, output,
};
use anyhow::Context;
use connectors::registry::{Made, OnWrong, Subject};
use schemas::Topic;
use serde::Serialize;

/// Register this program's schemas, or check them.
///
/// Each topic, also those of routing groups, has a subject, `‹topic›-value`, which is where the Avro serializers of all Confluent clients look. It holds
/// this program's schema and is set to FULL_TRANSITIVE: every version reads every other one, so producers, data teams and
/// IMS may be upgraded in any order, and the registry itself refuses what would break one of them.
///
/// `ims run` does the same as `register` at its start, or as `check` with registry.register = false, for all topics but
/// those of routing groups.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Register the schemas that are missing, and set every subject to FULL_TRANSITIVE.
    ///
    /// May be repeated: what is there stays as it is. Before an upgrade, run it with the new version: older processes
    /// read what newer ones write.
    #[command(after_long_help = exit::help(REGISTER, &EXITS))]
    Register,
    /// Name each subject that is missing, has other schemas than this program's, or is not FULL_TRANSITIVE. Writes nothing.
    #[command(after_long_help = exit::help(CHECK, &EXITS))]
    Check,
}

const EXITS: [Exit; 4] = [Exit::Done, Exit::Usage, Exit::Away, Exit::Stopped];
const REGISTER: &str = "  ims schemas register --set registry.url=http://127.0.0.1:8081
  ims schemas register --config production.toml        from a job that may write; `ims run` with registry.register = false";
const CHECK: &str = "  ims schemas check --config production.toml
  ims schemas check --json | jq -r '.wrong[].subject'";

/// Runs the command.
pub fn run(command: &Command, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    let (on_wrong, work) = match command {
        Command::Register => (OnWrong::Register, "registering schemas"),
        Command::Check => (OnWrong::Tell, "checking schemas"),
    };
    let registry = log::open_registry(&config)?;
    let (groups, unknown) = groups::configured(&config);
    let topics: Vec<Topic> = Topic::all().iter().copied().chain(groups.iter().flat_map(|of| topics(of))).collect();
    let waiting = output::progress(globals.json, None, work);
    let subjects = registry.subjects(&topics, on_wrong).with_context(|| log::registry_place(&config));
    waiting.finish_and_clear();
    let outcome = Outcome::of(subjects?, unknown, &config);
    output::result(globals.json, &outcome, || outcome.text(on_wrong))?;
    Ok(if outcome.wrong.is_empty() { Exit::Done } else { Exit::Stopped })
}

/// What was made and what is still not as it should be.
#[derive(Serialize)]
struct Outcome {
    registry: String,
    subjects: usize,
    registered: Vec<String>,
    set_to_full_transitive: Vec<String>,
    wrong: Vec<Subject>,
    advice: Option<String>,
}

impl Outcome {
    fn of(subjects: Vec<Subject>, advice: Option<String>, config: &Config) -> Self {
        let made = |made: Made| {
            let of = subjects.iter().filter(|subject| subject.made.contains(&made));
            of.map(|subject| subject.subject.clone()).collect()
        };
        Self {
            registry: config.registry.shown(),
            subjects: subjects.len(),
            registered: made(Made::Registered),
            set_to_full_transitive: made(Made::Set),
            wrong: subjects.into_iter().filter(|subject| !subject.wrong.is_empty()).collect(),
            advice,
        }
    }

    fn text(&self, on_wrong: OnWrong) -> String {
        let mut lines = Vec::new();
        if on_wrong == OnWrong::Register {
            let (registered, set) = (self.registered.len(), self.set_to_full_transitive.len());
            lines.push(format!("registered {registered} of {} schemas, set {set} subjects", self.subjects));
        }
        let wrong = self.wrong.iter().flat_map(|of| of.wrong.iter().map(|wrong| (&of.subject, wrong)));
        lines.extend(wrong.map(|(subject, wrong)| format!("wrong: {subject} {wrong}")));
        lines.extend(self.advice.iter().map(|line| format!("advice: {line}")));
        lines.push(match self.wrong.len() {
            0 => format!("{} subjects are as they should be", self.subjects),
            wrong => format!("{wrong} of {} subjects are not as they should be", self.subjects),
        });
        lines.join("\n")
    }
}
