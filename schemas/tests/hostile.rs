//! Bytes that are no record: cut, random, mutated, or claiming more than they hold.

use proptest::prelude::*;
use schemas::avro::{put_bytes, put_long};
use schemas::{
    Accepted, AcceptedView, AnalyzeLog, Avro, Callback, DecodeError, Delayed, Dispatch, EndpointState, History, Input,
    OpenStep, Receiver, Record, Report, Schemas, SendRequest, Serial, StepResult, TrackId, WireError, examples,
};
use std::fmt::Debug;

fn encoded(record: &impl Avro) -> Vec<u8> {
    let mut out = Vec::new();
    record.encode(&mut out);
    out
}

/// Reads bytes as one kind of record, or not; panics when reading breaks a law.
type Attempt = fn(&[u8]);

/// Every example, encoded, with the attempt to read it as its own record.
fn examples() -> Vec<(Vec<u8>, Attempt)> {
    let mut all: Vec<(Vec<u8>, Attempt)> = vec![
        (encoded(&examples::accepted()), attempt::<Accepted>),
        (encoded(&examples::dispatch()), attempt::<Dispatch>),
        (encoded(&examples::result()), attempt::<StepResult>),
        (encoded(&examples::open_step()), attempt::<OpenStep>),
        (encoded(&examples::report()), attempt::<Report>),
        (encoded(&examples::history()), attempt::<History>),
        (encoded(&examples::analyze_log()), attempt::<AnalyzeLog>),
        (encoded(&examples::delayed()), attempt::<Delayed>),
        (encoded(&examples::callback()), attempt::<Callback>),
        (encoded(&examples::endpoint_state()), attempt::<EndpointState>),
    ];
    all.extend(examples::REQUESTS.iter().map(|e| (encoded(&e.request()), attempt::<SendRequest> as Attempt)));
    all
}

/// Decodes and skips. What can be read at all is read again from its own encoding, and skipping stops where reading did.
fn attempt<R: Avro + PartialEq + Debug>(datum: &[u8]) {
    let (mut reading, mut skipping) = (Input::new(datum), Input::new(datum));
    if let Ok(record) = R::decode(&mut reading) {
        assert_eq!(R::skip(&mut skipping), Ok(()));
        assert_eq!(skipping.rest().len(), reading.rest().len());
        assert_eq!(R::decode(&mut Input::new(&encoded(&record))), Ok(record));
    }
}

fn refused<R: Record + Debug>(datum: &[u8]) -> DecodeError {
    match R::decode(&mut Input::new(datum)).unwrap_err() {
        DecodeError::Field { cause, .. } => *cause,
        other => other,
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for (_, attempt) in examples() {
            attempt(&bytes);
        }
        let _ = AcceptedView::decode(&mut Input::new(&bytes));
    }

    #[test]
    fn mutated_records_never_panic(at: usize, bytes in proptest::collection::vec(any::<u8>(), 1..4), insert: bool) {
        for (mut datum, attempt) in examples() {
            let at = at % datum.len();
            let end = if insert { at } else { (at + bytes.len()).min(datum.len()) };
            datum.splice(at..end, bytes.iter().copied());
            attempt(&datum);
            let _ = AcceptedView::decode(&mut Input::new(&datum));
        }
    }

    #[test]
    fn a_number_survives_its_encoding(number: i64) {
        let mut out = Vec::new();
        put_long(&mut out, number);
        let mut input = Input::new(&out);
        prop_assert_eq!(input.long(), Ok(number));
        prop_assert_eq!(input.finish(), Ok(()));
    }
}

#[test]
fn a_record_cut_anywhere_is_refused() {
    let whole = encoded(&examples::open_step());
    for end in 0..whole.len() {
        assert_eq!(refused::<OpenStep>(&whole[..end]), DecodeError::Truncated { at: end });
        assert!(OpenStep::skip(&mut Input::new(&whole[..end])).is_err());
    }
}

#[test]
fn bytes_after_a_record_are_refused() {
    let schemas = Schemas::embedded();
    let mut value = schemas.encode(&examples::report());
    value.push(0);
    let cause = DecodeError::Trailing { count: 1 };
    assert_eq!(schemas.decode::<Report>(&value), Err(WireError::Datum { record: "Report", cause }));
}

#[test]
fn values_that_are_no_framing_say_so() {
    let schemas = Schemas::embedded();
    let refused = |value: &[u8]| schemas.decode::<Report>(value).unwrap_err();
    assert_eq!(refused(b""), WireError::Empty { record: "Report" });
    assert_eq!(refused(b"{\"message_id\":1}"), WireError::Magic { got: b'{' });
    assert_eq!(refused(&[0, 0, 0]), WireError::Short { got: 3 });
    assert_eq!(refused(&[0, 0, 0, 1, 44]), WireError::UnknownId { id: 300 });
}

/// A Receiver up to its push_tokens, whose encoding is the test's.
fn receiver_with_tokens(tokens: &[u8]) -> Vec<u8> {
    // message_id, phone_number, country_code and app_user_id are null.
    [&[0, 0, 0, 0], tokens].concat()
}

#[test]
fn a_count_or_length_beyond_the_bytes_is_refused_at_once() {
    let claims = |count: i64| {
        let mut out = Vec::new();
        put_long(&mut out, count);
        out
    };
    for count in [1 << 60, i64::MAX, 7, -(1 << 60), -7, -i64::MAX] {
        let mut tokens = claims(count);
        tokens.push(0);
        let datum = receiver_with_tokens(&tokens);
        assert_eq!(refused::<Receiver>(&datum), DecodeError::Truncated { at: datum.len() }, "{count}");
    }
    // At once: before the item that is no text is looked at.
    let datum = receiver_with_tokens(&[&claims(1 << 60)[..], &[2, 0xff]].concat());
    assert_eq!(refused::<Receiver>(&datum), DecodeError::Truncated { at: datum.len() });
    let datum = receiver_with_tokens(&claims(i64::MIN));
    assert_eq!(refused::<Receiver>(&datum), DecodeError::Number { at: 4 });
    for length in [1 << 60, i64::MAX, 9] {
        let datum = [&[2], &claims(length)[..], b"too few"].concat();
        assert_eq!(refused::<Receiver>(&datum), DecodeError::Truncated { at: datum.len() }, "{length}");
    }
    for length in [-1, i64::MIN] {
        let datum = [&[2], &claims(length)[..]].concat();
        assert_eq!(refused::<Receiver>(&datum), DecodeError::Number { at: 1 }, "{length}");
    }
}

#[test]
fn blocks_with_a_size_and_several_blocks_are_read() {
    let mut tokens = Vec::new();
    put_long(&mut tokens, -2);
    put_long(&mut tokens, 4);
    put_bytes(&mut tokens, b"a");
    put_bytes(&mut tokens, b"b");
    put_long(&mut tokens, 1);
    put_bytes(&mut tokens, b"c");
    put_long(&mut tokens, 0);
    let datum = [receiver_with_tokens(&tokens), vec![0, 0]].concat();
    let receiver = Receiver::decode(&mut Input::new(&datum)).unwrap();
    assert_eq!(receiver.push_tokens, ["a", "b", "c"]);
}

#[test]
fn numbers_text_and_branches_out_of_range_are_refused() {
    assert_eq!(refused::<Receiver>(&[4]), DecodeError::Branch { at: 0, got: 2 });
    assert_eq!(refused::<Receiver>(&[2, 4, 0xff, 0xfe]), DecodeError::Utf8 { at: 1 });
    assert_eq!(Input::new(&[0x80; 11]).long(), Err(DecodeError::Number { at: 0 }));
    assert_eq!(
        Input::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).long(),
        Err(DecodeError::Number { at: 0 })
    );
    assert_eq!(Input::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).long(), Ok(i64::MIN));
    let mut beyond_int = Vec::new();
    put_long(&mut beyond_int, 1 << 31);
    assert_eq!(i32::decode(&mut Input::new(&beyond_int)), Err(DecodeError::Number { at: 0 }));
    assert_eq!(bool::decode(&mut Input::new(&[2])), Err(DecodeError::Branch { at: 0, got: 2 }));
}

#[test]
fn what_is_nearly_a_schema_a_request_or_an_id_ends_in_an_answer() {
    for bytes in examples::spoilt(&[SendRequest::SCHEMA.as_bytes(), Report::SCHEMA.as_bytes()]) {
        let _ = Schemas::embedded().learn(7, &String::from_utf8_lossy(&bytes));
    }
    let requests: Vec<_> = examples::REQUESTS.iter().map(|example| example.json.as_bytes()).collect();
    for bytes in examples::spoilt(&requests) {
        let _ = schemas::json::send_request(&bytes);
    }
    for bytes in examples::spoilt(&[b"01KKCJ3N1F0000000000000001", b"01KKCJ3N1F0000000000000001-0A"]) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(id) = text.parse::<TrackId>() {
            assert!(id.to_string().eq_ignore_ascii_case(&text));
        }
        let _ = text.parse::<Serial>();
    }
}
