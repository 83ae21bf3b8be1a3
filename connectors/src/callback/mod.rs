//! Calls of customers' endpoints: HTTP on a thread of its own, where calls wait together and none for another.
//!
//! What a customer names is not to be trusted: only addresses that [`processors::callback::address`] lets pass are
//! connected to, and these very addresses (see `connect`); no redirect is followed, no proxy asked, no answer read
//! beyond [`MOST_READ`].

mod client;
mod connect;
mod request;
mod settings;
#[cfg(test)]
mod tests;

pub use connect::{Network, System};
pub use settings::CallerSettings;

use crate::threads::ended;
use client::Client;
use futures_util::FutureExt as _;
use processors::{
    callback::{Call, Called, Failure, Reply},
    ports::{Caller, Clock},
};
use std::{
    io,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Bytes of an answer's body that are read; what is beyond ends the connection.
pub const MOST_READ: usize = 64 << 10;

/// Name of the thread.
const THREAD: &str = "callback-http";

/// The way to customers' endpoints.
pub struct HttpCaller {
    calls: UnboundedSender<Call>,
    called: mpsc::Receiver<Called>,
}

impl HttpCaller {
    /// Starts the thread; connects to nothing yet. `network` is the machine's, or a test's.
    pub fn open(settings: CallerSettings, clock: Arc<dyn Clock>, network: Arc<dyn Network>) -> io::Result<Self> {
        let (calls, incoming) = unbounded_channel();
        let (answers, called) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name(THREAD.into()).spawn(move || {
            runtime.block_on(serve(incoming, answers, settings, clock, network));
            // A name that is still being looked up holds nobody up.
            runtime.shutdown_background();
        })?;
        Ok(Self { calls, called })
    }
}

/// Makes calls until nobody can ask for more.
async fn serve(
    mut incoming: UnboundedReceiver<Call>,
    answers: mpsc::Sender<Called>,
    settings: CallerSettings,
    clock: Arc<dyn Clock>,
    network: Arc<dyn Network>,
) {
    let client = Arc::new(Client::new(settings, network));
    while let Some(call) = incoming.recv().await {
        let (client, answers, clock) = (Arc::clone(&client), answers.clone(), Arc::clone(&clock));
        tokio::spawn(async move {
            let ticket = call.ticket;
            // Nobody else would ever hear of it, and the report would wait for its answer for ever.
            let reply = AssertUnwindSafe(client.call(call)).catch_unwind().await.unwrap_or_else(|_| {
                tracing::error!("a call makes this program panic: whether it arrived is not known");
                Reply::Failed(Failure::Lost)
            });
            // Nobody listens any more when the worker has ended.
            let _ = answers.send(Called { ticket, reply, at_ms: clock.now_ms() });
        });
    }
}

impl Caller for HttpCaller {
    fn call(&mut self, call: Call) {
        if self.calls.send(call).is_err() {
            ended(THREAD);
        }
    }

    fn answers(&mut self, wait: Duration, into: &mut Vec<Called>) {
        match self.called.recv_timeout(wait) {
            Ok(first) => into.push(first),
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => ended(THREAD),
        }
        into.extend(self.called.try_iter());
    }
}
