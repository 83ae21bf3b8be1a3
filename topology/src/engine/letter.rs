//! A record as it stands in its DLQ: whole, or the beginning of one that is larger than what can be appended. Such a one is
//! read where it is compressed well: a broker counts what it keeps, a client what it is given.

use super::outputs::{ORIGIN_HEADER, REASON_HEADER};
use crate::log::{Headers, Outgoing, Place, RECORD_BYTES, Record};
use bytes::Bytes;

/// Of a dead letter that is not whole: `key/value/headers` of its record, bytes. Its headers are gone; of key and value the
/// beginning is there.
pub const CUT_HEADER: &str = "ims-cut";

/// What is kept of a value that is cut: as much as a request may have.
const VALUE_BYTES: usize = 1 << 20;
/// And of its key.
const KEY_BYTES: usize = 1 << 10;
/// Longest origin: a topic, two numbers and a time.
const ORIGIN_BYTES: usize = 100;

/// The dead letter of a record, with why and whence.
pub fn of(record: &Record, reason: &str) -> Outgoing {
    let Record { place: Place { topic, partition }, offset, timestamp_ms, .. } = record;
    let is_origin = |(name, value): &&(String, Bytes)| name == ORIGIN_HEADER && value.len() <= ORIGIN_BYTES;
    let (mut headers, key, value) = match too_large(record) {
        None => {
            let own = |(name, _): &&(String, Bytes)| name != REASON_HEADER && name != CUT_HEADER;
            (record.headers.iter().filter(own).cloned().collect(), record.key.clone(), record.value.clone())
        }
        Some(was) => {
            let mut headers: Headers = record.headers.iter().find(is_origin).cloned().into_iter().collect();
            headers.push((CUT_HEADER.to_owned(), was.into()));
            (headers, beginning(&record.key, KEY_BYTES), beginning(&record.value, VALUE_BYTES))
        }
    };
    headers.push((REASON_HEADER.to_owned(), Bytes::copy_from_slice(reason.as_bytes())));
    if !headers.iter().any(|(name, _)| name == ORIGIN_HEADER) {
        let origin = format!("{topic}/{partition}/{offset}/{timestamp_ms}");
        headers.push((ORIGIN_HEADER.to_owned(), origin.into()));
    }
    Outgoing { topic: topic.dead_letters(), partition: Some(0), key, value, headers }
}

/// What a record has that cannot be appended again with a reason and an origin.
fn too_large(record: &Record) -> Option<String> {
    let bytes = |part: &Option<Bytes>| part.as_ref().map_or(0, Bytes::len);
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + value.len() + 10).sum();
    let (key, value) = (bytes(&record.key), bytes(&record.value));
    (key + value + headers > RECORD_BYTES).then(|| format!("{key}/{value}/{headers}"))
}

fn beginning(part: &Option<Bytes>, most: usize) -> Option<Bytes> {
    part.as_ref().map(|part| part.slice(..part.len().min(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: usize, value: usize, headers: Headers) -> Record {
        let bytes = |count| Some(Bytes::from(vec![b'x'; count]));
        let place = Place { topic: "API-MASS".parse().unwrap(), partition: 2 };
        Record { place, offset: 7, timestamp_ms: 9, key: bytes(key), value: bytes(value), headers }
    }

    fn named<'l>(letter: &'l Outgoing, name: &str) -> Vec<&'l [u8]> {
        letter.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| &value[..]).collect()
    }

    fn header(name: &str, bytes: usize) -> (String, Bytes) {
        (name.to_owned(), Bytes::from(vec![b'0'; bytes]))
    }

    #[test]
    fn what_can_be_appended_is_whole() {
        let record =
            record(10, 1_999_000, vec![header("tenant", 100), header(CUT_HEADER, 3), header(REASON_HEADER, 3)]);
        let letter = of(&record, "garbage");
        assert_eq!((&letter.key, &letter.value), (&record.key, &record.value));
        let told = [named(&letter, "tenant").len(), named(&letter, CUT_HEADER).len()];
        assert_eq!((told, &named(&letter, REASON_HEADER)[..]), ([1, 0], &[&b"garbage"[..]][..]));
        assert_eq!(named(&letter, ORIGIN_HEADER), [b"API-MASS/2/7/9"]);
    }

    #[test]
    fn of_what_is_larger_the_beginning_is_kept_and_how_large_it_was() {
        let large = [
            (record(10, 5_000_000, vec![]), "10/5000000/0", 10, 1_048_576),
            (record(3_000_000, 20, vec![]), "3000000/20/0", 1_024, 20),
            (record(1, 2, vec![header("h", 3_000_000), header(ORIGIN_HEADER, 3_000_000)]), "1/2/6000031", 1, 2),
        ];
        for (record, was, key, value) in large {
            let letter = of(&record, "garbage");
            assert_eq!(named(&letter, CUT_HEADER), [was.as_bytes()]);
            assert_eq!(
                (letter.key.map(|key| key.len()), letter.value.map(|value| value.len())),
                (Some(key), Some(value))
            );
            let names: Vec<_> = letter.headers.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, [CUT_HEADER, REASON_HEADER, ORIGIN_HEADER], "{was}");
        }
    }

    #[test]
    fn where_it_first_stood_stays_with_what_is_cut() {
        let origin = (ORIGIN_HEADER.to_owned(), Bytes::from_static(b"API-MASS/1/5/8"));
        assert_eq!(named(&of(&record(1, 5_000_000, vec![origin]), "again"), ORIGIN_HEADER), [b"API-MASS/1/5/8"]);
    }
}
