//! The simulated vendors behind a socket: the same behaviour, spoken in the vendors' own protocols, for processes that
//! reach them as they would reach the real ones.

mod apns;
mod bizgo;
mod fcm;
mod push;

use super::Simulator;
use crate::vendors::Shared;
use processors::reference::Protocol;
use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
};
use tokio::sync::oneshot;

/// An open port; closed when this is dropped.
pub struct Listener {
    address: SocketAddr,
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
        let of_bizgo = of(Protocol::Bizgo);
        let pages = bizgo::pages(Arc::clone(&simulator), Vec::clone(&of_bizgo))
            .merge(fcm::pages(Arc::clone(&simulator), of(Protocol::Fcm)))
            .merge(apns::pages(Arc::clone(&simulator), of(Protocol::Apns)));
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("simulator-http".into()).spawn(move || {
            runtime.block_on(async {
                let listener = match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => listener,
                    Err(error) => return tracing::error!(%error, "the simulator's port is closed"),
                };
                for shared in of_bizgo {
                    tokio::spawn(bizgo::webhook(Arc::clone(&simulator), shared));
                }
                tokio::select! {
                    served = async { axum::serve(listener, pages).await } => {
                        tracing::error!(?served, "the simulator's port is closed");
                    }
                    // The owner is gone.
                    _ = stopped => {}
                }
            });
            // Answers that are held back are never given.
            runtime.shutdown_background();
        })?;
        Ok(Self { address, _stop: stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
