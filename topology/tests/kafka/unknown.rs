//! A commit whose outcome nobody knows is neither repeated nor forgotten: the broker's word counts.

use crate::support::{
    Deployment, brokers,
    observer::Done,
    proxy::{Lost, Proxy, Request, Then},
    relay::{
        PATIENCE, Turn, assert_once, copies, copy, limits, numbered, positions, spec, turn, turn_until, urgent, values,
    },
    settings,
};
use rdkafka::{
    mocking::MockCluster,
    producer::Producer as _,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use schemas::{Channel, Lane, Topic};
use std::{sync::atomic::AtomicBool, thread, time::Instant};
use topology::log::{Log, LogError, Place, Position, Stream, StreamSpec, kafka::KafkaSettings};

const RECORDS: usize = 60;

/// A stream whose broker is reached through a proxy; it has its partitions.
struct Behind {
    proxy: Proxy,
    /// Reaches the same broker past the proxy.
    direct: Deployment,
    stream: Box<dyn Stream>,
    source: Topic,
    target: Topic,
}

/// None: there is no broker to test with.
fn behind_proxy(name: &str, spec: fn(&str, &[Topic]) -> StreamSpec, partitions: i32) -> Option<Behind> {
    let brokers = brokers()?;
    let proxy = Proxy::before(&brokers);
    let direct = Deployment::new(settings(&brokers));
    let (source, target) = (direct.topic(partitions), direct.topic(partitions));
    direct.start_group(name, &[source]);
    let log =
        Deployment::new(KafkaSettings { bootstrap_servers: proxy.address.clone(), ..direct.settings.clone() }).log;
    let mut stream = log.stream(spec(name, &[source])).unwrap();
    turn_until(&mut *stream, target, assigned);
    Some(Behind { proxy, direct, stream, source, target })
}

fn assigned(turn: &Turn) -> bool {
    matches!(turn, Turn::Assigned(_))
}

/// Copies all records through a proxy that loses each of these requests or answers in turn.
fn copies_once_despite(requests: &[Request], then: Then) {
    let Some(behind) = behind_proxy("unsure-AUTH", urgent, 2) else { return };
    let Behind { proxy, direct, mut stream, source, target } = behind;
    let mut total = 0;
    for &request in requests {
        for lost in [Lost::Question, Lost::Answer] {
            proxy.lose(request, lost, then);
            direct.log.producer().unwrap().append(&numbered(source, total..total + RECORDS)).unwrap();
            total += RECORDS;
            let deadline = Instant::now() + PATIENCE;
            while !proxy.has_lost() || values(&direct.log, target).len() < total {
                turn(&mut *stream, target, 20);
                assert!(Instant::now() < deadline, "{request:?} {lost:?}: gave up");
            }
            assert_once(&values(&direct.log, target), 0..total);
        }
    }
    stream.leave();
    // What the group has committed is what was copied: a successor finds nothing left.
    let mut heir = direct.log.stream(urgent("unsure-AUTH", &[source])).unwrap();
    turn_until(&mut *heir, target, assigned);
    direct.log.producer().unwrap().append(&numbered(source, total..total + 1)).unwrap();
    copy(&mut *heir, target, 1);
    assert_once(&values(&direct.log, target), 0..total + 1);
}

#[test]
fn a_connection_that_ends_within_a_commit_loses_and_doubles_nothing() {
    use Request::{AddOffsetsToTxn, AddPartitionsToTxn, EndTxn, Produce, TxnOffsetCommit};
    copies_once_despite(&[AddPartitionsToTxn, Produce, AddOffsetsToTxn, TxnOffsetCommit, EndTxn], Then::Cut);
}

#[test]
fn a_commit_that_is_never_answered_loses_and_doubles_nothing() {
    copies_once_despite(&[Request::TxnOffsetCommit, Request::EndTxn], Then::Silence);
}

/// Such a request is of a transaction that has ended: the next one of the same producer has not yet sent its offsets.
#[test]
fn a_request_that_arrives_after_it_was_repeated_ends_no_later_transaction() {
    let Some(behind) = behind_proxy("late-MASS", spec, 1) else { return };
    let Behind { proxy, direct, mut stream, source, target } = behind;
    let mut producer = direct.log.producer().unwrap();

    proxy.lose(Request::EndTxn, Lost::Late, Then::Cut);
    producer.append(&numbered(source, 0..1)).unwrap();
    copy(&mut *stream, target, 1);
    assert!(proxy.has_lost());
    // The late one arrives after these records were written, and then nothing more of their transaction.
    proxy.lose(Request::AddOffsetsToTxn, Lost::Question, Then::Silence);
    producer.append(&numbered(source, 1..2)).unwrap();
    turn_until(&mut *stream, target, |_| values(&direct.log, target).len() >= 2);
    assert!(proxy.has_lost());
    producer.append(&numbered(source, 2..3)).unwrap();
    turn_until(&mut *stream, target, |_| values(&direct.log, target).contains(&"000002".to_owned()));
    assert_once(&values(&direct.log, target), 0..3);
}

#[test]
fn a_mark_that_arrives_after_it_was_repeated_takes_no_position_back() {
    let Some(behind) = behind_proxy("back-MASS", spec, 1) else { return };
    let Behind { proxy, direct, mut stream, source, target } = behind;
    direct.log.producer().unwrap().append(&numbered(source, 0..5)).unwrap();
    let note = |next: i64| {
        let place = Place { topic: source, partition: 0 };
        Position { place, next, metadata: format!("started {next}") }
    };

    proxy.lose(Request::OffsetCommit, Lost::Late, Then::Cut);
    if stream.mark(&[note(1)]).is_err() {
        turn_until(&mut *stream, target, assigned);
    }
    assert!(proxy.has_lost());
    stream.mark(&[note(2)]).unwrap();
    proxy.let_arrive();
    stream.leave();
    let mut heir = direct.log.stream(spec("back-MASS", &[source])).unwrap();
    let Turn::Assigned(found) = turn_until(&mut *heir, target, assigned) else { return };
    assert_eq!(found, [note(2)]);
}

#[test]
fn a_mark_that_is_never_answered_is_no_success_and_the_member_joins_anew() {
    let Some(behind) = behind_proxy("mark-MASS", spec, 1) else { return };
    let Behind { proxy, direct, mut stream, source, target } = behind;
    direct.log.producer().unwrap().append(&numbered(source, 0..5)).unwrap();
    let mut batch = Vec::new();
    while batch.len() < 5 {
        stream.poll(limits(10), &mut batch).unwrap();
    }
    proxy.lose(Request::OffsetCommit, Lost::Answer, Then::Silence);
    let note = Position { metadata: "started".into(), next: 2, ..positions(&batch)[0].clone() };
    let marked = stream.mark(std::slice::from_ref(&note));
    assert!(matches!(marked, Err(LogError::Rewound(_))), "{marked:?}");
    turn_until(&mut *stream, target, |turn| *turn == Turn::Lost);
    let Turn::Assigned(found) = turn_until(&mut *stream, target, assigned) else {
        return;
    };
    assert_eq!(found, [note], "the broker had done it");
}

/// Goes past the end of a transaction through a proxy that loses the commit of that; then another commit loses nothing either.
fn passes_despite(name: &str, lost: Lost, then: Then) {
    let Some(behind) = behind_proxy(name, spec, 1) else { return };
    let Behind { proxy, direct, mut stream, source, target } = behind;
    let observer = direct.observer(name, source, 1);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| direct.observer(name, source, 1).never_goes_back(&done));
        let _done = Done(&done);
        direct.open_transaction(&numbered(source, 0..1)[0]).commit_transaction(PATIENCE).unwrap();
        copy(&mut *stream, target, 1);
        assert_eq!(observer.committed(), 1, "before the end of the transaction");
        // All others go with a transaction.
        proxy.lose(Request::OffsetCommit, lost, then);
        turn_until(&mut *stream, target, |_| proxy.has_lost());
        turn_until(&mut *stream, target, |_| observer.committed() == 2);
        direct.log.producer().unwrap().append(&numbered(source, 1..5)).unwrap();
        copy(&mut *stream, target, 4);
        proxy.let_arrive();
        assert_eq!(observer.committed(), 6);
    });
    assert_once(&values(&direct.log, target), 0..5);
}

#[test]
fn a_passage_whose_commit_does_not_arrive_is_tried_again() {
    passes_despite("untold-MASS", Lost::Question, Then::Silence);
}

#[test]
fn a_passage_whose_commit_arrives_late_takes_no_position_back() {
    passes_despite("tardy-MASS", Lost::Late, Then::Cut);
}

/// Errors that a real broker gives too rarely to wait for.
#[test]
fn every_protocol_error_of_a_commit_leads_back_to_what_is_committed() {
    use RDKafkaRespErr as E;
    let cluster = MockCluster::new(1).unwrap();
    let settings = KafkaSettings { bootstrap_servers: cluster.bootstrap_servers(), ..settings("") };
    let deployment = Deployment::new(settings);
    let (source, target) = (Topic::api(Lane::Auth), Topic::recv(Channel::At, Lane::Auth));
    for topic in [source, target] {
        cluster.create_topic(&format!("{}{topic}", deployment.settings.topic_prefix), 1, 1).unwrap();
    }
    deployment.start_group("faulty-AUTH", &[source]);
    let mut stream = deployment.log.stream(urgent("faulty-AUTH", &[source])).unwrap();
    turn_until(&mut *stream, target, assigned);
    let faults = [
        (RDKafkaApiKey::EndTxn, E::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE),
        (RDKafkaApiKey::EndTxn, E::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING),
        (RDKafkaApiKey::TxnOffsetCommit, E::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID),
        (RDKafkaApiKey::TxnOffsetCommit, E::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION),
        (RDKafkaApiKey::TxnOffsetCommit, E::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE),
        (RDKafkaApiKey::AddOffsetsToTxn, E::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING),
        (RDKafkaApiKey::Produce, E::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER),
    ];
    let mut producer = deployment.log.producer().unwrap();
    for (n, (api, error)) in faults.into_iter().enumerate() {
        producer.append(&numbered(source, n..n + 1)).unwrap();
        let mut batch = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while batch.is_empty() {
            stream.poll(limits(10), &mut batch).unwrap();
            assert!(Instant::now() < deadline, "{error:?}: no record");
        }
        cluster.request_errors(api, &[error]);
        let failed = stream.commit(&copies(&batch, target), &positions(&batch));
        assert!(matches!(failed, Err(LogError::Rewound(_))), "{api:?} {error:?}: {failed:?}");
        cluster.clear_request_errors(api);
        turn_until(&mut *stream, target, assigned);
        // The mock keeps the offsets of a transaction that ended badly, so the record may or may not come again.
        producer.append(&numbered(source, n..n + 1)).unwrap();
        copy(&mut *stream, target, 1);
        while turn(&mut *stream, target, 10) != Turn::Copied(0) {}
    }
}
