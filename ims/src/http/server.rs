//! The server of the door: it takes connections, over TLS or in the clear, within bounds, and a stop lets requests end.

use super::{
    answer::Problem,
    connection,
    stream::Spoken,
    tls::{H2, LOOK_EVERY, Tls},
    unasked,
};
use crate::{config, exit::usage};
use axum::{Router, http::HeaderName};
use processors::seldom::Seldom;
use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, timeout_at},
};
use tokio_rustls::server::TlsStream;

/// How what speaks TLS begins.
const HANDSHAKE: u8 = 22;
/// After a connection could not be taken: descriptors are used up.
const PAUSE: Duration = Duration::from_millis(50);
static NOT_TAKEN: Seldom = Seldom::new();
/// Tells that the process that answers will end: whoever can ask another does so from now on.
pub const CLOSING: HeaderName = HeaderName::from_static("x-ims-closing");

/// How far a server is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It serves.
    Open,
    /// It still does, and sends those who ask elsewhere.
    Closing,
    /// It takes nothing more.
    Closed,
}

/// Bounds of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at a time; the next ones wait to be taken.
    pub connections: usize,
    /// For the headers of a request to come, and for an open connection without one. Above zero, as all of these.
    pub headers_within: Duration,
    /// For an answer to be read.
    pub read_within: Duration,
    /// For those who ask to go elsewhere, before the door closes.
    pub drain: Duration,
    /// For requests under way to end, once the door closes.
    pub close_within: Duration,
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
    let (tell, phase) = watch::channel(Phase::Open);
    let mut closes = None;
    loop {
        while connections.try_join_next().is_some() {}
        if closes.is_some_and(|at| at <= Instant::now()) {
            break;
        }
        let taken = tokio::select! {
            biased;
            () = stopped(&mut stop), if closes.is_none() => {
                closes = Some(Instant::now() + bounds.drain);
                tell.send_replace(Phase::Closing);
                continue;
            }
            taken = accept(&listener, &places) => taken,
            () = left(&mut connections, closes) => break,
            _ = looks.tick() => {
                // Two small files, now and then.
                tls.iter().for_each(|tls| tls.follow());
                continue;
            }
        };
        match taken {
            Ok((stream, peer, place)) => {
                let (routes, tls, phase) = (routes.clone(), tls.clone(), phase.clone());
                connections.spawn(async move {
                    begin(stream, peer, routes, tls.as_deref(), bounds, phase).await;
                    drop(place);
                });
            }
            Err(error) => {
                if NOT_TAKEN.is_news("") {
                    tracing::warn!(%error, "a connection could not be taken; others are told once a minute");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    tell.send_replace(Phase::Closed);
    let ended = tokio::time::timeout(bounds.close_within, async { while connections.join_next().await.is_some() {} });
    if ended.await.is_err() {
        tracing::warn!(connections = connections.len(), "requests that did not end in time are cut");
    }
    Ok(())
}

/// Returns when the door is to close, or nobody is left who could say so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// Returns when a door that is to close has nobody connected, or was open long enough: whoever is not connected finds
/// nobody there, and has sent nothing.
async fn left(connections: &mut JoinSet<()>, closes: Option<Instant>) {
    let Some(at) = closes else { return std::future::pending().await };
    drop(timeout_at(at, async { while connections.join_next().await.is_some() {} }).await);
}

/// Returns when nothing more is taken.
pub async fn closed(phase: &mut watch::Receiver<Phase>) {
    drop(phase.wait_for(|phase| *phase == Phase::Closed).await);
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
    mut phase: watch::Receiver<Phase>,
) {
    let Some(tls) = tls else { return connection::serve(stream, peer, routes, Spoken::Either, bounds, phase).await };
    let agreed = tokio::select! {
        agreed = tokio::time::timeout(bounds.headers_within, Box::pin(agree(stream, tls))) => agreed,
        () = closed(&mut phase) => return,
    };
    match agreed {
        Ok(Ok(stream)) => {
            let spoken = if stream.get_ref().1.alpn_protocol() == Some(H2) { Spoken::Http2 } else { Spoken::Http1 };
            Box::pin(connection::serve(stream, peer, routes, spoken, bounds, phase)).await;
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS was agreed on"),
        Err(_) => tracing::debug!(%peer, "no TLS was agreed on in time"),
    }
}

/// TLS; who speaks HTTP instead is told.
async fn agree(mut stream: TcpStream, tls: &Tls) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE] {
        // What is left unread would take the answer along.
        let _ = stream.read(&mut vec![0; connection::HEADER_BYTES]).await?;
        stream.write_all(&unasked::told(Problem::NotTls)).await?;
        stream.shutdown().await?;
        return Err(io::Error::other("HTTP is spoken instead"));
    }
    tls.acceptor().accept(stream).await
}
