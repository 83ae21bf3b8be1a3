//! Topics that are none of a chain's.

use schemas::{Family, Topic};

/// Longest name that Kafka takes.
const LONGEST: usize = 249;

/// Whether reports may be brought into a topic of this name; or why not. A report that stands twice in the chain would
/// end its message twice. Another deployment's topics end like ours, with a prefix before.
pub fn outside(name: &str) -> Result<(), String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > LONGEST || !name.bytes().all(legal) {
        return Err(format!("--to-topic {name:?} is no topic's name: letters, digits, '.', '_', '-', up to {LONGEST}"));
    }
    if name.starts_with("__") {
        return Err(format!("--to-topic {name} is one of Kafka's own topics: name another"));
    }
    // A routing group's own topic is SEND-‹FAMILY›-‹NAME›.
    if Family::ALL.iter().any(|family| name.contains(&format!("SEND-{family}-"))) {
        return Err(format!("--to-topic {name} is a topic that senders read: name another"));
    }
    match Topic::all().iter().find(|topic| name.ends_with(topic.name())) {
        Some(topic) => Err(format!(
            "--to-topic {name} is a topic of the chain, or of one with a prefix (it ends in {topic}): name another, for \
             example {topic}.again"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_topic_of_a_chain_takes_a_replay_whatever_its_prefix() {
        for topic in Topic::all() {
            for name in [topic.name().to_owned(), format!("other-{topic}"), format!("x{topic}")] {
                assert!(outside(&name).is_err(), "{name}");
            }
            if !topic.name().starts_with("SEND-") && !topic.name().starts_with("DLQ-SEND-") {
                assert_eq!(outside(&format!("{topic}.again")), Ok(()));
            }
        }
        assert!(outside("other-SEND-SMS-VIP").is_err());
        for wrong in ["", "__consumer_offsets", "re plays", "보고", &"x".repeat(250)] {
            assert!(outside(wrong).is_err(), "{wrong}");
        }
        assert_eq!(outside("hanbit_reports-2026.03"), Ok(()));
    }
}
