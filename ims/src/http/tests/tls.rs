//! TLS and its certificate.

use super::{
    Fixture, PATIENCE,
    authority::Authority,
    http2::{self, ask},
    sms,
    sockets::{BOUNDS, head, open_with, read},
};
use crate::http::{server::Bounds, tls::Tls};
use connectors::tls;
use rustls::pki_types::ServerName;
use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

async fn connect(authority: &Authority, address: SocketAddr, spoken: &[&[u8]]) -> TlsStream<TcpStream> {
    let mut config = tls::config(&authority.file("ca.pem"), "ca_file").unwrap();
    config.alpn_protocols = spoken.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// Whose certificate it showed.
fn shown(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

async fn is_served(stream: &mut TlsStream<TcpStream>) {
    stream.write_all((head(sms().len()) + &sms()).as_bytes()).await.unwrap();
    let answer = read(stream, "}").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#"{"code":"0000""#), "{answer}");
}

#[tokio::test]
async fn over_tls_that_http_is_spoken_which_the_caller_knows() {
    let (fixture, authority) = (Fixture::new(), Authority::new());
    let (address, _stop, _served) = open_with(fixture.routes(), Some(authority.tls()), BOUNDS);
    let stream = connect(&authority, address, &[b"h2", b"http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, _connection) = http2::begin(stream).await;
    assert_eq!(ask(&mut sender, sms()).await.1["code"], "0000");
    for spoken in [&[&b"http/1.1"[..]][..], &[]] {
        let mut stream = connect(&authority, address, spoken).await;
        is_served(&mut stream).await;
        is_served(&mut stream).await;
    }
}

#[tokio::test]
async fn who_speaks_http_instead_is_told_and_who_says_nothing_is_let_go() {
    let (fixture, authority) = (Fixture::new(), Authority::new());
    let bounds = Bounds { headers_within: Duration::from_millis(200), ..BOUNDS };
    let (address, _stop, _served) = open_with(fixture.routes(), Some(authority.tls()), bounds);
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all((head(sms().len()) + &sms()).as_bytes()).await.unwrap();
    let told = read(&mut plain, "").await;
    assert!(told.starts_with("HTTP/1.1 400 ") && told.ends_with(r#""message":"TLS is spoken here: write https://"}"#));
    let mut silent = TcpStream::connect(address).await.unwrap();
    let said = tokio::time::timeout(PATIENCE, read(&mut silent, "")).await;
    assert_eq!(said.as_deref(), Ok(""));
    // So is who begins and does not go on.
    let mut begun = TcpStream::connect(address).await.unwrap();
    begun.write_all(&[22, 3, 1]).await.unwrap();
    tokio::time::timeout(PATIENCE, read(&mut begun, "")).await.unwrap();
}

#[tokio::test]
async fn a_certificate_is_exchanged_under_open_connections() {
    let (fixture, authority) = (Fixture::new(), Authority::new());
    let tls = authority.tls();
    let (address, _stop, _served) = open_with(fixture.routes(), Some(Arc::clone(&tls)), BOUNDS);
    let mut before = connect(&authority, address, &[]).await;
    is_served(&mut before).await;
    let in_force = async || shown(&connect(&authority, address, &[]).await);
    assert_eq!(in_force().await, shown(&before));

    let (certificate, key) = authority.issue();
    fs::write(authority.file("server.pem"), &certificate).unwrap();
    tls.follow();
    assert_eq!(in_force().await, shown(&before), "its key has not come");
    fs::write(authority.file("server.key"), &key).unwrap();
    tls.follow();
    let fresh = in_force().await;
    assert_ne!(fresh, shown(&before));
    is_served(&mut before).await;

    // What cannot be read changes nothing, and a file that comes back is read.
    for (name, right) in [("server.pem", certificate), ("server.key", key)] {
        fs::write(authority.file(name), "no PEM").unwrap();
        tls.follow();
        fs::remove_file(authority.file(name)).unwrap();
        tls.follow();
        assert_eq!(in_force().await, fresh);
        fs::write(authority.file(name), right).unwrap();
        tls.follow();
        assert_eq!(in_force().await, fresh);
    }
}

#[test]
fn files_that_cannot_work_are_refused_at_the_start() {
    let authority = Authority::new();
    authority.tls();
    let refused = || format!("{:#}", authority.open().err().expect("it is refused"));
    let (certificate, key) = authority.issue();
    fs::write(authority.file("server.key"), &key).unwrap();
    assert!(
        refused().contains("not the key of the first certificate in certificate_file: name the one"),
        "{}",
        refused()
    );
    for wrong in ["", "no PEM", &certificate] {
        fs::write(authority.file("server.key"), wrong).unwrap();
        let told = refused();
        assert!(told.starts_with("http.key_file: /") && told.contains("name a readable file"), "{told}");
    }
    for wrong in ["", "no PEM", &key] {
        fs::write(authority.file("server.pem"), wrong).unwrap();
        let told = refused();
        assert!(told.starts_with("http.certificate_file: /") && told.contains("in PEM form"), "{told}");
        assert!(!told.contains(key.lines().nth(1).unwrap()));
    }
    fs::remove_file(authority.file("server.pem")).unwrap();
    assert!(refused().starts_with("http.certificate_file: /"), "{}", refused());
    assert!(Tls::open("http", Path::new(""), Path::new("")).unwrap().is_none());
}
