//! Connections of HTTP clients, in the clear or over TLS as the address says.

use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use std::{
    error::Error,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::timeout;
use tower_service::Service;

/// What is agreed on over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What makes the connections of a pool.
pub type Connector = Timed<HttpsConnector<HttpConnector>>;

/// Connects within this time, to a server of https:// whose authority the configuration trusts.
pub fn connector(tls: ClientConfig, spoken: Spoken, within: Duration) -> Connector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let inner = match spoken {
        Spoken::Http1 => builder.enable_http1().wrap_connector(tcp),
        Spoken::Http2 => builder.enable_http2().wrap_connector(tcp),
    };
    Timed { inner, within }
}

/// A connector that gives up in time: name, TCP and TLS together.
#[derive(Clone)]
pub struct Timed<C> {
    inner: C,
    within: Duration,
}

type BoxError = Box<dyn Error + Send + Sync>;

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
    C::Response: 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, within) = (self.inner.call(uri), self.within);
        Box::pin(async move {
            match timeout(within, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err("no connection in time".into()),
            }
        })
    }
}
