//! `ims demo`: the whole chain in this process, a realistic load through it, and the proof that the books balance.

mod live;
mod rows;
mod show;
mod watch;

use crate::{
    admin::{self, Admin},
    assemble::{self, Deployment, now_ms},
    cli::Globals,
    config::{AnalysisKind, Config, LogKind, ReferenceKind, StateKind},
    exit::{self, Exit, usage},
    groups::{GroupTopics, Groups},
    http::Door,
    load::Load,
    output, reload, signal,
    stores::Stores,
};
use anyhow::Context;
use clap::Args as ClapArgs;
use connectors::{
    cipher::Cipher,
    files::File,
    reference::{By, DEMO, Editor, FileRow, Importer, parse},
    simulator::Spread,
};
use live::Live;
use schemas::{Channel, Topic, examples::seed};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use topology::{engine::Runtime, graph::Role, ledger::Balance, log::Outgoing};
use watch::Watch;

/// Shows IMS at work without any server: all roles in this process on embedded backends, a realistic mixed load (all
/// channels and lanes, ads, templates, many receivers, scheduled and fallback messages, mistakes, duplicates), on a
/// terminal each lane's progress while it runs, then a table by channel and priority, the ledger with its verdict, and some reports as a customer sees them.
///
/// Nothing is kept: log and stores end with the process. Ads that meet the night (21:00-08:00 KST, Kakao 20:50) are
/// held and count as waiting.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &EXITS))]
pub struct Args {
    /// How many messages to send.
    #[arg(long, default_value_t = 20_000, value_name = "NUMBER")]
    messages: usize,
    /// Another seed gives another load and other answers of the vendors.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// Stay up after the table, with the HTTP door, /metrics and /health, until Ctrl-C; says what can be tried.
    #[arg(long)]
    serve: bool,
}

const EXITS: [Exit; 5] = [Exit::Done, Exit::Usage, Exit::Unbalanced, Exit::Interrupted, Exit::Terminated];
const EXAMPLES: &str = "  ims demo                      20,000 messages
  ims demo --messages 200000    more of them
  ims demo --serve              then send by HTTP (docs/http.md), look at http://127.0.0.1:29000/metrics
  ims demo --json               the result for a script";

/// How long nothing may end before what is still open is called waiting: longer than the slowest vendor's answer.
const QUIET: Duration = Duration::from_secs(5);

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let folder = tempfile::tempdir().context("a folder for the demo's stores")?;
    let config = settings(globals.config()?, folder.path(), args);
    let admin = admin::open(&config.admin)?;
    let started = Instant::now();
    if config.reference.kind == ReferenceKind::Sql {
        import(&config)?;
    }
    let deployment = Deployment::new(&config)?;
    deployment.check(&config, &Role::ALL)?;
    admin.iter().for_each(|admin| admin.tells_of(deployment.senders()));
    let running = Arc::new(deployment.start(&Role::ALL)?);
    admin.iter().for_each(Admin::all_has_begun);
    let mut watch = Watch::new(&deployment, config.deployment.cluster)?;
    let first_delivered = {
        let mut follow = Follow::new(&mut watch, started, globals.json);
        send(&deployment, args, &mut follow)?;
        follow.until_ended(args)?;
        follow.first_delivered
    };
    let tell = |watch: &mut Watch| {
        let seconds = started.elapsed().as_secs_f64();
        let balance = balance(watch)?;
        let shown = show::Shown { seconds, first_delivered, watch, balance, serves: args.serve };
        output::result(globals.json, &shown, || shown.text())?;
        anyhow::Ok(shown.verdict())
    };
    if !args.serve {
        running.stop();
        running.join()?;
        return tell(&mut watch);
    }
    tell(&mut watch)?;
    serve(&config, &deployment, &running, admin.as_ref())?;
    running.stop();
    running.join()?;
    let balance = balance(&mut watch)?;
    let verdict = show::verdict(&balance);
    if verdict != Exit::Done {
        output::note(format_args!("with what was sent meanwhile {}", show::imbalance(&balance)));
    }
    Ok(verdict)
}

/// The books, with all that stands in the log.
fn balance(watch: &mut Watch) -> anyhow::Result<Balance> {
    while watch.look()? {}
    Ok(watch.books.balance())
}

/// Serves until it is stopped.
fn serve(
    config: &Config,
    deployment: &Deployment,
    running: &Arc<Runtime>,
    admin: Option<&Admin>,
) -> anyhow::Result<()> {
    let groups = Groups::new(deployment.parts(), &Role::ALL, Arc::clone(running), GroupTopics::new(config.clone()));
    let _reloading = reload::begin(deployment.reference(), groups)?;
    let door = deployment.open_door(config, &Role::ALL)?;
    let served = show::Served {
        door: door.as_ref().map(Door::url),
        admin: admin.map(|admin| format!("http://{}", admin.address())),
        demo: config.reference.file.as_os_str().is_empty(),
    };
    output::note(served.text());
    signal::until_stopped(running, door.as_ref())?;
    Ok(door.map_or(Ok(()), Door::close)?)
}

/// Puts the reference data where the door can change them.
fn import(config: &Config) -> anyhow::Result<()> {
    let stores = Stores::of(config);
    let path = &config.reference.file;
    let (name, text) = match path.as_os_str().is_empty() {
        true => ("demo".to_owned(), DEMO.to_owned()),
        false => {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| usage(format!("{name}: {error}")))?;
            (name, text)
        }
    };
    let (seed, cipher) = (parse(&name, &text)?, Arc::new(stores.cipher()?));
    Importer::open(&stores.reference()?, Arc::clone(&cipher))?.import(&name, seed, "demo", now_ms(), || {})?;
    upload(config, &stores, &cipher)
}

/// Uploads what the example of a mail names.
fn upload(config: &Config, stores: &Stores, cipher: &Arc<Cipher>) -> anyhow::Result<()> {
    let (customer, key) = (seed::USERNAME, seed::FILE_KEYS[1]);
    let file = File {
        name: "statement.txt".to_owned(),
        content_type: "text/plain".to_owned(),
        bytes: "3월 이용 내역서".into(),
    };
    let row = FileRow {
        key: key.to_owned(),
        channel: Channel::Em,
        name: file.name.clone(),
        content_type: file.content_type.clone(),
        bytes: file.bytes.len() as u64,
        pixels: None,
        created_at_ms: now_ms(),
    };
    let by = By::named("demo", row.created_at_ms);
    let mut editor = Editor::open(&stores.reference()?, Arc::clone(cipher), config.center)?;
    // One more than `[center]` allows: the example is refused then.
    if editor.expect_file::<()>(&by, customer, &row)?.is_err() {
        return Ok(());
    }
    let files = stores.files(&config.files, cipher)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(files.write(customer, key, &file))?;
    editor.keep_file(&by, customer, key)?;
    Ok(())
}

/// The embedded backends, whatever the configuration says.
fn settings(mut config: Config, folder: &std::path::Path, args: &Args) -> Config {
    config.log.kind = LogKind::Memory;
    config.state.kind = StateKind::Memory;
    config.store.file = folder.join("store.sqlite");
    config.store.url.clear();
    config.analysis.kind = AnalysisKind::Sqlite;
    (config.files.folder, config.files.url) = (folder.join("files"), String::new());
    // Whoever is served may change them, too.
    config.reference.kind = if args.serve { ReferenceKind::Sql } else { ReferenceKind::File };
    config.registry.url.clear();
    config.simulator.seed = args.seed;
    config.simulator.request_log = Some(folder.join("requests.jsonl"));
    // Receipts of seconds instead of a carrier's minutes: nobody watches a demo for that long.
    config.simulator.every_vendor.receipts.delay_ms = Spread { median: 300.0, p99: 1_500.0 };
    config.kafka.partitions = 3;
    if !args.serve {
        config.admin.listen.clear();
    }
    config
}

fn send(deployment: &Deployment, args: &Args, follow: &mut Follow<'_>) -> anyhow::Result<()> {
    let mut producer = deployment.log().producer()?;
    let mut batch = Vec::new();
    for wanted in Load::new(args.seed, args.messages, assemble::now_ms()) {
        follow.watch.requested(&wanted);
        batch.push(Outgoing {
            topic: Topic::api(wanted.lane),
            partition: None,
            key: Some(wanted.request.message_id.clone().into_bytes().into()),
            value: Some(deployment.schemas().encode(&wanted.request).into()),
            headers: vec![],
        });
        if batch.len() == 500 {
            producer.append(&batch)?;
            batch.clear();
            follow.look()?;
        }
    }
    producer.append(&batch)?;
    Ok(())
}

/// How often the reports are read: often enough for the time of the first delivery and for eyes.
const LOOK: Duration = Duration::from_millis(20);

/// Follows the reports while messages are sent and until they have ended.
struct Follow<'w> {
    watch: &'w mut Watch,
    live: Live,
    started: Instant,
    looked: Instant,
    /// When the first message was delivered, seconds after the start.
    first_delivered: Option<f64>,
}

impl<'w> Follow<'w> {
    fn new(watch: &'w mut Watch, started: Instant, json: bool) -> Self {
        Self { watch, live: Live::new(json), started, looked: started, first_delivered: None }
    }

    fn look(&mut self) -> anyhow::Result<()> {
        if self.looked.elapsed() < LOOK {
            return Ok(());
        }
        self.looked = Instant::now();
        self.watch.look()?;
        if self.first_delivered.is_none() && self.watch.any_delivered() {
            self.first_delivered = Some(self.started.elapsed().as_secs_f64());
        }
        self.live.show(&self.watch.lanes, self.looked);
        Ok(())
    }

    /// Until all ended, or nothing ends any more.
    fn until_ended(&mut self, args: &Args) -> anyhow::Result<()> {
        let mut last = (0, Instant::now());
        while self.watch.ended < args.messages as u64 && last.1.elapsed() < QUIET {
            std::thread::sleep(LOOK);
            self.look()?;
            if self.watch.ended > last.0 {
                last = (self.watch.ended, Instant::now());
            }
        }
        Ok(())
    }
}
