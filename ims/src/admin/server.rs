//! The server of the admin port, on a thread of its own: it answers while every stream is busy.

use super::health::Health;
use crate::{
    assemble::{DOUBTS, now_ms},
    exit::usage,
    groups, reload, without_redis,
};
use axum::{
    Router,
    extract::RawQuery,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use metrics_exporter_prometheus::PrometheusHandle;
use processors::ports::ReferenceSource;
use serde::Serialize;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::sync::oneshot;
use topology::{
    engine::status,
    send::{Allowance, Aside},
};

/// How often samples of histograms are sorted into their buckets: they pile up until then or until somebody asks.
const UPKEEP: Duration = Duration::from_secs(5);

/// Whether the process does its work, and how vendors stand.
pub const READY: &str = "/health/ready";

/// Which vendor a message waits for.
pub const WAITS: &str = "/vendors/waits";

/// What vendors refuse, and where some of it is let go.
pub const STOPPED: &str = "/vendors/stopped";
pub const LET_GO: &str = "/vendors/let-go";

/// What the senders of this process know.
pub struct Senders {
    /// How vendors stand, what they refuse, and what waits for them.
    pub allowance: Arc<Allowance>,
    /// Which vendors there are.
    pub reference: Arc<dyn ReferenceSource>,
}

/// The admin port; it is open until this is dropped.
pub struct Admin {
    address: SocketAddr,
    started: Arc<AtomicBool>,
    senders: Arc<OnceLock<Senders>>,
    _stop: oneshot::Sender<()>,
}

impl Admin {
    /// Opens the port.
    pub fn open(listen: &str, metrics: PrometheusHandle) -> anyhow::Result<Self> {
        let listener = bind(listen)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let started = Arc::new(AtomicBool::new(false));
        let senders = Arc::<OnceLock<_>>::default();
        let (is_started, of_senders) = (Arc::clone(&started), Arc::clone(&senders));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("admin".into()).spawn(move || {
            if let Err(error) = runtime.block_on(serve(listener, metrics, is_started, of_senders, stopped)) {
                tracing::error!(%error, "the admin port is closed");
            }
        })?;
        tracing::info!(%address, "admin port: /health/live, /health/ready, /metrics");
        Ok(Self { address, started, senders, _stop: stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells of the vendors what the senders of this process know.
    pub fn tells_of(&self, senders: Senders) {
        // A process has them once.
        let _ = self.senders.set(senders);
    }

    /// All that this process has to do has begun. It is not ready before, although what has begun may already work.
    pub fn all_has_begun(&self) {
        self.started.store(true, Ordering::Release);
    }
}

fn bind(listen: &str) -> anyhow::Result<TcpListener> {
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => usage(format!(
            "admin.listen: {listen} is in use: stop the process that has it, or set another port, or \"\" for none"
        )),
        _ => usage(format!("admin.listen: {listen:?}: {error}: write address:port, for example 127.0.0.1:29000")),
    };
    let listener = TcpListener::bind(listen).map_err(refused)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(
    listener: TcpListener,
    metrics: PrometheusHandle,
    is_started: Arc<AtomicBool>,
    senders: Arc<OnceLock<Senders>>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let upkept = metrics.clone();
    let (to_let_go, stand, wait) = (Arc::clone(&senders), Arc::clone(&senders), Arc::clone(&senders));
    let pages =
        Router::new()
            .route(
                STOPPED,
                get(move || async move {
                    json(StatusCode::OK, &senders.get().map(|senders| senders.allowance.stopped()).unwrap_or_default())
                }),
            )
            .route(
                LET_GO,
                post(move |RawQuery(query): RawQuery| async move {
                    json(StatusCode::OK, &serde_json::json!({"let_go": let_go(to_let_go.get(), query.as_deref())}))
                }),
            )
            .route(
                "/health/live",
                get(|| async {
                    json(StatusCode::OK, &serde_json::json!({"live": true, "version": env!("CARGO_PKG_VERSION")}))
                }),
            )
            .route(
                WAITS,
                get(move |RawQuery(query): RawQuery| async move {
                    json(StatusCode::OK, &waits(wait.get(), query.as_deref()))
                }),
            )
            .route(READY, get(move || async move { ready(is_started.load(Ordering::Acquire), stand.get()) }))
            .route("/metrics", get(move || async move { text(metrics.render()) }));
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(UPKEEP);
        loop {
            tick.tick().await;
            upkept.run_upkeep();
        }
    });
    let server = axum::serve(tokio::net::TcpListener::from_std(listener)?, pages);
    tokio::select! {
        served = async { server.await } => served,
        // The owner is gone, and the process with it.
        _ = stopped => Ok(()),
    }
}

fn named<'q>(query: Option<&'q str>, field: &str) -> Option<Cow<'q, str>> {
    let mut fields = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    fields.find(|(name, _)| name == field).map(|(_, value)| value)
}

/// Lets go what `vendor` refuses, all or that of one `name`; how many.
fn let_go(senders: Option<&Senders>, query: Option<&str>) -> usize {
    let vendor = named(query, "vendor");
    senders
        .zip(vendor)
        .map_or(0, |(senders, vendor)| senders.allowance.let_go(&vendor, named(query, "name").as_deref()))
}

/// What the message `id`, of `username`, waits for; null: that is not known here.
fn waits(senders: Option<&Senders>, query: Option<&str>) -> Option<Aside> {
    let id = named(query, "id")?;
    senders?.allowance.waits(&id, named(query, "username").as_deref())
}

fn ready(is_started: bool, senders: Option<&Senders>) -> Response {
    let board = if is_started { status::board() } else { BTreeMap::new() };
    let health = Health::of(board, DOUBTS.now(now_ms()), reload::stale());
    let stands = senders.map(|senders| senders.allowance.stands(&senders.reference.current())).unwrap_or_default();
    let health = health.with_refused(groups::refused()).with_lack(without_redis::now()).with_vendors(stands);
    json(if health.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &health)
}

fn json(status: StatusCode, page: &impl Serialize) -> Response {
    // The pages are structs of ours: they always become JSON.
    (status, [(CONTENT_TYPE, "application/json")], serde_json::to_string(page).unwrap_or_default()).into_response()
}

fn text(page: String) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use std::{
        io::{Read, Write},
        net::TcpStream,
    };

    fn open() -> Admin {
        Admin::open("127.0.0.1:0", PrometheusBuilder::new().build_recorder().handle()).unwrap()
    }

    fn page(admin: &Admin, path: &str) -> String {
        let mut stream = TcpStream::connect(admin.address()).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: ims\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn the_process_tells_that_it_lives_and_how_each_stream_is() {
        let admin = open();
        assert!(page(&admin, "/health/live").starts_with("HTTP/1.1 200"));
        // Never notes itself ready, whatever other tests of this process note.
        status::note("admin-test", status::Status::Starting);
        let early = page(&admin, "/health/ready");
        assert!(early.starts_with("HTTP/1.1 503") && early.contains(r#""streams":[]"#), "not all has begun: {early}");
        admin.all_has_begun();
        let ready = page(&admin, "/health/ready");
        assert!(
            ready.starts_with("HTTP/1.1 503") && ready.contains(r#""name":"admin-test","state":"starting""#),
            "{ready}"
        );
        assert!(page(&admin, "/metrics").starts_with("HTTP/1.1 200"));
        let stopped = page(&admin, STOPPED);
        assert!(stopped.starts_with("HTTP/1.1 200") && stopped.ends_with("[]"), "{stopped}");
        assert!(page(&admin, WAITS).ends_with("null"), "no sender knows");
        assert!(page(&admin, LET_GO).starts_with("HTTP/1.1 405"), "nothing is let go by looking");
        assert!(page(&admin, "/").starts_with("HTTP/1.1 404"));
    }

    #[test]
    fn a_port_in_use_is_told_with_the_remedy() {
        let first = open();
        let taken = first.address().to_string();
        let error = Admin::open(&taken, PrometheusBuilder::new().build_recorder().handle()).err().unwrap();
        assert_eq!(Exit::of(&error), Exit::Usage);
        assert!(error.to_string().contains(&taken) && error.to_string().contains("set another port"), "{error}");
    }
}
