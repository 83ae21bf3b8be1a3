//! Connections to judged addresses.
//!
//! A name is looked up once for each connection, all its addresses are judged, and one of these is connected to: there
//! is no second look-up that might answer otherwise (DNS rebinding). An address in the URI goes the same way.

use hyper::Uri;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use processors::callback::address::{Forbidden, judge};
use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::net::TcpStream;
use tower_service::Service;

/// A future that may be sent about.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Of several addresses none takes longer, so that a dead one leaves time for the next.
const ONE_ADDRESS: Duration = Duration::from_secs(5);

/// Names and connections: the machine's, or recorded ones in a test.
pub trait Network: Send + Sync {
    /// Every address of a name.
    fn addresses(&self, host: &str) -> Boxed<io::Result<Vec<IpAddr>>>;
    /// A connection to an address.
    fn connect(&self, to: SocketAddr) -> Boxed<io::Result<TcpStream>>;
}

/// The machine's own.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Network for System {
    fn addresses(&self, host: &str) -> Boxed<io::Result<Vec<IpAddr>>> {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|at| at.ip()).collect()) })
    }

    fn connect(&self, to: SocketAddr) -> Boxed<io::Result<TcpStream>> {
        Box::pin(TcpStream::connect(to))
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// An address that is not called.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// No address.
    #[error("the name has no address: {0}")]
    Unresolved(io::Error),
    /// Nobody there.
    #[error("no connection: {0}")]
    Unreachable(io::Error),
}

/// Makes connections for the HTTP client.
#[derive(Clone)]
pub struct Connector {
    network: Arc<dyn Network>,
    allowed: Arc<[IpNet]>,
}

impl Connector {
    /// Through this network, to public addresses and these networks.
    pub fn new(network: Arc<dyn Network>, allowed: Vec<IpNet>) -> Self {
        Self { network, allowed: allowed.into() }
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, ConnectError> {
        let host = uri.host().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let addresses = match literal {
            Ok(address) => vec![address],
            Err(_) => self.network.addresses(host).await.map_err(ConnectError::Unresolved)?,
        };
        judge(&addresses, &self.allowed)?;
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let mut failed = None;
        for address in addresses {
            let connecting = self.network.connect(SocketAddr::new(address, port));
            match tokio::time::timeout(ONE_ADDRESS, connecting).await {
                Ok(Ok(stream)) => return Ok(TokioIo::new(stream)),
                Ok(Err(error)) => failed = Some(error),
                Err(late) => failed = Some(late.into()),
            }
        }
        Err(match failed {
            Some(error) => ConnectError::Unreachable(error),
            None => ConnectError::Unresolved(io::ErrorKind::NotFound.into()),
        })
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Boxed<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}
