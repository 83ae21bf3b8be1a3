//! A store that many ask: one thread asks it for all who wait at that moment.

use crate::threads::ended;
use processors::ports::{Away, Clock};
use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
};

/// What is asked of a store, several at once.
pub trait Question: Sized + Send + 'static {
    /// The store.
    type Store: ?Sized + Send + 'static;
    /// Name of the thread.
    const THREAD: &'static str;
    /// What comes of it while the store is away.
    const AWAY: &'static str;
    /// Things of one question to the store.
    const MOST: usize;

    /// Things of this one.
    fn size(&self) -> usize;

    /// Asks, and tells whoever waits.
    fn ask(all: Vec<Self>, store: &mut Self::Store, now_ms: i64) -> Result<(), Away>;
}

/// The way to the store. Its thread starts with the first question and ends with this.
pub struct Asked<Q: Question> {
    store: Mutex<Option<Box<Q::Store>>>,
    clock: Arc<dyn Clock>,
    /// With the thread; None: it could not be started.
    questions: OnceLock<(Sender<Q>, Option<JoinHandle<()>>)>,
}

impl<Q: Question> Asked<Q> {
    /// Asks nobody yet.
    pub fn new(store: Box<Q::Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store: Mutex::new(Some(store)), clock, questions: OnceLock::new() }
    }

    /// Asks when it is its turn.
    pub fn ask(&self, question: Q) {
        // A thread that is none answers nobody: see must_work.
        let _ = self.questions.get_or_init(|| self.start()).0.send(question);
    }

    /// Panics when nobody will ever be answered again.
    pub fn must_work(&self) {
        if let Some((_, thread)) = self.questions.get()
            && thread.as_ref().is_none_or(JoinHandle::is_finished)
        {
            ended(Q::THREAD);
        }
    }

    fn start(&self) -> (Sender<Q>, Option<JoinHandle<()>>) {
        let (questions, waiting) = channel();
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner).take();
        let clock = Arc::clone(&self.clock);
        let work = move || store.into_iter().for_each(|store| serve::<Q>(store, &waiting, &*clock));
        let thread = std::thread::Builder::new().name(Q::THREAD.into()).spawn(work);
        (questions, thread.inspect_err(|error| tracing::error!(%error, "no thread: {}", Q::AWAY)).ok())
    }
}

/// Serves until nobody can ask.
fn serve<Q: Question>(mut store: Box<Q::Store>, waiting: &Receiver<Q>, clock: &dyn Clock) {
    let mut away = false;
    while let Ok(first) = waiting.recv() {
        let (mut all, mut size, mut next) = (Vec::new(), 0, Some(first));
        while let Some(question) = next {
            size += question.size();
            all.push(question);
            next = (size < Q::MOST).then(|| waiting.try_recv().ok()).flatten();
        }
        match Q::ask(all, &mut store, clock.now_ms()) {
            Ok(()) => away = false,
            Err(error) if !std::mem::replace(&mut away, true) => tracing::warn!(%error, "{}", Q::AWAY),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::{contract::Now, testing::until};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Whether the store is to panic, and who is answered.
    struct Said(bool, Sender<()>);

    impl Question for Said {
        type Store = dyn Send;
        const THREAD: &'static str = "store-of-a-test";
        const AWAY: &'static str = "away";
        const MOST: usize = 1;

        fn size(&self) -> usize {
            1
        }

        fn ask(all: Vec<Self>, _: &mut Self::Store, _: i64) -> Result<(), Away> {
            for Self(panics, answer) in all {
                assert!(!panics, "on purpose");
                answer.send(()).unwrap();
            }
            Ok(())
        }
    }

    #[test]
    fn who_needs_a_store_whose_thread_panicked_ends_with_it() {
        let asked = Asked::<Said>::new(Box::new(()), Arc::new(Now));
        let (answer, answered) = channel();
        asked.must_work();
        asked.ask(Said(false, answer.clone()));
        answered.recv().unwrap();
        asked.must_work();
        asked.ask(Said(true, answer));
        until("nobody notices", || catch_unwind(AssertUnwindSafe(|| asked.must_work())).is_err());
    }
}
