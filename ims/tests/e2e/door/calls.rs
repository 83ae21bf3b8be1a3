//! A steady load of requests, whatever becomes of their answers.

use super::{Customer, sms};
use crate::support::{PATIENCE, figure, until};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Requests a second in all, by so many callers: an answer that takes its second delays no other caller.
pub const PER_SECOND: usize = 200;
const CALLERS: usize = 40;
/// Of so many requests one is refused: its number is none.
const REFUSED: usize = 10;
/// A request and its answer.
struct Answered {
    id: String,
    refused: bool,
    status: u16,
    told: Value,
    took: Duration,
}

/// What the answers said.
pub struct Told {
    /// Ids that were answered 0000.
    pub confirmed: Vec<String>,
    /// 9998.
    pub unconfirmed: Vec<String>,
    /// 1400.
    pub refused: Vec<String>,
    /// 9998, of those that would have been refused: behind a gateway nobody may be there to do it.
    pub unjudged: Vec<String>,
    /// The longest that any of them took.
    pub slowest: Duration,
}

/// Sends while `meanwhile` runs, which is given the way to wait until more are confirmed than were. Every request has an
/// answer that is one of the three.
pub fn under_load(customer: &Customer, meanwhile: impl FnOnce(&dyn Fn(&str))) -> Told {
    let (stop, confirmed) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    let more = |what: &str| {
        let enough = confirmed.load(Ordering::Relaxed) + figure(PER_SECOND, 10 * PER_SECOND);
        until(&format!("more are confirmed {what}"), PATIENCE, || {
            (confirmed.load(Ordering::Relaxed) >= enough).then_some(())
        });
    };
    let answers: Vec<Answered> = thread::scope(|scope| {
        let callers: Vec<_> =
            (0..CALLERS).map(|name| scope.spawn(move || caller(customer, name, stop, confirmed))).collect();
        // Also when it panics, or nobody would.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| meanwhile(&more)));
        stop.store(true, Ordering::Relaxed);
        let answers = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        answers
    });
    let slowest = answers.iter().map(|answer| answer.took).max().unwrap();
    let mut of =
        Told { confirmed: Vec::new(), unconfirmed: Vec::new(), refused: Vec::new(), unjudged: Vec::new(), slowest };
    for Answered { id, refused, status, told, .. } in answers {
        match (refused, status, told["code"].as_str()) {
            (true, 200, Some("1400")) => of.refused.push(id),
            (false, 200, _) => {
                assert_eq!(told, json!({"code": "0000", "data": id}));
                of.confirmed.push(id);
            }
            (true, 503, Some("9998")) => of.unjudged.push(id),
            (false, 503, Some("9998")) => of.unconfirmed.push(id),
            _ => panic!("{id}: {status} {told}"),
        }
    }
    eprintln!(
        "{} confirmed, {} not confirmed, {} refused; the slowest answer took {slowest:?}",
        of.confirmed.len(),
        of.unconfirmed.len(),
        of.refused.len()
    );
    of
}

/// Sends at a steady pace until it is told to stop.
fn caller(customer: &Customer, name: usize, stop: &AtomicBool, confirmed: &AtomicUsize) -> Vec<Answered> {
    let (pace, mut next) = (Duration::from_secs(1) * CALLERS as u32 / PER_SECOND as u32, Instant::now());
    let mut answers = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let (id, refused) = (format!("K{name}-{}", answers.len()), answers.len() % REFUSED == 0);
        let mut body = sms(&id);
        if refused {
            body["phone_number"] = "12".into();
        }
        let began = Instant::now();
        let (status, told) = customer.send(&body);
        let took = began.elapsed();
        confirmed.fetch_add(usize::from(status == 200 && !refused), Ordering::Relaxed);
        answers.push(Answered { id, refused, status, told, took });
        next += pace;
        thread::park_timeout(next.saturating_duration_since(Instant::now()));
    }
    answers
}
