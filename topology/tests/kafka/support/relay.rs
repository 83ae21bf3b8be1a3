//! A stream that copies one topic to another: what must come through once, comes through once.

use bytes::Bytes;
use schemas::Topic;
use std::time::{Duration, Instant};
use topology::log::{Limits, Log, LogError, Offsets, Outgoing, Place, Polled, Position, Record, Stream, StreamSpec};

pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn spec(name: &str, sources: &[Topic]) -> StreamSpec {
    StreamSpec { name: name.into(), sources: sources.to_vec(), offsets: Offsets::Log, urgent: false, produces: true }
}

/// One that is urgent.
pub fn urgent(name: &str, sources: &[Topic]) -> StreamSpec {
    StreamSpec { urgent: true, ..spec(name, sources) }
}

pub fn limits(records: usize) -> Limits {
    Limits { records, bytes: 1 << 20, wait: Duration::from_millis(20) }
}

/// Copies of records, by key.
pub fn copies(records: &[Record], to: Topic) -> Vec<Outgoing> {
    let copy = |record: &Record| Outgoing {
        topic: to,
        partition: None,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: vec![],
    };
    records.iter().map(copy).collect()
}

/// Where records leave their partitions.
pub fn positions(records: &[Record]) -> Vec<Position> {
    let mut positions: Vec<Position> = Vec::new();
    for record in records {
        let next = record.offset + 1;
        match positions.iter_mut().find(|position| position.place == record.place) {
            Some(position) => position.next = next,
            None => positions.push(Position { place: record.place, next, metadata: String::new() }),
        }
    }
    positions
}

/// What a turn of the relay did.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    Copied(usize),
    Assigned(Vec<Position>),
    Released,
    Lost,
    Rewound,
    Away(String),
}

/// One poll and what follows from it. Panics with the line of a stop.
pub fn turn(stream: &mut dyn Stream, to: Topic, records: usize) -> Turn {
    let mut batch = Vec::new();
    let polled = stream.poll(limits(records), &mut batch);
    let result = match polled {
        Ok(Polled::Records) if batch.is_empty() => return Turn::Copied(0),
        Ok(Polled::Records) => stream.commit(&copies(&batch, to), &positions(&batch)),
        Ok(Polled::Assigned(positions)) => return Turn::Assigned(positions),
        Ok(Polled::Lost) => return Turn::Lost,
        Ok(Polled::Revoking) => {
            stream.release().unwrap();
            return Turn::Released;
        }
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => Turn::Copied(batch.len()),
        Err(LogError::Rewound(_)) => Turn::Rewound,
        Err(LogError::Away(line)) => Turn::Away(line),
        Err(LogError::Stop(line)) => panic!("{line}"),
    }
}

/// Turns until something has happened; panics when it does not.
#[track_caller]
pub fn turn_until(stream: &mut dyn Stream, to: Topic, mut happened: impl FnMut(&Turn) -> bool) -> Turn {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let turn = turn(stream, to, 1_000);
        if happened(&turn) {
            return turn;
        }
        assert!(Instant::now() < deadline, "gave up waiting; the last turn: {turn:?}");
    }
}

/// Turns until so many records were copied.
#[track_caller]
pub fn copy(stream: &mut dyn Stream, to: Topic, count: usize) {
    let mut copied = 0;
    turn_until(stream, to, |turn| {
        if let Turn::Copied(some) = turn {
            copied += some;
        }
        copied >= count
    });
}

/// Numbered records, key and value alike.
pub fn numbered(topic: Topic, numbers: std::ops::Range<usize>) -> Vec<Outgoing> {
    let record = |number: usize| {
        let word = Bytes::from(format!("{number:06}"));
        Outgoing { topic, partition: None, key: Some(word.clone()), value: Some(word), headers: vec![] }
    };
    numbers.map(record).collect()
}

/// All values of a topic that are committed, sorted; asks again while a broker is away.
#[track_caller]
pub fn values(log: &dyn Log, topic: Topic) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match try_values(log, topic) {
            Ok(values) => return values,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
}

fn try_values(log: &dyn Log, topic: Topic) -> Result<Vec<String>, LogError> {
    let mut reader = log.reader()?;
    let mut values = Vec::new();
    for partition in reader.partitions(topic)? {
        let place = Place { topic, partition };
        let (first, end) = reader.bounds(place)?;
        let mut each = |record: Record| values.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
        reader.read(place, first, end, &mut each)?;
    }
    values.sort_unstable();
    Ok(values)
}

/// Each number of the range once, and nothing else.
#[track_caller]
pub fn assert_once(values: &[String], numbers: std::ops::Range<usize>) {
    let expected: Vec<String> = numbers.map(|number| format!("{number:06}")).collect();
    let missing: Vec<_> = expected.iter().filter(|value| values.binary_search(value).is_err()).collect();
    let doubled: Vec<_> = values.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).collect();
    assert!(missing.is_empty() && doubled.is_empty(), "missing {missing:?}, doubled {doubled:?}");
    assert_eq!(values.len(), expected.len());
}
