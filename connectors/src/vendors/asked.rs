//! A store that many ask: one thread asks it for all who wait at that moment.

use processors::ports::{Away, Clock};
use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    mpsc::{Receiver, Sender, channel},
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
    questions: OnceLock<Sender<Q>>,
}

impl<Q: Question> Asked<Q> {
    /// Asks nobody yet.
    pub fn new(store: Box<Q::Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store: Mutex::new(Some(store)), clock, questions: OnceLock::new() }
    }

    /// Asks when it is its turn.
    pub fn ask(&self, question: Q) {
        // A thread that could not be started answers nobody.
        let _ = self.questions.get_or_init(|| self.start()).send(question);
    }

    fn start(&self) -> Sender<Q> {
        let (questions, waiting) = channel();
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner).take();
        let clock = Arc::clone(&self.clock);
        let work = move || store.into_iter().for_each(|store| serve::<Q>(store, &waiting, &*clock));
        if let Err(error) = std::thread::Builder::new().name(Q::THREAD.into()).spawn(work) {
            tracing::error!(%error, "no thread: {}", Q::AWAY);
        }
        questions
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
