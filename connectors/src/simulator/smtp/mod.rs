//! The simulated mail servers behind a socket, over SMTP (RFC 5321), with STARTTLS (RFC 3207) where there is a certificate. A
//! customer is known by its user and password, a mail by its Message-ID; one without is made up a number for.

mod bounce;
mod session;

use super::{Simulator, attempts::Attempts, door::Door, receipts::confirmation};
use crate::vendors::Shared;
use bounce::Sent;
use rustc_hash::FxHashMap;
use session::Session;
use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::{sync::oneshot, task::yield_now, time::sleep};

/// Mails that are remembered, for where they come back to; then all are forgotten.
const KNOWN: usize = 500_000;
/// How often a server looks for mails that come back.
const LOOK: Duration = Duration::from_millis(20);
/// How long it waits for a folder that cannot be written.
const PAUSE: Duration = Duration::from_secs(1);
/// Mails of one look.
const MOST: usize = 100;

/// An open port; closed, and its connections with it, when this is dropped.
pub struct SmtpListener {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

struct Served {
    simulator: Arc<Simulator>,
    vendors: Vec<Shared>,
    attempts: Attempts,
    /// Of mails that may come back: how they were sent, by server and serial number.
    sent: Mutex<FxHashMap<(String, String), Sent>>,
    made_up: AtomicU64,
}

impl SmtpListener {
    /// Opens the port for these mail servers.
    pub fn open(simulator: Arc<Simulator>, listen: &str, vendors: Vec<Shared>) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let door = Door::open(&simulator.settings, &[])?;
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let served = Arc::new(Served {
            simulator,
            vendors,
            attempts: Attempts::default(),
            sent: Mutex::default(),
            made_up: AtomicU64::new(0),
        });
        thread::Builder::new().name("simulator-smtp".into()).spawn(move || {
            runtime.block_on(async {
                for shared in &served.vendors {
                    tokio::spawn(bring(Arc::clone(&served), shared.vendor.name.clone(), shared.bounces.clone()));
                }
                tokio::select! {
                    closed = accept(listener, door, served) => tracing::error!(?closed, "the simulator's port of SMTP is closed"),
                    // The owner is gone.
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { address, _stop: stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, and how it is spoken to: TLS begins with STARTTLS.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }
}

async fn accept(listener: TcpListener, door: Door, served: Arc<Served>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let (door, served) = (door.clone(), Arc::clone(&served));
        tokio::spawn(async move {
            if let Ok((wire, cutter)) = Door::plain(stream) {
                // Who has gone is told nothing.
                let _ = Session::new(wire, cutter, door, served).run().await;
            }
        });
    }
}

impl Served {
    fn serial_number(&self, mail: &[u8]) -> String {
        let id = bounce::message_id(mail);
        id.unwrap_or_else(|| format!("unnamed-{}", self.made_up.fetch_add(1, Ordering::Relaxed)))
    }

    fn note(&self, vendor: &str, serial_number: &str, sent: Sent) {
        let mut known = self.sent();
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert((vendor.to_owned(), serial_number.to_owned()), sent);
    }

    fn sent(&self) -> MutexGuard<'_, FxHashMap<(String, String), Sent>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts what a server could not deliver into the folder that it comes back to, for ever. Of a mail that was taken before this
/// simulator nobody knows where that is, and where there is no folder nobody hears of it.
async fn bring(served: Arc<Served>, vendor: String, folder: Option<PathBuf>) {
    loop {
        let due = served.simulator.deliveries.due_of(&vendor, MOST);
        if due.is_empty() {
            sleep(LOOK).await;
        }
        for due in due {
            let (serial_number, code) = (&due.receipt.serial_number, &due.receipt.code);
            let sent = served.sent().get(&(vendor.clone(), serial_number.clone())).cloned();
            let brought = match (sent.filter(|_| code.starts_with('5')), &folder) {
                (Some(sent), Some(folder)) => bounce::put(folder, serial_number, code, &sent, due.receipt.at_ms),
                // Delivered, or so it seems.
                _ => Ok(()),
            };
            let brought = brought.and_then(|()| served.simulator.confirm(&[confirmation(&due.receipt)]));
            if let Err(error) = brought {
                tracing::error!(vendor, ?folder, %error, "the simulator cannot bring a mail back");
                served.simulator.deliveries.give_back(vec![due]);
                sleep(PAUSE).await;
            }
            // Sessions go on meanwhile.
            yield_now().await;
        }
    }
}
