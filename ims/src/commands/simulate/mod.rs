//! `ims simulate`: the vendors' simulator alone, on a clock that nobody waits for.

mod listen;
mod play;
mod show;
mod steps;
#[cfg(test)]
mod tests;

use crate::{
    assemble,
    cli::Globals,
    exit::{self, Exit, usage},
    output,
};
use clap::{
    Args as ClapArgs,
    builder::{PossibleValuesParser, TypedValueParser},
};
use play::Play;
use processors::{
    codes::{Class, judge},
    reference::{Reference, Vendor},
};
use schemas::Family;
use show::Table;
use std::{path::PathBuf, sync::Arc};

/// Show what the simulated vendors would answer: the `[simulator]` section of the configuration, tried out.
///
/// Requests are made up for each vendor of the reference data (--messages of them, at the vendor's own tps), or read as
/// steps, one JSON object a line: {"vendor": "text-one", "serial_number": "A-1"}, and if you like "family", "attempt"
/// (1) and "after_ms" (0), when it leaves after the start; steps come in the order of their times. Each is answered
/// from seed, serial number and attempt alone, as `ims run` and `ims demo` would answer it, and time is not waited for:
/// an hour of receipts takes no longer than a second of them.
///
/// With --listen nothing is made up: the vendors of the reference data that speak a protocol over HTTP answer at that
/// address, in their protocol and in real time, until SIGTERM or Ctrl-C, with --smpp those that speak SMPP, and with --smtp
/// mail servers. Each knows its customer by key, project, topic, system id or user; the request log is written; with
/// simulator.certificate_file they speak TLS. What `ims run` needs to reach them is their row's url (docs/vendors.md).
///
/// Without --json a table shows how each vendor fared. With --json each request is one line: what was answered
/// ("answer" is code, no_answer, throttled or not_sent), how the code is classed (done, retry, final, …; see
/// processors/src/codes/), after how long, and the receipts that would follow, in milliseconds after the start.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped]))]
pub struct Args {
    /// Steps as JSON lines; `-` is standard input. Left out: made-up requests.
    #[arg(value_name = "FILE", conflicts_with_all = ["messages", "rate"])]
    steps: Option<PathBuf>,
    /// Only these families, separated by commas.
    #[arg(long, value_delimiter = ',', ignore_case = true, value_name = "FAMILIES", value_parser = families())]
    family: Vec<Family>,
    /// Only these vendors, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "VENDORS")]
    vendor: Vec<String>,
    /// Requests made up for each vendor and family.
    #[arg(long, default_value_t = 1_000, value_name = "NUMBER")]
    messages: u32,
    /// Requests a second to each vendor; its own tps when left out.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Another seed than simulator.seed.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Answer over HTTP at this address, 127.0.0.1:8080.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["steps", "family", "vendor", "messages", "rate"])]
    listen: Option<String>,
    /// Answer over SMPP at this address, 127.0.0.1:2775.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["steps", "family", "vendor", "messages", "rate"])]
    smpp: Option<String>,
    /// Answer over SMTP at this address, 127.0.0.1:2525.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["steps", "family", "vendor", "messages", "rate"])]
    smtp: Option<String>,
}

const EXAMPLES: &str = "  ims simulate                                  every vendor, 1,000 requests each
  ims simulate --family SMS,LMS --messages 50000
  ims simulate --vendor talk-one --set simulator.every_vendor.no_answer_share=0.2
  ims simulate --vendor text-one --messages 3 --json
  ims simulate --listen 127.0.0.1:8080 --config dealer.toml
  ims simulate --smpp 127.0.0.1:2775 --config carrier.toml
  ims simulate --smtp 127.0.0.1:2525 --config relay.toml
  echo '{\"vendor\": \"text-one\", \"serial_number\": \"A-1\"}' | ims simulate - --json";

fn families() -> impl TypedValueParser<Value = Family> {
    let parse = |name: String| {
        let named = |family: &Family| family.as_str().eq_ignore_ascii_case(&name);
        Family::ALL.into_iter().find(named).ok_or("no family")
    };
    PossibleValuesParser::new(Family::ALL.iter().map(|family| family.as_str())).try_map(parse)
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    if args.listen.is_some() || args.smpp.is_some() || args.smtp.is_some() {
        let (http, smpp, smtp) = (args.listen.as_deref(), args.smpp.as_deref(), args.smtp.as_deref());
        let ports = listen::Ports { http, smpp, smtp };
        return listen::run(config, ports, args.seed, globals);
    }
    let reference = assemble::open_reference(&config)?.current();
    let mut settings = config.simulator;
    settings.seed = args.seed.unwrap_or(settings.seed);
    // The file belongs to a process that runs: what is only tried out must not stand in it.
    settings.request_log = None;
    let chosen = chosen(args, &reference)?;
    doubts(&settings, &reference).into_iter().for_each(output::note);

    let (mut play, mut table, mut refused) = (Play::open(settings)?, Table::default(), 0);
    let mut show = |step: steps::Step| -> anyhow::Result<()> {
        let played = play.request(&step);
        match globals.json {
            true => output::line(serde_json::to_string(&show::Line::of(&step, &played))?),
            false => {
                table.add(&step, &played);
                Ok(())
            }
        }
    };
    match &args.steps {
        None => chosen.iter().flat_map(|one| steps::made_up(one, args.messages, args.rate)).try_for_each(show)?,
        Some(path) => {
            refused = steps::read(path, &chosen, &mut show, |line, reason| {
                let told = serde_json::json!({"line": line, "reason": reason});
                if globals.json { output::note(told) } else { output::note(format_args!("line {line}: {reason}")) }
            })?;
        }
    }
    if !globals.json {
        output::line(table.text().trim_end())?;
    }
    Ok(if refused == 0 { Exit::Done } else { Exit::Failed })
}

/// A vendor with one of its families.
type Pair = (Family, Arc<Vendor>);

/// The vendors and families asked for, all when none is.
fn chosen(args: &Args, reference: &Reference) -> anyhow::Result<Vec<Pair>> {
    let all = pairs(reference);
    if let Some(unknown) = args.vendor.iter().find(|name| all.iter().all(|(_, vendor)| vendor.name != **name)) {
        return Err(usage(format!("--vendor: {unknown:?} is no vendor of the reference data: {}", names(&all))));
    }
    let wanted = |(family, vendor): &Pair| {
        (args.family.is_empty() || args.family.contains(family))
            && (args.vendor.is_empty() || args.vendor.contains(&vendor.name))
    };
    let chosen: Vec<Pair> = all.into_iter().filter(wanted).collect();
    match chosen.is_empty() {
        true => Err(usage("no vendor has that family: leave --vendor or --family out, or look at [reference] file")),
        false => Ok(chosen),
    }
}

fn pairs(reference: &Reference) -> Vec<Pair> {
    let of = |family| reference.vendors(family).iter().map(move |vendor| (family, Arc::clone(vendor)));
    Family::ALL.into_iter().flat_map(of).collect()
}

fn names(pairs: &[Pair]) -> String {
    let mut names: Vec<&str> = pairs.iter().map(|(_, vendor)| vendor.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// What stands in the settings and will never be seen, or not as it was meant.
fn doubts(settings: &connectors::simulator::SimulatorSettings, reference: &Reference) -> Vec<String> {
    let all = pairs(reference);
    let nobody = settings.vendors.keys().filter(|name| all.iter().all(|(_, vendor)| vendor.name != **name));
    let mut doubts: Vec<String> = nobody
        .map(|name| format!("simulator.vendors.{name}: no vendor has this name, there are {}", names(&all)))
        .collect();
    for (name, behaviour) in &settings.vendors {
        let Some((_, vendor)) = all.iter().find(|(_, vendor)| vendor.name == *name) else { continue };
        let unknown = |code: &&String| judge(vendor.codes, code).class == Class::Unknown;
        let codes = behaviour.codes.keys().chain(behaviour.receipts.codes.keys()).filter(unknown);
        doubts.extend(codes.map(|code| format!("simulator.vendors.{name}: its table has no code {code:?}")));
        if !vendor.receipts && !behaviour.receipts.codes.is_empty() {
            doubts.push(format!("simulator.vendors.{name}.receipts.codes: this vendor gives no receipts"));
        }
    }
    doubts
}
