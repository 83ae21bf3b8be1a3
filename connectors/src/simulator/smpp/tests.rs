//! What a message centre refuses, octet by octet.

use super::pdu::{Submit, submit};

/// A submit_sm of these places.
fn body(change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    // service_type, source, destination, esm_class, protocol_id, priority, times, registered, replace, coding, default
    let mut body = b"\0\0\x000212345678\0\x01\x01821012345678\0\0\0\0\x00000000000500000R\0\x01\0\0\0\x02hi".to_vec();
    change(&mut body);
    body
}

#[test]
fn a_submit_is_read_by_its_places() {
    let mut good = body(|_| {});
    good.extend_from_slice(b"\x06\x0b\x00\x05T1-0R\x14\x01\x00\x01x");
    let expected = Submit {
        source: "0212345678".into(),
        destination: "821012345678".into(),
        registered: 1,
        part: (1, 1),
        reference: Some("T1-0R".into()),
        length: 2,
    };
    assert_eq!(submit(&good), Ok(expected));
}

#[test]
fn what_is_not_as_published_is_refused_with_its_status() {
    let number = body(|_| {}).windows(12).position(|octets| octets == b"821012345678").unwrap();
    for (wrong, status) in [
        (body(|body| body[1] = 9), 0x48),
        (body(|body| body[number - 2] = 9), 0x50),
        (body(|body| body.splice(number..number + 12, []).for_each(drop)), 0x0B),
        (body(|body| body[number + 13] = 0x04), 0x43),
        (body(|body| body[number + 13] = 0x40), 0x43),
        (body(|body| body[number + 15] = 4), 0x06),
        (body(|body| body[number + 17] = b'x'), 0x62),
        (body(|body| body.truncate(body.len() - 1)), 0x01),
        (body(|body| body.extend_from_slice(b"\x04\x24\x00\x01a")), 0x01),
        (body(|body| body.extend_from_slice(b"\x04\x24\x00\x05a")), 0xC2),
        (body(|body| body.extend_from_slice(b"\x04\x24\x00")), 0xC0),
        (Vec::new(), 0x15),
    ] {
        assert_eq!(submit(&wrong), Err(status), "{wrong:?}");
    }
}
