//! The server of the door: connections with their bounds and time-outs, over TLS or in the clear, and a stop that lets
//! requests end.

use super::{
    activity::{Activity, Doing},
    routes::Peer,
    tls::{H2, LOOK_EVERY, Tls},
};
use crate::{config, exit::usage};
use axum::{Router, body::Body, http::StatusCode, response::IntoResponse};
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::MissedTickBehavior,
};
use tokio_rustls::server::TlsStream;
use tower_service::Service as _;

/// Bytes of a request's line and headers.
const HEADER_BYTES: usize = 16 * 1024;
/// Headers of a request.
const HEADERS: usize = 64;
/// Requests under way on a connection of HTTP/2.
const STREAMS: u32 = 128;
/// Requests that a connection of HTTP/2 took back, or broke off by a mistake, before they were looked at: more are an
/// attack (rapid reset).
const TAKEN_BACK: usize = 32;
/// Bytes of bodies that may come on a connection of HTTP/2 before they are read, and of one of its requests.
const WINDOWS: (u32, u32) = (1 << 20, 1 << 18);
/// Bytes of an answer that wait on a connection of HTTP/2 to be sent.
const SEND_BYTES: usize = 64 << 10;
/// How what speaks TLS begins.
const HANDSHAKE: u8 = 22;
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
            (Doing::Answering(_), Some(_)) => self.read_within,
            (Doing::Answering(since), None) | (Doing::Unread(since), _) => self.read_within.saturating_sub(since),
            (Doing::Idle(since), None) => self.headers_within.saturating_sub(since),
            // What it was told may still have to be read.
            (Doing::Idle(since), Some(told)) => self.read_within.saturating_sub(since.min(told.elapsed())),
        }
    }
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Http1,
    Http2,
    /// Either, as its first bytes say.
    Either,
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
    tls: Option<Arc<Tls>>,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(bounds.connections));
    let mut connections = JoinSet::new();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        while connections.try_join_next().is_some() {}
        let taken = tokio::select! {
            taken = accept(&listener, &places) => taken,
            () = stopped(&mut stop) => break,
            _ = looks.tick() => {
                // Two small files, now and then.
                tls.iter().for_each(|tls| tls.follow());
                continue;
            }
        };
        match taken {
            Ok((stream, peer, place)) => {
                let (routes, tls, stop) = (routes.clone(), tls.clone(), stop.clone());
                connections.spawn(async move {
                    begin(stream, peer, routes, tls.as_deref(), bounds, stop).await;
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

/// Agrees with a caller on how to speak, then serves it.
async fn begin(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    tls: Option<&Tls>,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) {
    let Some(tls) = tls else { return connection(stream, peer, routes, Spoken::Either, bounds, stop).await };
    let agreed = tokio::select! {
        agreed = tokio::time::timeout(bounds.headers_within, agree(stream, tls)) => agreed,
        () = stopped(&mut stop) => return,
    };
    match agreed {
        Ok(Ok(stream)) => {
            let spoken = if stream.get_ref().1.alpn_protocol() == Some(H2) { Spoken::Http2 } else { Spoken::Http1 };
            connection(stream, peer, routes, spoken, bounds, stop).await;
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS was agreed on"),
        Err(_) => tracing::debug!(%peer, "no TLS was agreed on in time"),
    }
}

/// TLS; who speaks HTTP instead is told.
async fn agree(mut stream: TcpStream, tls: &Tls) -> io::Result<TlsStream<TcpStream>> {
    const TOLD: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/json\r\n\r\n\
                        {\"code\":\"400\",\"message\":\"TLS is spoken here: write https://\"}";
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE] {
        // What is left unread would take the answer along.
        let _ = stream.read(&mut vec![0; HEADER_BYTES]).await?;
        stream.write_all(TOLD.as_bytes()).await?;
        stream.shutdown().await?;
        return Err(io::Error::other("HTTP is spoken instead"));
    }
    tls.acceptor().accept(stream).await
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    routes: Router,
    spoken: Spoken,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) {
    let activity = Activity::new();
    let service = service_fn(|request: Request<Incoming>| {
        let (mut routes, mut request, asked) = (routes.clone(), request.map(Body::new), activity.asked());
        request.extensions_mut().insert(Peer(peer));
        async move {
            let answer = match request.headers().len() {
                // HTTP/1 has counted them before.
                ..=HEADERS => routes.call(request).await.unwrap_or_else(|never| match never {}),
                _ => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response(),
            };
            Ok::<_, Infallible>(answer.map(|body| asked.answered(body)))
        }
    });
    let builder = builder(spoken, bounds);
    let served = builder.serve_connection(TokioIo::new(stream), service);
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
            // What it does may change meanwhile, and be bounded by less.
            () = tokio::time::sleep(bounds.left(activity.doing(), closing).min(bounds.read_within)) => {
                let doing = activity.doing();
                match (doing, closing) {
                    _ if !bounds.left(doing, closing).is_zero() => {}
                    // Another's answer is not read: those under way end first.
                    (Doing::Idle(_) | Doing::Answering(_), None) => {
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

/// Every bound of the protocols: of HTTP/2 those, too, that its known attacks run into.
fn builder(spoken: Spoken, bounds: Bounds) -> Builder<TokioExecutor> {
    let builder = Builder::new(TokioExecutor::new());
    let mut builder = match spoken {
        Spoken::Http1 => builder.http1_only(),
        Spoken::Http2 => builder.http2_only(),
        Spoken::Either => builder,
    };
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.headers_within)
        .max_buf_size(HEADER_BYTES)
        .max_headers(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADER_BYTES as u32)
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(TAKEN_BACK)
        .max_local_error_reset_streams(TAKEN_BACK)
        .initial_connection_window_size(WINDOWS.0)
        .initial_stream_window_size(WINDOWS.1)
        .max_send_buf_size(SEND_BYTES)
        // Who is gone without a word is found out: what it asked for ends.
        .keep_alive_interval(bounds.headers_within)
        .keep_alive_timeout(bounds.read_within);
    builder
}
