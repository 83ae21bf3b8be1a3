//! Stores behind the door: they block, so each has threads of its own that answer one question at a time.

use super::answer::Problem;
use processors::ports::Away;
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// Questions that may wait; more are told to come again.
const WAITING: usize = 256;
/// How long who asks waits for the answer.
pub const PATIENCE: Duration = Duration::from_secs(5);

type Question<S> = Box<dyn FnOnce(&mut S) + Send>;

/// Where a store is asked.
pub struct Clerk<S> {
    to: mpsc::Sender<Question<S>>,
}

impl<S: 'static> Clerk<S> {
    /// Starts so many threads, which end with the clerk. The store is opened at the first question.
    pub fn start<E: ToString>(
        name: &'static str,
        threads: usize,
        open: impl Fn() -> Result<S, E> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (to, from) = mpsc::channel(WAITING);
        let (from, open) = (Arc::new(Mutex::new(from)), Arc::new(open));
        for _ in 0..threads {
            let (from, open) = (Arc::clone(&from), Arc::clone(&open));
            thread::Builder::new().name(name.into()).spawn(move || work(name, &from, &*open))?;
        }
        Ok(Self { to })
    }

    /// Asks. Who stops waiting may have been heard all the same.
    pub async fn ask<T: Send + 'static>(
        &self,
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
        self.to.try_send(question).map_err(|_| Problem::TooMany)?;
        match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(_)) | Err(_) => Err(Problem::StoreAway),
        }
    }
}

fn work<S, E: ToString>(
    name: &'static str,
    from: &Mutex<mpsc::Receiver<Question<S>>>,
    open: &dyn Fn() -> Result<S, E>,
) {
    let mut store = None;
    loop {
        // Who waits for the next question holds the others off, and there is nothing for them to do.
        let next = from.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(question) = next else { return };
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
        let panics = clerk.ask(|asked: &mut u32| -> Result<u32, Away> {
            *asked += 1;
            panic!("on purpose")
        });
        assert_eq!(panics.await, Err(Problem::StoreAway));
        assert_eq!(clerk.ask(|asked: &mut u32| Ok(*asked)).await, Ok(0), "of a store that was opened anew");
    }
}
