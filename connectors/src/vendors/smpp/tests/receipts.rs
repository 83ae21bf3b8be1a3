//! Delivery receipts: which message they are of, whenever and however often they come.

use super::{
    Bench,
    centre::{Centre, deliver_sm, receipt},
    code, long, smpp, taken, text, told, until,
};
use crate::vendors::smpp::{SmppSettings, settings::ReceiptIds, wire};
use bytes::BytesMut;
use processors::ports::Reply;
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn a_receipt_is_known_by_the_id_of_its_answer_and_answered_when_it_is_in_the_log() {
    let centre = Centre::kind();
    let mut bench = Bench::new(&centre.url);
    let mut receipts = bench.receipts();
    assert_eq!(code(&bench.reply(text("T1-0R", "a"))), "0x00000000");
    centre.deliver(7, &receipt("id-1", "DELIVRD", "000"));
    let mut taken = Vec::new();
    until("no receipt", || {
        receipts.take(Duration::from_millis(50), &mut taken);
        !taken.is_empty()
    });
    assert_eq!(told(&taken), [("T1-0R", "DELIVRD.000")]);
    assert_eq!(centre.seen(0x8000_0005), [], "it is not in the log yet");
    receipts.confirm();
    assert_eq!(centre.answered(7), 0);
}

#[test]
fn receipts_come_early_twice_and_out_of_order() {
    let centre = Centre::doing(|line, submit, number| {
        // The first is reported before it is answered.
        if number == 1 {
            line.write(5, 0, 100, &deliver_sm(0x04, receipt("id-1", "DELIVRD", "000").as_bytes()));
        } else {
            line.accept(submit, &format!("id-{number}"));
        }
    });
    let mut bench = Bench::new(&centre.url);
    let mut receipts = bench.receipts();
    bench.submit(1, text("T1-0R", "a"));
    assert_eq!(centre.answered(100), 0, "kept until its answer comes");
    let submit = centre.submits()[0].clone();
    let lines = centre.lines();
    lines.iter().for_each(|line| line.accept(&submit, "id-1"));
    assert_eq!(code(&bench.next().reply), "0x00000000");
    assert_eq!(told(&taken(&mut *receipts, 1)), [("T1-0R", "DELIVRD.000")]);
    for serial in ["T2-0R", "T3-0R"] {
        bench.reply(text(serial, "a"));
    }
    centre.deliver(101, &receipt("id-3", "UNDELIV", "027"));
    centre.deliver(102, &receipt("id-2", "EXPIRED", "000"));
    centre.deliver(103, &receipt("id-2", "EXPIRED", "000"));
    let mut all = taken(&mut *receipts, 3);
    all.sort_by(|a, b| a.serial_number.cmp(&b.serial_number));
    assert_eq!(told(&all), [("T2-0R", "EXPIRED.000"), ("T2-0R", "EXPIRED.000"), ("T3-0R", "UNDELIV.027")]);
}

#[test]
fn what_is_no_news_or_nobodys_is_taken_from_the_carrier_and_told_nobody() {
    let centre = Centre::kind();
    let mut bench = Bench::new(&centre.url);
    let mut receipts = bench.receipts();
    bench.reply(text("T1-0R", "a"));
    centre.deliver(1, &receipt("id-1", "ENROUTE", "000"));
    centre.deliver(2, &receipt("id-1", "ACCEPTD", "000"));
    centre.deliver(3, &receipt("somebody's", "DELIVRD", "000"));
    centre.deliver(4, "id:id-1");
    centre.bring(5, &deliver_sm(0x00, b"STOP"));
    centre.bring(6, b"\0\x01");
    for sequence in 1..=6 {
        assert_eq!(centre.answered(sequence), 0, "{sequence}");
    }
    centre.deliver(7, &receipt("id-1", "DELIVRD", "000"));
    assert_eq!(told(&taken(&mut *receipts, 1)), [("T1-0R", "DELIVRD.000")]);
}

#[test]
fn nobody_takes_receipts_now_so_they_are_brought_again() {
    let centre = Centre::kind();
    let mut bench = Bench::new(&centre.url);
    bench.reply(text("T1-0R", "a"));
    centre.deliver(1, &receipt("id-1", "DELIVRD", "000"));
    assert_eq!(centre.answered(1), 0x64, "ESME_RX_T_APPN");
    let mut receipts = bench.receipts();
    until("the process has a connection for receipts", || centre.lines().len() == 2);
    centre.deliver(2, &receipt("id-1", "DELIVRD", "000"));
    assert_eq!(told(&taken(&mut *receipts, 1)), [("T1-0R", "DELIVRD.000")]);
    assert_eq!(centre.answered(2), 0);
}

#[test]
fn of_a_message_in_parts_the_last_tells_success_and_any_tells_failure() {
    let centre = Centre::kind();
    let mut bench = Bench::new(&centre.url);
    let mut receipts = bench.receipts();
    assert_eq!(code(&bench.reply(long("T1-0R"))), "0x00000000");
    let last = centre.submits().iter().position(|pdu| pdu.submit().short[5] == 3).unwrap() + 1;
    let other = if last == 3 { 2 } else { 3 };
    centre.deliver(1, &receipt("id-1", "DELIVRD", "000"));
    assert_eq!(centre.answered(1), 0);
    centre.deliver(2, &receipt(&format!("id-{other}"), "UNDELIV", "001"));
    centre.deliver(3, &receipt(&format!("id-{last}"), "DELIVRD", "000"));
    let mut codes: Vec<String> = taken(&mut *receipts, 2).into_iter().map(|receipt| receipt.code).collect();
    codes.sort();
    assert_eq!(codes, ["DELIVRD.000", "UNDELIV.001"]);
}

#[test]
fn optional_parameters_count_before_the_text() {
    let centre = Centre::kind();
    let mut bench = Bench::new(&centre.url);
    let mut receipts = bench.receipts();
    bench.reply(text("T1-0R", "a"));
    let mut body = deliver_sm(0x04, receipt("another", "UNKNOWN", "000").as_bytes());
    body.extend_from_slice(b"\x00\x1e\x00\x05id-1\0");
    body.extend_from_slice(b"\x04\x27\x00\x01\x05");
    // A carrier's own.
    body.extend_from_slice(b"\x14\x01\x00\x02ab");
    centre.bring(1, &body);
    assert_eq!(told(&taken(&mut *receipts, 1)), [("T1-0R", "UNDELIV.000")]);
}

#[test]
fn ids_may_be_written_as_other_numbers_in_receipts() {
    for (receipt_ids, answered, reported) in
        [(ReceiptIds::Decimal, "00FF", "255"), (ReceiptIds::Hexadecimal, "0255", "ff")]
    {
        let centre = Centre::doing(move |line, submit, _| line.accept(submit, answered));
        let mut bench = Bench::with(&centre.url, 5_000, SmppSettings { receipt_ids, ..smpp() });
        let mut receipts = bench.receipts();
        bench.reply(text("T1-0R", "a"));
        centre.deliver(1, &receipt(reported, "DELIVRD", "000"));
        assert_eq!(told(&taken(&mut *receipts, 1)), [("T1-0R", "DELIVRD.000")]);
    }
}

#[test]
fn an_answer_that_comes_too_late_still_names_its_message() {
    let centre = Centre::doing(|_, _, _| {});
    let mut bench = Bench::with(&centre.url, 300, smpp());
    let mut receipts = bench.receipts();
    let reply = bench.reply(text("T1-0R", "a"));
    assert!(matches!(&reply, Reply::NoAnswer(_)), "{reply:?}");
    let submit = centre.submits()[0].clone();
    centre.lines().iter().for_each(|line| line.accept(&submit, "id-1"));
    centre.deliver(1, &receipt("id-1", "DELIVRD", "000"));
    assert_eq!(told(&taken(&mut *receipts, 1)), [("T1-0R", "DELIVRD.000")]);
}

proptest! {
    #[test]
    fn no_bytes_of_a_carriers_bring_the_reader_down(
        id in prop::sample::select(vec![4u32, 5, 0x8000_0004, 0x8000_0005, 0x8000_0009, 0x103, 77]),
        mut body in prop::collection::vec(any::<u8>(), 0..120),
        shape in prop::option::of(0usize..60),
    ) {
        // Half of them begin well.
        if let Some(cut) = shape {
            let mut good = deliver_sm(0x04, receipt("1", "DELIVRD", "000").as_bytes());
            good.truncate(good.len().saturating_sub(cut));
            good.append(&mut body);
            body = good;
        }
        let mut bytes = BytesMut::new();
        for word in [16 + body.len() as u32, id, 0, 1] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        bytes.extend_from_slice(&body);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let frame = runtime.block_on(wire::read(&mut tokio::io::empty(), &mut bytes)).unwrap().unwrap();
        prop_assert_eq!((frame.id, frame.sequence), (id, 1));
        let _ = frame.pdu();
    }
}
