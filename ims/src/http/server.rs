//! The server of the door: connections with their time-outs, and a stop that lets requests end.

use super::{
    activity::{Activity, Doing},
    routes::Peer,
};
use crate::{config, exit::usage};
use axum::{Router, body::Body};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tower_service::Service as _;

/// Bytes of a request's line and headers.
const HEADER_BYTES: usize = 16 * 1024;
/// Headers of a request.
const HEADERS: usize = 64;
/// After a connection could not be taken: descriptors are used up.
const PAUSE: Duration = Duration::from_millis(50);

/// Bounds of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at a time; the next ones wait to be taken.
    pub connections: usize,
    /// For the headers of a request to come, and for an open connection without one. Above zero, as all of these.
    pub headers_within: Duration,
    /// For an answer to be read.
    pub read_within: Duration,
    /// For requests under way to end, once the door closes.
    pub close_within: Duration,
}

impl Bounds {
    /// How long a connection may go on with what it does.
    fn left(self, doing: Doing, closing: Option<Instant>) -> Duration {
        match (doing, closing) {
            // That ends by itself: looked at again.
            (Doing::Answering, _) => self.read_within,
            (Doing::Unread(since), _) => self.read_within.saturating_sub(since),
            (Doing::Idle(since), None) => self.headers_within.saturating_sub(since),
            // What it was told may still have to be read.
            (Doing::Idle(since), Some(told)) => self.read_within.saturating_sub(since.min(told.elapsed())),
        }
    }
}

/// Takes the address that is configured.
pub fn bind(config: &config::Http) -> anyhow::Result<StdListener> {
    let listen = &config.listen;
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => usage(format!(
            "http.listen: {listen} is in use: stop the process that has it, or set another port, or \"\" for no door"
        )),
        _ => usage(format!("http.listen: {listen:?}: {error}: write address:port, for example 127.0.0.1:30001")),
    };
    let listener = StdListener::bind(listen).map_err(refused)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until told to stop, then lets what is under way end.
pub async fn serve(
    listener: StdListener,
    routes: Router,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(bounds.connections));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let taken = tokio::select! {
            taken = accept(&listener, &places) => taken,
            () = stopped(&mut stop) => break,
        };
        match taken {
            Ok((stream, peer, place)) => {
                let (routes, stop) = (routes.clone(), stop.clone());
                connections.spawn(async move {
                    connection(stream, peer, routes, bounds, stop).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    let ended = tokio::time::timeout(bounds.close_within, async { while connections.join_next().await.is_some() {} });
    if ended.await.is_err() {
        tracing::warn!(connections = connections.len(), "requests that did not end in time are cut");
    }
    Ok(())
}

/// Returns when the door closes, or nobody is left who could close it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

type Taken = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<Taken> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) {
    let activity = Activity::new();
    let service = service_fn(|request: Request<Incoming>| {
        let (mut routes, mut request, asked) = (routes.clone(), request.map(Body::new), activity.asked());
        request.extensions_mut().insert(Peer(peer));
        async move {
            let answer = routes.call(request).await.unwrap_or_else(|never| match never {});
            Ok::<_, Infallible>(answer.map(|body| asked.answered(body)))
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.headers_within)
        .max_buf_size(HEADER_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = pin!(served);
    let mut closing = None;
    let ended = loop {
        tokio::select! {
            biased;
            ended = served.as_mut() => break ended,
            () = stopped(&mut stop), if closing.is_none() => {
                closing = Some(Instant::now());
                served.as_mut().graceful_shutdown();
            }
            () = tokio::time::sleep(bounds.left(activity.doing(), closing)) => {
                let doing = activity.doing();
                match (doing, closing) {
                    _ if !bounds.left(doing, closing).is_zero() => {}
                    (Doing::Idle(_), None) => {
                        closing = Some(Instant::now());
                        served.as_mut().graceful_shutdown();
                    }
                    _ => {
                        tracing::debug!(%peer, ?doing, "a connection is cut");
                        return;
                    }
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended");
    }
}
