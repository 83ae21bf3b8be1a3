//! Whether other processes take requests too, whose claims of message ids this one may not see.

use crate::log::{LogError, Place, Reader};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

/// Tells it once in the life of a process that has these partitions and keeps its claims there.
pub fn warn(claims: &str, places: &[Place], reader: &mut dyn Reader) -> Result<(), LogError> {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.load(Ordering::Relaxed) && are_there(places, reader)? && !TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "another process runs ingest too, and claims of message ids stand in {claims}: unless both have the same one, a \
             message_id may be accepted twice; set state.kind = \"redis\", or run ingest in one process"
        );
    }
    Ok(())
}

/// A member of a group that is alone in it is given every partition.
fn are_there(places: &[Place], reader: &mut dyn Reader) -> Result<bool, LogError> {
    let mut owned = BTreeMap::new();
    places.iter().for_each(|place| *owned.entry(place.topic).or_insert(0) += 1);
    for (topic, owned) in owned {
        if owned < reader.partitions(topic)?.len() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        driver::ManualClock,
        log::{
            Log as _,
            memory::{MemoryLog, Settings},
        },
    };
    use schemas::{Lane, Topic};

    #[test]
    fn who_is_given_fewer_partitions_than_there_are_is_not_alone() {
        let log = MemoryLog::new(ManualClock::at(0), Settings::default(), |_| 3);
        let of = |partitions: &[i32]| {
            let place = |partition: &i32| Place { topic: Topic::api(Lane::Mass), partition: *partition };
            let places: Vec<Place> = partitions.iter().map(place).collect();
            are_there(&places, &mut *log.reader().unwrap()).unwrap()
        };
        assert!(!of(&[0, 1, 2]) && of(&[0, 2]));
        assert!(!of(&[]), "nothing is accepted here");
    }
}
