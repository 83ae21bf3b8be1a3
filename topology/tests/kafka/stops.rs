//! What must never be guessed at is said in one line, and the stream stops.

use crate::support::{
    Deployment, brokers,
    relay::{PATIENCE, Turn, copies, copy, limits, numbered, positions, spec, turn_until, urgent},
    settings,
};
use std::time::Instant;
use topology::log::{Limits, Log, LogError, Polled, Stream};

/// Polls until the stream stops, and gives the line.
fn line_of_stop(stream: &mut dyn Stream) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let limits = Limits { records: 100, bytes: 1 << 20, wait: std::time::Duration::from_millis(20) };
        match stream.poll(limits, &mut Vec::new()) {
            Err(LogError::Stop(line)) => return line,
            Ok(Polled::Records) | Err(LogError::Away(_)) => {}
            other => panic!("{other:?}"),
        }
        assert!(Instant::now() < deadline, "it did not stop");
    }
}

#[test]
fn a_group_without_offsets_is_a_stop_that_names_it() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let source = deployment.topic(2);
    let mut stream = deployment.log.stream(spec("lost-MASS", &[source])).unwrap();
    let line = line_of_stop(&mut *stream);
    let group = format!("{}-lost-MASS", deployment.settings.deployment);
    for word in [group, format!("{source}/0"), format!("{source}/1"), "ims topics create".into()] {
        assert!(line.contains(&word), "{word} in: {line}");
    }
}

#[test]
fn records_gone_by_retention_are_a_stop_that_names_the_partition() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let (source, target) = (deployment.topic(1), deployment.topic(1));
    deployment.start_group("late-MASS", &[source]);
    deployment.log.producer().unwrap().append(&numbered(source, 0..10)).unwrap();
    let mut stream = deployment.log.stream(spec("late-MASS", &[source])).unwrap();
    copy(&mut *stream, target, 10);
    stream.leave();
    deployment.log.producer().unwrap().append(&numbered(source, 10..30)).unwrap();
    deployment.delete_before(source, 20);

    let mut stream = deployment.log.stream(spec("late-MASS", &[source])).unwrap();
    turn_until(&mut *stream, target, |turn| matches!(turn, Turn::Assigned(_)));
    let line = line_of_stop(&mut *stream);
    assert!(line.contains(&format!("{source}/0 at 10, where 20 to 30 are left")), "{line}");
}

#[test]
fn a_producer_fenced_twice_is_a_stop_that_names_its_id() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let (source, target) = (deployment.topic(1), deployment.topic(1));
    deployment.start_group("twin-AUTH", &[source]);
    deployment.log.producer().unwrap().append(&numbered(source, 0..4)).unwrap();
    let mut stream = deployment.log.stream(urgent("twin-AUTH", &[source])).unwrap();
    turn_until(&mut *stream, target, |turn| matches!(turn, Turn::Assigned(_)));
    (0..3).for_each(|k| deployment.fence("twin-AUTH", k));
    turn_until(&mut *stream, target, |turn| *turn == Turn::Rewound);
    turn_until(&mut *stream, target, |turn| matches!(turn, Turn::Assigned(_)));
    (0..3).for_each(|k| deployment.fence("twin-AUTH", k));

    let mut batch = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while batch.is_empty() {
        assert!(Instant::now() < deadline, "no records");
        stream.poll(limits(10), &mut batch).unwrap();
    }
    let stopped = stream.commit(&copies(&batch, target), &positions(&batch));
    let Err(LogError::Stop(line)) = stopped else { panic!("{stopped:?}") };
    let id = format!("{}-twin-AUTH-one-", deployment.settings.deployment);
    assert!(line.contains(&id) && line.contains("two processes share it"), "{line}");
}

#[test]
fn of_two_processes_of_one_name_one_ends_and_the_other_goes_on() {
    let Some(brokers) = brokers() else { return };
    let first = Deployment::new(settings(&brokers));
    let second = Deployment::new(first.settings.clone());
    let (source, target) = (first.topic(1), first.topic(1));
    first.start_group("double-MASS", &[source]);
    let mut old = first.log.stream(spec("double-MASS", &[source])).unwrap();
    turn_until(&mut *old, target, |turn| matches!(turn, Turn::Assigned(_)));
    let mut new = second.log.stream(spec("double-MASS", &[source])).unwrap();

    let deadline = Instant::now() + PATIENCE;
    let mut ended = None;
    while ended.is_none() {
        assert!(Instant::now() < deadline, "both go on");
        for (n, stream) in [&mut old, &mut new].into_iter().enumerate() {
            if let Err(LogError::Stop(line)) = stream.poll(limits(10), &mut Vec::new()) {
                assert!(line.contains("the place of one in its group"), "{line}");
                assert!(line.contains("two processes share it"), "{line}");
                ended = Some(n);
            }
        }
    }
    let mut survivor = if ended == Some(0) { new } else { old };
    first.log.producer().unwrap().append(&numbered(source, 0..1)).unwrap();
    copy(&mut *survivor, target, 1);
}
