//! Stores behind the door: they block, so each has threads of its own that answer one question at a time, each customer's
//! in its turn.

use super::{answer::Problem, turns::Turns};
use processors::ports::Away;
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// Questions that may wait; more are told to come again.
const WAITING: usize = 256;
/// How long who asks waits for the answer.
pub const PATIENCE: Duration = Duration::from_secs(5);

type Question<S> = Box<dyn FnOnce(&mut S) + Send>;

/// Where a store is asked.
pub struct Clerk<S>(Arc<Turns<Question<S>>>);

/// The same for one customer.
pub struct Counter<'c, S> {
    turns: &'c Turns<Question<S>>,
    whose: Arc<str>,
}

impl<S: 'static> Clerk<S> {
    /// Starts so many threads, which end with the clerk; where there are several, one customer leaves one to the others. The
    /// store is opened at the first question.
    pub fn start<E: ToString>(
        name: &'static str,
        threads: usize,
        open: impl Fn() -> Result<S, E> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (turns, open) = (Arc::new(Turns::new(WAITING, (threads - 1).max(1))), Arc::new(open));
        for _ in 0..threads {
            let (turns, open) = (Arc::clone(&turns), Arc::clone(&open));
            thread::Builder::new().name(name.into()).spawn(move || work(name, &turns, &*open))?;
        }
        Ok(Self(turns))
    }

    /// Where somebody asks: a customer, or who has a turn of his own.
    pub fn of(&self, whose: impl Into<Arc<str>>) -> Counter<'_, S> {
        Counter { turns: &self.0, whose: whose.into() }
    }
}

impl<S> Drop for Clerk<S> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<S: 'static> Counter<'_, S> {
    /// Asks. Who stops waiting may have been heard all the same.
    pub async fn ask<T: Send + 'static>(
        self,
        question: impl FnOnce(&mut S) -> Result<T, Away> + Send + 'static,
    ) -> Result<T, Problem> {
        let (answer, told) = oneshot::channel();
        let question: Question<S> = Box::new(move |store| {
            if answer.is_closed() {
                return;
            }
            match question(store) {
                // Who gave up asks again.
                Ok(found) => drop(answer.send(found)),
                Err(away) => tracing::warn!(%away, "a store does not answer"),
            }
        });
        if !self.turns.put(&self.whose, question) {
            return Err(Problem::TooMany);
        }
        match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(_)) | Err(_) => Err(Problem::StoreAway),
        }
    }
}

fn work<S, E: ToString>(name: &'static str, turns: &Turns<Question<S>>, open: &dyn Fn() -> Result<S, E>) {
    let mut store = None;
    while let Some((question, _turn)) = turns.next() {
        let opened = match &mut store {
            Some(store) => store,
            None => match open() {
                Ok(opened) => store.insert(opened),
                Err(error) => {
                    tracing::warn!(store = name, cause = error.to_string(), "a store cannot be opened");
                    continue;
                }
            },
        };
        // Its caller is told that the store does not answer. What a panic left of the store is not asked again.
        if catch_unwind(AssertUnwindSafe(|| question(opened))).is_err() {
            tracing::error!(store = name, "a question ended in a panic");
            store = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_question_that_panics_takes_no_thread_with_it() {
        let clerk = Clerk::start("clerk-test", 1, || Ok::<_, String>(0)).unwrap();
        let panics = clerk.of("a").ask(|asked: &mut u32| -> Result<u32, Away> {
            *asked += 1;
            panic!("on purpose")
        });
        assert_eq!(panics.await, Err(Problem::StoreAway));
        assert_eq!(clerk.of("a").ask(|asked: &mut u32| Ok(*asked)).await, Ok(0), "of a store that was opened anew");
    }
}
