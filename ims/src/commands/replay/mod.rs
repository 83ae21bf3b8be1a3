//! `ims replay`: dead letters back to where they came from, and reports once more.

mod audit;
mod back;
mod bound;
mod letters;
mod mended;
mod pace;
mod reports;
mod show;
#[cfg(test)]
mod tests;

use crate::{
    assemble::{now_ms, open_reference},
    cli::Globals,
    commands::{customer, person},
    config::Config,
    exit::{self, Exit, usage},
    log, logging, output,
};
use anyhow::Context;
use audit::{Audit, Brought, Noted, Ordered};
use back::Back;
use bound::Bound;
use bytes::Bytes;
use clap::Args as ClapArgs;
use letters::{Letter, Select};
use pace::Paced;
use processors::ring::Rings;
use reports::{Called, Order, Replay, To};
use schemas::{Topic, topics::Kind};
use show::Replayed;
use std::{path::PathBuf, sync::Arc};
use topology::{
    engine::Decoder,
    log::{Log, LogError, Place},
};

/// Bring dead letters back to the topic they came from, or reports once more to their customers or into another topic.
///
/// DEAD LETTERS (--topic DLQ-‹topic›). A dead letter keeps the bytes of its record, the reason, and its origin: the place
/// where it first stood. A request keeps its track_id by that origin, and is not its own duplicate. What stays wrong
/// becomes a dead letter again, so mend the cause first (register the schema, deploy the fix) or give a mended record
/// with --mended. Of a record of more than 2,000,000 bytes the letter has the beginning alone, as its header `ims-cut` says
/// (key/value/headers as they were, bytes): it comes back mended, or not at all.
///
/// Replay is at least once: a letter that already came back, as far as the source topic still shows it, is left out,
/// but two replays at the same time bring it twice. A request that comes twice is accepted twice under one track_id,
/// may reach its receiver twice, and `ims ledger` names it. A step of an accepted message (any topic but API-…) was
/// reported as failed when it became a dead letter, and its endpoint told so: what its replay brings reaches the receiver
/// all the same, and is reported as LATE, which ends no message again and calls no endpoint. A wake alone (DUE or DEADLINE,
/// out of RESULT or DELAY) brings nothing: what it would have woken ended when the letter was written.
///
/// REPORTS (--topic REPORT-‹CHANNEL›). With --to-callback the ends of messages are told once more: the callback role calls
/// the endpoint of each report's service key, signed and retried as ever, under the same webhook-id (a receiver that
/// remembers it drops the call), marked by a header `ims-replay`. They are told after everything else that waits for the
/// endpoint. Reports whose key has no callback_uri, or whose endpoint answered 410, are left out and counted so. With
/// --to-topic records are copied as they are, with the headers `ims-origin` and `ims-replay`, into a topic that exists and
/// is none of a chain: no report stands twice in the chain.
///
/// An interrupted replay has brought its beginning; who brought what is in the log, before and after, in the result, and
/// in the table `audit` of a store that the deployment shares (store.url, or reference data of kind "sql"): without it
/// nothing is brought. Try --dry-run first.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped]))]
pub struct Args {
    /// The dead letters, DLQ-‹topic›, or the reports, REPORT-‹CHANNEL›.
    #[arg(long, value_name = "TOPIC")]
    topic: String,
    /// First offset (of reports: in each partition) or time of the log, with its zone; the oldest when left out.
    #[arg(long, value_name = "OFFSET|TIME")]
    from: Option<Bound>,
    /// Last offset, itself included, or time, itself excluded; the newest when left out.
    #[arg(long, value_name = "OFFSET|TIME")]
    to: Option<Bound>,
    /// Tell what would come back, and bring nothing.
    #[arg(long)]
    dry_run: bool,
    /// Records a second at most; when left out 1,000 dead letters, or 100 reports.
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// Only letters whose reason contains this text.
    #[arg(long, value_name = "TEXT", help_heading = "Dead letters")]
    reason: Option<String>,
    /// The mended record of one letter as JSON, with the fields of its schema; needs --from and --to with one offset.
    #[arg(long, value_name = "FILE", requires = "from", requires = "to", help_heading = "Dead letters")]
    mended: Option<PathBuf>,
    /// Bring letters again that already came back.
    #[arg(long, help_heading = "Dead letters")]
    again: bool,
    /// Only reports of this customer (username). A name that no customer has, and no report is of, is refused.
    #[arg(long, value_name = "NAME", help_heading = "Reports")]
    customer: Option<String>,
    /// To the endpoints of their service keys.
    #[arg(long, conflicts_with = "to_topic", help_heading = "Reports")]
    to_callback: bool,
    /// Into this topic, as it is called on Kafka.
    #[arg(long, value_name = "NAME", help_heading = "Reports")]
    to_topic: Option<String>,
}

const EXAMPLES: &str = "  ims replay --topic DLQ-API-MASS --dry-run
  ims replay --topic DLQ-API-MASS --reason 'schema id 7 is not known'
  ims replay --topic DLQ-API-AUTH --from 12 --to 12 --mended request.json
  ims replay --topic REPORT-AT --from 2026-03-11T09:00:00+09:00 --to 2026-03-11T12:00:00+09:00 \\
             --customer hanbit-shop --to-callback --dry-run
  ims replay --topic REPORT-AT --from 120000 --to-topic audit-march --rate 5000";

/// Reports a second when nobody says otherwise: what a working endpoint takes.
const REPORTS_A_SECOND: u32 = 100;
/// Dead letters a second when nobody says otherwise: a lane takes them beside what else comes in.
const LETTERS_A_SECOND: u32 = 1_000;

/// What a topic has to be brought.
enum What {
    /// Letters that came from this topic.
    Letters(Topic),
    /// Reports.
    Reports(Topic),
}

/// Brings them.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    match what_of(&args.topic)? {
        What::Letters(source) => {
            args.only_of_letters()?;
            let mended = mended(args, source, &config)?;
            let log = log::open_log(&config)?;
            replay_letters(args, source, mended, &*log, &config, globals.json)
        }
        What::Reports(topic) => replay_reports(&args.order(topic)?, &config, globals.json),
    }
}

fn what_of(name: &str) -> anyhow::Result<What> {
    match name.parse::<Topic>().map(|topic| (topic, topic.kind())) {
        Ok((_, Kind::DeadLetter(source))) => Ok(What::Letters(source)),
        Ok((topic, Kind::Report(_))) => Ok(What::Reports(topic)),
        Ok(_) => Err(usage(format!(
            "{name} has neither dead letters nor reports in it: name a topic that begins with DLQ- or REPORT-"
        ))),
        Err(error) => Err(usage(format!("{error}: `ims topics list` names them"))),
    }
}

impl Args {
    fn only_of_letters(&self) -> anyhow::Result<()> {
        let reports = self.customer.is_some() || self.to_callback || self.to_topic.is_some();
        match reports {
            true => Err(usage("--customer, --to-callback and --to-topic are for reports (--topic REPORT-…)")),
            false => Ok(()),
        }
    }

    fn ordered(&self, source: Topic) -> Ordered {
        Ordered {
            dry_run: self.dry_run,
            topic: source.dead_letters().to_string(),
            from: self.from.map(audit::text),
            to: self.to.map(audit::text),
            reason: self.reason.clone(),
            again: self.again,
            mended: self.mended.is_some(),
            target: format!("topic {source}"),
            per_second: self.rate.unwrap_or(LETTERS_A_SECOND),
            ..Ordered::default()
        }
    }

    fn order(&self, topic: Topic) -> anyhow::Result<Order> {
        if self.reason.is_some() || self.mended.is_some() || self.again {
            return Err(usage("--reason, --mended and --again are for dead letters (--topic DLQ-…)"));
        }
        let target = match (&self.to_topic, self.to_callback) {
            (Some(name), _) => {
                reports::outside(name).map_err(usage)?;
                To::Topic(name.clone())
            }
            (None, true) => To::Callback,
            (None, false) => return Err(usage("say where the reports go: --to-callback or --to-topic NAME")),
        };
        Ok(Order {
            topic,
            from: self.from,
            to: self.to,
            customer: self.customer.clone(),
            target,
            rate: self.rate.unwrap_or(REPORTS_A_SECOND),
            dry_run: self.dry_run,
        })
    }
}

fn replay_reports(order: &Order, config: &Config, json: bool) -> anyhow::Result<Exit> {
    let place = || log::place(config);
    let log = log::open_kafka(config)?;
    let (schemas, source) = log::open_schemas(config)?;
    let decoder = Decoder::new(Arc::clone(&schemas), source);
    let began_ms = now_ms();
    let id = audit::name(began_ms);
    let called = called(order, config, &log, &decoder).with_context(place)?;
    let replay = Replay { order, id: &id, decoder: &decoder, called, schemas };
    let mut producer = match &order.target {
        To::Callback => log.producer(),
        To::Topic(name) => log.elsewhere(name),
    }
    .with_context(place)?;
    let parts = replay.parts(&mut *log.reader()?).with_context(place)?;
    let all = parts.iter().map(|(_, from, to)| reports::offsets(*from, *to)).sum();
    let mut audit = Audit::begin(order.ordered(), &id, person::whole(), began_ms);
    let mut noted = Noted::open(config, order.dry_run)?;
    noted.note(&audit, began_ms).context("nothing is brought, because it cannot be noted")?;
    audit.log();
    let bar = output::progress(json, Some(all), if order.dry_run { "reading" } else { "bringing reports" });
    let mut brought = Brought::default();
    let done = replay.bring(&log, &parts, &mut *producer, &mut brought, &mut |behind| bar.set_position(behind));
    let done = done.with_context(place).and_then(|()| of_somebody(order, &brought, config));
    bar.finish_and_clear();
    let ended_ms = now_ms();
    audit.end(brought, done.as_ref().err().map(|error| format!("{error:#}")), ended_ms);
    audit.log();
    output::result(json, &audit, || audit.text("reports"))?;
    done.and(noted.note(&audit, ended_ms).context("the reports are brought, their end is not noted"))?;
    Ok(Exit::Done)
}

/// Who is called, where customers are to be told. Reference data that cannot be read keep nobody from it: that is noted.
fn called(order: &Order, config: &Config, log: &dyn Log, decoder: &Decoder) -> anyhow::Result<Option<Called>> {
    if order.target != To::Callback {
        return Ok(None);
    }
    match open_reference(config) {
        Ok(reference) => {
            let read = Called::read(reference.current(), &mut *log.reader()?, decoder, now_ms());
            Ok(Some(read?))
        }
        Err(error) => {
            output::note(format_args!("reports that nobody is called for count as brought: {error}"));
            Ok(None)
        }
    }
}

/// That nothing is found of a customer who was never there is no end as ordered.
fn of_somebody(order: &Order, brought: &Brought, config: &Config) -> anyhow::Result<()> {
    match &order.customer {
        Some(username) if brought.count == 0 => customer::must_exist(config, username),
        _ => Ok(()),
    }
}

fn mended(args: &Args, source: Topic, config: &Config) -> anyhow::Result<Option<Bytes>> {
    let Some(path) = &args.mended else { return Ok(None) };
    if args.from != args.to || !matches!(args.from, Some(Bound::Offset(_))) {
        return Err(usage("--mended mends one letter: give the same offset to --from and --to"));
    }
    let shown = path.display();
    let json = std::fs::read(path).map_err(|e| usage(format!("{shown}: {e}: name a file that can be read")))?;
    let (schemas, _) = log::open_schemas(config)?;
    let value = mended::value(source, &json, &schemas);
    Ok(Some(value.map_err(|reason| usage(format!("{shown}: {reason}")))?))
}

fn replay_letters(
    args: &Args,
    source: Topic,
    mended: Option<Bytes>,
    log: &dyn Log,
    config: &Config,
    json: bool,
) -> anyhow::Result<Exit> {
    let (replayed, done) = replay(args, source, mended, log, config, json).with_context(|| log::place(config))?;
    output::result(json, &replayed, || replayed.text())?;
    done.with_context(|| log::place(config))?;
    Ok(Exit::Done)
}

/// What came back, and how it ended; or why nothing did.
fn replay(
    args: &Args,
    source: Topic,
    mended: Option<Bytes>,
    log: &dyn Log,
    config: &Config,
    json: bool,
) -> anyhow::Result<(Replayed, anyhow::Result<()>)> {
    let mut reader = log.reader()?;
    let place = Place { topic: source.dead_letters(), partition: 0 };
    if reader.partitions(place.topic)?.is_empty() {
        return Err(LogError::Stop(format!("topic {} is missing: run `ims topics create`", place.topic)).into());
    }
    let began_ms = now_ms();
    let bar = output::progress(json, None, if args.dry_run { "reading" } else { "bringing dead letters" });
    let select = Select { from: args.from, to: args.to, reason: args.reason.clone(), as_they_were: mended.is_none() };
    let mut brought = Brought::default();
    let mut letters = letters::read(&mut *reader, place, &select, &mut brought)?;
    if mended.is_some() && letters.is_empty() {
        return Err(usage(format!("{} has no letter at the offset of --from", place.topic)));
    }
    let found = letters.len();
    letters::keep_newest_of_each_origin(&mut letters);
    brought.leave_out("a newer letter stands for it", (found - letters.len()) as u64);
    if !args.again {
        let found = letters.len();
        back::leave_out_what_came_back(&mut *reader, source, &mut letters)?;
        brought.leave_out("came back before", (found - letters.len()) as u64);
    }
    let (rings, mut producer) = (Rings::new(config.rings)?, log.producer()?);
    let ordered = args.ordered(source);
    let paced = Paced::new((!args.dry_run).then_some(&mut *producer), ordered.per_second);
    let mut audit = Audit::begin(ordered, &audit::name(began_ms), person::whole(), began_ms);
    let mut noted = Noted::open(config, args.dry_run)?;
    noted.note(&audit, began_ms).context("nothing is brought, because it cannot be noted")?;
    audit.log();
    let back = Back { letters: &letters, source, mended, rings };
    let done = back.bring(&mut *reader, place, paced, &mut brought, &|| bar.inc(1));
    bar.finish_and_clear();
    let ended_ms = now_ms();
    audit.end(brought, done.as_ref().err().map(|error| format!("{error:#}")), ended_ms);
    audit.log();
    let done = done.and(noted.note(&audit, ended_ms).context("the letters are brought, their end is not noted"));
    Ok((Replayed { audit, letters }, done))
}
