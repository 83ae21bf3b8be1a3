//! Servers that refuse, hang, dribble, cut and talk nonsense: what is known of the message afterwards.

use super::{Bench, KEY, VendorSettings, code, sms};
use crate::vendors::testing::{Server, answer};
use processors::ports::{Clock as _, Reply};
use schemas::Dispatch;
use std::{
    io::Write,
    net::{Ipv4Addr, TcpListener},
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

const ACCEPTED: &str = r#"{"common":{"authCode":"A000","authResult":"Success"},"data":{"code":"A000","result":"Success","data":{"destinations":[{"to":"01012345678","msgKey":"k","code":"A000","result":"Success"}]}}}"#;

#[test]
fn a_request_is_as_published() {
    let server = Server::saying(answer("200 OK", "Content-Type: application/json\r\n", ACCEPTED));
    assert_eq!(code(&Bench::new(&server.url).reply()), "A000");
    let request = server.requests().remove(0).to_lowercase();
    assert!(request.starts_with("post /api/comm/v1/send/omni http/1.1\r\n"), "{request}");
    // Raw: with a word before it the vendor answers 401.
    assert!(request.contains(&format!("\r\nauthorization: {KEY}\r\n")), "{request}");
    assert!(request.contains("\r\ncontent-type: application/json\r\n"), "{request}");
}

#[test]
fn a_refused_connection_sent_nothing() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert!(matches!(Bench::new(&url).reply(), Reply::NotSent(_)));
}

#[test]
fn a_handshake_that_never_ends_sent_nothing() {
    // It accepts and says no word of TLS.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let quick = VendorSettings { connect_ms: 200, ..VendorSettings::default() };
    // By its own time, and by half of the request's.
    for (timeout_ms, settings) in [(5_000, quick), (600, VendorSettings::default())] {
        let reply = Bench::within(&url, timeout_ms, settings).reply();
        assert_eq!(reply, Reply::NotSent("no connection in time".into()));
    }
}

#[test]
fn a_server_that_hangs_leaves_it_open() {
    let (held, kept) = mpsc::channel();
    let server = Server::doing(move |stream, _| held.send(stream.try_clone().unwrap()).unwrap());
    let begun = Instant::now();
    assert!(matches!(Bench::within(&server.url, 300, VendorSettings::default()).reply(), Reply::NoAnswer(_)));
    assert!(begun.elapsed() < Duration::from_secs(5));
    let early = VendorSettings { first_byte_ms: 200, ..VendorSettings::default() };
    assert!(matches!(Bench::within(&server.url, 60_000, early).reply(), Reply::NoAnswer(_)));
    assert!(begun.elapsed() < Duration::from_secs(10));
    drop(kept);
}

#[test]
fn a_body_that_does_not_end_leaves_it_open() {
    let server = Server::doing(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{");
    });
    let reply = Bench::within(&server.url, 300, VendorSettings::default()).reply();
    assert_eq!(reply, Reply::NoAnswer("the answer, 200, did not end in time".into()));
}

#[test]
fn a_body_without_end_is_not_read_to_it() {
    let server = Server::doing(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        while stream.write_all(&[b' '; 65_536]).is_ok() {}
    });
    assert!(matches!(Bench::new(&server.url).reply(), Reply::NoAnswer(reason) if reason.contains("longer than")));
}

#[test]
fn a_connection_that_ends_after_the_request_leaves_it_open() {
    for half in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"] {
        let server = Server::doing(move |stream, _| {
            let _ = stream.write_all(half.as_bytes());
            let _ = stream.shutdown(std::net::Shutdown::Both);
        });
        assert!(matches!(Bench::new(&server.url).reply(), Reply::NoAnswer(_)), "{half:?}");
        assert_eq!(server.requests().len(), 1, "never sent again by itself");
    }
}

#[test]
fn a_doubt_that_the_vendor_has_forgotten_is_not_asked_about() {
    let server = Server::saying(answer("200 OK", "", ACCEPTED));
    let mut bench = Bench::new(&server.url);
    let routed_ago = |seconds: i64, in_doubt| {
        let routed_at = super::Now.now_ms() - seconds * 1_000;
        Dispatch { routed_at, in_doubt, ..sms("S-0R") }
    };
    bench.submit(1, routed_ago(86_100, true));
    assert!(matches!(bench.next().reply, Reply::Forgotten(_)));
    assert_eq!(server.requests().len(), 0);
    for asked in [routed_ago(86_000, true), routed_ago(90_000, false)] {
        bench.submit(1, asked);
        assert_eq!(code(&bench.next().reply), "A000");
    }
}

#[test]
fn too_many_requests_and_nonsense_are_told_apart() {
    let server = Server::saying(answer("429 Too Many Requests", "Retry-After: 7\r\n", "{}"));
    assert_eq!(Bench::new(&server.url).reply(), Reply::Throttled(Duration::from_secs(7)));
    let server = Server::saying(answer("200 OK", "", "<html>hello</html>"));
    assert!(matches!(Bench::new(&server.url).reply(), Reply::NoAnswer(_)));
    let server = Server::saying("SSH-2.0-OpenSSH\r\n".into());
    assert!(matches!(Bench::new(&server.url).reply(), Reply::NoAnswer(_)));
}

#[test]
fn a_key_that_was_exchanged_is_read_again_when_the_old_one_is_refused() {
    let refused = r#"{"common":{"authCode":"A401","authResult":"Unauthorized"}}"#;
    let server = Server::doing(move |stream, number| {
        let text = if number == 1 { answer("401 Unauthorized", "", refused) } else { answer("200 OK", "", ACCEPTED) };
        let _ = stream.write_all(text.as_bytes());
    });
    let mut bench = Bench::new(&server.url);
    std::fs::write(bench.key.path(), "exchanged-key").unwrap();
    assert_eq!(code(&bench.reply()), "common.A401");
    assert_eq!(code(&bench.reply()), "A000");
    let keys = server.requests().into_iter().map(|request| request.contains("authorization: exchanged-key\r\n"));
    assert_eq!(keys.collect::<Vec<_>>(), [false, true]);
}

#[test]
fn requests_wait_together_and_connections_are_used_again() {
    let (release, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let server = Server::doing(move |stream, number| {
        if number <= 50 {
            gate.lock().unwrap().recv().unwrap();
        }
        let _ = stream.write_all(answer("200 OK", "", ACCEPTED).as_bytes());
    });
    let mut bench = Bench::within(&server.url, 20_000, VendorSettings::default());
    (1..=50).for_each(|ticket| bench.submit(ticket, sms(&format!("S{ticket}-0R"))));
    let deadline = Instant::now() + super::PATIENCE;
    while server.requests().len() < 50 {
        assert!(Instant::now() < deadline, "{} requests are under way together", server.requests().len());
        std::thread::park_timeout(Duration::from_millis(5));
    }
    (0..50).for_each(|_| release.send(()).unwrap());
    let mut answers = Vec::new();
    while answers.len() < 50 {
        let before = answers.len();
        bench.provider.answers(super::PATIENCE, &mut answers);
        assert!(answers.len() > before);
    }
    let mut tickets: Vec<u64> = answers.iter().map(|answer| answer.ticket).collect();
    tickets.sort_unstable();
    assert_eq!(tickets, (1..=50).collect::<Vec<_>>());
    assert!(answers.iter().all(|answer| code(&answer.reply) == "A000"));
}
