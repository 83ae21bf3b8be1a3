//! Certificates of a test.

use crate::http::tls::Tls;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::{fs, path::PathBuf, sync::Arc};

/// An authority, and the files of a server.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate for this machine, and its key.
    pub fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// With new files in place.
    pub fn tls(&self) -> Arc<Tls> {
        let (certificate, key) = self.issue();
        fs::write(self.file("server.pem"), certificate).unwrap();
        fs::write(self.file("server.key"), key).unwrap();
        self.open().unwrap()
    }

    /// With the files as they are.
    pub fn open(&self) -> anyhow::Result<Arc<Tls>> {
        Ok(Tls::open("http", &self.file("server.pem"), &self.file("server.key"))?.expect("files are named"))
    }
}
