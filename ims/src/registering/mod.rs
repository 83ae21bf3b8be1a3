//! Brings 알림톡 templates and sender profiles to the dealers that register them at Kakao, and takes their word on what became of
//! them (docs/center.md), beside the streams.

mod pause;
mod profiles;
mod refusals;
mod round;
#[cfg(test)]
mod tests;

use crate::{assemble::now_ms, beside::Beside};
use connectors::{
    reference::Editor,
    vendors::{Registrar, TEMPLATES},
};
use metrics::counter;
use pause::Pause;
use processors::ports::Away;
pub use profiles::Profiles;
use refusals::Refusals;
use round::Round;
use std::{io, time::Duration};

/// How long a store that is away is left alone, and a dealer at first.
const REST: Duration = Duration::from_secs(60);
/// Longest wait for a dealer that is away, and for one that refuses a template.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// How long a process that died keeps others from asking, beside the time of its calls.
const HELD: Duration = Duration::from_secs(60);

/// Where templates are registered. Several processes may want to: one at a time does.
pub struct Registration {
    editor: Editor,
    registrar: Registrar,
    /// This process, among those that want to.
    holder: String,
    refusals: Refusals,
    pause: Pause,
}

/// Why a turn ended early.
enum Stop {
    Store(Away),
    Dealer { reason: String, wait: Option<Duration> },
}

impl From<Away> for Stop {
    fn from(away: Away) -> Self {
        Self::Store(away)
    }
}

/// Takes turns, where there is a dealer that registers something.
pub fn begin(templates: Option<Registration>, profiles: Option<Profiles>) -> io::Result<Vec<Beside>> {
    let templates = templates.map(|mut templates| Beside::start("templates", move || templates.turn()));
    let profiles = profiles.map(|mut profiles| Beside::start("profiles", move || profiles.turn()));
    templates.into_iter().chain(profiles).collect()
}

impl Registration {
    /// Of this store, at this dealer. `holder` tells this process from the others.
    pub fn new(editor: Editor, registrar: Registrar, holder: String) -> Self {
        Self { editor, registrar, holder, refusals: Refusals::default(), pause: Pause::default() }
    }

    /// One turn; how long to wait before the next.
    fn turn(&mut self) -> Duration {
        let (vendor, every) = (self.registrar.name().to_owned(), self.registrar.every());
        match self.go_round() {
            Ok(()) => {
                self.pause.end();
                every
            }
            Err(Stop::Store(error)) => {
                tracing::warn!(%error, vendor, "templates cannot be brought to their dealer now: trying again in a minute");
                REST
            }
            Err(Stop::Dealer { reason, wait }) => {
                counter!(TEMPLATES, "vendor" => vendor.clone(), "outcome" => "failed").increment(1);
                let wait = self.pause.longer(every, wait);
                let again_s = wait.as_secs();
                tracing::warn!(
                    vendor,
                    reason,
                    again_s,
                    "templates wait for their dealer: what it says meanwhile, an operator may enter"
                );
                wait
            }
        }
    }

    fn go_round(&mut self) -> Result<(), Stop> {
        let Self { editor, registrar, holder, refusals, .. } = self;
        let (registrar, holder) = (&*registrar, &*holder);
        let held = HELD + registrar.patience() * 2 * round::LOOKS;
        let mut turn = move |editor: &mut Editor| {
            let now_ms = now_ms();
            editor.take_turn(registrar.name(), holder, now_ms, now_ms + held.as_millis() as i64)
        };
        // Without a part of its calls it would only keep the others from asking.
        if !registrar.has_part() || !turn(editor)? || !round::is_due(editor, registrar.name())? {
            return Ok(());
        }
        let visit = registrar.visit().map_err(|reason| Stop::Dealer { reason, wait: None })?;
        let (vendor, every) = (registrar.name(), registrar.every());
        Round { editor, visit, vendor, every, refusals, failed: false, turn: &mut turn }.go()
    }
}
