//! What is wrong with a topic's configuration, a broker's figures or its transactions, once they have been told.

use super::{Difference, topics};
use crate::log::{LogError, kafka::clients::Pace};

/// As long as REPORT and HIST keep their records: 30 days.
const OFFSETS_MINUTES: u128 = 30 * 24 * 60;

/// Of a topic that `has` these settings and shall have the `wanted` ones.
pub fn topic(name: &str, wanted: &[(&str, String)], has: impl Fn(&str) -> Option<String>) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (key, wanted) in wanted {
        let has = has(key).unwrap_or_else(|| "unset".to_owned());
        if topics::MUST_KEEP.contains(key) && has != *wanted {
            differences.push(Difference::Wrong(format!(
                "topic {name} has {key}={has}: set it to {wanted} with kafka-configs"
            )));
        }
        let too_few = || matches!((has.parse::<i32>(), wanted.parse()), (Ok(has), Ok(wanted)) if has < wanted);
        if *key == "min.insync.replicas" && too_few() {
            differences.push(Difference::Advice(format!(
                "topic {name} has {key}={has}, kafka.min_insync_replicas says {wanted}: set it with kafka-configs, or a \
                 record may stand on one broker only"
            )));
        }
    }
    differences
}

/// What a broker must allow, and what costs time. It may have no such figure: older ones lack some.
pub fn broker(id: i32, figure: impl Fn(&str) -> Option<u128>) -> Vec<Difference> {
    let (urgent, other) = (Pace::of(true), Pace::of(false));
    let (session_ms, transaction_ms) = (urgent.session.as_millis(), other.transaction.as_millis());
    let mut differences = Vec::new();
    if let Some(ms @ 1..) = figure("group.coordinator.append.linger.ms") {
        differences.push(Difference::Advice(format!(
            "broker {id} has group.coordinator.append.linger.ms={ms}: set it to 0, each commit of an AUTH sender waits \
             that long"
        )));
    }
    if let Some(ms) = figure("transaction.abort.timed.out.transaction.cleanup.interval.ms").filter(|&ms| ms > 1_000) {
        differences.push(Difference::Advice(format!(
            "broker {id} has transaction.abort.timed.out.transaction.cleanup.interval.ms={ms}: set it to 1000, after a \
             crash readers wait that much longer"
        )));
    }
    if let Some(minutes) = figure("offsets.retention.minutes").filter(|&minutes| minutes < OFFSETS_MINUTES) {
        differences.push(Difference::Advice(format!(
            "broker {id} has offsets.retention.minutes={minutes}: set it to {OFFSETS_MINUTES}, a role that is away for \
             longer finds no offsets and stops, while its records are still there"
        )));
    }
    if let Some(ms) = figure("group.min.session.timeout.ms").filter(|&ms| ms > session_ms) {
        differences.push(Difference::Wrong(format!(
            "broker {id} has group.min.session.timeout.ms={ms}: set it to {session_ms} or less"
        )));
    }
    if let Some(ms) = figure("transaction.max.timeout.ms").filter(|&ms| ms < transaction_ms) {
        differences.push(Difference::Wrong(format!(
            "broker {id} has transaction.max.timeout.ms={ms}: set it to {transaction_ms} or more"
        )));
    }
    differences
}

/// Of what came of asking for a transactional id.
pub fn transactions(tried: Result<(), LogError>) -> Result<Option<Difference>, LogError> {
    match tried {
        Err(LogError::Stop(line)) => Ok(Some(Difference::Wrong(format!("{line}; Kafka 2.5 or newer is needed")))),
        tried => tried.map(|()| None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of a broker with these figures.
    fn told(figures: &[(&str, u128)]) -> Vec<String> {
        let figure = |key: &str| figures.iter().find(|(name, _)| *name == key).map(|(_, figure)| *figure);
        broker(7, figure).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_broker_whose_figures_are_right_or_unknown_is_not_mentioned() {
        assert_eq!(told(&[]), [""; 0]);
        let right = [
            ("group.coordinator.append.linger.ms", 0),
            ("transaction.abort.timed.out.transaction.cleanup.interval.ms", 1_000),
            ("offsets.retention.minutes", 43_200),
            ("group.min.session.timeout.ms", 6_000),
            ("transaction.max.timeout.ms", 900_000),
        ];
        assert_eq!(told(&right), [""; 0]);
    }

    #[test]
    fn each_figure_of_a_broker_is_told_with_its_remedy() {
        // Those of Kafka 4.0, and of a broker that somebody has set otherwise.
        for (key, figure, line) in [
            (
                "group.coordinator.append.linger.ms",
                5,
                "advice: broker 7 has group.coordinator.append.linger.ms=5: set it to 0, ",
            ),
            (
                "transaction.abort.timed.out.transaction.cleanup.interval.ms",
                10_000,
                "advice: broker 7 has transaction.abort.timed.out.transaction.cleanup.interval.ms=10000: set it to 1000, ",
            ),
            (
                "offsets.retention.minutes",
                10_080,
                "advice: broker 7 has offsets.retention.minutes=10080: set it to 43200, ",
            ),
            (
                "group.min.session.timeout.ms",
                30_000,
                "wrong: broker 7 has group.min.session.timeout.ms=30000: set it to 6000 or less",
            ),
            ("transaction.max.timeout.ms", 1_000, "wrong: broker 7 has transaction.max.timeout.ms=1000: set it to "),
        ] {
            let told = told(&[(key, figure)]);
            assert!(told.len() == 1 && told[0].starts_with(line), "{told:?}");
        }
    }

    #[test]
    fn a_topic_must_keep_what_promises_rest_on_and_may_have_other_settings() {
        let wanted = [
            ("min.insync.replicas", "2".to_owned()),
            ("message.timestamp.type", "LogAppendTime".to_owned()),
            ("cleanup.policy", "compact".to_owned()),
            ("segment.bytes", "33554432".to_owned()),
        ];
        let told = |has: &[(&str, &str)]| -> Vec<String> {
            let has = |key: &str| has.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned());
            topic("OPEN-AD", &wanted, has).iter().map(ToString::to_string).collect()
        };
        let right =
            [("min.insync.replicas", "3"), ("message.timestamp.type", "LogAppendTime"), ("cleanup.policy", "compact")];
        assert_eq!(told(&right), [""; 0]);
        let lines = told(&[("min.insync.replicas", "1"), ("cleanup.policy", "delete")]);
        let expected = [
            "advice: topic OPEN-AD has min.insync.replicas=1, kafka.min_insync_replicas says 2: ",
            "wrong: topic OPEN-AD has message.timestamp.type=unset: set it to LogAppendTime ",
            "wrong: topic OPEN-AD has cleanup.policy=delete: set it to compact ",
        ];
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        assert!(lines.iter().zip(expected).all(|(line, expected)| line.starts_with(expected)), "{lines:?}");
    }

    #[test]
    fn a_broker_without_transactions_is_wrong_and_one_that_is_away_is_not_judged() {
        assert_eq!(transactions(Ok(())).unwrap(), None);
        let refused = transactions(Err(LogError::Stop("unsupported version".into()))).unwrap();
        assert_eq!(refused, Some(Difference::Wrong("unsupported version; Kafka 2.5 or newer is needed".into())));
        assert!(matches!(transactions(Err(LogError::Away("no answer".into()))), Err(LogError::Away(_))));
    }
}
