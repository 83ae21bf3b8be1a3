//! Topics and start offsets: made, and every difference told at once.

use crate::support::{Deployment, brokers, cluster::Cluster, relay::numbered, settings};
use rdkafka::{
    mocking::MockCluster,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use schemas::{Channel, Lane, Topic, topics::Ring};
use std::{sync::mpsc, thread, time::Duration};
use topology::log::{
    Log, LogError,
    kafka::{Difference, KafkaSettings, Made, OnAway, Slots},
};

fn lines(differences: &[Difference]) -> String {
    differences.iter().map(|difference| format!("{difference}\n")).collect()
}

#[test]
fn what_was_made_is_found_right_and_making_it_again_changes_nothing() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let topics =
        [Topic::api(Lane::Ad), Topic::result(Lane::Ad), Topic::open(Lane::Ad), Topic::api(Lane::Ad).dead_letters()];
    let groups = [("ingest-AD", &topics[..1]), ("outcome-AD", &topics[1..2])];
    let admin = deployment.log.admin().unwrap();
    let made = admin.create(&topics, &groups).unwrap();
    assert_eq!(made.topics, topics);
    let group = |stream: &str| format!("{}-{stream}", deployment.settings.deployment);
    assert_eq!(made.groups, [(group("ingest-AD"), 3), (group("outcome-AD"), 3)]);
    assert_eq!(lines(&admin.check(&topics, &groups).unwrap()), "");
    assert_eq!(lines(&admin.check_for_start(&topics, Some("ingest-AD")).unwrap()), "");

    let again = admin.create(&topics, &groups).unwrap();
    assert_eq!((again.topics, again.groups), (vec![], vec![]));
}

#[test]
fn all_differences_are_told_at_once_with_their_remedies() {
    let Some(brokers) = brokers() else { return };
    let made = Deployment::new(settings(&brokers));
    let present = [Topic::result(Lane::Ad), Topic::delay(Ring::Seconds)];
    let slots = Slots { seconds: 8, ..Slots::default() };
    let other = Deployment::new(KafkaSettings { slots, ..made.settings.clone() });
    other.log.admin().unwrap().create(&present, &[]).unwrap();
    // OPEN with other partitions than its RESULT.
    let two = Deployment::new(KafkaSettings { partitions: 2, ..made.settings.clone() });
    two.log.admin().unwrap().create(&[Topic::open(Lane::Ad)], &[]).unwrap();

    let wanted = [Topic::api(Lane::Ad), present[0], present[1], Topic::open(Lane::Ad)];
    let told = lines(&made.log.admin().unwrap().check(&wanted, &[("outcome-AD", &present[..1])]).unwrap());
    let prefix = &made.settings.topic_prefix;
    for line in [
        format!("topic {prefix}API-AD is missing: run `ims topics create`"),
        format!("topic {prefix}DELAY-S has 8 partitions, rings.seconds.slots says 256"),
        format!("topic {prefix}OPEN-AD has 2 partitions, kafka.partitions says 3"),
        format!("topic {prefix}OPEN-AD has 2 partitions and {prefix}RESULT-AD has 3"),
        format!(
            "group {}-outcome-AD has no offset for RESULT-AD/0, RESULT-AD/1, RESULT-AD/2",
            made.settings.deployment
        ),
    ] {
        assert!(told.contains(&format!("wrong: {line}")), "{line}\nis not among\n{told}");
    }
    assert_eq!(told.lines().count(), 5, "{told}");
}

#[test]
fn an_offset_that_was_lost_is_not_made_up() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(settings(&brokers));
    let source = deployment.topic(3);
    deployment.log.producer().unwrap().append(&numbered(source, 0..50)).unwrap();
    let admin = deployment.log.admin().unwrap();
    assert_eq!(admin.create(&[source], &[("late-MASS", &[source])]).unwrap().groups, []);
    let differences = lines(&admin.check(&[source], &[("late-MASS", &[source])]).unwrap());
    assert!(differences.contains("has no offset for") && differences.contains("it was lost"), "{differences}");
}

#[test]
fn more_copies_than_brokers_is_said_with_the_remedy() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(KafkaSettings { replication: 3, ..settings(&brokers) });
    let refused = deployment.log.admin().unwrap().create(&[Topic::api(Lane::Ad)], &[]).unwrap_err().to_string();
    assert!(refused.contains("3 copies") && refused.contains("kafka.replication_factor"), "{refused}");
}

/// Makes start offsets where a broker says that the topic has no leader: when `mended`, only until that was told.
/// Answers what came of it and what was told on the way: a reason each time, an empty line when it was over.
fn started_without_a_leader(mended: bool, patience: Duration) -> (Result<Made, LogError>, Vec<String>) {
    let (topic, cluster) = (Topic::api(Lane::Auth), MockCluster::new(1).unwrap());
    let deployment = Deployment::new(KafkaSettings { bootstrap_servers: cluster.bootstrap_servers(), ..settings("") });
    let name = format!("{}{topic}", deployment.settings.topic_prefix);
    cluster.create_topic(&name, 2, 1).unwrap();
    cluster.topic_error(&name, RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE).unwrap();
    let (tell, told) = mpsc::channel();
    let on_away: OnAway = Box::new(move |why| tell.send(why.map_or_else(String::new, ToString::to_string)).unwrap());
    let admin = deployment.log.admin().unwrap().patient(patience, on_away);
    thread::scope(|scope| {
        // It ends with its admin, and what it tells ends too.
        let making = scope.spawn(move || admin.create(&[], &[("ingest-AUTH", &[topic])]));
        let told = told.iter().inspect(|_| {
            if mended {
                cluster.topic_error(&name, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
            }
        });
        let told = told.collect();
        (making.join().unwrap(), told)
    })
}

#[test]
fn what_a_broker_cannot_answer_for_a_moment_is_asked_again() {
    let (made, told) = started_without_a_leader(true, Duration::from_secs(60));
    assert_eq!(made.unwrap().groups.len(), 1);
    assert!(told[0].contains("API-AUTH") && told.last().unwrap().is_empty(), "{told:?}");
}

#[test]
fn patience_ends_and_the_last_reason_is_told() {
    let (made, told) = started_without_a_leader(false, Duration::from_secs(1));
    let Err(LogError::Away(line)) = made else { panic!("{made:?}") };
    assert!(line.contains("API-AUTH") && line.ends_with("(asked for 1 s)"), "{line}");
    assert!(told.len() > 2 && !told.iter().any(String::is_empty), "{told:?}");
}

#[test]
fn brokers_without_transactions_are_told_before_a_process_starts_and_nothing_is_made_on_them() {
    let (topic, cluster) = (Topic::api(Lane::Auth), MockCluster::new(1).unwrap());
    cluster.apiversion(RDKafkaApiKey::InitProducerId, None, None).unwrap();
    let deployment = Deployment::new(KafkaSettings { bootstrap_servers: cluster.bootstrap_servers(), ..settings("") });
    let name = format!("{}{topic}", deployment.settings.topic_prefix);
    cluster.create_topic(&name, deployment.settings.partitions, 1).unwrap();
    let admin = deployment.log.admin().unwrap().patient(Duration::from_secs(20), Box::new(|_| {}));
    let is_told = |line: &str| line.contains("is refused") && line.contains("Kafka 2.5 or newer is needed");

    let Err(LogError::Stop(line)) = admin.create(&[topic, Topic::api(Lane::Ad)], &[]) else { panic!("made") };
    assert!(is_told(&line), "{line}");
    let told = admin.check_for_start(&[topic], Some("ingest-AUTH")).unwrap();
    assert!(matches!(&told[..], [Difference::Wrong(line)] if is_told(line)), "{told:?}");
}

#[test]
fn brokers_that_let_offset_commits_linger_are_told_with_the_remedy() {
    let Some(cluster) = Cluster::with(1, &["group.coordinator.append.linger.ms=5"]) else { return };
    let deployment =
        Deployment::new(KafkaSettings { replication: 1, min_in_sync_replicas: 1, ..settings(&cluster.bootstrap) });
    let (admin, topic) = (deployment.log.admin().unwrap(), Topic::api(Lane::Ad));
    admin.create(&[topic], &[]).unwrap();
    let line = "advice: broker 1 has group.coordinator.append.linger.ms=5: set it to 0, each commit of an AUTH sender waits \
                that long\n";
    assert_eq!(lines(&admin.check(&[topic], &[]).unwrap()), line);
    assert_eq!(lines(&admin.check_for_start(&[topic], Some("ingest-AD")).unwrap()), line);
}

#[test]
fn a_deployment_is_deleted_with_all_that_has_its_prefix_and_nothing_else() {
    let Some(brokers) = brokers() else { return };
    let (goes, stays) = (Deployment::new(settings(&brokers)), Deployment::new(settings(&brokers)));
    let topics = [Topic::api(Lane::Ad), Topic::recv(Channel::At, Lane::Ad)];
    for deployment in [&goes, &stays] {
        deployment.log.admin().unwrap().create(&topics, &[]).unwrap();
    }
    assert_eq!(goes.log.admin().unwrap().delete_deployment().unwrap(), 2);
    assert_eq!(goes.log.admin().unwrap().create(&topics, &[]).unwrap().topics, topics, "they were gone");
    assert_eq!(stays.log.admin().unwrap().create(&topics, &[]).unwrap().topics, [], "they are there");

    let all = Deployment::new(KafkaSettings { topic_prefix: String::new(), ..settings(&brokers) });
    let refused = all.log.admin().unwrap().delete_deployment().unwrap_err().to_string();
    assert!(refused.contains("kafka.topic_prefix is empty"), "{refused}");
}
