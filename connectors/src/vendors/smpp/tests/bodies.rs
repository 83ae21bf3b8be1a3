//! What is written, read by the places that SMPP 3.4 publishes.

use super::{
    Bench, NOW_MS,
    centre::{Centre, Submit},
    code, smpp, text, vendor,
};
use crate::vendors::{
    VendorSettings,
    smpp::{
        SmppSettings,
        settings::{Long, Numbers},
        text::{Encoding, Written},
    },
};
use processors::{ports::Reply, reference::Vendor};
use proptest::prelude::*;
use schemas::{Dispatch, MessageType};

/// The submits of a message.
fn written(settings: SmppSettings, dispatch: Dispatch) -> Vec<Submit> {
    let centre = Centre::kind();
    let mut bench = Bench::with(&centre.url, 5_000, settings);
    let counted = bench.provider.as_ref().unwrap().parts(&dispatch, &bench.vendor);
    assert_eq!(code(&bench.reply(dispatch)), "0x00000000");
    let submits: Vec<Submit> = centre.submits().iter().map(|pdu| pdu.submit()).collect();
    assert_eq!(submits.len(), counted as usize, "as many are paid for");
    submits
}

fn unasked(settings: SmppSettings, dispatch: Dispatch) -> String {
    let centre = Centre::kind();
    let reply = Bench::with(&centre.url, 5_000, settings).reply(dispatch);
    assert!(centre.submits().is_empty());
    match reply {
        Reply::Unasked { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_short_text_is_one_submit() {
    let told = written(smpp(), text("T1-0R", "Code 1234 [IMS] 5€"));
    let expected = Submit {
        service_type: String::new(),
        source: (0, 0, "0212345678".into()),
        dest: (1, 1, "821012345678".into()),
        esm_class: 0,
        validity: "000000000500000R".into(),
        registered: 1,
        data_coding: 0,
        short: b"Code 1234 \x1b<IMS\x1b> 5\x1be".to_vec(),
        rest: Vec::new(),
    };
    assert_eq!(told, [expected]);
}

#[test]
fn each_alphabet_has_its_data_coding_and_its_bytes() {
    let with = |encoding| SmppSettings { encoding, ..smpp() };
    for (settings, data_coding, bytes) in [
        (with(Encoding::Auto), 8, &b"\xac\x00\x00A"[..]),
        (with(Encoding::Ucs2), 8, b"\xac\x00\x00A"),
        (with(Encoding::Ksc5601), 14, b"\xb0\xa1A"),
        (SmppSettings { data_coding: Some(0x84), ..with(Encoding::Ksc5601) }, 0x84, b"\xb0\xa1A"),
    ] {
        let told = written(settings, text("T1-0R", "가A"));
        assert_eq!((told[0].data_coding, &told[0].short[..]), (data_coding, bytes));
    }
}

#[test]
fn what_the_alphabet_does_not_hold_is_neither_cut_nor_replaced() {
    for (encoding, message) in
        [(Encoding::Gsm7, "가"), (Encoding::Ksc5601, "😀"), (Encoding::Gsm7, "\u{1b}"), (Encoding::Auto, "")]
    {
        assert_eq!(unasked(SmppSettings { encoding, ..smpp() }, text("T1-0R", message)), "0x00000001");
    }
}

#[test]
fn a_long_text_goes_in_parts_of_which_the_last_tells_the_end() {
    let message = "가나다라마바사아자차카타파하".repeat(10);
    let told = written(smpp(), text("T1-0R", &message));
    assert_eq!(told.len(), 3);
    let mut joined = Vec::new();
    for (at, submit) in told.iter().enumerate() {
        let (header, text) = submit.short.split_at(6);
        assert_eq!((&header[..3], header[4], usize::from(header[5])), (&[5, 0, 3][..], 3, at + 1));
        assert_eq!(header[3], told[0].short[3], "one reference");
        assert_eq!((submit.esm_class, submit.registered), (0x40, if at == 2 { 1 } else { 2 }));
        assert!(submit.short.len() <= 140);
        joined.extend_from_slice(text);
    }
    let units: Vec<u16> = joined.chunks(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect();
    assert_eq!(String::from_utf16(&units).unwrap(), message);
}

#[test]
fn a_long_text_goes_as_a_payload_where_the_carrier_takes_one() {
    let settings = SmppSettings { long: Long::Payload, encoding: Encoding::Ksc5601, short_bytes: Some(90), ..smpp() };
    let told = written(settings.clone(), text("T1-0R", &"가".repeat(46)));
    let [submit] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&submit.rest[..4], submit.rest.len()), (&[0x04, 0x24, 0, 92][..], 96));
    assert_eq!((submit.short.len(), submit.esm_class, submit.registered), (0, 0, 1));
    assert_eq!(written(settings, text("T1-0R", &"가".repeat(45)))[0].short.len(), 90);
}

#[test]
fn numbers_are_written_as_the_carrier_takes_them() {
    for (numbers, country, number, dest) in [
        (Numbers::International, None, "01012345678", (1, 1, "821012345678")),
        (Numbers::International, Some("82"), "1012345678", (1, 1, "821012345678")),
        (Numbers::International, Some("1"), "2025550123", (1, 1, "12025550123")),
        (Numbers::National, None, "01012345678", (2, 1, "01012345678")),
        (Numbers::National, Some("82"), "1012345678", (2, 1, "01012345678")),
        (Numbers::National, Some("1"), "2025550123", (1, 1, "12025550123")),
    ] {
        let mut dispatch = text("T1-0R", "a");
        dispatch.accepted.recipient.country_code = country.map(str::to_owned);
        dispatch.accepted.recipient.phone_number = Some(number.into());
        let settings = SmppSettings { numbers, source_ton: 2, source_npi: 1, service_type: "CMT".into(), ..smpp() };
        let told = &written(settings, dispatch)[0];
        assert_eq!((told.dest.0, told.dest.1, told.dest.2.as_str()), dest);
        assert_eq!((told.source.0, told.source.1, told.service_type.as_str()), (2, 1, "CMT"));
    }
    let mut nobody = text("T1-0R", "a");
    nobody.accepted.recipient.phone_number = None;
    assert_eq!(unasked(smpp(), nobody), "0x0000000B");
    let mut anybody = text("T1-0R", "a");
    anybody.accepted.content.callback = None;
    assert_eq!(unasked(smpp(), anybody), "0x0000000A");
}

#[test]
fn an_lms_has_its_title_before_the_text_and_an_ad_begins_as_the_law_says() {
    let written = |message: &str, title: &str, ad: bool| {
        let mut dispatch = text("T1-0R", message);
        dispatch.accepted.message_type = MessageType::Lms;
        dispatch.accepted.ad = ad;
        dispatch.accepted.content.title = Some(title.into());
        let settings = SmppSettings { encoding: Encoding::Ksc5601, ..smpp() };
        let told = written(settings, dispatch);
        encoding_rs::EUC_KR.decode(&told[0].short).0.into_owned()
    };
    assert_eq!(written("본문", "제목", false), "제목\n본문");
    assert_eq!(written("(광고) 봄\n무료거부 080", "제목", true), "(광고) 봄\n제목\n무료거부 080");
    assert_eq!(written("(광고) 봄", "(광고) 제목", true), "(광고) 제목\n(광고) 봄");
}

/// How long the carrier may try what lives so long, with a receipt within so many hours or without one.
fn validity(receipt_hours: Option<u32>, left_ms: i64, change: impl Fn(&mut Dispatch)) -> String {
    let centre = Centre::kind();
    let row = vendor(&centre.url, 5_000);
    let row = Vendor { receipts: receipt_hours.is_some(), receipt_hours: receipt_hours.unwrap_or(25), ..row };
    let mut dispatch = text("T1-0R", "a");
    dispatch.accepted.expires_at = NOW_MS + left_ms;
    change(&mut dispatch);
    let mut bench = Bench::of(row, VendorSettings { smpp: Some(smpp()), ..VendorSettings::default() });
    assert_eq!(code(&bench.reply(dispatch)), "0x00000000");
    centre.submits()[0].submit().validity
}

#[test]
fn a_text_is_tried_no_longer_than_it_lives() {
    for (left_ms, expected) in [
        (1, "000000000001000R"),
        (300_000, "000000000500000R"),
        (90_061_000, "000001010101000R"),
        (60 * 86_400_000, "000030000000000R"),
    ] {
        assert_eq!(validity(None, left_ms, |_| {}), expected);
    }
}

#[test]
fn what_becomes_of_a_text_is_heard_while_its_receipt_is_awaited() {
    let days = 3 * 86_400_000;
    assert_eq!(validity(Some(25), days, |_| {}), "000001000000000R", "a day");
    assert_eq!(validity(Some(1), days, |_| {}), "000000003000000R", "half an hour");
    assert_eq!(validity(Some(25), 300_000, |_| {}), "000000000500000R", "as long as it lives");
    let lms = |dispatch: &mut Dispatch| dispatch.accepted.message_type = MessageType::Lms;
    assert_eq!(validity(Some(49), days, lms), "000002000000000R");
}

#[test]
fn an_ad_is_tried_until_the_night_that_it_may_not_come_in() {
    // It is 18:00 in Seoul.
    let ad = |agreed| {
        move |dispatch: &mut Dispatch| {
            dispatch.accepted.ad = true;
            dispatch.accepted.night_agreed = agreed;
        }
    };
    assert_eq!(validity(None, 3 * 86_400_000, ad(false)), "000000025959000R");
    assert_eq!(validity(None, 3 * 86_400_000, ad(true)), "000003000000000R");
}

#[test]
fn the_first_senders_code_goes_under_the_carriers_tag() {
    let rest = |origin_tag, username: &str, message: &str| {
        let mut dispatch = text("T1-0R", message);
        dispatch.accepted.username = username.into();
        let told = written(SmppSettings { origin_tag, ..smpp() }, dispatch);
        told.into_iter().map(|submit| submit.rest).collect::<Vec<_>>()
    };
    let code = b"\x14\x01\x00\x09123456789".to_vec();
    assert_eq!(rest(Some(0x1401), "hanbit-shop", "a"), std::slice::from_ref(&code));
    assert_eq!(rest(Some(0x1401), "hanbit-shop", &"가".repeat(100)), [code.clone(), code], "in each part");
    assert_eq!(rest(Some(0x1401), "nobody", "a"), [b""], "a customer without one");
    assert_eq!(rest(None, "hanbit-shop", "a"), [b""]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn parts_are_the_whole_and_hold_whole_characters(message in "[a-z€\\[가-힣😀]{1,400}", korean in "[가-힣a-z]{1,400}") {
        let utf16 = |bytes: &[u8]| {
            let units: Vec<u16> = bytes.chunks(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect();
            String::from_utf16(&units).ok()
        };
        for (encoding, message) in [(Encoding::Ucs2, &message), (Encoding::Ksc5601, &korean)] {
            let written = Written::new(message, encoding).unwrap();
            let parts = written.parts(written.part);
            prop_assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= 134));
            let read: Option<String> = parts.iter().map(|part| match encoding {
                Encoding::Ucs2 => utf16(part),
                _ => encoding_rs::EUC_KR.decode_without_bom_handling_and_without_replacement(part).map(|text| text.into_owned()),
            }).collect();
            prop_assert_eq!(read.as_ref(), Some(message));
        }
    }
}
