//! The HTTP door (SPEC §3): it authenticates, checks by ingest's rules, appends, and answers once Kafka acknowledged.

mod access;
mod activity;
mod answer;
mod append;
mod ask;
mod asking;
mod body;
mod center;
mod claimed;
mod clerk;
mod connection;
mod cors;
mod descriptors;
mod desk;
mod gate;
mod gateway;
mod learn;
mod lookup;
mod metrics;
mod openapi;
mod rate;
mod routes;
mod sending;
mod server;
mod shares;
mod standing;
mod stop;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod turns;
mod unasked;
mod unsubscribe;
mod words;

pub use answer::table;
pub use append::Appender;
pub use ask::word as channel_word;
pub use metrics::describe as describe_metrics;
pub use routes::document;

use crate::{
    config::{self, Config, ReferenceKind, StateKind},
    exit::usage,
    stores::{self, AnalysisStore, Stores},
};
use axum::{Router, extract::Request, middleware::map_request};
use center::{Endpoints, Exports, Files, Trials};
use claimed::Claimed;
use clerk::Clerk;
use connectors::{
    callback::System, cipher::Cipher, desk::RedisDesk, files::FileStore, history::HistoryReader, reference::Editor,
};
use desk::Desk;
use gate::Gate;
use gateway::Gateway;
use ipnet::IpNet;
use lookup::Reports;
use processors::ports::Clock;
use routes::{Door as State, Peer, routes};
use schemas::{Lane, Topic};
use server::Bounds;
use shares::Shares;
use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};
use tls::Tls;
use tokio::sync::watch;
use topology::{
    assembly::Parts,
    engine::{
        Halt,
        status::{Status, note},
    },
};
use unsubscribe::Unsubscribe;

/// What the door is called where streams are named.
const NAME: &str = "api";
/// And a gateway.
const GATEWAY: &str = "gateway";
/// Times as long as its caller waits a record may take before the producer gives it up too: Kafka back from an outage
/// is not met by what will be sent again, and one that is a little late still arrives.
const GIVEN_UP_AFTER: u32 = 2;
/// Questions for history at a time: one that takes long does not hold all others up.
const HISTORY_THREADS: usize = 4;
/// The same of reference data: one changes something while another reads.
const EDITOR_THREADS: usize = 2;

/// The door; open until it is closed.
pub struct Door {
    name: &'static str,
    address: SocketAddr,
    tls: bool,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

/// How the port of vendors' webhooks is served.
pub fn webhooks(config: &config::Webhooks) -> anyhow::Result<connectors::vendors::Serve> {
    let tls = Tls::open("webhooks", &config.certificate_file, &config.key_file)?;
    // A vendor brings some dozens of reports at a time, each within 5 s.
    let bounds = Bounds {
        connections: 256,
        headers_within: Duration::from_secs(5),
        read_within: Duration::from_secs(5),
        drain: Duration::ZERO,
        close_within: Duration::from_millis(500),
    };
    Ok(Arc::new(move |listener, routes| {
        let tls = tls.clone();
        Box::pin(async move {
            // Whoever drops this ends it: nobody tells it to stop.
            let (_running, stop) = watch::channel(false);
            server::serve(listener, routes, tls, bounds, stop).await
        })
    }))
}

/// The certificate of a door or gateway.
fn tls(config: &config::Http) -> anyhow::Result<Option<Arc<Tls>>> {
    Tls::open("http", &config.certificate_file, &config.key_file)
}

/// What opens the addresses of one-click unsubscribe.
fn unsubscribe(config: &Config) -> anyhow::Result<Unsubscribe> {
    Unsubscribe::open(&config.vendors).map_err(usage)
}

/// Whether the files are right that TLS and one-click unsubscribe need.
pub fn check(config: &Config) -> anyhow::Result<()> {
    tls(&config.http)?;
    webhooks(&config.webhooks)?;
    gateway::trusted(&config.gateway)?;
    unsubscribe(config)?;
    Ok(())
}

/// Opens the configured door, if there is one. `ingests`: whether its process claims message ids.
pub fn open(
    config: &Config,
    parts: &Parts,
    stores: &Stores,
    cipher: &Arc<Cipher>,
    files: FileStore,
    ingests: bool,
) -> anyhow::Result<Option<Door>> {
    if config.http.listen.is_empty() {
        return Ok(None);
    }
    let listener = server::bind(&config.http)?;
    descriptors::make_room(config.http.connections);
    let within = ms(config.http.acknowledged_within_ms);
    let appender = |name, lane| -> anyhow::Result<Appender> {
        Ok(Appender::start(name, parts.log.appender(name, GIVEN_UP_AFTER * within)?, Topic::api(lane))?)
    };
    let desk = match config.state.kind {
        StateKind::Redis => {
            let redis = RedisDesk::new(stores::redis(&config.state)?, &config.deployment.name);
            Desk::with(redis, Arc::clone(&parts.clock))?
        }
        StateKind::Memory | StateKind::Sqlite => Desk::alone(Arc::clone(&parts.clock)),
    };
    // Another process's own cannot be seen from here.
    let sees = ingests || config.state.kind == StateKind::Redis;
    let claims = sees.then(|| parts.backends.claims()).transpose()?;
    let door = State {
        gate: Gate::new(Arc::clone(&parts.reference), Arc::clone(&parts.clock), config.http.requests)?,
        clock: Arc::clone(&parts.clock),
        schemas: Arc::clone(&parts.schemas),
        settings: parts.ingest,
        urgent: appender("http-auth", Lane::Auth)?,
        others: appender("http-append", Lane::Realtime)?,
        reports: Reports::start(stores.reports()?)?,
        history: history(stores, cipher)?,
        exports: Exports::default(),
        lists: lists()?,
        editor: editor(config, stores, cipher)?,
        claims: config.vendors.values().any(|vendor| vendor.profiles_every_ms > 0),
        trials: Trials::new(config.callback.caller(), Arc::new(System)),
        calls: center::ask_of(AnalysisStore::of(config)?)?,
        endpoints: Endpoints::start(Arc::clone(&parts.log), parts.decoder(), Arc::clone(&parts.clock))?,
        files: Files::new(files, &config.files),
        unsubscribe: unsubscribe(config)?,
        desk,
        claimed: Claimed::start(claims, Arc::clone(&parts.clock))?,
        acknowledged_within: within,
        body_bytes: config.http.body_bytes,
        body_within: ms(config.http.body_within_ms),
        places: Shares::half(config.http.requests),
    };
    let routes = facing(routes(Arc::new(door)), &config.http);
    if config.reference.kind == ReferenceKind::File && config.reference.file.as_os_str().is_empty() {
        tracing::warn!("the demo's reference data are in force: everybody knows its secret keys ([reference])");
    }
    Ok(Some(start(NAME, config, listener, async move { routes })?))
}

/// Opens a gateway before the configured API processes.
pub fn open_gateway(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Door> {
    if config.http.listen.is_empty() || config.gateway.upstreams.is_empty() {
        return Err(usage("the role gateway needs http.listen and [[gateway.upstreams]]"));
    }
    let listener = server::bind(&config.http)?;
    descriptors::make_room(config.http.connections);
    let gateway = Arc::new(Gateway::new(config, clock)?);
    let every = ms(config.gateway.look_every_ms);
    let routes = facing(gateway::routes(Arc::clone(&gateway)), &config.http);
    start(GATEWAY, config, listener, async move {
        gateway.look_every(every);
        routes
    })
}

/// With what stands between routes and those who ask.
fn facing(routes: Router, config: &config::Http) -> Router {
    cors::for_pages(behind(routes, &config.behind), &config.cors_origins)
}

/// Believes proxies of ours about whom they ask for.
fn behind(routes: Router, behind: &[IpNet]) -> Router {
    let behind: Arc<[IpNet]> = behind.into();
    routes.layer(map_request(move |mut request: Request| {
        let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
        if let Some(peer) = peer {
            let sender = gateway::sender(peer.ip(), request.headers(), &behind);
            request.extensions_mut().insert(Peer((sender, peer.port()).into()));
        }
        async move { request }
    }))
}

/// As the configuration says times.
fn ms(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

/// Serves on threads of its own.
fn start(
    name: &'static str,
    config: &Config,
    listener: TcpListener,
    routes: impl Future<Output = Router> + Send + 'static,
) -> anyhow::Result<Door> {
    let (address, tls) = (listener.local_addr()?, tls(&config.http)?);
    let has_tls = tls.is_some();
    let bounds = Bounds {
        connections: config.http.connections,
        headers_within: ms(config.http.headers_within_ms),
        read_within: ms(config.http.read_within_ms),
        drain: ms(config.http.drain_ms),
        close_within: Duration::from_millis(config.engine.stop_within_ms),
    };
    let (stop, stopped) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("http").enable_all().build()?;
    note(name, Status::Ready);
    let server = thread::Builder::new().name(name.into()).spawn(move || {
        let _ended = Ends(name);
        let served = runtime.block_on(async { server::serve(listener, routes.await, tls, bounds, stopped).await });
        if let Err(error) = served {
            tracing::error!(%error, "the HTTP door is closed");
        }
    })?;
    tracing::info!(%address, role = name, tls = has_tls, "HTTP door");
    Ok(Door { name, address, tls: has_tls, stop, server })
}

/// Notes that a server has ended, and be it with a panic.
struct Ends(&'static str);

impl Drop for Ends {
    fn drop(&mut self) {
        note(self.0, Status::Ended);
    }
}

/// Where history is asked.
fn history(stores: &Stores, cipher: &Arc<Cipher>) -> anyhow::Result<Clerk<HistoryReader>> {
    let (at, cipher) = (stores.history()?, Arc::clone(cipher));
    Ok(Clerk::start("http-history", HISTORY_THREADS, move || HistoryReader::open(&at, Arc::clone(&cipher)))?)
}

/// Where long requests are held against the rules: half of the machine, so that short ones are answered meanwhile.
fn lists() -> io::Result<Clerk<()>> {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    Clerk::start("http-lists", cores.div_ceil(2), || Ok::<_, Infallible>(()))
}

/// Where reference data are changed, if they are in a store.
fn editor(config: &Config, stores: &Stores, cipher: &Arc<Cipher>) -> anyhow::Result<Option<Clerk<Editor>>> {
    if config.reference.kind == ReferenceKind::File {
        return Ok(None);
    }
    let (at, cipher, bounds) = (stores.reference()?, Arc::clone(cipher), config.center);
    Ok(Some(Clerk::start("http-editor", EDITOR_THREADS, move || Editor::open(&at, Arc::clone(&cipher), bounds))?))
}

impl Door {
    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http{}://{}", if self.tls { "s" } else { "" }, self.address)
    }

    /// Whether it serves no more.
    pub fn has_ended(&self) -> bool {
        self.server.is_finished()
    }

    /// Sends those who ask elsewhere, then takes no more requests, lets those under way end, and waits for that. An error
    /// when it had ended by itself, or with a panic.
    pub fn close(self) -> Result<(), Halt> {
        let had_ended = self.has_ended();
        // Who looks whether it is ready asks another.
        note(self.name, Status::Ended);
        // A server that has ended already takes no more either.
        let _ = self.stop.send(true);
        let panicked = self.server.join().is_err();
        match had_ended || panicked {
            true => Err(Halt::new(self.name, "a defect ended the HTTP door; what it answered 0000 stands")),
            false => Ok(()),
        }
    }
}
