//! Connections to vendors behind sockets: with a certificate, of which it is not asked whether anybody should trust it,
//! and to be reset where a vendor resets them.

use super::SimulatorSettings;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

/// A connection, in the clear or not.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<W: AsyncRead + AsyncWrite + Unpin + Send> Wire for W {}

/// Says of a connection that its end is a reset.
#[derive(Clone, Default)]
pub struct Cutter(Arc<AtomicBool>);

impl Cutter {
    /// From now on.
    pub fn reset(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A connection that ends as its cutter says.
struct Cut {
    stream: TcpStream,
    cutter: Cutter,
}

impl Drop for Cut {
    fn drop(&mut self) {
        if self.cutter.0.load(Ordering::Relaxed) {
            // What is still to be sent is thrown away, and the other side is told RST.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Cut {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Cut {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cutter.0.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// How connections are accepted.
#[derive(Clone)]
pub struct Door(Option<TlsAcceptor>);

impl Door {
    /// Reads certificate and key; the error names the setting.
    pub fn open(settings: &SimulatorSettings, protocols: &[&[u8]]) -> io::Result<Self> {
        let SimulatorSettings { certificate_file, key_file, .. } = settings;
        if certificate_file.as_os_str().is_empty() {
            return Ok(Self(None));
        }
        let wrong = |setting: &str, error: &dyn std::fmt::Display| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("simulator.{setting}: {error}: name a file in PEM form"),
            )
        };
        let chain = CertificateDer::pem_file_iter(certificate_file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| wrong("certificate_file", &error))?;
        let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| wrong("key_file", &error))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| wrong("key_file", &error))?;
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Self(Some(Arc::new(config).into())))
    }

    /// What begins a connection's address: with TLS, or without.
    pub fn scheme<'s>(&self, with: &'s str, without: &'s str) -> &'s str {
        if self.0.is_some() { with } else { without }
    }

    /// Whether there is a certificate.
    pub const fn is_secure(&self) -> bool {
        self.0.is_some()
    }

    /// A connection in the clear, and its cutter.
    pub fn plain(stream: TcpStream) -> io::Result<(Box<dyn Wire>, Cutter)> {
        stream.set_nodelay(true)?;
        let cutter = Cutter::default();
        Ok((Box::new(Cut { stream, cutter: cutter.clone() }), cutter))
    }

    /// The same after its handshake, where there is a certificate.
    pub async fn secure(&self, wire: Box<dyn Wire>) -> io::Result<Box<dyn Wire>> {
        Ok(match &self.0 {
            None => wire,
            Some(acceptor) => Box::new(acceptor.accept(wire).await?),
        })
    }

    /// A connection, after its handshake, and its cutter.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<(Box<dyn Wire>, Cutter)> {
        let (wire, cutter) = Self::plain(stream)?;
        Ok((self.secure(wire).await?, cutter))
    }
}
