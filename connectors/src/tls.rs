//! Who a server may be: the authorities that its certificate is judged by.

use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use std::{path::Path, sync::Arc};

/// Trusts nobody: for who speaks no TLS.
pub fn nobody() -> Result<ClientConfig, String> {
    Ok(builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// Trusts the authorities of this file alone; without a file, the system's. `setting` names the file's setting; the
/// error is the reason with its remedy.
pub fn config(ca_file: &Path, setting: &str) -> Result<ClientConfig, String> {
    let builder = builder()?;
    let trusting = if ca_file.as_os_str().is_empty() {
        builder.with_platform_verifier().map_err(|error| format!("{error}: install ca-certificates"))?
    } else {
        let named = || format!("{setting} {ca_file:?} holds no certificate in PEM form: name the server's authority");
        let mut roots = RootCertStore::empty();
        let read = std::fs::read(ca_file)
            .map_err(|error| format!("{setting} {ca_file:?}: {error}: name the server's authority, in PEM form"))?;
        for certificate in CertificateDer::pem_slice_iter(&read) {
            roots.add(certificate.map_err(|_| named())?).map_err(|_| named())?;
        }
        if roots.is_empty() {
            return Err(named());
        }
        builder.with_root_certificates(roots)
    };
    Ok(trusting.with_no_client_auth())
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, String> {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())
}
