//! What the tests of all protocols share.

use super::Serve;
use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use processors::{
    ports::{Answer, Provider, Receipt, Receipts, ReferenceSource, Request},
    reference::Reference,
};
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

/// Longest wait for what must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A key of an RSA pair of this run's own, in PEM form.
pub(super) static RSA_KEY: LazyLock<String> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    pem(pair.as_der().unwrap().as_ref())
});

/// A key on the curve P-256 of this run's own, in PEM form.
pub(super) static P256_KEY: LazyLock<String> = LazyLock::new(|| {
    pem(EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap().as_ref())
});

fn pem(pkcs8: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(pkcs8);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// Reference data that never change.
pub(super) struct Fixed(pub Arc<Reference>);

impl ReferenceSource for Fixed {
    fn current(&self) -> Arc<Reference> {
        Arc::clone(&self.0)
    }
}

/// Serves a port as it comes.
pub(super) fn serve() -> Serve {
    Arc::new(|port, pages| Box::pin(async move { axum::serve(tokio::net::TcpListener::from_std(port)?, pages).await }))
}

/// Nothing is simulated in this process.
pub(super) struct Nobody;

impl Provider for Nobody {
    fn submit(&mut self, request: Request) {
        panic!("simulated: {}", request.vendor.name);
    }

    fn answers(&mut self, _: Duration, _: &mut Vec<Answer>) {}
}

impl Receipts for Nobody {
    fn take(&mut self, _: Duration, _: &mut Vec<Receipt>) {}

    fn confirm(&mut self) {}
}
