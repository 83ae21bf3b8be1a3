//! Records inside the chain that cannot be read.

use super::{
    ends::answering,
    stage::{DEFECT, Stage, known},
};
use connectors::reference::{DEMO, FileReference};
use metrics_exporter_prometheus::PrometheusBuilder;
use processors::{callback::Reply, ports::NoRegistry, ring::Rings};
use schemas::{
    Api, Channel, Delayed, Dispatch, Family, Lane, Schemas, State, Topic, TrackId,
    examples::seed,
    topics::{Partitions, Ring},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use topology::{
    driver::ManualClock,
    engine::{Account, Decoder, Outputs, REASON_HEADER, Worker as _},
    graph::Role,
    log::{
        Limits, Log, Offsets, Outgoing, Polled, Position, Record, Stream, StreamSpec,
        memory::{MemoryLog, Settings},
    },
    steps::DelayWorker,
};

pub const GARBAGE: &[u8] = b"no record";

fn spec(name: &str, sources: Vec<Topic>) -> StreamSpec {
    StreamSpec { name: name.into(), sources, offsets: Offsets::Log, urgent: false, produces: true }
}

/// What this stream has not read of these topics is garbage now: the same records, with other values. What they were.
pub fn spoil(log: &dyn Log, name: &str, topics: &[Topic]) -> Vec<Record> {
    let mut stream: Box<dyn Stream> = log.stream(spec(name, topics.to_vec())).unwrap();
    let mut records: Vec<Record> = Vec::new();
    loop {
        let before = records.len();
        let polled =
            stream.poll(Limits { records: 1_000, bytes: 1 << 20, wait: Duration::ZERO }, &mut records).unwrap();
        if matches!(polled, Polled::Records) && records.len() == before {
            break;
        }
    }
    let spoilt = |record: &Record| Outgoing {
        topic: record.place.topic,
        partition: Some(record.place.partition),
        key: record.key.clone(),
        value: Some(GARBAGE.into()),
        headers: record.headers.clone(),
    };
    let outputs: Vec<Outgoing> = records.iter().map(spoilt).collect();
    let next: BTreeMap<_, _> = records.iter().map(|record| (record.place, record.offset + 1)).collect();
    let positions: Vec<Position> =
        next.into_iter().map(|(place, next)| Position { place, next, metadata: String::new() }).collect();
    stream.commit(&outputs, &positions).unwrap();
    stream.leave();
    records
}

/// The demo, whose shop wants to be called.
fn called() -> FileReference {
    let key = "[[service_keys]]\nkey = \"IMSDEMO0SERVICEKEY0000000000000000000001\"\n";
    let secret = "A".repeat(32);
    let callback = format!("{key}callback_uri = \"https://shop.example/\"\ncallback_secrets = [\"whsec_{secret}\"]\n");
    let text = DEMO.replace(key, &callback);
    assert_ne!(text, DEMO);
    known(&text)
}

#[test]
fn what_waited_in_a_record_that_cannot_be_read_ends_once_and_what_has_ended_does_not_end_again() {
    // Texts are tried again, RCS is reported after it was sent, and nobody is told yet.
    let vendors = answering(&[("text-one", "2001"), ("text-two", "2001")]);
    let mut stage = Stage::knowing(called(), seed::NOW_MS, vendors);
    stage.endpoints.script(|_, _| Some(Reply::Status { status: 503, retry_after: None }));
    stage.send("lms_scheduled", |request| request.send_at = Some(seed::NOW_MS + 1_800_000));
    stage.send("sms", |_| {});
    stage.send("sms_otp", |_| {});
    stage.send("rcssms", |_| {});
    stage.send("at", |_| {});
    stage.settle();
    stage.advance(Duration::from_secs(5));
    let before = stage.balance();
    assert_eq!((before.accepted, before.waiting), (5, 3), "{before:#?}");
    let [waits, auth] = ["sms", "sms_otp"].map(|name| schemas::examples::request(name).message_id);
    assert!(!stage.ends().contains_key(&waits) && !stage.ends().contains_key(&auth));

    stage.driver.kill(Role::Delay);
    let log = Arc::clone(&stage.driver.parts().log);
    assert!(!spoil(&*log, "delay-AUTH", &[Topic::delay(Ring::SecondsAuth)]).is_empty());
    let rings = [Ring::Seconds, Ring::Minutes, Ring::Hours, Ring::Days].map(Topic::delay);
    assert!(spoil(&*log, "delay", &rings).len() > 3);
    stage.driver.join(&[Role::Delay]).unwrap();
    stage.settle();
    stage.advance(Duration::from_secs(5));

    let balance = stage.balance();
    assert!(balance.settled(), "{balance:#?}");
    assert_eq!((balance.ended.get("failed"), balance.ended.get("delivered")), (Some(&3), Some(&2)), "{balance:#?}");
    // Of what outcome keeps it knows the message; of what was on its way only the key is left.
    let failed = stage.reports().into_iter().filter(|report| report.terminal && report.state == State::Failed);
    let mut named: Vec<String> = failed.map(|report| report.message_id).collect();
    named.sort();
    assert_eq!(named, ["", "", "REMIND-20260312-01"]);
    for ring in [Ring::SecondsAuth, Ring::Seconds, Ring::Minutes, Ring::Hours] {
        let dead = stage.driver.records(Topic::delay(ring).dead_letters()).unwrap();
        assert!(!dead.is_empty() && dead.iter().all(|record| record.value.as_deref() == Some(GARBAGE)), "{ring:?}");
    }
}

/// The delay role alone, before it has taken anything, on a log whose records it may be given.
fn alone() -> (MemoryLog, DelayWorker, Arc<Rings>) {
    let (clock, rings) = (ManualClock::at(seed::NOW_MS), Arc::new(Rings::default()));
    let sizes = Arc::clone(&rings);
    let log = MemoryLog::new(Arc::clone(&clock) as _, Settings::default(), move |topic| match topic.partitions() {
        Partitions::Slots(ring) => sizes.size(ring).slots as i32,
        Partitions::Configured | Partitions::One => 1,
    });
    let decoder = Decoder::new(Arc::new(Schemas::embedded()), Arc::new(NoRegistry));
    let spec = spec("delay", vec![Topic::delay(Ring::Seconds)]);
    let worker = DelayWorker::new(&log, spec, clock, Arc::clone(&rings), decoder, outputs()).unwrap();
    (log, worker, rings)
}

fn outputs() -> Outputs {
    Outputs::new(Arc::new(Schemas::embedded()))
}

/// Values of a topic's records, which can be read or not.
fn values(log: &MemoryLog, topic: Topic) -> Vec<Vec<u8>> {
    let mut reader = log.reader().unwrap();
    let place = topology::log::Place { topic, partition: 0 };
    let (first, end) = reader.bounds(place).unwrap();
    let mut values = Vec::new();
    reader.read(place, first, end, &mut |record| values.extend(record.value.map(|value| value.to_vec()))).unwrap();
    values
}

#[test]
fn a_message_whose_target_no_version_of_this_program_has_ends_as_failed() {
    let (log, mut worker, rings) = alone();
    let id = TrackId::new(seed::NOW_MS, Api { cluster: 0, lane: Lane::Ad, partition: 0, offset: 7, receiver: 0 });
    let waiting = Delayed {
        track_id: id.to_string(),
        // In the past of the worker, in the future of who wrote it.
        due_at: seed::NOW_MS,
        target: "SEND-PIGEON-AD".into(),
        payload: Schemas::embedded().encode(&Dispatch::default()).into(),
        ..Delayed::default()
    };
    let mut out = outputs();
    let account = Some(Account::Waits(Lane::Ad));
    out.delay(&rings, seed::NOW_MS - 1_000, &waiting, Topic::result(Lane::Ad), account);
    log.producer().unwrap().append(out.records()).unwrap();
    for _ in 0..5 {
        worker.turn(Duration::ZERO).unwrap();
    }
    let results = values(&log, Topic::result(Lane::Ad));
    let results: Vec<schemas::StepResult> =
        results.iter().map(|value| Schemas::embedded().decode(value).unwrap()).collect();
    let [end] = &*results else { panic!("{results:?}") };
    assert_eq!((&end.track_id, end.state, end.due_at), (&id.to_string(), State::Failed, None));
    assert_eq!(values(&log, Topic::delay(Ring::Seconds).dead_letters()).len(), 1);
}

#[test]
fn dead_letters_are_counted_by_the_topic_that_they_come_from() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let topics = [
        Topic::api(Lane::Realtime),
        Topic::recv(Channel::At, Lane::Mass),
        Topic::send(Family::Sms, Lane::Ad),
        Topic::result(Lane::Auth),
        Topic::hist(Channel::Mt),
        Topic::callback(),
    ];
    metrics::with_local_recorder(&recorder, || {
        let mut stage = Stage::perfect();
        topics.into_iter().for_each(|topic| stage.driver.append_raw(topic, "garbage", Some(GARBAGE.into())).unwrap());
        stage.settle();
    });
    let told = recorder.handle().render();
    let mut counted: Vec<&str> = told.lines().filter(|line| line.starts_with("ims_dead_letters_total")).collect();
    counted.sort_unstable();
    let mut expected = topics.map(|topic| format!("ims_dead_letters_total{{topic=\"{topic}\"}} 1"));
    expected.sort_unstable();
    assert_eq!(counted, expected);
}

#[test]
fn a_record_that_makes_this_program_panic_is_set_aside_wherever_it_stands_and_the_chain_goes_on() {
    let mut stage = Stage::perfect();
    let place = |offset| Api { cluster: 0, lane: Lane::Ad, partition: 0, offset, receiver: 0 };
    let id = |offset| TrackId::new(seed::NOW_MS, place(offset)).to_string();
    let accepted =
        [Topic::recv(Channel::Mt, Lane::Mass), Topic::send(Family::Sms, Lane::Ad), Topic::result(Lane::Auth)];
    let others = [Topic::api(Lane::Realtime), Topic::hist(Channel::Mt), Topic::callback(), Topic::delay(Ring::Seconds)];
    let value = [&[0][..], &DEFECT.to_be_bytes(), b"010-1234-5678"].concat();
    for (offset, topic) in (0..).zip(accepted.into_iter().chain(others)) {
        stage.driver.append_raw(topic, &id(offset), Some(value.clone())).unwrap();
    }
    stage.send("at", |_| {});
    stage.advance(Duration::from_secs(2));

    let delivered = stage.reports().into_iter().filter(|report| report.terminal && report.state == State::Delivered);
    assert_eq!(delivered.count(), 1);
    for topic in accepted.into_iter().chain(others) {
        let letters = stage.driver.records(topic.dead_letters()).unwrap();
        let [letter] = &letters[..] else { panic!("{topic}: {} letters", letters.len()) };
        assert_eq!(letter.value.as_deref(), Some(&value[..]));
        let (_, reason) = letter.headers.iter().find(|(name, _)| name == REASON_HEADER).unwrap();
        assert!(reason.starts_with(b"a defect"), "{topic}: {reason:?}");
    }
    let failed = stage.reports().into_iter().filter(|report| report.terminal && report.state == State::Failed);
    let mut ended: Vec<String> = failed.map(|report| report.track_id).collect();
    ended.sort();
    assert_eq!(ended, [id(0), id(1), id(2)], "the accounts of accepted messages are closed");
}

#[test]
fn a_delay_role_that_cannot_read_what_waits_stops_before_it_sets_it_aside() {
    let (log, mut worker, _) = alone();
    let record = Outgoing {
        topic: Topic::delay(Ring::Seconds),
        partition: Some(0),
        key: None,
        value: Some(GARBAGE.into()),
        headers: vec![],
    };
    log.producer().unwrap().append(&vec![record; 200]).unwrap();
    let halt = (0..5).find_map(|_| worker.turn(Duration::ZERO).err()).expect("it goes on");
    assert!(halt.reason.contains("more than 5 %"), "{halt}");
    assert_eq!(values(&log, Topic::delay(Ring::Seconds).dead_letters()).len(), 0);
}
