//! What endpoints answer.

use super::*;
use processors::{callback::Endpoint, reference::ServiceKey};

#[test]
fn a_call_is_a_post_with_the_three_headers_of_the_standard() {
    let server = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let mut bench = Bench::new();
    assert_eq!(bench.reply(&server.uri()), status(200));
    let request = server.requests.lock().unwrap()[0].to_lowercase();
    for line in [
        "post /callback?key=1 http/1.1".to_owned(),
        format!("host: shop.example:{}", server.port),
        "content-type: application/json".into(),
        "webhook-id: 01kkd87phr0500r000005m4k00".into(),
        "webhook-timestamp: 1773192603".into(),
        "webhook-signature: v1,c2lnbmf0dxjl".into(),
    ] {
        assert!(request.lines().any(|told| told == line), "{line:?} is missing in {request}");
    }
    assert!(request.ends_with("\r\n\r\n{\"type\":\"message.report\"}"), "{request}");
}

#[test]
fn the_status_is_what_is_told_and_retry_after_comes_with_it() {
    let mut bench = Bench::new();
    let failing = Server::saying("HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops");
    assert_eq!(bench.reply(&failing.uri()), status(500));
    let gone = Server::saying("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(bench.reply(&gone.uri()), status(410));
    let busy = Server::saying("HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(bench.reply(&busy.uri()), Reply::Status { status: 429, retry_after: Some("120".into()) });
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let secret = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let location =
        format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{}/\r\nContent-Length: 0\r\n\r\n", secret.port);
    let server = Server::saying(Box::leak(location.into_boxed_str()));
    let mut bench = Bench::new();
    assert_eq!(bench.reply(&server.uri()), status(302));
    assert_eq!(secret.connections.load(Ordering::SeqCst), 0);
}

#[test]
fn an_endpoint_that_hangs_is_given_up_in_time_and_holds_nobody_up() {
    let hanging = Server::doing(|stream| drop(stream.read(&mut [0; 1])));
    let quick = Server::saying("HTTP/1.1 204 No Content\r\n\r\n");
    let mut bench = Bench::new();
    let begun = Instant::now();
    bench.call(1, &hanging.uri());
    bench.call(2, &quick.uri());
    assert_eq!((bench.next().ticket, begun.elapsed() < Duration::from_secs(1)), (2, true));
    let late = bench.next();
    assert_eq!((late.ticket, late.reply), (1, Reply::Failed(Failure::TimedOut)));
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn headers_that_trickle_are_given_up_in_time_too() {
    let server = Server::doing(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        // A header line each time the last one is on its way; no end.
        while stream.write_all(b"x: y\r\n").is_ok() {
            std::thread::park_timeout(Duration::from_millis(100));
        }
    });
    assert_eq!(Bench::new().reply(&server.uri()), Reply::Failed(Failure::TimedOut));
}

#[test]
fn of_a_body_of_a_gigabyte_little_is_read() {
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let server = Server::doing(move |stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
        let some = [b'x'; 64 << 10];
        while count.load(Ordering::SeqCst) < 1 << 30 && stream.write_all(&some).is_ok() {
            count.fetch_add(some.len(), Ordering::SeqCst);
        }
    });
    assert_eq!(Bench::new().reply(&server.uri()), status(200));
    // What the sockets' buffers took was sent, not read.
    assert!(written.load(Ordering::SeqCst) < 32 << 20, "{} bytes", written.load(Ordering::SeqCst));
}

#[test]
fn a_body_that_is_cut_or_never_ends_leaves_the_status_as_it_is() {
    let cut = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"half\":");
    let chunk = Server::saying("HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\nhalf");
    let endless = Server::doing(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        drop(stream.read(&mut [0; 1]));
    });
    let mut bench = Bench::new();
    assert_eq!(bench.reply(&cut.uri()), status(200));
    assert_eq!(bench.reply(&chunk.uri()), status(503));
    let begun = Instant::now();
    assert_eq!(bench.reply(&endless.uri()), status(200));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_connection_that_breaks_before_the_status_and_what_is_no_http_are_broken() {
    let mut bench = Bench::new();
    for answer in ["", "HTTP/1.1 2", "SSH-2.0-OpenSSH\r\n\r\n"] {
        let server = Server::saying(answer);
        assert_eq!(bench.reply(&server.uri()), Reply::Failed(Failure::Broken), "{answer:?}");
    }
    let tls = Server::saying("HTTP/1.1 200 OK\r\n\r\n").uri().replace("http:", "https:");
    let reply = bench.reply(&tls);
    assert!(matches!(reply, Reply::Failed(Failure::Unreachable | Failure::TimedOut)), "{reply:?}");
}

#[test]
fn every_uri_that_is_loaded_makes_a_request() {
    let mut bench = Bench::knowing(&["10.0.0.1"], &[]);
    for character in (0x21..0x7f).map(char::from).chain(['한', '\u{7f}', '\u{e9}']) {
        let key = ServiceKey {
            callback_uri: Some(format!("https://shop.example/a{character}b?c={character}")),
            callback_secrets: vec![format!("whsec_{}", "A".repeat(32)).try_into().unwrap()],
            ..ServiceKey::default()
        };
        let Ok(Some(endpoint)) = Endpoint::of(&key) else { continue };
        // Forbidden: it came as far as its address.
        assert_eq!(bench.reply(endpoint.uri.as_str()), Reply::Failed(Failure::Forbidden), "{character:?}");
    }
}
