//! What must stand nowhere but in the messages themselves: numbers, addresses, tokens and texts of receivers.

use super::Deployment;
use schemas::{Lane, SendRequest, Topic, topics::Kind};
use std::collections::HashSet;
use topology::log::Record;

/// Digits that tell one subscriber from all others: a number less its country code and its first zero.
const SUBSCRIBER_DIGITS: usize = 10;
/// Texts shorter than this (characters) stand in names and words too.
const TELLING: usize = 8;

/// What the customers of a deployment have entrusted to it.
#[derive(Default)]
struct Personal {
    /// The last digits of phone numbers.
    numbers: HashSet<String>,
    /// Addresses, tokens, and lines of texts.
    texts: HashSet<String>,
}

impl Personal {
    fn of(requests: &[SendRequest]) -> Self {
        let mut personal = Self::default();
        for request in requests {
            let listed = request.receiver_list.iter().filter_map(|receiver| receiver.phone_number.as_ref());
            for number in request.phone_number.iter().chain(listed) {
                let digits: String = number.chars().filter(char::is_ascii_digit).collect();
                personal.numbers.insert(digits[digits.len().saturating_sub(SUBSCRIBER_DIGITS)..].to_owned());
            }
            let SendRequest { to, app_user_id, user_key, message, title, html, .. } = request;
            let said = [to, app_user_id, user_key, message, title, html].into_iter().flatten();
            let said = said.chain(&request.push_tokens).chain(request.mapping.values());
            let steps = request.fallback.iter().flat_map(|step| [&step.message, &step.title]).flatten();
            let lines = said.chain(steps).flat_map(|text| text.lines());
            personal.texts.extend(lines.filter(|line| line.chars().count() >= TELLING).map(str::to_owned));
        }
        personal
    }

    /// The first that stands in this text.
    fn found_in(&self, text: &str) -> Option<String> {
        let digits = text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() >= SUBSCRIBER_DIGITS);
        let windows =
            digits.flat_map(|run| (0..=run.len() - SUBSCRIBER_DIGITS).map(|at| &run[at..at + SUBSCRIBER_DIGITS]));
        let number = windows.into_iter().find(|window| self.numbers.contains(*window)).map(str::to_owned);
        number.or_else(|| self.texts.iter().find(|known| text.contains(known.as_str())).cloned())
    }
}

impl Deployment {
    /// Looks through all that the processes wrote and through the headers of all records.
    #[track_caller]
    pub(super) fn assert_nothing_personal_is_told(&self) {
        let requests = self.records(Lane::ALL.iter().map(|&lane| Topic::api(lane)));
        let decoded = |record: &Record| self.schemas.decode(record.value.as_deref().unwrap_or_default()).ok();
        let personal = Personal::of(&requests.iter().filter_map(decoded).collect::<Vec<_>>());
        for entry in std::fs::read_dir(self.file("")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let written = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                for line in written.lines() {
                    assert_eq!(personal.found_in(line), None, "{}: {line}", path.display());
                }
            }
        }
        // Headers of API topics are their producers' own; of dead letters these come first, and then ours.
        let ours = Topic::all().iter().copied().filter(|topic| !matches!(topic.kind(), Kind::Api(_)));
        for record in self.records(ours) {
            for (name, value) in &record.headers {
                let found = personal.found_in(&String::from_utf8_lossy(value));
                assert_eq!(found, None, "header {name} of {}@{}", record.place.topic, record.offset);
            }
        }
    }
}

#[test]
fn numbers_are_found_however_they_are_written() {
    let request = SendRequest {
        phone_number: Some("010-2000-0001".to_owned()),
        message: Some("인증번호는 [4711]입니다\nok".to_owned()),
        ..SendRequest::default()
    };
    let personal = Personal::of(&[request]);
    for told in ["to 821020000001", "\"01020000001\"", "x 00821020000001 y", "said 인증번호는 [4711]입니다"] {
        assert!(personal.found_in(told).is_some(), "{told}");
    }
    for not in ["offset 1020000002", "20000001", "ok", ""] {
        assert_eq!(personal.found_in(not), None, "{not}");
    }
}
