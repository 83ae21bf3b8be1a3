//! Whatever reads what others wrote ends in an answer. Each parser is a target of its own (docs/adr/0012): to fuzz one for
//! longer, IMS_TEST_FULL=1 and its name.

use processors::access::{Credentials, Kept, RepeatKey, SecretHash, Who};
use processors::callback::{Endpoint, Secret, retry_after_ms};
use processors::center::{Cursor, Days, Span, file, opt_out};
use processors::reference::ServiceKey;
use processors::refusal::{Code, Refusal};
use processors::rules::field::top;
use processors::rules::room::Room;
use processors::rules::variables::{Values, fill, matches};
use processors::rules::{address, cp949, link, phone, push, sender};
use schemas::Channel;
use schemas::examples::spoilt;
use std::collections::BTreeMap;

/// What is nearly one of these, as text; bytes that are none are exchanged.
fn texts(good: &[&str], read: impl Fn(&str)) {
    let good: Vec<&[u8]> = good.iter().map(|text| text.as_bytes()).collect();
    spoilt(&good).for_each(|bytes| read(&String::from_utf8_lossy(&bytes)));
}

/// A refusal names its field and keeps what came to itself.
fn told(text: &str, answer: Result<impl Sized, Refusal>) {
    if let Err(refusal) = answer {
        assert!(refusal.message.starts_with(&refusal.field), "{refusal}");
        assert!(text.chars().count() < 24 || !refusal.message.contains(text), "{refusal}");
    }
}

#[test]
fn x_ims_key() {
    for bytes in spoilt(&[b"aGFuYml0LXNob3A6c2VjcmV0", b" aGFuYml0OmE6Yg== ", b"OmtpbTpzZWNyZXQ="]) {
        if let Some(read) = Credentials::read(&bytes) {
            let (Who::Customer(name) | Who::User(name)) = read.who;
            assert!(!name.is_empty() && !name.contains(':'));
        }
    }
}

#[test]
fn idempotency_keys_and_what_is_kept_under_them() {
    let long = [b'a'; 128];
    for bytes in spoilt(&[b"\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", b"a", &long]) {
        if let Err(reason) = RepeatKey::read(&bytes, "hanbit-shop") {
            assert!(reason.contains("allowed are"), "{reason}");
        }
    }
    let kept = [&[7; 32][..], &[1], b"{\"code\":\"0000\"}"].concat();
    for bytes in spoilt(&[&kept]) {
        if let Some(read) = Kept::of_bytes(&bytes) {
            assert_eq!(read.to_bytes(), bytes);
        }
    }
}

#[test]
fn hashes_of_secrets() {
    let good = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$6uPRwGGBmIQz6vCcC5cHEbRXsRZKz4aHn6pZ5Q5N5ZQ";
    texts(&[good], |text| drop(text.parse::<SecretHash>()));
}

#[test]
fn numbers_addresses_and_tokens() {
    texts(&["010-1234-5678", "+82 10 1234 5678", "1588-0000", "02-123-4567"], |text| {
        told(text, phone::receiver(&top("phone_number"), text, 20, &top("country_code"), None));
        told(text, phone::receiver(&top("phone_number"), "01012345678", 20, &top("country_code"), Some(text)));
        told(text, phone::sender(&top("callback"), text));
        told(text, opt_out::recipient(&top("recipient"), text, false));
    });
    texts(&["haneul.kim+a@mail.example", "\"a b\"@example.kr"], |text| {
        told(text, address::mailbox(&top("to"), text, 320));
        told(text, opt_out::recipient(&top("recipient"), text, false));
        Channel::ALL.iter().for_each(|channel| told(text, sender::number(&top("number"), *channel, text)));
    });
    texts(&["fGh8:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx"], |text| told(text, push::token(&top("push_tokens"), text)));
}

#[test]
fn links() {
    texts(&["https://example.com/a?b=c#d", "http://[::1]:8080/", "shop://open?id=1"], |text| {
        told(text, link::web(Code::Attachment, &top("link"), text, 1000));
        told(text, link::scheme(Code::Attachment, &top("link"), text, 1000));
    });
}

#[test]
fn variables() {
    let (values, none) = (BTreeMap::from([("이름".to_owned(), "#{이름}".to_owned())]), BTreeMap::new());
    let room = Room::default();
    let values = Values([&values, &none, &none], &room);
    texts(&["#{이름}님의 주문 #{번호}", "#{#{이름}}", "##{{}}#{"], |text| {
        let mut filled = text.to_owned();
        room.empty();
        told(text, fill(&top("message"), &mut filled, &values));
        assert_eq!(matches(text, text), Ok(()), "{text:?} is its own template's");
        let _ = matches("#{a}님의 주문 #{b}", text);
    });
}

#[test]
fn texts_in_cp949() {
    texts(&["가나다 abc ★", "(광고) 봄 할인\n무료수신거부 080-123-4567"], |text| {
        assert!(cp949::bytes(text).is_err() || cp949::bytes(text).is_ok_and(|got| got <= text.len()), "{text:?}");
    });
}

#[test]
fn cursors_and_times_of_questions() {
    let cursor = Cursor::behind("hist", (7_i64, "01KJ".to_owned())).write();
    texts(&[&cursor], |text| told(text, Cursor::<(i64, String)>::read(&top("cursor"), "hist", text)));
    texts(&["2026-03-31", "2026-03-31T09:00:00+09:00", "-009999-01-01", "9999-12-31"], |text| {
        for (from, to) in [(Some(text), None), (None, Some(text)), (Some(text), Some(text))] {
            // A date is nobody's secret: what came is told.
            let _ = Span::read(&top("from"), from, &top("to"), to, 31, 1_773_187_207_000);
            let _ = Days::read(&top("from"), from, &top("to"), to);
        }
    });
}

#[test]
fn endpoints_and_what_they_answer() {
    texts(&["https://user@example.com:8443/report?a=b", "http://127.0.0.1/"], |text| {
        let _ = Endpoint::of(&ServiceKey { callback_uri: Some(text.to_owned()), ..ServiceKey::default() });
    });
    texts(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], |text| drop(Secret::try_from(text.to_owned())));
    texts(&["120", "Fri, 31 Dec 2027 23:59:59 GMT"], |text| {
        let _ = retry_after_ms(text, i64::MAX);
    });
}

/// A JPEG's head: start, parts of applications, a frame of 8 bits and 3 components in one of its ways, end.
fn jpeg(parts: &[&[u8]], frame: u8, (width, height): (u16, u16)) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8];
    for part in parts {
        bytes.extend([&[0xff, 0xe1][..], &(part.len() as u16 + 2).to_be_bytes(), part].concat());
    }
    bytes.extend([&[0xff, frame, 0, 17, 8][..], &height.to_be_bytes(), &width.to_be_bytes(), &[3; 10]].concat());
    [bytes, vec![0xff, 0xd9]].concat()
}

#[test]
fn contents_of_files() {
    let image = jpeg(&[b"JFIF\0"], 0xc0, (640, 480));
    let good = [
        &image[..],
        b"%PDF-1.7\n",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"PK\x03\x04",
        b"MZ\x90\0",
        b"\x7fELF",
        b"<p>a</p>",
    ];
    for bytes in spoilt(&good) {
        for name in ["a.jpg", "a.pdf", "a.html", "a"] {
            for channel in [Channel::Mt, Channel::Em] {
                match file::look(channel, name, &bytes) {
                    Ok(look) if channel == Channel::Mt => {
                        let (width, height) = look.pixels.unwrap();
                        assert!((1..=1000).contains(&width) && (1..=1000).contains(&height), "{bytes:?}");
                        assert!(bytes.starts_with(&[0xff, 0xd8, 0xff]) && look.content_type == "image/jpeg");
                    }
                    Ok(look) => assert!(look.pixels.is_none() && look.content_type.contains('/'), "{look:?}"),
                    Err(refusal) => assert!(["name", "file"].contains(&&*refusal.field), "{refusal}"),
                }
            }
        }
    }
    texts(&["event.jpg", "봄 할인.pdf", "a.tar.gz"], |name| {
        [Channel::Mt, Channel::Em].iter().for_each(|channel| told(name, file::look(*channel, name, &image)));
    });
}

#[test]
fn sizes_of_images() {
    // Every way of a frame; a thumbnail is none of its own, and neither is what only looks like a frame.
    let thumbnail = jpeg(&[], 0xc0, (160, 120));
    let exif = [b"Exif\0\0", &thumbnail[..]].concat();
    for frame in [0xc0, 0xc1, 0xc2] {
        for parts in [&[][..], &[&b"JFIF\0"[..]], &[&exif[..]], &[&exif[..], &[0xff, 0xc0, 0, 17, 8, 0, 1, 0, 1]]] {
            for size in [(1, 1), (640, 480), (1000, 1000), (1001, 1), (1, 1001), (0, 1), (65_535, 65_535)] {
                let look = file::look(Channel::Mt, "a.jpg", &jpeg(parts, frame, size));
                let fits = (1..=1000).contains(&size.0) && (1..=1000).contains(&size.1);
                assert_eq!(look.ok().and_then(|look| look.pixels), fits.then_some((size.0.into(), size.1.into())));
            }
        }
    }
}
