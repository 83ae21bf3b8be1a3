//! What is known of tokens when connections end, and what happens to dead ones.

mod real;
mod simulated;

use super::testing::{APPLES, Act, Bench, GOOGLES, Http2, NOW_MS, code, push};
use super::*;
use crate::vendors::{
    ApnsSettings, VendorSettings,
    testing::{P256_KEY, until},
};
use processors::ports::{Away, DEAD_FOR, DeadTokens};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex},
    time::Instant as Wall,
};

const DEAD: &str = r#"{"reason":"Unregistered","timestamp":1773219000000}"#;

/// Settings of an app; its key's file must live as long as the test.
fn app() -> (tempfile::NamedTempFile, VendorSettings) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), P256_KEY.as_str()).unwrap();
    let apns = ApnsSettings {
        key_file: file.path().to_owned(),
        key_id: "ABC123DEFG".into(),
        team_id: "DEF123GHIJ".into(),
        topic: "kr.example.app".into(),
        ..ApnsSettings::default()
    };
    (file, VendorSettings { apns: Some(apns), ..VendorSettings::default() })
}

fn bench(url: &str) -> (tempfile::NamedTempFile, Bench) {
    let (file, settings) = app();
    (file, Bench::within("apns", url, settings, 3_000))
}

/// So many tokens of Apple's.
fn apples(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:064x}")).collect()
}

#[test]
fn every_token_is_a_request_of_its_own_over_one_connection_and_answers_keep_their_places() {
    let server = Http2::doing(|asked, _| match asked.path.ends_with("7") {
        true => Act::Say(410, Vec::new(), DEAD.into()),
        false => Act::Say(200, Vec::new(), String::new()),
    });
    let (_file, mut bench) = bench(&server.url);
    let tokens = apples(300);
    let mut dispatch = push(&tokens.iter().map(String::as_str).collect::<Vec<_>>());
    dispatch.accepted.recipient.push_tokens.insert(0, GOOGLES.into());
    dispatch.tokens_done = vec![1, 300];
    let Reply::Tokens(replies) = bench.reply(dispatch) else { panic!("one answer") };
    let places: Vec<i32> = replies.iter().map(|of| of.place).collect();
    assert_eq!(places, (2..300).collect::<Vec<_>>(), "Google's token and those that are done are not asked about");
    for OfToken { place, reply } in &replies {
        let dead = tokens[*place as usize - 1].ends_with('7');
        assert_eq!(code(reply), if dead { "Unregistered" } else { "200" });
    }
    assert!(server.asked().iter().all(|asked| asked.connection == 1));
}

#[test]
fn a_stream_that_is_refused_sent_nothing_and_one_that_is_reset_may_have() {
    let refusing = Http2::doing(|_, _| Act::Reset(h2::Reason::REFUSED_STREAM));
    let (_file, mut at) = bench(&refusing.url);
    assert!(matches!(at.one(APPLES), Reply::NotSent(_)));
    assert_eq!(refusing.asked().len(), 2, "tried once more");
    let once = Http2::doing(|_, nth| match nth {
        1 => Act::Reset(h2::Reason::REFUSED_STREAM),
        _ => Act::Say(200, Vec::new(), String::new()),
    });
    let (_file, mut at) = bench(&once.url);
    assert_eq!(code(&at.one(APPLES)), "200");
    for reason in [h2::Reason::INTERNAL_ERROR, h2::Reason::CANCEL, h2::Reason::ENHANCE_YOUR_CALM] {
        let server = Http2::doing(move |_, _| Act::Reset(reason));
        let (_file, mut at) = bench(&server.url);
        let reply = at.one(APPLES);
        assert!(matches!(reply, Reply::NoAnswer(_)), "{reason:?}: {reply:?}");
        assert_eq!(server.asked().len(), 1);
    }
}

#[test]
fn a_connection_that_is_cut_leaves_its_streams_open_and_the_next_message_gets_another() {
    let server = Http2::doing(|_, nth| if nth <= 3 { Act::Hang } else { Act::Cut });
    let (_file, mut bench) = bench(&server.url);
    let tokens = apples(4);
    for OfToken { reply, .. } in bench.tokens(&tokens.iter().map(String::as_str).collect::<Vec<_>>()) {
        assert!(matches!(reply, Reply::NoAnswer(_)), "{reply:?}");
    }
    let before = server.asked().len();
    assert_eq!(before, 4);
    drop(server);
    let again = Http2::saying(200, "");
    let (_file, mut bench) = self::bench(&again.url);
    assert_eq!(code(&bench.one(APPLES)), "200");
}

#[test]
fn a_server_that_goes_away_answers_what_it_has_and_gets_the_rest_over_another_connection() {
    let server = Http2::doing(|_, nth| match nth % 5 {
        0 => Act::GoAway(200, String::new()),
        _ => Act::Say(200, Vec::new(), String::new()),
    });
    let (_file, mut bench) = bench(&server.url);
    let tokens = apples(60);
    let replies = bench.tokens(&tokens.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(replies.iter().all(|of| code(&of.reply) == "200"), "{replies:?}");
    let mut paths: Vec<String> = server.asked().into_iter().map(|asked| asked.path).collect();
    let asked = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!((asked, paths.len()), (60, 60), "nobody was asked about twice");
    // What it says may arrive after more has left over the same connection.
    until("another connection is used", || {
        assert_eq!(code(&bench.one(APPLES)), "200");
        server.asked().last().unwrap().connection != 1
    });
}

/// A frame: RFC 9113 §4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A server by hand: waits for so many requests over its first connection, then says this, and ends.
fn by_hand(requests: usize, says: Vec<u8>) -> String {
    greeting(frame(4, 0, 0, &[]), requests, says)
}

/// The same with another greeting than its settings.
fn greeting(greets: Vec<u8>, requests: usize, says: Vec<u8>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // No more is accepted: a second connection is refused.
        drop(listener);
        stream.read_exact(&mut [0; 24]).unwrap();
        stream.write_all(&greets).unwrap();
        let mut whole = 0;
        while whole < requests {
            let mut head = [0; 9];
            stream.read_exact(&mut head).unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            stream.read_exact(&mut vec![0; length]).unwrap();
            match (head[3], head[4]) {
                (4, 0) => stream.write_all(&frame(4, 1, 0, &[])).unwrap(),
                (0 | 1, flags) if flags & 1 == 1 => whole += 1,
                _ => {}
            }
        }
        stream.write_all(&says).unwrap();
    });
    url
}

#[test]
fn of_a_connection_that_ends_after_goaway_only_what_it_names_is_in_doubt() {
    // NO_ERROR, last stream 1; `:status: 200` of stream 1, its end.
    let goaway = frame(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]);
    let answer = frame(1, 5, 1, &[0x88]);
    let tokens = apples(3);
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    for (says, first_is_known) in [([goaway.clone(), answer].concat(), true), (goaway, false)] {
        let (_file, mut bench) = bench(&by_hand(3, says));
        let replies = bench.tokens(&tokens);
        let (mut known, mut doubt, mut not_sent) = (0, 0, 0);
        for OfToken { reply, .. } in &replies {
            match reply {
                Reply::Code { code, .. } if code == "200" => known += 1,
                Reply::NoAnswer(_) => doubt += 1,
                // Not looked at, and there is no second connection.
                Reply::NotSent(_) => not_sent += 1,
                other => panic!("{other:?}"),
            }
        }
        let wanted = if first_is_known { (1, 0, 2) } else { (0, 1, 2) };
        assert_eq!((known, doubt, not_sent), wanted, "{replies:?}");
    }
}

#[test]
fn what_waits_for_a_stream_until_its_time_is_over_sent_nothing() {
    // SETTINGS_MAX_CONCURRENT_STREAMS 1, and no answer ever.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 24]).unwrap();
        stream.write_all(&frame(4, 0, 0, &[0, 3, 0, 0, 0, 1])).unwrap();
        let mut some = [0; 4_096];
        while stream.read(&mut some).is_ok_and(|count| count > 0) {}
    });
    let (_file, settings) = app();
    let mut bench = Bench::within("apns", &url, settings, 600);
    let tokens = apples(3);
    let begun = Wall::now();
    let replies = bench.tokens(&tokens.iter().map(String::as_str).collect::<Vec<_>>());
    let doubt = replies.iter().filter(|of| matches!(of.reply, Reply::NoAnswer(_))).count();
    let not_sent = replies.iter().filter(|of| matches!(of.reply, Reply::NotSent(_))).count();
    assert_eq!((doubt, not_sent), (1, 2), "{replies:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_server_that_took_a_request_and_speaks_another_version_may_have_it_and_one_that_is_not_there_has_not() {
    let says = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec();
    let (_file, mut at) = bench(&greeting(Vec::new(), 1, says));
    let reply = at.one(APPLES);
    assert!(matches!(reply, Reply::NoAnswer(_)), "{reply:?}");
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let (_file, mut at) = bench(&url);
    assert!(matches!(at.one(APPLES), Reply::NotSent(_)));
}

/// A store that a test looks into, and may send away.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<(MemoryDeadTokens, Vec<DeadToken>, bool)>>);

impl Shelf {
    fn noted(&self) -> Vec<DeadToken> {
        self.0.lock().unwrap().1.clone()
    }
}

impl DeadTokens for Shelf {
    fn known(&mut self, asked: &[(String, String)], now_ms: i64) -> Result<Vec<Option<String>>, Away> {
        let shelf = &mut *self.0.lock().unwrap();
        match shelf.2 {
            true => Err(Away { dependency: "shelf", cause: "gone".into() }),
            false => shelf.0.known(asked, now_ms),
        }
    }

    fn note(&mut self, dead: &[DeadToken], now_ms: i64) -> Result<(), Away> {
        let shelf = &mut *self.0.lock().unwrap();
        shelf.1.extend(dead.iter().cloned());
        shelf.0.note(dead, now_ms)
    }
}

#[test]
fn a_token_that_its_service_called_dead_is_not_asked_about_again_until_its_time_is_over() {
    let server = Http2::saying(410, DEAD);
    let (_file, settings) = app();
    let shelf = Shelf::default();
    let mut bench = Bench::remembering("apns", &server.url, settings, Box::new(shelf.clone()));
    let reply = bench.one(APPLES);
    assert_eq!(code(&reply), "Unregistered");
    assert_eq!(bench.one(APPLES), reply.unasked(), "as the service would say it");
    assert_eq!(server.asked().len(), 1);
    let noted = shelf.noted();
    assert_eq!(noted.len(), 1);
    let DeadToken { vendor, token, code: said, since_ms } = &noted[0];
    assert_eq!((vendor.as_str(), token.as_str(), said.as_str()), ("app", APPLES, "Unregistered"));
    assert_eq!(*since_ms, 1_773_219_000_000, "the service's own time");
    shelf.0.lock().unwrap().2 = true;
    bench.one(APPLES);
    assert_eq!(server.asked().len(), 2, "a store that is away holds nothing up");
    // Before the clock moves: what is noted later is dead from then on.
    until("it is noted again", || shelf.noted().len() == 2);
    shelf.0.lock().unwrap().2 = false;
    bench.clock.by(DEAD_FOR.as_millis() as i64);
    bench.one(APPLES);
    assert_eq!(server.asked().len(), 3, "it may live again");
}

#[test]
fn a_token_lives_on_after_every_word_that_does_not_name_it() {
    for (status, reason) in [
        (400, "BadTopic"),
        (403, "ExpiredProviderToken"),
        (403, "Forbidden"),
        (429, "TooManyRequests"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
        (410, "NeverHeardOf"),
        // Nothing was accepted yet: it may be the wrong environment.
        (400, "BadDeviceToken"),
    ] {
        let server = Http2::doing(move |_, _| Act::Say(status, Vec::new(), format!(r#"{{"reason":"{reason}"}}"#)));
        let (_file, settings) = app();
        let shelf = Shelf::default();
        let mut bench = Bench::remembering("apns", &server.url, settings, Box::new(shelf.clone()));
        assert_eq!(code(&bench.one(APPLES)), reason);
        bench.one(APPLES);
        assert!(shelf.noted().is_empty() && server.asked().len() == 2, "{reason}");
    }
    let server = Http2::doing(|_, nth| match nth {
        1 => Act::Say(200, Vec::new(), String::new()),
        _ => Act::Say(400, Vec::new(), r#"{"reason":"BadDeviceToken"}"#.into()),
    });
    let (_file, settings) = app();
    let shelf = Shelf::default();
    let mut bench = Bench::remembering("apns", &server.url, settings, Box::new(shelf.clone()));
    for _ in 0..3 {
        bench.one(APPLES);
    }
    assert_eq!((shelf.noted().len(), server.asked().len()), (1, 2), "the service knows others of the app");
    // At another address it may know none of them.
    let other = Http2::saying(400, r#"{"reason":"BadDeviceToken"}"#);
    let second = "11".repeat(32);
    bench.vendor = Arc::new(Vendor { url: other.url.clone(), ..(*bench.vendor).clone() });
    for _ in 0..2 {
        assert_eq!(code(&bench.one(&second)), "BadDeviceToken");
    }
    assert_eq!((shelf.noted().len(), other.asked().len()), (1, 2), "nothing was accepted there");
}

#[test]
fn a_service_keeps_trying_no_longer_than_the_message_is_good_for() {
    let with = |ttl_seconds, expires_in_ms| {
        let mut dispatch = push(&[APPLES]);
        dispatch.accepted.expires_at = NOW_MS + expires_in_ms;
        dispatch.accepted.content.ttl_seconds = ttl_seconds;
        Life::of(&dispatch, &Night::default(), NOW_MS).lives_s
    };
    assert_eq!(with(None, 300_000), 300);
    assert_eq!(with(Some(60), 300_000), 60);
    assert_eq!(with(Some(600), 300_999), 300);
    assert_eq!(with(Some(0), 300_000), 0);
    assert_eq!(with(None, -5_000), 0);
    assert_eq!(with(None, i64::MAX - NOW_MS), 28 * 24 * 3_600);
}

#[test]
fn the_serial_number_stays_away_where_it_would_be_too_much() {
    let mut dispatch = push(&[APPLES]);
    assert_eq!(data(&dispatch).get("serial_number"), Some(&"01HXYZ-0R"));
    dispatch.accepted.content.attachment = None;
    dispatch.accepted.content.title = None;
    dispatch.accepted.content.data.clear();
    let left = DATA_BYTES - "serial_number".len() - "01HXYZ-0R".len();
    dispatch.accepted.content.message = Some("a".repeat(left));
    assert!(data(&dispatch).contains_key("serial_number"));
    dispatch.accepted.content.message = Some("a".repeat(left + 1));
    assert!(data(&dispatch).is_empty());
    dispatch.accepted.content.message = None;
    dispatch.accepted.content.data = BTreeMap::from([("serial_number".to_owned(), "mine".to_owned())]);
    assert_eq!(data(&dispatch)["serial_number"], "mine");
}
