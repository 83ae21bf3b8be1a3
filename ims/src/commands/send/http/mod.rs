//! `ims send --http`: requests as JSON lines, to an HTTP door.

mod ask;
mod key;
mod next;
#[cfg(test)]
mod tests;

use super::{LISTED, parse::Refused, tell};
use crate::{
    exit::{Exit, usage},
    http::channel_word,
    lines::{Line, Lines},
    output,
};
use anyhow::Context;
use ask::{Asked, Door, Outcome};
use clap::Args as ClapArgs;
use indicatif::ProgressBar;
use schemas::{Channel, Lane, json};
use serde::Serialize;
use std::{
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, mpsc};

/// Where and how to send by HTTP.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "By HTTP")]
#[group(skip)]
pub struct Args {
    /// An HTTP door instead of Kafka, for example http://127.0.0.1:30001. Its key, username:secret_key, is read from
    /// --key-file or IMS_HTTP_KEY.
    #[arg(long, value_name = "URL")]
    pub http: Option<reqwest::Url>,
    /// Authority of the door's certificate, in PEM form; the system's when left out.
    #[arg(long, value_name = "FILE", requires = "http")]
    ca_file: Option<PathBuf>,
    /// File that holds username:secret_key.
    #[arg(long, value_name = "FILE", requires = "http")]
    key_file: Option<PathBuf>,
    /// Requests under way at a time; they are not answered in the order of their lines.
    #[arg(long, value_name = "NUMBER", default_value_t = 16, requires = "http",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,
    /// How long a request that is not confirmed is repeated, seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, requires = "http")]
    patience: u32,
}

/// What was sent.
#[derive(Debug, Default, Serialize)]
struct Told {
    url: String,
    /// Requests that were answered with 0000.
    sent: u64,
    /// Receivers of those that were refused.
    refused_receivers: u64,
    /// Lines that are no requests, or were refused.
    refused: u64,
    /// The first of them.
    refused_lines: Vec<Refused>,
    /// Requests of which nobody knows whether they are kept.
    not_confirmed: u64,
    /// The first of their lines.
    not_confirmed_lines: Vec<u64>,
    /// How often a request was repeated.
    repeated: u64,
    seconds: f64,
}

/// One line on its way.
pub(super) struct Work {
    line: u64,
    bytes: u64,
    request: Result<Asked, String>,
}

/// Sends them.
pub fn run(
    args: &Args,
    url: &reqwest::Url,
    lane: Option<Lane>,
    input: Box<dyn Read + Send>,
    json: bool,
    bar: &ProgressBar,
) -> anyhow::Result<Exit> {
    let (key, patience) = (key::read(args.key_file.as_deref())?, Duration::from_secs(args.patience.into()));
    let door = Door::new(url, key, lane, patience, args.ca_file.as_deref())?;
    let (to, from) = mpsc::channel(usize::from(args.concurrency));
    thread::Builder::new().name("lines".into()).spawn(move || read(input, &to))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let told = runtime.block_on(send(door, from, args.concurrency.into(), json, bar));
    bar.finish_and_clear();
    let told = told?;
    output::result(json, &told, || told.text())?;
    Ok(match told {
        Told { not_confirmed: 1.., .. } => Exit::Away,
        Told { refused: 1.., .. } | Told { refused_receivers: 1.., .. } => Exit::Failed,
        _ => Exit::Done,
    })
}

/// Reads on a thread that is not waited for: it may sit in a read that never returns.
fn read(input: impl Read, to: &mpsc::Sender<io::Result<Work>>) {
    let mut lines = Lines::new(input);
    loop {
        let request = match lines.next_line() {
            Ok(Some(Line::Whole(line))) if line.iter().all(u8::is_ascii_whitespace) => continue,
            Ok(Some(Line::Whole(line))) => asked(line),
            Ok(Some(Line::TooLong)) => Err("longer than any request can be: split its receiver_list".into()),
            Ok(None) => return,
            Err(error) => return drop(to.blocking_send(Err(error))),
        };
        let work = Work { line: lines.number, bytes: lines.bytes, request };
        if to.blocking_send(Ok(work)).is_err() {
            return;
        }
    }
}

/// The path and the body of a line.
fn asked(line: &[u8]) -> Result<Asked, String> {
    let request = json::send_request(line).map_err(|error| error.to_string())?;
    let channel: Channel = request.channel.parse().map_err(|_| {
        let all: Vec<_> = Channel::ALL.iter().map(|channel| channel.as_str()).collect();
        format!("channel: allowed are {}", all.join(", "))
    })?;
    let key = request.service_key;
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err("service_key: allowed are letters and digits".into());
    }
    let path = format!("ims/{key}/{}/sendMessage", channel_word(channel));
    // Without an id, a request that was kept could not be told from its repetition.
    Ok(Asked { path, body: line.to_vec().into(), repeatable: !request.message_id.is_empty() })
}

async fn send(
    door: Door,
    from: mpsc::Receiver<io::Result<Work>>,
    concurrency: usize,
    json: bool,
    bar: &ProgressBar,
) -> anyhow::Result<Told> {
    let begun = Instant::now();
    let mut told = Told { url: door.url(), ..Told::default() };
    let (door, from) = (Arc::new(door), Arc::new(Mutex::new(from)));
    let (to, mut ended) = mpsc::channel(concurrency);
    for _ in 0..concurrency {
        let (door, from, to) = (Arc::clone(&door), Arc::clone(&from), to.clone());
        tokio::spawn(async move {
            loop {
                let next = from.lock().await.recv().await;
                let Some(work) = next else { return };
                let ended = match work {
                    Err(error) => Err(anyhow::Error::new(error).context("reading requests")),
                    Ok(Work { line, bytes, request }) => match request {
                        Err(reason) => Ok((line, bytes, Outcome::refused(reason))),
                        Ok(asked) => Ok((line, bytes, door.ask(&asked).await)),
                    },
                };
                if to.send(ended).await.is_err() {
                    return;
                }
            }
        });
    }
    drop(to);
    while let Some(ended) = ended.recv().await {
        let (line, bytes, outcome) = ended?;
        told.add(line, outcome, json, bar).with_context(|| format!("line {line}"))?;
        if bar.length().is_some() {
            bar.set_position(bar.position().max(bytes));
        } else {
            bar.set_position(told.sent);
        }
    }
    told.seconds = begun.elapsed().as_secs_f64();
    Ok(told)
}

impl Told {
    fn add(&mut self, line: u64, outcome: Outcome, json: bool, bar: &ProgressBar) -> anyhow::Result<()> {
        self.repeated += outcome.repeated();
        match outcome {
            Outcome::Sent { refused_receivers, .. } => {
                self.sent += 1;
                self.refused_receivers += refused_receivers;
            }
            Outcome::Refused { reason, .. } => {
                self.refused += 1;
                let refused = Refused { line, reason };
                bar.suspend(|| tell(&refused, json));
                if self.refused_lines.len() < LISTED {
                    self.refused_lines.push(refused);
                }
            }
            Outcome::NotConfirmed { reason, .. } => {
                self.not_confirmed += 1;
                let untold = Refused { line, reason: format!("not confirmed: {reason}; send it again") };
                bar.suspend(|| tell(&untold, json));
                if self.not_confirmed_lines.len() < LISTED {
                    self.not_confirmed_lines.push(line);
                }
            }
            // A key that is wrong is wrong for all of them.
            Outcome::Hopeless(reason) if self.sent == 0 => return Err(usage(reason)),
            Outcome::Hopeless(reason) => {
                anyhow::bail!("{reason}; {} requests before it were sent: send the file again", self.sent)
            }
        }
        Ok(())
    }

    fn text(&self) -> String {
        let Self { url, sent, refused, refused_receivers, not_confirmed, repeated, seconds, .. } = self;
        let rate = output::thousands((*sent as f64 / seconds.max(0.001)) as u64);
        format!(
            "sent {} requests to {url}; {} lines and {} receivers refused, {} not confirmed, {} repetitions; \
             {seconds:.1} s, {rate}/s",
            output::thousands(*sent),
            output::thousands(*refused),
            output::thousands(*refused_receivers),
            output::thousands(*not_confirmed),
            output::thousands(*repeated),
        )
    }
}
