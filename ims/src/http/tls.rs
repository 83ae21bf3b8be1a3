//! TLS: certificate and key from files, which are read again when they change.

use crate::exit::usage;
use connectors::watched::Watched;
use rustls::{
    Error, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What is spoken over TLS, as ALPN names it: the first that the caller knows.
pub const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

type Chain = Vec<CertificateDer<'static>>;

/// The certificate in force.
pub struct Tls {
    files: Mutex<Files>,
    current: Mutex<Arc<ServerConfig>>,
}

struct Files {
    certificate: Watched<Chain>,
    key: Watched<PrivateKeyDer<'static>>,
}

impl Tls {
    /// Reads the files of a section; None when it names none.
    pub fn open(section: &str, certificate: &Path, key: &Path) -> anyhow::Result<Option<Arc<Self>>> {
        if certificate.as_os_str().is_empty() && key.as_os_str().is_empty() {
            return Ok(None);
        }
        let wrong = |name: &str, path: &Path, reason| usage(format!("{section}.{name}: {}: {reason}", path.display()));
        let files = Files {
            certificate: Watched::open(certificate, "the certificate", chain)
                .map_err(|reason| wrong("certificate_file", certificate, reason))?,
            key: Watched::open(key, "the key of the certificate", secret)
                .map_err(|reason| wrong("key_file", key, reason))?,
        };
        let current = files.config().map_err(|reason| wrong("key_file", key, reason))?;
        Ok(Some(Arc::new(Self { files: Mutex::new(files), current: Mutex::new(current) })))
    }

    /// For the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }

    /// Reads the files again when they have changed. What was in force stays until both fit each other: one comes after the
    /// other.
    pub fn follow(&self) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        // Both are read, whatever the first says.
        if !(files.certificate.follow() | files.key.follow()) {
            return;
        }
        let file = files.certificate.path().display();
        match files.config() {
            Ok(fresh) => {
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
                tracing::info!(%file, "a new certificate is in force");
            }
            Err(reason) => tracing::warn!(%file, reason, "the certificate of before stays in force"),
        }
    }
}

impl Files {
    fn config(&self) -> Result<Arc<ServerConfig>, String> {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config
                    .with_no_client_auth()
                    .with_single_cert(self.certificate.value().clone(), self.key.value().clone_key())
            });
        let mut config = config.map_err(|error| match error {
            Error::InconsistentKeys(_) => {
                "it is not the key of the first certificate in certificate_file: name the one that belongs to it"
                    .to_owned()
            }
            other => format!("{other}: name certificate_file and key_file that belong together"),
        })?;
        config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
        Ok(Arc::new(config))
    }
}

fn chain(path: &Path) -> Result<Chain, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Chain, _>>);
    match read {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => {
            Err("holds no certificate: name a file in PEM form, the server's own first, then its authorities".into())
        }
        Err(error) => Err(format!("{error}: name a readable file in PEM form")),
    }
}

fn secret(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    // The error says what is wrong, and nothing of the key.
    PrivateKeyDer::from_pem_file(path).map_err(|error| {
        format!("{error}: name a readable file that holds the private key in PEM form, without a password")
    })
}
