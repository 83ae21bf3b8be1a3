//! `ims analyze`: what the analyzer has counted, from whichever store is configured.

mod show;
mod span;

use crate::{
    assemble::now_ms,
    cli::Globals,
    commands::customer,
    exit::{self, Exit, usage},
    logging, output,
    stores::AnalysisStore,
};
use clap::Args as ClapArgs;
use connectors::analysis::Asked;
use schemas::Channel;
use show::Shown;
use span::Moment;

/// Tell volumes, latencies, reasons of failures, what came of callbacks, and anomalies of a time.
///
/// Volumes are events per minute and channel: STEP, a step ended; ATTEMPT, a request to a vendor ended and another
/// follows; REJECTED, a request was refused; LATE, news after the end; CALLBACK, a customer's endpoint was called.
/// Latencies are told by step of the way: ACCEPT, ROUTE, QUEUE, VENDOR and WHOLE, each at most 1/16 too high. Anomalies
/// are failures or latencies beyond what was usual for a customer at a vendor, or for all customers together.
///
/// Callbacks are told by customer: reports that it was told, calls that failed and are made again, reports given up
/// after the last call, and those whose endpoint answered 410. `ims report calls` tells those of one message.
///
/// It reads what the analyzer has stored, as `analysis.kind` says where, and disturbs nothing. Events are there within
/// a second while the analyzer keeps up.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &EXITS))]
pub struct Args {
    /// Since when: a time with its zone (2026-03-02T09:00+09:00), or how long ago (90m, 6h, 2d). Whole minutes.
    #[arg(long, value_name = "TIME", default_value = "1h")]
    from: Moment,
    /// Until when, likewise; now when left out.
    #[arg(long, value_name = "TIME", default_value = "0m")]
    to: Moment,
    /// Of this customer only. A name that no customer has, and nothing is kept of, is refused.
    #[arg(long, value_name = "USERNAME")]
    customer: Option<String>,
    /// Of this channel only: AT, FT, BT, MT, RC, PU or EM.
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// Of this vendor only.
    #[arg(long, value_name = "VENDOR")]
    vendor: Option<String>,
    /// So many reasons of failures, the most frequent first.
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    reasons: u32,
    /// So many customers whose endpoints were called, those first who were told least.
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    customers: u32,
}

const EXITS: [Exit; 4] = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Away];
const EXAMPLES: &str = "  ims analyze                                          the last hour
  ims analyze --from 2d --vendor talk-one              how a vendor did
  ims analyze --from 2026-03-02T09:00+09:00 --to 2026-03-02T10:00+09:00 --customer hanbit-shop
  ims analyze --json | jq '.anomalies[] | select(.ended_at == null)'";

/// Asks and tells.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    let asked = asked(args, now_ms())?;
    let store = AnalysisStore::of(&config)?;
    store.must_fit()?;
    let mut analysis = store.reader()?;
    let shown = Shown {
        volumes: analysis.volumes(&asked)?,
        latencies: analysis.latencies(&asked)?,
        failures: analysis.failures(&asked, args.reasons)?,
        callbacks: analysis.outcomes(&asked, args.customers)?,
        anomalies: analysis.anomalies(&asked)?,
        asked,
    };
    if let Some(username) = &args.customer
        && shown.is_empty()
    {
        customer::must_exist(&config, username)?;
    }
    output::result(globals.json, &shown.json(), || shown.text())?;
    Ok(Exit::Done)
}

fn asked(args: &Args, now_ms: i64) -> anyhow::Result<Asked> {
    let Args { from, to, customer, channel, vendor, .. } = args;
    let span_ms = span::between(*from, *to, now_ms)?;
    let unknown = |word: &String| usage(format!("--channel {word}: no such channel; AT, FT, BT, MT, RC, PU or EM"));
    let parse = |word: &String| word.to_uppercase().parse::<Channel>().map_err(|_| unknown(word));
    let channel = channel.as_ref().map(parse).transpose()?;
    Ok(Asked { span_ms, username: customer.clone(), channel, vendor: vendor.clone() })
}
