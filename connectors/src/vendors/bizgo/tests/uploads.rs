//! Images that are uploaded, against the simulator and servers that answer badly.

use super::{
    Bench, DEALER,
    simulated::{listen_with, well},
};
use crate::vendors::{
    Use,
    testing::{Server, answer},
};
use processors::ports::Clock as _;
use std::io::Write as _;

const JPEG: &[u8] = b"\xff\xd8\xff\xe0 an image, as far as its beginning goes";

#[test]
fn an_image_gets_a_key_or_an_address_for_what_it_is_for() {
    let listener = listen_with(None, well(), 0);
    let bench = Bench::of(&DEALER, &format!("http://{}", listener.address()));
    for (what, name) in Use::ALL {
        let uploaded = bench.vendors.upload("dealer", what, "spring.jpg", JPEG).unwrap();
        match what {
            Use::Mms => assert!(uploaded.key.bytes().all(|b| b.is_ascii_alphanumeric()), "{name}: {uploaded:?}"),
            Use::Rcs => assert!(uploaded.key.starts_with("maapfile://"), "{name}: {uploaded:?}"),
            _ => assert!(uploaded.key.starts_with("https://"), "{name}: {uploaded:?}"),
        }
        let expires = matches!(what, Use::Mms | Use::Rcs);
        let later = |at: jiff::Timestamp| at.as_millisecond() > super::Now.now_ms();
        assert_eq!(uploaded.expires_at.is_some_and(later), expires, "{name}: {uploaded:?}");
        assert_eq!(name.parse(), Ok(what));
    }
    assert!("video".parse::<Use>().unwrap_err().contains("mms, rcs, image"));
}

#[test]
fn what_the_vendor_does_not_take_is_told_with_its_code() {
    let listener = listen_with(None, well(), 0);
    let bench = Bench::of(&DEALER, &format!("http://{}", listener.address()));
    let told = |what, name: &str, image: &[u8]| bench.vendors.upload("dealer", what, name, image).unwrap_err();
    let large = [JPEG, &vec![0; 300 << 10]].concat();
    assert_eq!(told(Use::Mms, "large.jpg", &large), "HTTP 400, A200: the file is too large");
    assert!(bench.vendors.upload("dealer", Use::Wide, "large.jpg", &large).is_ok());
    assert_eq!(told(Use::Mms, "a.png", b"\x89PNG"), "HTTP 400, A206: the file has the wrong format");
    for name in ["", "a\".jpg", "봄.jpg", "a b.jpg", "a\r\n.jpg"] {
        assert!(told(Use::Mms, name, JPEG).starts_with("name the file"), "{name:?}");
    }
    let stranger = bench.vendors.upload("nobody", Use::Mms, "a.jpg", JPEG).unwrap_err();
    assert!(stranger.contains("there is no vendor \"nobody\""), "{stranger}");
}

#[test]
fn an_upload_is_a_form_and_an_answer_without_a_key_is_none() {
    let server = Server::doing(|stream, _| {
        let body = r#"{"common":{"authCode":"A000","authResult":"Success"},"data":{"code":"A000","result":"Success","data":{}}}"#;
        let _ = stream.write_all(answer("200 OK", "", body).as_bytes());
    });
    let bench = Bench::of(&DEALER, &server.url);
    // What a test's server reads is text.
    let told = bench.vendors.upload("dealer", Use::Mms, "a.jpg", b"an image").unwrap_err();
    assert!(told.contains("an answer without a key"), "{told}");
    let request = server.requests().remove(0);
    let boundary = request.split("multipart/form-data; boundary=").nth(1).unwrap().lines().next().unwrap();
    let body = request.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(
        body,
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\
             Content-Type: image/jpeg\r\n\r\nan image\r\n--{boundary}--\r\n"
        )
    );
}
