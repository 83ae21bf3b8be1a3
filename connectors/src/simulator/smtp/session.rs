//! One customer's connection to a mail server.

use super::{Served, bounce::Sent};
use crate::{
    simulator::{
        Answering, Asked, Spoiled,
        door::{Cutter, Door, Wire},
    },
    vendors::Shared,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use processors::{ports::Reply, reference::Vendor};
use schemas::Family;
use smtp_proto::{
    AUTH_PLAIN, Error, Request,
    request::receiver::{DataReceiver, MAX_LINE_LENGTH},
};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    time::sleep,
};

/// Bytes of a mail: what is behind them is not kept, and the mail is refused.
const MOST_MAIL: usize = 64 << 20;

/// A connection.
pub struct Session {
    wire: BufReader<Box<dyn Wire>>,
    cutter: Cutter,
    door: Door,
    served: Arc<Served>,
    /// TLS has begun.
    secured: bool,
    /// Who has logged in.
    customer: Option<usize>,
    from: Option<String>,
    to: Option<String>,
}

/// What follows on an answer.
enum Then {
    Say(String),
    /// The connection ends after it.
    Last(String),
    StartTls,
    Data,
}

fn say(text: &str) -> Then {
    Then::Say(format!("{text}\r\n"))
}

impl Session {
    /// Nothing is said yet.
    pub fn new(wire: Box<dyn Wire>, cutter: Cutter, door: Door, served: Arc<Served>) -> Self {
        let wire = BufReader::new(wire);
        Self { wire, cutter, door, served, secured: false, customer: None, from: None, to: None }
    }

    /// Until one of both has enough.
    pub async fn run(mut self) -> io::Result<()> {
        self.write(b"220 simulated ESMTP\r\n").await?;
        loop {
            let mut line = Vec::new();
            (&mut self.wire).take(MAX_LINE_LENGTH as u64).read_until(b'\n', &mut line).await?;
            if !line.ends_with(b"\n") {
                return Ok(());
            }
            let request = Request::parse(&mut line.iter()).map(Request::into_owned);
            match self.answer(request) {
                Then::Say(text) => self.write(text.as_bytes()).await?,
                Then::Last(text) => return self.write(text.as_bytes()).await,
                Then::StartTls => {
                    self.write(b"220 2.0.0 go ahead\r\n").await?;
                    if !self.wire.buffer().is_empty() {
                        // Said before it could be said over TLS.
                        return Ok(());
                    }
                    let wire = self.door.secure(self.wire.into_inner()).await?;
                    self = Self { secured: true, ..Self::new(wire, self.cutter, self.door, self.served) };
                }
                Then::Data => {
                    self.write(b"354 go on\r\n").await?;
                    let Some(mail) = self.mail().await? else { return Ok(()) };
                    if !self.take(&mail).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn answer(&mut self, request: Result<Request<String>, Error>) -> Then {
        let request = match request {
            Ok(request) => request,
            Err(Error::InvalidSenderAddress) => return say("553 5.1.7 the sender's address is malformed"),
            Err(Error::InvalidRecipientAddress) => return say("553 5.1.3 the recipient's address is malformed"),
            Err(Error::UnknownCommand) => return say("500 5.5.1 unknown command"),
            Err(_) => return say("501 5.5.4 that cannot be read"),
        };
        let must_secure = self.door.is_secure() && !self.secured;
        match request {
            Request::Ehlo { .. } => {
                (self.from, self.to) = (None, None);
                let more = if must_secure { "STARTTLS" } else { "AUTH PLAIN" };
                Then::Say(format!("250-simulated\r\n250-{more}\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"))
            }
            Request::StartTls if must_secure => Then::StartTls,
            Request::Auth { .. } if must_secure => say("538 5.7.11 TLS first"),
            Request::Auth { mechanism: AUTH_PLAIN, initial_response } => {
                self.customer = self.knows(&initial_response);
                match self.customer {
                    Some(_) => say("235 2.7.0 welcome"),
                    None => say("535 5.7.8 nobody of that name and password"),
                }
            }
            Request::Auth { .. } => say("504 5.5.4 PLAIN alone"),
            Request::Mail { .. } if must_secure => say("530 5.7.0 TLS first"),
            Request::Mail { .. } if self.whose().is_none() => say("530 5.7.0 log in first"),
            Request::Mail { from } if self.from.is_none() => {
                self.from = Some(from.address);
                say("250 2.1.0 fine")
            }
            Request::Rcpt { .. } if self.to.is_some() => say("452 4.5.3 one recipient of a mail"),
            Request::Rcpt { to } if self.from.is_some() => {
                self.to = Some(to.address);
                say("250 2.1.5 fine")
            }
            Request::Data if self.to.is_some() => Then::Data,
            Request::Mail { .. } | Request::Rcpt { .. } | Request::Data => say("503 5.5.1 not now"),
            Request::Rset => {
                (self.from, self.to) = (None, None);
                say("250 2.0.0 forgotten")
            }
            Request::Noop { .. } => say("250 2.0.0 fine"),
            Request::Quit => Then::Last("221 2.0.0 bye\r\n".to_owned()),
            _ => say("502 5.5.1 not here"),
        }
    }

    /// Who this is, by `\0USER\0PASSWORD`.
    fn knows(&self, response: &str) -> Option<usize> {
        let decoded = String::from_utf8(BASE64_STANDARD.decode(response).ok()?).ok()?;
        let (user, password) = decoded.strip_prefix('\0')?.split_once('\0')?;
        let is = |shared: &Shared| !user.is_empty() && shared.key == user && shared.password == password;
        self.served.vendors.iter().position(is)
    }

    /// Who has logged in, or the customer of the server that wants no login.
    fn whose(&self) -> Option<Arc<Vendor>> {
        let open = || self.served.vendors.iter().position(|shared| shared.key.is_empty());
        let place = self.customer.or_else(open)?;
        Some(Arc::clone(&self.served.vendors.get(place)?.vendor))
    }

    /// A mail up to its end, which is left out; None: there was no end.
    async fn mail(&mut self) -> io::Result<Option<Vec<u8>>> {
        let (mut receiver, mut mail) = (DataReceiver::new(), Vec::new());
        loop {
            let some = self.wire.fill_buf().await?;
            if some.is_empty() {
                return Ok(None);
            }
            let mut bytes = some.iter();
            let ended = receiver.ingest(&mut bytes, &mut mail);
            let read = some.len() - bytes.as_slice().len();
            self.wire.consume(read);
            if ended {
                return Ok(Some(mail));
            }
            mail.truncate(MOST_MAIL + 1);
        }
    }

    /// Answers the end of a mail as its fate is; false: the connection ends.
    async fn take(&mut self, mail: &[u8]) -> io::Result<bool> {
        let (Some(vendor), Some(from), Some(to)) = (self.whose(), self.from.take(), self.to.take()) else {
            return Ok(false);
        };
        if mail.len() > MOST_MAIL {
            self.write(b"552 5.3.4 too large\r\n").await?;
            return Ok(true);
        }
        let serial_number = self.served.serial_number(mail);
        let attempt = self.served.attempts.next(&format!("{}/{serial_number}", vendor.name));
        let asked = Asked {
            family: Family::Email,
            serial_number: &serial_number,
            part: "",
            known_by: None,
            attempt,
            lasts: None,
        };
        // Before it may come back.
        self.served.note(&vendor.name, &serial_number, Sent { from, to });
        let Answering { after_ms, reply, spoiled } = self.served.simulator.serve(&vendor, &asked);
        sleep(Duration::from_millis(after_ms.max(0).unsigned_abs())).await;
        match spoiled {
            None => {}
            Some(Spoiled::Reset) => {
                self.cutter.reset();
                return Ok(false);
            }
            Some(Spoiled::SlowBody) => sleep(Duration::from_millis(u64::from(vendor.timeout_ms) * 2)).await,
            Some(Spoiled::WrongJson) => {
                self.write(b"250 2.").await?;
                return Ok(false);
            }
            Some(Spoiled::WrongCharset) => {
                self.write(b"250 \xbc\xba\xb0\xf8\r\n").await?;
                return Ok(true);
            }
        }
        let code = match reply {
            Reply::Code { code, .. } => code,
            Reply::Throttled(_) => "4.7.28".to_owned(),
            // The socket is open: what a refused connection would be, is here a server that stops.
            Reply::NotSent(_) => "4.3.2".to_owned(),
            // Until the customer gives up.
            Reply::NoAnswer(_)
            | Reply::Forgotten(_)
            | Reply::Undecided(_)
            | Reply::Unasked { .. }
            | Reply::Tokens(_) => {
                self.hear_out().await?;
                return Ok(false);
            }
        };
        let (digits, word) = words(&code);
        self.write(format!("{digits}{word} simulated\r\n").as_bytes()).await?;
        Ok(digits != "421")
    }

    async fn hear_out(&mut self) -> io::Result<()> {
        while let some @ 1.. = self.wire.fill_buf().await?.len() {
            self.wire.consume(some);
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.write_all(bytes).await?;
        self.wire.flush().await
    }
}

/// Digits and enhanced code of a reply with this code of the table, which has either (RFC 5321 §4.2.3, RFC 3463, RFC 4954
/// §6). A server that is about to stop, or has too much to do, closes the connection.
fn words(code: &str) -> (&str, String) {
    let digits = match code {
        "4.3.2" | "4.7.28" => "421",
        "5.7.8" => "535",
        _ if code.starts_with("2.") => "250",
        _ if code.starts_with("4.") => "450",
        _ if code.starts_with("5.") => "550",
        _ => return (code, String::new()),
    };
    (digits, format!(" {code}"))
}
