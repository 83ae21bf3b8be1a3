//! `ims ledger`: the proof that nothing was lost or doubled, from the topics alone.

mod show;

use crate::{
    cli::Globals,
    exit::{self, Exit, usage},
    log, logging, output,
};
use anyhow::Context;
use clap::Args as ClapArgs;
use connectors::simulator::RequestLog;
use show::Verdict;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;
use topology::{
    engine::Decoder,
    ledger::{self, Books, Checkpoint, Repeated},
    log::{LogError, Reader},
};

/// Prove from the topics that nothing was lost or doubled.
///
/// Counts every receiver of every request: requested = rejected + dead-lettered + accepted (+ at the door, not yet
/// read), and accepted = ended + waiting, each ended exactly once. Reads the API, RECV, REPORT and DLQ-API topics from
/// the oldest record still there, or since a checkpoint; it disturbs nothing, so it may run while all runs.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &EXITS))]
pub struct Args {
    /// Begin where an earlier run wrote this checkpoint.
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Write a checkpoint for later runs, when the books balance; may be the file of --since.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Fail too when something is still under way: scheduled, held, in flight, or not yet read by ingest.
    #[arg(long)]
    settled: bool,
    /// Hold the simulator's own record of requests against the announced attempts: no second request for a step
    /// without a recorded reason.
    #[arg(long, value_name = "FILE")]
    requests: Option<PathBuf>,
}

const EXITS: [Exit; 6] = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Unbalanced, Exit::Away, Exit::Stopped];
const EXAMPLES: &str = "  ims ledger
  ims ledger --since monday.json --checkpoint monday.json    day by day
  ims ledger --settled --json | jq '.wrong'                  after a test";

/// Reads the books and tells the verdict.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    let since = args.since.as_deref().map(read_checkpoint).transpose()?.unwrap_or_default();
    let requests = args.requests.as_deref().map(read_requests).transpose()?;
    let (schemas, source) = log::open_schemas(&config)?;
    let decoder = Decoder::new(schemas, source);
    let place = || log::place(&config);
    let mut reader = log::open_log(&config)?.reader()?;
    let cluster = config.deployment.cluster;
    let (books, upto) = read(&mut *reader, &decoder, cluster, &since, globals.json).with_context(place)?;
    let repeated = requests.map(|seen| repeated(seen, &mut *reader, &decoder)).transpose().with_context(place)?;
    let verdict = Verdict::of(books.balance(), &upto, repeated, args.settled);
    if let Some(path) = &args.checkpoint
        && verdict.fine
    {
        write_checkpoint(path, &upto)?;
    }
    output::result(globals.json, &verdict, || verdict.text(args.settled))?;
    Ok(if verdict.fine { Exit::Done } else { Exit::Unbalanced })
}

fn read(
    reader: &mut dyn Reader,
    decoder: &Decoder,
    cluster: u8,
    since: &Checkpoint,
    json: bool,
) -> Result<(Books, Checkpoint), LogError> {
    let bar = output::progress(json, Some(0), "reading the books");
    let books = ledger::read(reader, decoder, cluster, since, &mut |done, all| {
        if done % 1_000 == 0 {
            bar.set_length(all);
            bar.set_position(done);
        }
    });
    bar.finish_and_clear();
    books
}

/// Serial number and part of each request that the simulator saw, but those that their attempt itself brings again, and
/// when the first came.
struct Requests {
    seen: Vec<(String, String)>,
    since_ms: i64,
}

fn read_requests(path: &Path) -> anyhow::Result<Requests> {
    let unreadable = |error| usage(format!("{}: {error}: name the simulator's request log", path.display()));
    let requests = RequestLog::read(path).map_err(unreadable)?;
    // Logs of several processes may have been put together: the first line need not be the oldest.
    let since_ms = requests.iter().map(|request| request.at_ms).min().unwrap_or(0);
    let counted = requests.into_iter().filter(|request| !request.is_brought_again());
    let seen = counted.map(|request| (request.serial_number, request.part)).collect();
    Ok(Requests { seen, since_ms })
}

fn repeated(requests: Requests, reader: &mut dyn Reader, decoder: &Decoder) -> anyhow::Result<Vec<Repeated>> {
    let announced = ledger::announced(reader, decoder, requests.since_ms)?;
    Ok(ledger::repeated_requests(requests.seen, announced))
}

fn read_checkpoint(path: &Path) -> anyhow::Result<Checkpoint> {
    let shown = path.display();
    let text = fs::read(path).map_err(|error| usage(format!("{shown}: {error}: name a file that can be read")))?;
    serde_json::from_slice(&text)
        .map_err(|error| usage(format!("{shown}: {error}: name a checkpoint that `ims ledger --checkpoint` wrote")))
}

/// The old checkpoint stays until the new one is whole.
fn write_checkpoint(path: &Path, checkpoint: &Checkpoint) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> anyhow::Result<()> {
        let mut file = NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, checkpoint)?;
        file.flush()?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("the checkpoint {} was not written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_read_from_before_the_first_request_of_any_process() {
        let line = |at_ms: i64| {
            format!(
                r#"{{"at_ms":{at_ms},"vendor":"talk-one","serial_number":"x","attempt":1,"code":"0000","taken":true,"receipts":[]}}"#
            )
        };
        let mut file = NamedTempFile::new().unwrap();
        write!(file, "{}\n{}\n", line(2_000), line(1_000)).unwrap();
        let requests = read_requests(file.path()).unwrap();
        assert_eq!((requests.since_ms, requests.seen.len()), (1_000, 2));
    }

    #[test]
    fn a_later_part_that_the_carrier_throttled_is_no_request_of_its_own() {
        let line = |part: &str, code: &str| {
            let taken = code == "0x00000000";
            format!(
                r#"{{"at_ms":1,"vendor":"carrier","serial_number":"x","part":"{part}","attempt":1,"code":"{code}","taken":{taken}}}"#
            )
        };
        let mut file = NamedTempFile::new().unwrap();
        let said = [("1/2", "throttled"), ("1/2", "0x00000000"), ("2/2", "throttled"), ("2/2", "0x00000014")];
        for (part, code) in said.into_iter().chain([("2/2", "0x00000000"), ("ab12", "throttled")]) {
            writeln!(file, "{}", line(part, code)).unwrap();
        }
        let seen: Vec<String> = read_requests(file.path()).unwrap().seen.into_iter().map(|(_, part)| part).collect();
        assert_eq!(seen, ["1/2", "1/2", "2/2", "ab12"]);
    }
}
