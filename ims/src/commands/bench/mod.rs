//! `ims bench`: what IMS costs and how fast it is, beside a baseline measured in the same run.

mod auth;
mod chain;
mod drain;
mod fair;
mod hops;
mod http;
mod local;
mod send;
mod store;
mod stored;
mod trouble;
mod usage;
mod waiting;

use crate::{
    cli::Globals,
    exit::{self, Exit},
    logging, output,
};
use clap::{Args as ClapArgs, Subcommand};
use topology::log::kafka::KafkaLog;

/// Takes the topics of a bench off the cluster when it ends, however it ends.
struct Topics(KafkaLog);

impl Drop for Topics {
    fn drop(&mut self) {
        if let Err(error) = self.0.admin().and_then(|admin| admin.delete_deployment()) {
            tracing::warn!(%error, "the bench's topics are left: delete those whose names begin with its prefix");
        }
    }
}

/// Measures IMS on this machine and prints JSON: figures, the baseline of the same run, and ratios.
///
/// The Kafka benches make topics of their own (prefix `bench-…`) on kafka.bootstrap_servers and delete them in the end.
/// Use a broker that you can throw away, for example dev/kafka's.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ingest and router on Kafka over a backlog, beside a relay of raw bytes over the same two hops.
    #[command(after_long_help = exit::help("  ims bench hops --messages 1000000", &EXITS))]
    Hops(HopsArgs),
    /// Latency of AUTH from its API topic to SEND and to its vendor, idle and while a MASS backlog drains; or to its vendor
    /// alone, idle and while another vendor of the same family, which MASS goes to, is in trouble.
    #[command(after_long_help = exit::help(AUTH, &EXITS))]
    Auth(AuthArgs),
    /// Peak memory and CPU of one `ims run` with all roles that drains backlogs: a small one, a large one, and one of
    /// many customers.
    #[command(after_long_help = exit::help("  ims bench drain --backlog 1000000 --customers 10000", &EXITS))]
    Drain(DrainArgs),
    /// How long single messages wait behind another customer's bulk in a lane whose vendor takes 500 a second, beside
    /// what they take alone.
    #[command(after_long_help = exit::help("  ims bench fair --bulk 25000", &EXITS))]
    Fair(FairArgs),
    /// The HTTP door, a process of its own, beside a bare handler that appends the same bytes: requests a second and CPU
    /// of each, how long requests take at half of that, many receivers, many open connections.
    #[command(after_long_help = exit::help("  ims bench http --connections 64 --seconds 10", &EXITS))]
    Http(HttpArgs),
    /// Callbacks that wait for their next attempt, none due within the hour: memory and CPU of one `ims run` with all roles
    /// before and beside them, and how late those that are due meanwhile come back.
    #[command(after_long_help = exit::help("  ims bench waiting --callbacks 1000000 --seconds 60", &EXITS))]
    Waiting(WaitingArgs),
    /// A sender process against `ims simulate`: messages a second of CPU time, requests in flight, memory. Over HTTP beside
    /// a bare client that sends as large requests.
    #[command(after_long_help = exit::help(SEND, &EXITS))]
    Send(SendArgs),
    /// The whole chain in this process, without servers: rate and cost of the steady part, peak memory, first delivery.
    ///
    /// The demo's load without advertisements (a night holds them), made before the clock starts and let in as fast as
    /// messages end and stores keep up. The reference data is the demo's with vendors of 100,000 requests a second each:
    /// the demo's take 5,000 texts a second, and that would be measured. Receipts come after 0.3 s, as in the demo. The
    /// steady part is from the first tenth of the ends until the last request is in; reading the load is not counted.
    #[command(after_long_help = exit::help("  ims bench local --messages 200000", &EXITS))]
    Local(LocalArgs),
    /// History and statistics into the server of store.url, or into a SQLite file, beside a bare multi-row INSERT of the
    /// same rows; and what customers ask of it.
    ///
    /// Works in a database of its own on the server, or in a file in the folder of store.file, and removes it.
    #[command(after_long_help = exit::help(STORE, &EXITS))]
    Store(StoreArgs),
    /// The whole chain on Kafka in one `ims run`, from the API to the report and a row of history for each step on the
    /// server of store.url: messages a second, records a message, and CPU a message of the process, the brokers and the
    /// server, each apart.
    ///
    /// Works in a database of its own on the server, and removes it. Only processes of this machine can be looked at:
    /// a server whose id is not given is left out (null).
    #[command(after_long_help = exit::help(STORED, &EXITS))]
    Stored(StoredArgs),
}

const STORED: &str =
    "  ims bench stored --set store.url=mysql://USER:PASSWORD@HOST:3306/DATABASE --set store.key_file=store.key
  ims bench stored --broker-pid $KAFKA_BROKER_1_PID --store-pid $MARIADB_PID     of dev/kafka and dev/mariadb";

const STORE: &str = "  ims bench store --rows 500000 --set store.url=mysql://USER:PASSWORD@HOST:3306/DATABASE
  ims bench store --rows 500000 --set store.url=                 a SQLite file
  ims bench store --lookups 1000 --lookup-rows 10000000          each channel by each key, statistics";

const AUTH: &str = "  ims bench auth --seconds 20 --backlog 3000000
  ims bench auth --trouble                      hangs, resets, 429, bodies that end too late";

const SEND: &str = "  ims bench send --messages 200000 --in-flight 1000
  ims bench send --wire smpp                    or nhn, fcm";

const EXITS: [Exit; 5] = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped];

/// Options of `bench hops`.
#[derive(Debug, ClapArgs)]
pub struct HopsArgs {
    /// Backlog.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
}

/// Options of `bench auth`.
#[derive(Debug, ClapArgs)]
pub struct AuthArgs {
    /// How long each of the two measurements takes.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// AUTH messages a second.
    #[arg(long, default_value_t = 200)]
    rate: u64,
    /// MASS messages waiting when MASS is measured alone and then beside AUTH; some should be left at the end.
    #[arg(long, default_value_t = 3_000_000)]
    backlog: u64,
    /// Instead of a backlog as many messages of MASS as of AUTH, to other vendors over HTTP: one that is well, one that never
    /// answers, one that resets connections, one that answers 429, one whose bodies end after the time-out; one after the
    /// other, each as long as a measurement.
    #[arg(long, conflicts_with = "backlog")]
    trouble: bool,
}

/// Options of `bench drain`.
#[derive(Debug, ClapArgs)]
pub struct DrainArgs {
    /// Messages of the small backlog.
    #[arg(long, default_value_t = 10_000)]
    small: u64,
    /// Messages of the large ones.
    #[arg(long, default_value_t = 1_000_000)]
    backlog: u64,
    /// Customers of the last one; the others are of 10.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(10..))]
    customers: u64,
}

/// Options of `bench fair`.
#[derive(Debug, ClapArgs)]
pub struct FairArgs {
    /// Messages of the one customer.
    #[arg(long, default_value_t = 25_000)]
    bulk: u64,
    /// Single messages of another customer, two a second.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    singles: u64,
}

/// Options of `bench http`.
#[derive(Debug, ClapArgs)]
pub struct HttpArgs {
    /// Connections with one request under way each.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..))]
    connections: u64,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Connections that are opened and held; two descriptors each (`ulimit -n`).
    #[arg(long, default_value_t = 10_000)]
    open: u64,
    /// Be the bare handler.
    #[arg(long, hide = true)]
    bare: bool,
}

/// Options of `bench waiting`.
#[derive(Debug, ClapArgs)]
pub struct WaitingArgs {
    /// Callbacks that wait for more than an hour.
    #[arg(long, default_value_t = 1_000_000)]
    callbacks: u64,
    /// Callbacks that come due one after the other while it is measured beside the others.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    due: u64,
    /// How long each of the measurements takes.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

/// Options of `bench send`.
#[derive(Debug, ClapArgs)]
pub struct SendArgs {
    /// What is measured.
    #[arg(long, value_enum, default_value_t = send::Wire::Bizgo)]
    wire: send::Wire,
    /// Messages of the sender, and of the bare client; the first tenth of them is not measured.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(100..))]
    messages: u64,
    /// Requests in flight at most: max_in_flight of the vendor's row, and the connections of the bare client of HTTP.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(5..))]
    in_flight: u32,
    /// Be the bare client, of the simulator at this address.
    #[arg(long, hide = true, value_name = "ADDRESS")]
    bare: Option<String>,
}

/// Options of `bench local`.
#[derive(Debug, ClapArgs)]
pub struct LocalArgs {
    /// Messages.
    #[arg(long, default_value_t = 200_000)]
    messages: usize,
}

/// Options of `bench store`.
#[derive(Debug, ClapArgs)]
pub struct StoreArgs {
    /// Rows of history.
    #[arg(long, default_value_t = 200_000)]
    rows: u64,
    /// Rows of one transaction; a store that catches up takes engine.batch_records.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    batch: u64,
    /// Look-ups of each kind, in each group of channels, and of statistics; 0: none.
    #[arg(long, default_value_t = 0)]
    lookups: u64,
    /// Rows among which is looked up, written first; never fewer than --rows and some of each day of a year.
    #[arg(long, default_value_t = 0)]
    lookup_rows: u64,
}

/// Options of `bench stored`.
#[derive(Debug, ClapArgs)]
pub struct StoredArgs {
    /// Messages that are measured.
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// Messages before these.
    #[arg(long, default_value_t = 20_000)]
    warm_up: u64,
    /// Process id of a broker; again for each.
    #[arg(long, value_name = "PID")]
    broker_pid: Vec<u32>,
    /// Process id of the store's server.
    #[arg(long, value_name = "PID")]
    store_pid: Vec<u32>,
}

/// Runs the command.
pub fn run(command: &Command, globals: &Globals) -> anyhow::Result<Exit> {
    let mut config = globals.config()?;
    if globals.verbose == 0 {
        // Only what tells that a figure is worth nothing.
        config.logs.level = "warn".to_owned();
    }
    logging::start(&config.logs, globals.verbose)?;
    let result = match command {
        Command::Hops(args) => hops::run(&config, args.messages)?,
        Command::Auth(AuthArgs { trouble: true, seconds, rate, .. }) => trouble::run(&config, *seconds, *rate)?,
        Command::Auth(args) => auth::run(&config, args.seconds, args.rate, args.backlog)?,
        Command::Drain(args) => drain::run(&config, args.small, args.backlog, args.customers)?,
        Command::Fair(args) => fair::run(&config, args.bulk, args.singles)?,
        Command::Http(HttpArgs { bare: true, .. }) => {
            http::bare::serve(&config)?;
            return Ok(Exit::Done);
        }
        Command::Http(args) => http::run(&config, args)?,
        Command::Waiting(args) => waiting::run(&config, args)?,
        Command::Send(SendArgs { bare: Some(address), in_flight, messages, .. }) => {
            serde_json::to_value(send::bare::run(address, *in_flight, *messages)?)?
        }
        Command::Send(args) => send::run(&config, args)?,
        Command::Local(args) => local::run(&config, args.messages)?,
        Command::Store(args) => store::run(&config, args)?,
        Command::Stored(args) => stored::run(&config, args)?,
    };
    output::line(serde_json::to_string_pretty(&result)?)?;
    Ok(Exit::Done)
}
