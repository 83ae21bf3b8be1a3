//! Members come and go while records flow.

use crate::support::{
    Deployment, brokers,
    proxy::{Lost, Proxy, Request, Then},
    relay::{PATIENCE, Turn, assert_once, limits, numbered, spec, turn, turn_until, urgent, values},
    settings,
};
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};
use topology::log::{Log, LogError, Place, Polled, Position, kafka::KafkaSettings};

const PARTITIONS: i32 = 6;

/// The same deployment as another process would be.
fn process(of: &Deployment, instance: &str) -> Deployment {
    Deployment::new(KafkaSettings { instance: instance.into(), ..of.settings.clone() })
}

#[test]
fn members_join_and_leave_while_records_flow_and_each_is_copied_once() {
    let Some(brokers) = brokers() else { return };
    let records = if std::env::var("IMS_TEST_FULL").is_ok() { 50_000 } else { 10_000 };
    let deployment = Deployment::new(settings(&brokers));
    let (source, target) = (deployment.topic(PARTITIONS), deployment.topic(3));
    deployment.start_group("churn-MASS", &[source]);
    let (written, done, joined) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut producer = deployment.log.producer().unwrap();
            for from in (0..records).step_by(100) {
                producer.append(&numbered(source, from..from + 100)).unwrap();
                written.store(from + 100, Ordering::SeqCst);
            }
        });
        scope.spawn(|| deployment.observer("churn-MASS", source, PARTITIONS).never_goes_back(&done));
        // One member stays; two others work a little, leave, and come again, the second without a goodbye.
        scope.spawn(|| {
            let process = process(&deployment, "stays");
            let mut stream = process.log.stream(spec("churn-MASS", &[source])).unwrap();
            while !done.load(Ordering::SeqCst) {
                turn(&mut *stream, target, 50);
            }
            stream.leave();
        });
        for name in ["leaves", "drops"] {
            let (done, joined, deployment) = (&done, &joined, &deployment);
            scope.spawn(move || {
                let process = process(deployment, name);
                while !done.load(Ordering::SeqCst) {
                    let mut stream = process.log.stream(spec("churn-MASS", &[source])).unwrap();
                    let mut copied = 0;
                    while copied < 200 && !done.load(Ordering::SeqCst) {
                        match turn(&mut *stream, target, 50) {
                            Turn::Copied(some) => copied += some,
                            Turn::Assigned(_) => _ = joined.fetch_add(1, Ordering::SeqCst),
                            _ => {}
                        }
                    }
                    if name == "leaves" {
                        stream.leave();
                    }
                }
            });
        }
        let deadline = Instant::now() + 4 * PATIENCE;
        while values(&deployment.log, target).len() < records {
            if Instant::now() > deadline {
                break;
            }
            thread::yield_now();
        }
        done.store(true, Ordering::SeqCst);
    });
    assert_eq!(written.load(Ordering::SeqCst), records);
    assert_once(&values(&deployment.log, target), 0..records);
    assert!(joined.load(Ordering::SeqCst) >= 4, "the others took part {} times only", joined.load(Ordering::SeqCst));
}

#[test]
fn an_urgent_stream_is_handed_over_within_two_seconds_of_a_goodbye() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let (source, target) = (deployment.topic(2), deployment.topic(1));
    deployment.start_group("hand-AUTH", &[source]);
    let other = process(&deployment, "two");
    let mut leaver = deployment.log.stream(urgent("hand-AUTH", &[source])).unwrap();
    let mut heir = other.log.stream(urgent("hand-AUTH", &[source])).unwrap();
    thread::scope(|scope| {
        let half = |turn: &Turn| matches!(turn, Turn::Assigned(positions) if positions.len() == 1);
        let leaver = scope.spawn(move || {
            turn_until(&mut *leaver, target, half);
            leaver
        });
        turn_until(&mut *heir, target, half);
        let leaver = leaver.join().unwrap();
        let began = Instant::now();
        scope.spawn(|| leaver.leave());
        turn_until(&mut *heir, target, |turn| matches!(turn, Turn::Assigned(positions) if positions.len() == 2));
        assert!(began.elapsed() < Duration::from_secs(2), "it took {:?}", began.elapsed());
    });
}

#[test]
fn partitions_that_are_to_go_are_given_up_when_their_producer_cannot_be_had() {
    let Some(brokers) = brokers() else { return };
    let (proxy, direct) = (Proxy::before(&brokers), Deployment::new(settings(&brokers)));
    let (source, target) = (direct.topic(2), direct.topic(1));
    direct.start_group("parts-MASS", &[source]);
    let behind = KafkaSettings { bootstrap_servers: proxy.address.clone(), ..direct.settings.clone() };
    let (behind, other) = (Deployment::new(behind), process(&direct, "two"));
    let mut old = behind.log.stream(spec("parts-MASS", &[source])).unwrap();
    turn_until(&mut *old, target, |turn| matches!(turn, Turn::Assigned(_)));
    let mut new = other.log.stream(spec("parts-MASS", &[source])).unwrap();
    let (mut batch, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while !matches!(old.poll(limits(10), &mut batch).unwrap(), Polled::Revoking) {
        new.poll(limits(10), &mut batch).unwrap();
        assert!(Instant::now() < deadline, "no revoke");
    }
    direct.fence("parts-MASS", 0);
    let position = Position { place: Place { topic: source, partition: 0 }, next: 0, metadata: String::new() };
    let failed = old.commit(&numbered(target, 0..1), &[position]);
    assert!(matches!(failed, Err(LogError::Rewound(_))), "{failed:?}");
    proxy.lose(Request::InitProducerId, Lost::Question, Then::Silence);
    let told = old.poll(limits(10), &mut batch).unwrap();
    assert!(proxy.has_lost() && matches!(told, Polled::Lost), "{told:?}");
    turn_until(&mut *new, target, |turn| matches!(turn, Turn::Assigned(positions) if positions.len() == 1));
}

#[test]
fn two_streams_of_one_name_in_one_process_share_its_work() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let (source, target) = (deployment.topic(2), deployment.topic(1));
    deployment.start_group("pair-MASS", &[source]);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut stream = deployment.log.stream(spec("pair-MASS", &[source])).unwrap();
                let half = |turn: &Turn| matches!(turn, Turn::Assigned(positions) if positions.len() == 1);
                turn_until(&mut *stream, target, half);
                deployment.log.producer().unwrap().append(&numbered(source, 0..20)).unwrap();
                turn_until(&mut *stream, target, |turn| matches!(turn, Turn::Copied(1..)));
            });
        }
    });
}
