//! Email over SMTP, to a relay or a provider's submission server.
//!
//! Sources: RFC 5321 (SMTP), 3207 (STARTTLS), 4954 (AUTH), 2034 and 3463 (enhanced codes), 5322 (the mail), 8058
//! (one-click unsubscribe), 6376 (DKIM),
//! 3464 (what comes back).
//!
//! Acceptance is the reply to the end of DATA. Until that end is sent the server has taken nothing (RFC 5321
//! §4.1.1.4); from then until its reply, it is in doubt. A server knows no repeat from a second mail: what a repeat has
//! is the same Message-ID.

mod attached;
mod bounces;
mod dkim;
mod dsn;
mod mail;
mod maildir;
mod reply;
mod returns;
mod session;
mod settings;
#[cfg(test)]
mod tests;

pub use bounces::{BOUNCES, collect};
pub use returns::mailbox;
pub use settings::{Access, SmtpSettings};

use super::{MAILBOXES, push::Desk};
use crate::files::FileStore;
use processors::{
    codes::{Handling, judge},
    ports::{Clock, DeadToken, Reply},
    reference::Vendor,
};
use schemas::Dispatch;
use session::{Failed, Limits, NotOpen, Session, Word};
use settings::Server;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// Connections are kept so long for the next mail; servers wait minutes for it.
const IDLE: Duration = Duration::from_secs(30);

/// The server lets none of our mails in: its login is refused, whatever digits say so.
const LOCKED_OUT: &str = "5.7.8";

/// Connections to one mail server. Mails in flight each have one; how many there are is the sender's to bound
/// (`max_in_flight`).
pub struct Client {
    /// The row's address that they lead to.
    pub url: String,
    server: Server,
    access: Arc<Access>,
    idle: Mutex<Vec<(Session, Instant)>>,
}

impl Client {
    /// Connects to nothing yet.
    pub fn new(url: &str, access: Arc<Access>) -> Result<Self, String> {
        let server = Server::of(url).ok_or("the address of the mail server is none")?;
        Ok(Self { url: url.to_owned(), server, access, idle: Mutex::default() })
    }

    /// Sends one mail.
    pub async fn send(
        &self,
        vendor: &Vendor,
        dispatch: &Dispatch,
        files: Option<&FileStore>,
        dead: &Desk,
        clock: &dyn Clock,
    ) -> Reply {
        let end = Instant::now() + Duration::from_millis(u64::from(vendor.timeout_ms));
        let mut attached = match attached::read(dispatch, files, &self.access.attaching, end).await {
            Ok(attached) => attached,
            Err(reply) => return reply,
        };
        let files = std::mem::take(&mut attached.files);
        let mut mail = match mail::mail(dispatch, files, self.access.unsubscribe.as_ref(), clock.now_ms()) {
            Ok(mail) => mail,
            // What a server would answer, without a mail that could only be refused.
            Err(reason) => return reply::code(reason.code()),
        };
        let to = mailbox(&mail.to);
        if let Some(Some(code)) = dead.known(MAILBOXES, std::iter::once(&*to)).await.pop() {
            return reply::code(&code).unasked();
        }
        if let Some(dkim) = &self.access.dkim {
            match dkim.signed(&mail.bytes, clock.now_ms()) {
                Ok(signed) => mail.bytes = signed,
                Err(reason) => return Reply::NotSent(reason),
            }
        }
        let limits = Limits { command: self.access.times.first_byte(), end };
        let return_path = match (&self.access.returns, self.access.smtp.return_path.as_str()) {
            (Some(returns), _) => &returns.address(&dispatch.serial_number, &mail.to),
            (None, "") => &mail.from,
            (None, all) => all,
        };
        loop {
            let (mut session, used) = match self.kept() {
                Some(session) => (session, true),
                None => match self.open(end).await {
                    Ok(session) => (session, false),
                    Err(NotOpen::Reason(reason)) => return Reply::NotSent(reason),
                    Err(NotOpen::LockedOut) => return reply::code(LOCKED_OUT),
                },
            };
            match session.deliver(&mail, return_path, limits).await {
                Ok(Word { reply: said, of_sender }) => {
                    if said.is_done() || said.code != 421 && session.reset(limits).await {
                        self.keep(session);
                    }
                    let code = said.table_code();
                    if !of_sender && judge(vendor.codes, &code).handling == Handling::Address {
                        let (vendor, since_ms) = (MAILBOXES.to_owned(), clock.now_ms());
                        dead.note(DeadToken { vendor, token: to, code, since_ms });
                    }
                    return said.answer();
                }
                // The server has closed it while nobody looked: another one.
                Err(Failed::Gone(_)) if used => {}
                Err(Failed::Gone(reason) | Failed::NotSent(reason)) => return Reply::NotSent(reason),
                Err(Failed::LockedOut) => return reply::code(LOCKED_OUT),
                Err(Failed::NoAnswer(reason)) => return Reply::NoAnswer(reason),
            }
        }
    }

    async fn open(&self, end: Instant) -> Result<Session, NotOpen> {
        let by = end.min(Instant::now() + Duration::from_millis(u64::from(self.access.times.connect_ms)));
        let opened = timeout_at(by, Session::open(&self.server, &self.access)).await;
        opened.unwrap_or_else(|_| Err("no connection in time".into()))
    }

    fn kept(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(session, _)| session)
    }

    fn keep(&self, session: Session) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((session, Instant::now()));
    }
}
