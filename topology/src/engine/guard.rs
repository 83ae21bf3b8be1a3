//! What a record makes panic is a defect of ours, and no reason to stop for all the others.

use crate::log::Record;
use processors::seldom::Seldom;
use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::Once,
};

/// By its place in the code: how many records panic is counted as dead letters.
static RECORDS_TOLD: Seldom = Seldom::new();

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static AT_A_STORE: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What `decide` says, or where it panicked, `file:line:column`. The words of such a panic are told nowhere: they may
/// hold what the record holds. What it has changed by then is the caller's to undo. A panic at a store goes on.
pub(crate) fn guarded<T>(decide: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| match GUARDED.get() {
            true => PLACE.set(info.location().map_or_else(String::new, ToString::to_string)),
            false => others(info),
        }));
    });
    let before = GUARDED.replace(true);
    let decided = catch_unwind(AssertUnwindSafe(decide));
    GUARDED.set(before);
    decided.map_err(|words| {
        let place = PLACE.take();
        if AT_A_STORE.get() {
            // The outermost guard tells it, and is the last that it passes.
            if !before {
                AT_A_STORE.set(false);
                tracing::error!(panicked_at = place, "a call of a store panicked");
            }
            PLACE.set(place);
            panic::resume_unwind(words);
        }
        place
    })
}

/// Calls a store. No record is to blame when that panics, and nobody knows what became of the store's client: the stream
/// stops, and nothing is set aside.
pub fn at_a_store<T>(call: impl FnOnce() -> T) -> T {
    let before = AT_A_STORE.replace(true);
    let answer = call();
    AT_A_STORE.set(before);
    answer
}

/// What is decided for a record; the inner error, or a panic, makes it a dead letter.
pub fn guard<T, R: ToString, E>(
    record: &Record,
    decide: impl FnOnce() -> Result<Result<T, R>, E>,
) -> Result<Result<T, String>, E> {
    let decided = guarded(decide).map(|decided| decided.map(|decided| decided.map_err(|reason| reason.to_string())));
    decided.unwrap_or_else(|panicked_at| {
        let (topic, partition, offset) = (record.place.topic.name(), record.place.partition, record.offset);
        if RECORDS_TOLD.is_news(&panicked_at) {
            tracing::error!(
                topic,
                partition,
                offset,
                panicked_at,
                "a record makes this program panic: it is set aside. Others that do so there are told once a minute, and counted \
                 by ims_dead_letters_total"
            );
        }
        Ok(Err(format!("a defect: this program panics at {panicked_at}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_by_its_place_and_not_by_its_words() {
        let secret = "010-1234-5678";
        let line = line!() + 1;
        let place = guarded(|| panic!("{secret}")).map(|()| "none").unwrap_err();
        assert!(place.starts_with(&format!("{}:{line}:", file!())), "{place}");
        assert!(!place.contains(secret));
    }

    #[test]
    fn a_panic_at_a_store_is_no_records() {
        let went_on = catch_unwind(|| guarded(|| guarded(|| at_a_store(|| panic!("away")))));
        assert!(went_on.is_err());
        assert_eq!(guarded(|| at_a_store(|| 7)), Ok(7));
        assert!(guarded(|| panic!()).is_err(), "behind it records are to blame again");
    }

    #[test]
    fn panics_that_nobody_guards_are_told_as_ever() {
        assert_eq!(guarded(|| guarded(|| 7)), Ok(Ok(7)));
        assert!(!GUARDED.get());
        assert!(guarded(|| panic!()).map(|()| "none").is_err());
        assert!(!GUARDED.get());
    }
}
