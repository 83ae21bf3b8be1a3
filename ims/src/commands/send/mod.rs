//! `ims send`: requests as JSON lines, to an API topic.

mod http;
mod parse;

use crate::{
    cli::Globals,
    exit::{self, Exit, usage},
    log, logging, output,
};
use anyhow::Context;
use clap::{
    Args as ClapArgs,
    builder::{PossibleValuesParser, TypedValueParser},
};
use indicatif::ProgressBar;
use parse::{Batch, Refused};
use schemas::{Lane, Schemas, Topic};
use serde::Serialize;
use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    thread,
    time::Instant,
};
use topology::log::Producer;

/// Send requests: one JSON object a line, with the fields of the HTTP contract and service_key and channel.
///
/// With --http they go to an HTTP door, which checks and answers each; one that is not confirmed (9998), or that the door
/// has no time for (429), is repeated with the same message_id until it is known what became of it.
///
/// The requests go to API-‹LANE› as any producer would write them, each acknowledged by all in-sync replicas. A line
/// that is no request is told with its number and the reason, and the rest goes on. Whether a request is accepted is
/// ingest's to say: look for its report. Sending a file again is safe within 24 hours: a message_id that was accepted
/// is refused then, not sent twice.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped]))]
pub struct Args {
    /// File of requests; `-` is standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    file: PathBuf,
    /// The API topic: how urgent the requests are. Without it REALTIME; by HTTP, MASS for more than 100 receivers.
    #[arg(long, ignore_case = true, value_parser = lanes())]
    lane: Option<Lane>,
    #[command(flatten)]
    http: http::Args,
}

const EXAMPLES: &str = "  ims send requests.jsonl --lane MASS
  jq -c '.[]' requests.json | ims send --json
  IMS_HTTP_KEY=username:secret_key ims send requests.jsonl --http https://ims.example.com
  ims send requests.jsonl --http http://127.0.0.1:30001 --key-file ~/.ims-key --concurrency 64
  ims send requests.jsonl --set kafka.bootstrap_servers=kafka:9093 \\
           --set kafka.properties.security.protocol=SASL_SSL --set kafka.properties.sasl.mechanism=PLAIN
           (with IMS__KAFKA__PROPERTIES__SASL_USERNAME and …_SASL_PASSWORD in the environment)";

/// Batches that wait for Kafka while more are read.
const READ_AHEAD: usize = 16;
/// Refused lines that the result lists; standard error has them all.
const LISTED: usize = 100;

fn lanes() -> impl TypedValueParser<Value = Lane> {
    PossibleValuesParser::new(Lane::ALL.iter().map(|lane| lane.as_str())).try_map(|lane| lane.to_uppercase().parse())
}

/// What was sent.
#[derive(Debug, Default, Serialize)]
pub struct Sent {
    topic: String,
    /// Requests that Kafka has acknowledged.
    sent: u64,
    /// Lines that are no requests.
    refused: u64,
    /// The first of them.
    refused_lines: Vec<Refused>,
    seconds: f64,
}

/// Sends them.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    let (input, bytes) = open(&args.file)?;
    if let Some(url) = &args.http.http {
        let bar = output::progress(globals.json, bytes, if bytes.is_some() { "sending, bytes" } else { "sent" });
        return http::run(&args.http, url, args.lane, input, globals.json, &bar);
    }
    let lane = args.lane.unwrap_or(Lane::Realtime);
    let mut producer = log::open_log(&config)?.producer()?;
    let (schemas, _) = log::open_schemas(&config)?;
    let bar = output::progress(globals.json, bytes, if bytes.is_some() { "sending, bytes" } else { "sent" });
    let batches = batches(input, Topic::api(lane), schemas)?;
    let sent = send(&batches, &mut *producer, lane, globals.json, &bar);
    bar.finish_and_clear();
    let sent = sent.with_context(|| log::place(&config))?;
    output::result(globals.json, &sent, || sent.text())?;
    Ok(if sent.refused == 0 { Exit::Done } else { Exit::Failed })
}

/// The input, and its length when it is a file.
fn open(path: &Path) -> anyhow::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if path == Path::new("-") {
        if io::stdin().is_terminal() {
            output::note("reading requests, one JSON object a line; end with Ctrl-D");
        }
        return Ok((Box::new(io::stdin()), None));
    }
    let unreadable = |error| usage(format!("{}: {error}: name a file that can be read", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(usage(format!("{} is a folder: name a file of JSON lines", path.display())));
    }
    Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
}

/// Reads on a thread that is not waited for: when sending fails it may sit in a read that never returns.
fn batches(
    input: impl Read + Send + 'static,
    topic: Topic,
    schemas: Arc<Schemas>,
) -> anyhow::Result<Receiver<io::Result<Batch>>> {
    let (to, from) = sync_channel(READ_AHEAD);
    thread::Builder::new().name("lines".into()).spawn(move || parse::read(input, topic, &schemas, &to))?;
    Ok(from)
}

fn send(
    batches: &Receiver<io::Result<Batch>>,
    producer: &mut dyn Producer,
    lane: Lane,
    json: bool,
    bar: &ProgressBar,
) -> anyhow::Result<Sent> {
    let begun = Instant::now();
    let mut sent = Sent { topic: Topic::api(lane).to_string(), ..Sent::default() };
    let mut confirmed_line = 0;
    while let Ok(first) = batches.recv() {
        let mut batch = first.context("reading requests")?;
        // Whatever was read while Kafka acknowledged the last ones goes with these: a flood in thousands, one alone at once.
        for more in batches.try_iter().take(READ_AHEAD) {
            let more = more.context("reading requests")?;
            batch.records.extend(more.records);
            batch.refused.extend(more.refused);
            (batch.upto_line, batch.upto_byte) = (more.upto_line, more.upto_byte);
        }
        bar.suspend(|| batch.refused.iter().for_each(|line| tell(line, json)));
        sent.refused += batch.refused.len() as u64;
        let room = LISTED.saturating_sub(sent.refused_lines.len());
        sent.refused_lines.extend(batch.refused.into_iter().take(room));
        if !batch.records.is_empty() {
            producer.append(&batch.records).with_context(|| {
                format!("lines up to {confirmed_line} were sent; send those from {} on again", confirmed_line + 1)
            })?;
        }
        sent.sent += batch.records.len() as u64;
        confirmed_line = batch.upto_line;
        bar.set_position(if bar.length().is_some() { batch.upto_byte } else { sent.sent });
    }
    sent.seconds = begun.elapsed().as_secs_f64();
    Ok(sent)
}

fn tell(refused: &Refused, json: bool) {
    let Refused { line, reason } = refused;
    if json { output::note(serde_json::json!(refused)) } else { output::note(format_args!("line {line}: {reason}")) }
}

impl Sent {
    fn text(&self) -> String {
        let Self { topic, sent, refused, seconds, .. } = self;
        let rate = (*sent as f64 / seconds.max(0.001)) as u64;
        let (sent, rate) = (output::thousands(*sent), output::thousands(rate));
        let refused = match refused {
            0 => "no line refused".to_owned(),
            1 => "1 line refused".to_owned(),
            many => format!("{} lines refused", output::thousands(*many)),
        };
        format!("sent {sent} requests to {topic}, {refused}; {seconds:.1} s, {rate}/s")
    }
}
