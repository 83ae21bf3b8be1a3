//! A member whose state takes longer to restore than it may go without a poll stays in its group.

use crate::support::{
    Deployment, brokers,
    relay::{PATIENCE, numbered, spec},
    settings,
};
use processors::ports::Away;
use schemas::{Schemas, Topic};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use topology::{
    driver::ManualClock,
    engine::{BatchLimits, Outputs, Restored, Step, StepWorker, Worker as _},
    log::{Log as _, LogError, Place, Reader, Record, kafka::KafkaSettings},
};

/// Longest time without a poll.
const POLL: Duration = Duration::from_secs(6);
/// What a piece takes to be read: two are shorter than that, all are longer.
const PIECE: Duration = Duration::from_millis(2_500);
const PIECES: usize = 4;

/// A step whose state comes slowly.
struct Slow {
    left: usize,
    told: Arc<Mutex<Vec<String>>>,
}

impl Slow {
    fn tell(&self, words: String) {
        self.told.lock().unwrap().push(words);
    }
}

impl Step for Slow {
    fn run(&mut self, batch: &[Record], _: i64, _: &mut Outputs) -> Result<usize, Away> {
        batch.iter().for_each(|record| self.tell(format!("decides {}", record.offset)));
        Ok(batch.len())
    }

    fn assigned(&mut self, places: &[Place]) {
        self.left = PIECES;
        self.tell(format!("owns {}", places.len()));
    }

    fn restore(&mut self, _: &mut dyn Reader) -> Result<Option<Restored>, LogError> {
        std::thread::sleep(PIECE);
        self.left -= 1;
        let done = (PIECES - self.left) as i64;
        Ok((self.left > 0).then_some(Restored { done, of: PIECES as i64 }))
    }
}

#[test]
fn a_member_that_restores_for_longer_than_it_may_go_without_a_poll_stays_in_its_group() {
    let Some(brokers) = brokers() else { return };
    let properties = ["session.timeout.ms", "max.poll.interval.ms"];
    let properties = properties.map(|key| (key.to_owned(), POLL.as_millis().to_string())).into();
    let deployment = Deployment::new(KafkaSettings { properties, ..settings(&brokers) });
    let source: Topic = deployment.topic(1);
    deployment.start_group("slow-MASS", &[source]);
    deployment.log.producer().unwrap().append(&numbered(source, 0..2)).unwrap();
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let (step, out) = (Slow { left: 0, told: Arc::clone(&told) }, Outputs::new(Arc::new(Schemas::embedded())));
    let spec = spec("slow-MASS", &[source]);
    let mut worker =
        StepWorker::new(&deployment.log, spec, ManualClock::at(0), BatchLimits::default(), out, step).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !told.lock().unwrap().contains(&"decides 1".to_owned()) {
        assert!(Instant::now() < deadline, "{:?}", told.lock().unwrap());
        worker.turn(Duration::from_millis(20)).unwrap();
    }
    assert_eq!(*told.lock().unwrap(), ["owns 0", "owns 1", "decides 0", "decides 1"]);
    Box::new(worker).finish(PATIENCE);
}
