//! Servers that refuse, hang, dribble, cut and talk nonsense: what is known of the message afterwards.

use super::{Bench, Dealer, KEY, code, sms};
use crate::vendors::{
    VendorSettings,
    testing::{Nobody, PATIENCE, Server, answer, serve},
};
use processors::ports::Reply;
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

pub fn a_refused_connection_sent_nothing(dealer: &Dealer) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert!(matches!(Bench::of(dealer, &url).reply(), Reply::NotSent(_)));
}

pub fn a_handshake_that_never_ends_sent_nothing(dealer: &Dealer) {
    // It accepts and says no word of TLS.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let quick = VendorSettings { connect_ms: 200, ..(dealer.settings)() };
    // By its own time, and by half of the request's.
    for (timeout_ms, settings) in [(5_000, quick), (600, (dealer.settings)())] {
        let reply = Bench::within(dealer, &url, timeout_ms, settings).reply();
        assert_eq!(reply, Reply::NotSent("no connection in time".into()));
    }
}

pub fn a_scheme_that_is_wrong_is_told_with_the_remedy(dealer: &Dealer) {
    // What a server says to the first bytes of what it does not speak: in the clear, and as an alert of TLS.
    for (scheme, said) in
        [("https", &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]), ("http", b"\x15\x03\x03\x00\x02\x02\x46")]
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = (stream.read(&mut [0; 4_096]), stream.write_all(said));
            }
        });
        match (scheme, Bench::of(dealer, &url).reply()) {
            ("https", Reply::NotSent(why)) | ("http", Reply::NoAnswer(why)) => {
                assert!(why.contains("mend the scheme or the port"), "{why}");
            }
            (_, other) => panic!("{scheme}: {other:?}"),
        }
    }
}

pub fn a_server_that_hangs_leaves_it_open(dealer: &Dealer) {
    let (held, kept) = mpsc::channel();
    let server = Server::doing(move |stream, _| held.send(stream.try_clone().unwrap()).unwrap());
    let begun = Instant::now();
    assert!(matches!(Bench::within(dealer, &server.url, 300, (dealer.settings)()).reply(), Reply::NoAnswer(_)));
    assert!(begun.elapsed() < Duration::from_secs(5));
    let early = VendorSettings { first_byte_ms: 200, ..(dealer.settings)() };
    assert!(matches!(Bench::within(dealer, &server.url, 60_000, early).reply(), Reply::NoAnswer(_)));
    assert!(begun.elapsed() < Duration::from_secs(10));
    drop(kept);
}

pub fn a_body_that_does_not_end_leaves_it_open(dealer: &Dealer) {
    let server = Server::doing(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{");
    });
    let reply = Bench::within(dealer, &server.url, 300, (dealer.settings)()).reply();
    assert_eq!(reply, Reply::NoAnswer("the answer, 200, did not end in time".into()));
}

pub fn a_body_without_end_is_not_read_to_it(dealer: &Dealer) {
    let server = Server::doing(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        while stream.write_all(&[b' '; 65_536]).is_ok() {}
    });
    assert!(
        matches!(Bench::of(dealer, &server.url).reply(), Reply::NoAnswer(reason) if reason.contains("longer than"))
    );
}

pub fn a_connection_that_ends_after_the_request_leaves_it_open(dealer: &Dealer) {
    for half in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"] {
        let server = Server::doing(move |stream, _| {
            let _ = stream.write_all(half.as_bytes());
            let _ = stream.shutdown(std::net::Shutdown::Both);
        });
        assert!(matches!(Bench::of(dealer, &server.url).reply(), Reply::NoAnswer(_)), "{half:?}");
        assert_eq!(server.requests().len(), 1, "never sent again by itself");
    }
}

pub fn too_many_requests_and_nonsense_are_told_apart(dealer: &Dealer) {
    let server = Server::saying(answer("429 Too Many Requests", "Retry-After: 7\r\n", "{}"));
    assert_eq!(Bench::of(dealer, &server.url).reply(), Reply::Throttled(Duration::from_secs(7)));
    for nonsense in ["<html>hello</html>", "", "[]", "{}", "\u{feff}", "null"] {
        let server = Server::saying(answer("200 OK", "", nonsense));
        assert!(matches!(Bench::of(dealer, &server.url).reply(), Reply::NoAnswer(_)), "{nonsense}");
    }
    let server = Server::saying("SSH-2.0-OpenSSH\r\n".into());
    assert!(matches!(Bench::of(dealer, &server.url).reply(), Reply::NoAnswer(_)));
}

pub fn what_fails_inside_a_dealer_may_have_been_taken(dealer: &Dealer) {
    for status in ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"] {
        for body in [dealer.accepted.0, dealer.no_key.1, "<html>"] {
            let server = Server::saying(answer(status, "", body));
            assert!(matches!(Bench::of(dealer, &server.url).reply(), Reply::NoAnswer(_)), "{status} {body}");
        }
    }
}

pub fn a_key_that_was_exchanged_is_read_again_when_the_old_one_is_refused(dealer: &Dealer) {
    let ((accepted, done), (status, refused, locked_out)) = (dealer.accepted, dealer.no_key);
    let server = Server::doing(move |stream, number| {
        let text = if number == 1 { answer(status, "", refused) } else { answer("200 OK", "", accepted) };
        let _ = stream.write_all(text.as_bytes());
    });
    let mut bench = Bench::of(dealer, &server.url);
    std::fs::write(bench.key.path(), "exchanged-key").unwrap();
    assert_eq!(code(&bench.reply()), locked_out);
    assert_eq!(code(&bench.reply()), done);
    let sent = |key: &str| format!("{}: {key}\r\n", dealer.key_header);
    let keys: Vec<(bool, bool)> = server
        .requests()
        .iter()
        .map(|request| (request.contains(&sent(KEY)), request.contains(&sent("exchanged-key"))))
        .collect();
    assert_eq!(keys, [(true, false), (false, true)]);
}

pub fn requests_wait_together_and_connections_are_used_again(dealer: &Dealer) {
    let (accepted, done) = dealer.accepted;
    let (release, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let server = Server::doing(move |stream, number| {
        if number <= 50 {
            gate.lock().unwrap().recv().unwrap();
        }
        let _ = stream.write_all(answer("200 OK", "", accepted).as_bytes());
    });
    let mut bench = Bench::within(dealer, &server.url, 20_000, (dealer.settings)());
    (1..=50).for_each(|ticket| bench.submit(ticket, sms(&format!("S{ticket}-0R"))));
    let deadline = Instant::now() + PATIENCE;
    while server.requests().len() < 50 {
        assert!(Instant::now() < deadline, "{} requests are under way together", server.requests().len());
        std::thread::park_timeout(Duration::from_millis(5));
    }
    (0..50).for_each(|_| release.send(()).unwrap());
    let mut answers = Vec::new();
    while answers.len() < 50 {
        let before = answers.len();
        bench.provider.answers(PATIENCE, &mut answers);
        assert!(answers.len() > before);
    }
    let mut tickets: Vec<u64> = answers.iter().map(|answer| answer.ticket).collect();
    tickets.sort_unstable();
    assert_eq!(tickets, (1..=50).collect::<Vec<_>>());
    assert!(answers.iter().all(|answer| code(&answer.reply) == done));
}

pub fn a_poll_that_hangs_ends_by_a_time_of_its_own(dealer: &Dealer) {
    let (held, hanging) = mpsc::channel();
    let server = Server::doing(move |stream, _| drop(held.send(stream.try_clone().unwrap())));
    let settings = VendorSettings { poll_timeout_ms: 200, ..(dealer.settings)() };
    // A message may take a minute.
    let bench = Bench::within(dealer, &server.url, 60_000, settings);
    let _receipts = bench.vendors.receipts(Box::new(Nobody), serve()).unwrap();
    let kept: Vec<_> = (0..2).map(|_| hanging.recv_timeout(PATIENCE).expect("it is asked again")).collect();
    drop(kept);
}
