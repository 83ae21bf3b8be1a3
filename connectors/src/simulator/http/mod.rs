//! The simulated vendors behind a socket: the same behaviour, spoken in the vendors' own protocols, for processes that
//! reach them as they would reach the real ones.

mod apns;
mod bizgo;
mod fcm;
mod hooks;
mod nhn;
mod push;
mod spoiled;

use super::{Simulator, door::Door};
use crate::vendors::Shared;
use axum::{Router, extract::Request};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use processors::reference::Protocol;
use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
    time::Duration,
};
use tokio::sync::oneshot;
use tower_service::Service;

/// After a connection that cannot be taken: until files are closed.
const PAUSE: Duration = Duration::from_millis(100);

/// An open port; closed when this is dropped.
pub struct Listener {
    address: SocketAddr,
    scheme: &'static str,
    _stop: oneshot::Sender<()>,
}

impl Listener {
    /// Opens the port for these vendors, each with the key that it knows its customer by.
    pub fn open(simulator: Arc<Simulator>, listen: &str, vendors: Vec<Shared>) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let of = |protocol| -> Vec<Shared> {
            vendors.iter().filter(|shared| shared.vendor.protocol == protocol).cloned().collect()
        };
        let (of_bizgo, of_nhn) = (of(Protocol::Bizgo), of(Protocol::Nhn));
        let pages = bizgo::pages(Arc::clone(&simulator), Vec::clone(&of_bizgo))
            .merge(nhn::pages(Arc::clone(&simulator), Vec::clone(&of_nhn)))
            .merge(fcm::pages(Arc::clone(&simulator), of(Protocol::Fcm)))
            .merge(apns::pages(Arc::clone(&simulator), of(Protocol::Apns)));
        let door = Door::open(&simulator.settings, &[b"h2", b"http/1.1"])?;
        let scheme = door.scheme("https", "http");
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("simulator-http".into()).spawn(move || {
            runtime.block_on(async {
                let listener = match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => listener,
                    Err(error) => return tracing::error!(%error, "the simulator's port is closed"),
                };
                for shared in of_bizgo {
                    tokio::spawn(hooks::bring(Arc::clone(&simulator), shared, bizgo::Bizgo));
                }
                for shared in of_nhn {
                    tokio::spawn(hooks::bring(Arc::clone(&simulator), shared, nhn::Nhn));
                }
                tokio::select! {
                    () = serve(listener, door, pages) => {}
                    // The owner is gone.
                    _ = stopped => {}
                }
            });
            // Answers that are held back are never given.
            runtime.shutdown_background();
        })?;
        Ok(Self { address, scheme, _stop: stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, and how it is spoken to.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }
}

/// Serves connections for ever.
async fn serve(listener: tokio::net::TcpListener, door: Door, pages: Router) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the simulator cannot take a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (door, pages) = (door.clone(), pages.clone());
        tokio::spawn(async move {
            let Ok((wire, cutter)) = door.accept(stream).await else { return };
            let answer = service_fn(move |request: Request<Incoming>| {
                let (mut pages, cutter) = (pages.clone(), cutter.clone());
                async move {
                    let Ok(answer) = pages.call(request).await;
                    if answer.extensions().get::<spoiled::Reset>().is_none() {
                        return Ok(answer);
                    }
                    cutter.reset();
                    Err(io::Error::from(io::ErrorKind::ConnectionReset))
                }
            });
            // Who has gone is told nothing.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(wire), answer).await;
        });
    }
}
