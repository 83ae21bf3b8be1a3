//! Whatever others write into topics and offsets, nothing here panics on it.

use crate::support::{
    Deployment, brokers, on_stuck,
    relay::{PATIENCE, Turn, limits, spec, turn_until},
    settings,
};
use bytes::Bytes;
use schemas::{Schemas, Topic};
use std::{
    ffi::OsStr,
    io::Write,
    os::unix::ffi::OsStrExt,
    process::{Command, Stdio},
    sync::Arc,
    time::Instant,
};
use topology::{
    engine::{CUT_HEADER, Outputs},
    log::{
        Log, Outgoing, Place, Polled, Position, Record, Stream,
        kafka::{KafkaLog, KafkaSettings},
    },
};

fn read(stream: &mut dyn Stream, count: usize) -> Vec<Record> {
    let deadline = Instant::now() + PATIENCE;
    let mut records = Vec::new();
    while records.len() < count {
        assert!(Instant::now() < deadline, "{} of {count}", records.len());
        let polled = stream.poll(limits(100), &mut records).unwrap();
        assert!(matches!(polled, Polled::Records | Polled::Assigned(_)), "{polled:?}");
    }
    records
}

#[test]
fn ten_thousand_headers_and_a_record_of_a_megabyte_come_whole() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let (source, target) = (deployment.topic(1), deployment.topic(1));
    deployment.start_group("odd-MASS", &[source]);
    let headers: Vec<(String, Bytes)> = (0..10_000).map(|n| (format!("h{n}"), Bytes::from(vec![n as u8]))).collect();
    let value = |bytes: usize| Some(Bytes::from(vec![b'x'; bytes]));
    let with = |value, headers| Outgoing { topic: source, partition: Some(0), key: None, value, headers };
    // What Kafka takes by default: 1,048,588 bytes, framing included.
    let records = [with(value(10), headers.clone()), with(value(1_048_000), vec![])];
    deployment.log.producer().unwrap().append(&records).unwrap();
    let mut stream = deployment.log.stream(spec("odd-MASS", &[source])).unwrap();
    turn_until_assigned(&mut *stream, target);
    let got = read(&mut *stream, 2);
    assert_eq!(got[0].headers, headers);
    assert_eq!(got[1].value, records[1].value);
}

fn turn_until_assigned(stream: &mut dyn Stream, target: Topic) {
    turn_until(stream, target, |turn| matches!(turn, Turn::Assigned(_)));
}

#[test]
fn a_header_whose_name_is_no_text_is_read_as_well_as_it_goes() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let (source, target) = (deployment.topic(1), deployment.topic(1));
    deployment.start_group("bytes-MASS", &[source]);
    let mut kcat = Command::new("kcat");
    kcat.args(["-P", "-b", &brokers, "-p", "0", "-t"]).arg(format!("{}{source}", deployment.settings.topic_prefix));
    kcat.arg("-H").arg(OsStr::from_bytes(b"\xff\xfename=\xff\xfevalue"));
    let mut running = kcat.stdin(Stdio::piped()).spawn().expect("kcat, which dev/install installs");
    running.stdin.take().unwrap().write_all(b"hello").unwrap();
    assert!(running.wait().unwrap().success());

    let mut stream = deployment.log.stream(spec("bytes-MASS", &[source])).unwrap();
    turn_until_assigned(&mut *stream, target);
    let header = ("\u{fffd}\u{fffd}name".to_owned(), Bytes::from_static(b"\xff\xfevalue"));
    assert_eq!(read(&mut *stream, 1)[0].headers, [header]);
}

#[test]
fn a_record_that_only_a_broker_finds_small_has_a_dead_letter_that_can_be_appended() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let (source, target) = (deployment.topic(1), deployment.topic(1));
    let letters = source.dead_letters();
    deployment.log.admin().unwrap().create(&[letters], &[]).unwrap();
    deployment.start_group("large-MASS", &[source]);
    let properties = [("message.max.bytes".to_owned(), "10000000".to_owned())].into();
    let others = KafkaLog::new(KafkaSettings { properties, ..deployment.settings.clone() }, on_stuck()).unwrap();
    let value = Some(Bytes::from(vec![0; 5 << 20]));
    let zeros = Outgoing { topic: source, partition: Some(0), key: None, value, headers: vec![] };
    others.producer().unwrap().append(&[zeros]).unwrap();
    let mut stream = deployment.log.stream(spec("large-MASS", &[source])).unwrap();
    turn_until_assigned(&mut *stream, target);
    let record = read(&mut *stream, 1).remove(0);
    let mut out = Outputs::new(Arc::new(Schemas::embedded()));
    out.dead_letter(&record, "garbage");
    let position = Position { place: record.place, next: record.offset + 1, metadata: String::new() };
    stream.commit(out.records(), &[position]).unwrap();
    let mut reader = deployment.log.reader().unwrap();
    let mut found = Vec::new();
    let place = Place { topic: letters, partition: 0 };
    let (first, end) = reader.bounds(place).unwrap();
    reader.read(place, first, end, &mut |letter| found.push(letter)).unwrap();
    assert_eq!(found.len(), 1);
    assert!(
        found[0].headers.contains(&(CUT_HEADER.to_owned(), Bytes::from_static(b"0/5242880/0"))),
        "{:?}",
        found[0].headers
    );
    assert_eq!(found[0].value.as_ref().map(Bytes::len), Some(1 << 20));
}
