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
use serde::Serialize;
use std::{
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
use topology::{engine::status, send::Allowance};

/// How often samples of histograms are sorted into their buckets: they pile up until then or until somebody asks.
const UPKEEP: Duration = Duration::from_secs(5);

/// What vendors refuse, and where some of it is let go.
pub const STOPPED: &str = "/vendors/stopped";
pub const LET_GO: &str = "/vendors/let-go";

/// The admin port; it is open until this is dropped.
pub struct Admin {
    address: SocketAddr,
    started: Arc<AtomicBool>,
    allowance: Arc<OnceLock<Arc<Allowance>>>,
    _stop: oneshot::Sender<()>,
}

impl Admin {
    /// Opens the port.
    pub fn open(listen: &str, metrics: PrometheusHandle) -> anyhow::Result<Self> {
        let listener = bind(listen)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let started = Arc::new(AtomicBool::new(false));
        let allowance = Arc::<OnceLock<_>>::default();
        let (is_started, of_senders) = (Arc::clone(&started), Arc::clone(&allowance));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("admin".into()).spawn(move || {
            if let Err(error) = runtime.block_on(serve(listener, metrics, is_started, of_senders, stopped)) {
                tracing::error!(%error, "the admin port is closed");
            }
        })?;
        tracing::info!(%address, "admin port: /health/live, /health/ready, /metrics");
        Ok(Self { address, started, allowance, _stop: stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What vendors let go and refuse, as the senders of this process know it.
    pub fn tells_of(&self, allowance: Arc<Allowance>) {
        // A process has one.
        let _ = self.allowance.set(allowance);
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
    allowance: Arc<OnceLock<Arc<Allowance>>>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let upkept = metrics.clone();
    let to_let_go = Arc::clone(&allowance);
    let pages = Router::new()
        .route(
            STOPPED,
            get(move || async move {
                json(StatusCode::OK, &allowance.get().map(|allowance| allowance.stopped()).unwrap_or_default())
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
        .route("/health/ready", get(move || async move { ready(is_started.load(Ordering::Acquire)) }))
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

/// Lets go what `vendor` refuses, all or that of one `name`; how many.
fn let_go(allowance: Option<&Arc<Allowance>>, query: Option<&str>) -> usize {
    let named = |field: &str| {
        form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .find(|(name, _)| name == field)
            .map(|(_, value)| value)
    };
    allowance.zip(named("vendor")).map_or(0, |(allowance, vendor)| allowance.let_go(&vendor, named("name").as_deref()))
}

fn ready(is_started: bool) -> Response {
    let board = if is_started { status::board() } else { BTreeMap::new() };
    let health = Health::of(board, DOUBTS.now(now_ms()), reload::stale());
    let health = health.with_refused(groups::refused()).with_lack(without_redis::now());
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
