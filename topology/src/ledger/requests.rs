//! Holds a provider's own record of requests against what was announced: a second request for a step is allowed only
//! after an attempt that was recorded as ended or in doubt.

use crate::{
    engine::Decoder,
    log::{LogError, Place, Reader},
};
use schemas::{Lane, ResultKind, StepResult, Topic};
use std::collections::BTreeMap;

/// A step that was requested more often than was announced.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Repeated {
    /// Serial number of the step.
    pub serial_number: String,
    /// Requests that the provider saw.
    pub requests: u64,
    /// Attempts recorded as ended or in doubt before another.
    pub announced: u64,
}

/// Steps with more requests than 1 + the attempts announced for them.
///
/// `seen`: serial number and part of each request, as the provider logged it: an attempt makes one request for each part.
/// `announced`: serial number of each ATTEMPT result.
pub fn repeated_requests(
    seen: impl IntoIterator<Item = (String, String)>,
    announced: impl IntoIterator<Item = String>,
) -> Vec<Repeated> {
    let mut requests: BTreeMap<(String, String), u64> = BTreeMap::new();
    seen.into_iter().for_each(|part| *requests.entry(part).or_default() += 1);
    let mut attempts: BTreeMap<String, u64> = BTreeMap::new();
    announced.into_iter().for_each(|serial| *attempts.entry(serial).or_default() += 1);
    let repeated = |((serial_number, _), requests): ((String, String), u64)| {
        let announced = attempts.get(&serial_number).copied().unwrap_or(0);
        (requests > 1 + announced).then_some(Repeated { serial_number, requests, announced })
    };
    requests.into_iter().filter_map(repeated).collect()
}

/// Serial number of each attempt that was announced as ended or in doubt, from RESULT. `since_ms`: when the provider's
/// own record begins; what retention has deleted since then can announce nothing any more.
pub fn announced(reader: &mut dyn Reader, decoder: &Decoder, since_ms: i64) -> Result<Vec<String>, LogError> {
    let mut serials = Vec::new();
    for topic in Lane::ALL.iter().map(|&lane| Topic::result(lane)) {
        for partition in reader.partitions(topic)? {
            let place = Place { topic, partition };
            let (first, end) = reader.bounds(place)?;
            let from = reader.offset_at(place, since_ms)?.unwrap_or(end);
            if first > 0 && from == first {
                return Err(LogError::Stop(format!(
                    "{topic}/{partition}: retention has deleted announcements that are younger than the record of \
                     requests: begin a new record"
                )));
            }
            let mut unread = Ok(());
            reader.read(place, from, end, &mut |record| match unread
                .is_ok()
                .then(|| decoder.decode::<StepResult>(record.value.as_deref()))
            {
                Some(Ok(Ok(result))) if result.kind == ResultKind::Attempt => serials.push(result.serial_number),
                Some(Err(away)) => unread = Err(away),
                _ => {}
            })?;
            unread.map_err(|away| LogError::Away(away.to_string()))?;
        }
    }
    Ok(serials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_request_needs_an_announcement() {
        let seen = ["a", "a", "b", "b", "c"].map(|serial| (String::from(serial), String::new()));
        let found = repeated_requests(seen, ["a".to_owned()]);
        assert_eq!(found, [Repeated { serial_number: "b".into(), requests: 2, announced: 0 }]);
        let tokens = [("p", "1"), ("p", "2"), ("p", "3"), ("p", "3"), ("q", "1"), ("q", "1"), ("q", "1")];
        let seen = tokens.map(|(serial, token)| (serial.to_owned(), token.to_owned()));
        let found = repeated_requests(seen, ["p".to_owned(), "q".to_owned()]);
        assert_eq!(found, [Repeated { serial_number: "q".into(), requests: 3, announced: 1 }]);
    }
}
