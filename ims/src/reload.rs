//! Takes up changes of the reference data while streams run.

use connectors::reference::FileReference;
use metrics::{counter, gauge};
use std::{
    io,
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};
use topology::metrics as names;

/// How often the file is looked at. A change is taken up at the second look that finds it the same: within 2 s and the
/// time of reading, of the 5 s that are promised.
const LOOK: Duration = Duration::from_secs(1);

/// Looks at the file until this is dropped.
pub struct Reloading {
    _stop: Option<Sender<()>>,
}

impl Reloading {
    /// Begins to look, when there is a file.
    pub fn start(reference: Arc<FileReference>) -> io::Result<Self> {
        if !reference.is_file() {
            return Ok(Self { _stop: None });
        }
        let (stop, stopped) = channel();
        thread::Builder::new().name("reference".into()).spawn(move || {
            let mut state = State { taken: Instant::now(), refused: None };
            loop {
                state.look(&reference);
                if stopped.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        })?;
        Ok(Self { _stop: Some(stop) })
    }
}

struct State {
    taken: Instant,
    /// Since when a changed file is refused.
    refused: Option<Instant>,
}

impl State {
    fn look(&mut self, reference: &FileReference) {
        let reloaded = reference.reload();
        match &reloaded {
            Ok(None) => {}
            Ok(Some(_)) => {
                (self.taken, self.refused) = (Instant::now(), None);
                counter!(names::REFERENCE_RELOADS, "result" => "taken").increment(1);
            }
            Err(_) => {
                self.refused.get_or_insert_with(Instant::now);
                counter!(names::REFERENCE_RELOADS, "result" => "refused").increment(1);
            }
        }
        gauge!(names::REFERENCE_AGE).set(self.taken.elapsed().as_secs_f64());
        gauge!(names::REFERENCE_STALE).set(self.refused.map_or(0.0, |since| since.elapsed().as_secs_f64()));
        // Last: who reads the line may ask for the metrics at once.
        match reloaded {
            Ok(None) => {}
            Ok(Some(changes)) => tracing::info!(%changes, "reference data taken up"),
            Err(error) => {
                tracing::warn!(%error, "changed reference data refused: the old data stays in force until the file is mended");
            }
        }
    }
}
