//! Images that customers uploaded to us: brought to the vendor once, and named as it names them.

use super::{Bench, DEALER, Now, code, example};
use crate::vendors::{
    VendorSettings,
    contract::mms,
    testing::{Server, answer},
};
use processors::ports::{Clock as _, Reply};
use schemas::{Channel, Dispatch, MessageType};
use std::{io::Write as _, sync::Mutex, time::Duration};

const ACCEPTED: &str = r#"{"common":{"authCode":"A000","authResult":"Success"},"data":{"code":"A000","result":"Success","data":{"destinations":[{"to":"01012345678","msgKey":"k","code":"A000","result":"Success"}]}}}"#;
const OURS: &str = "01JABCDEFGHJKMNPQRSTVWXYZ0";

fn refused(code: &str) -> String {
    format!(r#"{{"common":{{"authCode":"A000","authResult":"Success"}},"data":{{"code":"{code}","result":"no"}}}}"#)
}

/// A key, which ends after so long.
fn given(field: &str, key: &str, after: Duration) -> String {
    let end = jiff::Timestamp::from_millisecond(Now.now_ms() + after.as_millis() as i64).unwrap();
    let data = format!(r#"{{"{field}":"{key}","expired":"{end}"}}"#);
    format!(r#"{{"common":{{"authCode":"A000"}},"data":{{"code":"A000","result":"Success","data":{data}}}}}"#)
}

const DAY: Duration = Duration::from_secs(86_400);

/// A vendor that says something to each upload, and to each message, by their number.
fn server(
    uploaded: impl Fn(usize) -> (&'static str, String) + Send + Sync + 'static,
    sent: impl Fn(usize) -> String + Send + Sync + 'static,
) -> Server {
    let counts = Mutex::new((0, 0));
    Server::asked(move |stream, request| {
        let mut counts = counts.lock().unwrap();
        let (status, body) = if request.contains("/file/") {
            counts.0 += 1;
            uploaded(counts.0)
        } else {
            counts.1 += 1;
            ("200 OK", sent(counts.1))
        };
        let _ = stream.write_all(answer(status, "Retry-After: 7\r\n", &body).as_bytes());
    })
}

/// A customer's image is at hand.
fn bench(server: &Server) -> Bench {
    let settings = VendorSettings { calls_per_second: 1_000, ..VendorSettings::default() };
    let bench = Bench::within(&DEALER, &server.url, 5_000, settings);
    bench.with_file(OURS, "image/jpeg", b"as good as an image")
}

fn reply(bench: &mut Bench, dispatch: &Dispatch) -> Reply {
    bench.submit(1, dispatch.clone());
    bench.next().reply
}

/// Requests to a path, in their order.
fn asked(server: &Server, path: &str) -> Vec<String> {
    server.requests().into_iter().filter(|request| request.lines().next().unwrap().contains(path)).collect()
}

fn keys(request: &str) -> serde_json::Value {
    let body: serde_json::Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    body["messageFlow"][0]["mms"]["fileKey"].clone()
}

#[test]
fn an_image_is_uploaded_once_and_named_as_the_vendor_names_it() {
    let server = server(|_| ("200 OK", given("fileKey", "theirs", DAY)), |_| ACCEPTED.into());
    let mut bench = bench(&server);
    for ticket in 0..20 {
        bench.submit(ticket, mms(&[OURS, "dealersOwnKey"]));
    }
    let mut answers = Vec::new();
    while answers.len() < 20 {
        let before = answers.len();
        bench.provider.answers(super::PATIENCE, &mut answers);
        assert!(answers.len() > before);
    }
    assert!(answers.iter().all(|answer| code(&answer.reply) == "A000"), "{answers:?}");
    let uploads = asked(&server, "/api/comm/v1/file/mms");
    assert_eq!(uploads.len(), 1);
    // A customer's names may have letters that the vendor's may not.
    assert!(uploads[0].contains(&format!("filename=\"{OURS}.jpg\"")) && uploads[0].contains("as good as an image"));
    let sent = asked(&server, "/send/omni");
    assert_eq!(sent.len(), 20);
    assert!(sent.iter().all(|request| keys(request) == serde_json::json!(["theirs", "dealersOwnKey"])), "{sent:?}");
}

#[test]
fn an_image_of_another_customer_is_not_brought() {
    let server = server(|_| ("200 OK", given("fileKey", "theirs", DAY)), |_| refused("A217"));
    let mut other = mms(&[OURS]);
    other.accepted.username = "another-shop".into();
    assert_eq!(code(&reply(&mut bench(&server), &other)), "A217");
    assert_eq!((asked(&server, "/file/mms").len(), asked(&server, "/send/omni").len()), (0, 1));
}

#[test]
fn an_image_of_rcs_goes_to_where_those_of_rcs_go() {
    let server = server(|_| ("200 OK", given("media", "maapfile://theirs", DAY)), |_| ACCEPTED.into());
    let mut bench = bench(&server);
    let mut card = example("rcsmms", Channel::Rc, MessageType::Rcsmms);
    card.accepted.username = "hanbit-shop".into();
    card.accepted.content.attachment.as_mut().unwrap().media = vec![format!("maapfile://{OURS}")];
    // Its brand is known to nobody here: what is uploaded is judged before the message is.
    assert_eq!(code(&reply(&mut bench, &card)), "A420");
    assert_eq!(asked(&server, "/api/comm/v1/file/rcs").len(), 1);
}

#[test]
fn a_key_is_used_until_shortly_before_its_end() {
    for (left, uploads) in [(Duration::from_secs(600), 2), (Duration::from_secs(1_200), 1)] {
        let server = server(move |_| ("200 OK", given("fileKey", "theirs", left)), |_| ACCEPTED.into());
        let mut bench = bench(&server);
        for _ in 0..2 {
            assert_eq!(code(&reply(&mut bench, &mms(&[OURS]))), "A000");
        }
        assert_eq!(asked(&server, "/file/mms").len(), uploads, "{left:?}");
    }
}

#[test]
fn a_key_that_the_vendor_has_forgotten_is_exchanged_once() {
    let each = |nth: usize| ("200 OK", given("fileKey", &format!("key{nth}"), DAY));
    let server = server(each, |nth| if nth == 1 { refused("A217") } else { ACCEPTED.into() });
    assert_eq!(code(&reply(&mut bench(&server), &mms(&[OURS]))), "A000");
    let sent = asked(&server, "/send/omni");
    assert_eq!(sent.iter().map(|request| keys(request)[0].clone()).collect::<Vec<_>>(), ["key1", "key2"]);
    let never = self::server(each, |_| refused("A217"));
    assert_eq!(code(&reply(&mut bench(&never), &mms(&[OURS]))), "A217");
    assert_eq!((asked(&never, "/file/mms").len(), asked(&never, "/send/omni").len()), (2, 2));
}

#[test]
fn a_refused_image_ends_its_message_alone_and_is_not_brought_by_each() {
    let server = server(|_| ("400 Bad Request", refused("A203")), |_| ACCEPTED.into());
    let mut bench = bench(&server);
    for _ in 0..3 {
        assert!(matches!(reply(&mut bench, &mms(&[OURS])), Reply::Unasked { code, .. } if code == "A203"));
    }
    assert_eq!((asked(&server, "/file/mms").len(), asked(&server, "/send/omni").len()), (1, 0));
    assert_eq!(code(&reply(&mut bench, &super::sms("T-0R"))), "A000");
}

#[test]
fn while_an_image_cannot_be_brought_nothing_has_left() {
    for (status, body, expected) in [
        ("503 Service Unavailable", refused("A920"), "not sent"),
        ("429 Too Many Requests", refused("A020"), "throttled"),
        ("401 Unauthorized", r#"{"common":{"authCode":"A401"}}"#.to_owned(), "common.A401"),
        ("400 Bad Request", refused("A214"), "unasked A214"),
        ("200 OK", "<html>".to_owned(), "not sent"),
    ] {
        let server = server(move |_| (status, body.clone()), |_| ACCEPTED.into());
        let mut bench = bench(&server);
        for uploads in 1..=2 {
            let came = match reply(&mut bench, &mms(&[OURS])) {
                Reply::NotSent(_) => "not sent".to_owned(),
                Reply::Throttled(time) if time == Duration::from_secs(7) => "throttled".to_owned(),
                Reply::Code { code, .. } => code,
                Reply::Unasked { code, .. } => format!("unasked {code}"),
                other => panic!("{other:?}"),
            };
            assert_eq!(came, expected, "{status}");
            // Brought again with the next message.
            assert_eq!((asked(&server, "/file/mms").len(), asked(&server, "/send/omni").len()), (uploads, 0));
        }
    }
}

#[test]
fn images_whose_turn_comes_too_late_take_none_from_those_behind() {
    let server = server(|_| ("200 OK", given("fileKey", "theirs", DAY)), |_| ACCEPTED.into());
    // Half a second apart, and an image has one until its message is told to come later.
    let settings = VendorSettings { calls_per_second: 2, ..VendorSettings::default() };
    let names: Vec<String> = (0..20).map(|nth| format!("01JABCDEFGHJKMNPQRSTVWXY{nth:02}")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let bench = Bench::within(&DEALER, &server.url, 2_000, settings);
    let mut bench = bench.with_files(&all, "image/jpeg", b"as good as an image");
    for (ticket, key) in all[..19].iter().enumerate() {
        bench.submit(ticket as u64, mms(&[key]));
    }
    let mut answers = Vec::new();
    while answers.len() < 19 {
        let before = answers.len();
        bench.provider.answers(super::PATIENCE, &mut answers);
        assert!(answers.len() > before);
    }
    let later = answers.iter().filter(|answer| code(&answer.reply) == "A214").count();
    assert!(later >= 16, "{later} of 19 were told to come later");
    assert_eq!(code(&reply(&mut bench, &mms(&all[19..]))), "A000", "its turn is the next");
}
