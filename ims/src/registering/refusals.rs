//! What a dealer refused, and how long each is left alone: longer each time, told once.

use super::LONGEST_WAIT;
use processors::{reference::Template, rest::rests};
use rustc_hash::{FxHashMap, FxHashSet};
use std::{sync::Arc, time::Duration};

/// Customer, code, and what it is registered under.
pub type Name = (String, String, String);

struct Refused {
    /// As it was brought; None: it was to be deleted. What says something else by now is brought at once.
    template: Option<Arc<Template>>,
    reason: String,
    wait: Duration,
    until_ms: i64,
}

/// All that was refused and is to be tried again.
#[derive(Default)]
pub struct Refusals(FxHashMap<Name, Refused>);

impl Refusals {
    /// Whether it is left alone now.
    pub fn rests(&self, name: &Name, template: Option<&Arc<Template>>, now_ms: i64) -> bool {
        let rests = |until_ms| rests(until_ms, LONGEST_WAIT.as_millis() as i64, now_ms);
        self.0.get(name).is_some_and(|refused| refused.template.as_ref() == template && rests(refused.until_ms))
    }

    /// It was refused. Whether that is new, and to be told.
    pub fn note(
        &mut self,
        name: &Name,
        template: Option<&Arc<Template>>,
        reason: &str,
        every: Duration,
        now_ms: i64,
    ) -> bool {
        let before = self.0.remove(name).filter(|before| before.template.as_ref() == template);
        let wait = before.as_ref().map_or(every, |before| before.wait * 2).min(LONGEST_WAIT);
        let is_new = before.is_none_or(|before| before.reason != reason);
        let until_ms = now_ms + wait.as_millis() as i64;
        let refused = Refused { template: template.cloned(), reason: reason.to_owned(), wait, until_ms };
        self.0.insert(name.clone(), refused);
        is_new
    }

    /// It was not.
    pub fn clear(&mut self, name: &Name) {
        self.0.remove(name);
    }

    /// Forgets all but these.
    pub fn keep(&mut self, seen: &FxHashSet<Name>) {
        self.0.retain(|name, _| seen.contains(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(60);

    #[test]
    fn a_refused_template_is_left_alone_longer_each_time_and_told_once() {
        let mut refusals = Refusals::default();
        let name: Name = ("shop".into(), "ORDER".into(), "key".into());
        let [first, changed] =
            ["a", "b"].map(|text| Arc::new(Template { message: text.into(), ..Template::default() }));
        let mut note = |template, reason: &str, now_ms| {
            let told = refusals.note(&name, Some(template), reason, EVERY, now_ms);
            let rests = |ms| refusals.rests(&name, Some(template), now_ms + ms);
            let waits = (1..).find(|minutes| !rests(minutes * 60_000)).unwrap();
            (told, waits)
        };
        assert_eq!(note(&first, "no", 0), (true, 1));
        assert_eq!(note(&first, "no", 60_000), (false, 2));
        assert_eq!(note(&first, "never", 200_000), (true, 4), "another reason is told");
        assert_eq!(note(&changed, "never", 200_000), (true, 1), "it says something else");
        for _ in 0..100 {
            note(&changed, "never", 200_000);
        }
        assert_eq!(note(&changed, "never", 0), (false, 60), "an hour at most");
        assert!(!refusals.rests(&name, Some(&first), 0) && !refusals.rests(&name, None, 0));
        refusals.keep(&FxHashSet::default());
        assert!(!refusals.rests(&name, Some(&changed), 0));
    }
}
