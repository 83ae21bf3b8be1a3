//! What the tests of all protocols share.

use super::Serve;
use crate::testing::read_request;
use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use processors::{
    ports::{Answer, Provider, Receipt, Receipts, ReferenceSource, Reply, Request},
    reference::Reference,
};
use std::{
    io::Write,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex},
    thread,
    time::{Duration, Instant},
};
use tempfile::NamedTempFile;

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

/// A server that does one thing with each request, and what it was asked.
pub(super) struct Server {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// What it does with a request, and the how-manyth it is, counted from 1.
    pub fn doing(then: impl Fn(&mut TcpStream, usize) + Send + Sync + 'static) -> Self {
        Self::serving(move |stream, _, number| then(stream, number))
    }

    /// What it does with a request.
    pub fn asked(then: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> Self {
        Self::serving(move |stream, request, _| then(stream, request))
    }

    fn serving(then: impl Fn(&mut TcpStream, &str, usize) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (then, seen) = (Arc::new(then), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, then, seen) = (stream.unwrap(), Arc::clone(&then), Arc::clone(&seen));
                std::thread::spawn(move || {
                    while let Some(request) = read_request(&mut stream) {
                        let number = {
                            let mut seen = seen.lock().unwrap();
                            seen.push(request.clone());
                            seen.len()
                        };
                        then(&mut stream, &request, number);
                    }
                });
            }
        });
        Self { url, requests }
    }

    /// One that says the same to each.
    pub fn saying(answer: String) -> Self {
        Self::doing(move |stream, _| drop(stream.write_all(answer.as_bytes())))
    }

    /// What it was asked.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// An answer as it goes over the wire.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

pub(super) fn code(reply: &Reply) -> &str {
    match reply {
        Reply::Code { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

/// A file with some text, which ends with the test.
pub(super) fn file(text: &str) -> (NamedTempFile, PathBuf) {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().to_owned();
    (file, path)
}

/// Tries until it is so.
#[track_caller]
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::park_timeout(Duration::from_millis(10));
    }
}
