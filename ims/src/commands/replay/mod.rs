//! `ims replay`: dead letters back to where they came from.

mod back;
mod letters;
mod mended;
mod show;
#[cfg(test)]
mod tests;

use crate::{
    assemble::now_ms,
    cli::Globals,
    config::Config,
    exit::{self, Exit, usage},
    log, logging, output,
};
use anyhow::Context;
use back::Back;
use bytes::Bytes;
use clap::Args as ClapArgs;
use letters::{Letter, Select};
use processors::ring::Rings;
use schemas::{Topic, topics::Kind};
use show::Replayed;
use std::path::PathBuf;
use topology::log::{Log, LogError, Place};

/// Bring dead letters back to the topic they came from.
///
/// A dead letter keeps the bytes of its record, the reason, and its origin: the place where it first stood. A request
/// keeps its track_id by that origin, and is not its own duplicate. What stays wrong becomes a dead letter again, so
/// mend the cause first (register the schema, deploy the fix) or give a mended record with --mended.
///
/// Replay is at least once: a letter that already came back, as far as the source topic still shows it, is left out,
/// but two replays at the same time bring it twice. A request that comes twice is accepted twice under one track_id,
/// may reach its receiver twice, and `ims ledger` names it. A step of an accepted message (any topic but API-…) was reported as failed when it
/// became a dead letter: what its replay brings is reported as late, and reaches the receiver all the same.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped]))]
pub struct Args {
    /// The dead letters: DLQ-‹topic›.
    #[arg(long, value_name = "DLQ-TOPIC")]
    topic: String,
    /// First offset in the DLQ; the oldest when left out.
    #[arg(long, value_name = "OFFSET")]
    from: Option<i64>,
    /// Last offset in the DLQ, itself included; the newest when left out.
    #[arg(long, value_name = "OFFSET")]
    to: Option<i64>,
    /// Only letters whose reason contains this text.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Tell what would come back, and bring nothing.
    #[arg(long)]
    dry_run: bool,
    /// The mended record of one letter as JSON, with the fields of its schema; needs --from and --to with one offset.
    #[arg(long, value_name = "FILE", requires = "from", requires = "to")]
    mended: Option<PathBuf>,
    /// Bring letters again that already came back.
    #[arg(long)]
    again: bool,
}

const EXAMPLES: &str = "  ims replay --topic DLQ-API-MASS --dry-run
  ims replay --topic DLQ-API-MASS --reason 'schema id 7 is not known'
  ims replay --topic DLQ-API-AUTH --from 12 --to 12 --mended request.json";

/// Brings them back.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    let source = source_of(&args.topic)?;
    let mended = mended(args, source, &config)?;
    let log = log::open_log(&config)?;
    let replayed = replay(args, source, mended, &*log, &config, globals.json).with_context(|| log::place(&config))?;
    output::result(globals.json, &replayed, || replayed.text())?;
    Ok(Exit::Done)
}

/// The topic that the letters of this one came from.
fn source_of(name: &str) -> anyhow::Result<Topic> {
    match name.parse::<Topic>().map(Topic::kind) {
        Ok(Kind::DeadLetter(source)) => Ok(source),
        Ok(_) => Err(usage(format!("{name} has no dead letters in it: name a topic that begins with DLQ-"))),
        Err(error) => Err(usage(format!("{error}: `ims topics list` names them"))),
    }
}

fn mended(args: &Args, source: Topic, config: &Config) -> anyhow::Result<Option<Bytes>> {
    let Some(path) = &args.mended else { return Ok(None) };
    if args.from != args.to {
        return Err(usage("--mended mends one letter: give the same offset to --from and --to"));
    }
    let shown = path.display();
    let json = std::fs::read(path).map_err(|e| usage(format!("{shown}: {e}: name a file that can be read")))?;
    let (schemas, _) = log::open_schemas(config)?;
    let value = mended::value(source, &json, &schemas);
    Ok(Some(value.map_err(|reason| usage(format!("{shown}: {reason}")))?))
}

fn replay(
    args: &Args,
    source: Topic,
    mended: Option<Bytes>,
    log: &dyn Log,
    config: &Config,
    json: bool,
) -> anyhow::Result<Replayed> {
    let mut reader = log.reader()?;
    let place = Place { topic: source.dead_letters(), partition: 0 };
    if reader.partitions(place.topic)?.is_empty() {
        return Err(LogError::Stop(format!("topic {} is missing: run `ims topics create`", place.topic)).into());
    }
    let bar = output::progress(json, None, "reading");
    let select = Select { from: args.from, to: args.to, reason: args.reason.clone() };
    let mut letters = letters::read(&mut *reader, place, &select)?;
    if mended.is_some() && letters.is_empty() {
        return Err(usage(format!("{} has no letter at offset {}", place.topic, args.from.unwrap_or_default())));
    }
    let found = letters.len();
    letters::keep_newest_of_each_origin(&mut letters);
    if !args.again {
        back::leave_out_what_came_back(&mut *reader, source, &mut letters)?;
    }
    let left_out = found - letters.len();
    if !args.dry_run {
        let rings = Rings::new(config.rings)?;
        let back = Back { letters: &letters, source, mended, rings, now_ms: now_ms() };
        back.bring(&mut *reader, place, &mut *log.producer()?, &mut |count| bar.inc(count))?;
    }
    bar.finish_and_clear();
    Ok(Replayed::new(source, letters, left_out, args.dry_run))
}
