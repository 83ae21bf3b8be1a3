//! IMS, the integration messaging system.

mod admin;
mod assemble;
mod beside;
mod calls;
mod checked;
mod cli;
mod commands;
mod config;
mod dormancy;
mod exit;
mod findings;
mod groups;
mod http;
mod lines;
mod load;
mod log;
mod logging;
mod moment;
mod notices;
mod output;
mod registering;
mod reload;
mod request;
mod retention;
mod roles;
mod secret;
mod signal;
mod stores;
mod times;
mod watching;
mod without_redis;

use clap::Parser;
use cli::{Cli, Command};
use exit::Exit;
use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// Of librdkafka and SQLite too: the C library's takes a quarter of the CPU of a busy process (docs/adr/0029-jemalloc.md).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refused(&error),
    };
    let json = cli.globals.json;
    let exit = run(cli).unwrap_or_else(|error| {
        tell(json, &format!("{error:#}"));
        Exit::of(&error)
    });
    exit.into()
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    let Cli { globals, command } = cli;
    match &command {
        Command::Demo(args) => commands::demo::run(args, &globals),
        Command::Run(args) => commands::run::run(args, &globals),
        Command::Health(args) => commands::health::run(args, &globals),
        Command::Bench(command) => commands::bench::run(command, &globals),
        Command::Simulate(args) => commands::simulate::run(args, &globals),
        Command::Topology(args) => commands::topology::run(args, &globals),
        Command::Openapi(args) => commands::openapi::run(args),
        Command::Send(args) => commands::send::run(args, &globals),
        Command::Analyze(args) => commands::analyze::run(args, &globals),
        Command::Ledger(args) => commands::ledger::run(args, &globals),
        Command::Report(command) => commands::report::run(command, &globals),
        Command::Replay(args) => commands::replay::run(args, &globals),
        Command::Migrate(args) => commands::migrate::run(args, &globals),
        Command::Reference(command) => commands::reference::run(command, &globals),
        Command::User(command) => commands::user::run(command, &globals),
        Command::Vendor(command) => commands::vendor::run(command, &globals),
        Command::Suppression(command) => commands::suppression::run(command, &globals),
        Command::Consent(command) => commands::consent::run(command, &globals),
        Command::Schemas(command) => commands::schemas::run(command, &globals),
        Command::Topics(command) => commands::topics::run(command, &globals),
        Command::Config(command) => commands::config::run(command, &globals),
        Command::Completions(args) => commands::completions::run(args),
    }
}

/// A command line that cannot be understood, or one that asks for help.
fn refused(error: &clap::Error) -> ExitCode {
    // What was asked for cannot be known from a command line that was not understood: the word must do.
    if error.use_stderr() && std::env::args().any(|argument| argument == "--json") {
        tell(true, error.to_string().trim_end().trim_start_matches("error: "));
    } else {
        let _ = error.print();
    }
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}

/// Tells what went wrong, and what to do about it, on standard error.
fn tell(json: bool, text: &str) {
    if json { output::note(serde_json::json!({"error": text})) } else { output::note(format_args!("ims: {text}")) }
}
