//! The server of the door: it takes connections, over TLS or in the clear, within bounds, and a stop lets requests end.

use super::{
    connection,
    stream::Spoken,
    tls::{H2, LOOK_EVERY, Tls},
};
use crate::{config, exit::usage};
use axum::Router;
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
    time::MissedTickBehavior,
};
use tokio_rustls::server::TlsStream;

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
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
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
    let Some(tls) = tls else { return connection::serve(stream, peer, routes, Spoken::Either, bounds, stop).await };
    let agreed = tokio::select! {
        agreed = tokio::time::timeout(bounds.headers_within, Box::pin(agree(stream, tls))) => agreed,
        () = stopped(&mut stop) => return,
    };
    match agreed {
        Ok(Ok(stream)) => {
            let spoken = if stream.get_ref().1.alpn_protocol() == Some(H2) { Spoken::Http2 } else { Spoken::Http1 };
            Box::pin(connection::serve(stream, peer, routes, spoken, bounds, stop)).await;
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
        let _ = stream.read(&mut vec![0; connection::HEADER_BYTES]).await?;
        stream.write_all(TOLD.as_bytes()).await?;
        stream.shutdown().await?;
        return Err(io::Error::other("HTTP is spoken instead"));
    }
    tls.acceptor().accept(stream).await
}
