//! One connection to a mail server: from greeting to login, and a mail after the other (RFC 5321, 3207, 4954).

use super::{
    mail::Mail,
    reply::Reply,
    settings::{Access, CA_FILE, Server},
};
use crate::vendors::unreached::words;
use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::pki_types::ServerName;
use std::{future::Future, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::{Instant, timeout_at},
};

/// What is spoken over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// How long what follows may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Each command and its reply.
    pub command: Duration,
    /// Everything.
    pub end: Instant,
}

impl Limits {
    async fn within<T>(self, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
        let by = self.end.min(Instant::now() + self.command);
        timeout_at(by, work).await.unwrap_or_else(|_| Err("no answer in time".into()))
    }
}

/// Why there is no connection: nothing of a mail has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotOpen {
    /// The server refuses the login.
    LockedOut,
    /// Anything else.
    Reason(String),
}

impl From<String> for NotOpen {
    fn from(reason: String) -> Self {
        Self::Reason(reason)
    }
}

impl From<&str> for NotOpen {
    fn from(reason: &str) -> Self {
        Self::Reason(reason.to_owned())
    }
}

/// Why there is no reply to a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// It was not even begun: the connection is gone.
    Gone(String),
    /// Its end was not sent: nothing was taken.
    NotSent(String),
    /// The server wants a login that it takes: nothing was taken.
    LockedOut,
    /// Its end may have arrived.
    NoAnswer(String),
}

/// A server's last word on a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What it said.
    pub reply: Reply,
    /// It was said of the sender's address, and of no recipient.
    pub of_sender: bool,
}

/// A connection that is ready for a mail.
pub struct Session(BufReader<Box<dyn Stream>>);

impl Session {
    /// Connects, makes it TLS and logs in; nothing of a mail has left when this fails.
    pub async fn open(server: &Server, access: &Access) -> Result<Self, NotOpen> {
        let tcp = TcpStream::connect((server.host.as_str(), server.port)).await;
        let tcp = tcp.map_err(|error| words(&error, CA_FILE))?;
        tcp.set_nodelay(true).map_err(|error| error.kind().to_string())?;
        let mut session = Self(BufReader::new(Box::new(tcp)));
        if server.implicit_tls {
            session = session.over_tls(server, access).await?;
        }
        let greeting = Reply::read(&mut session.0).await?;
        if greeting.code != 220 {
            return Err(format!("greeted with {}", greeting.table_code()).into());
        }
        let mut offered = session.hello(access).await?;
        if !server.implicit_tls && !access.smtp.plaintext {
            if !offered.iter().any(|line| line.eq_ignore_ascii_case("STARTTLS")) {
                return Err("the server offers no STARTTLS".into());
            }
            session.expect("STARTTLS", 220).await?;
            session = session.over_tls(server, access).await?;
            // What was offered without TLS may be anybody's.
            offered = session.hello(access).await?;
        }
        if let Some(key) = &access.password {
            let password = key.header();
            let refused = session.log_in(&offered, &access.smtp.user, password.to_str().unwrap_or_default()).await?;
            // 454 passes: the server cannot look the password up now (RFC 4954 §6).
            if let Some(code) = refused.as_ref().filter(|code| code.starts_with('4')) {
                return Err(format!("the server cannot log us in now, {code}").into());
            }
            if refused.is_some() {
                key.renew(&password);
                return Err(NotOpen::LockedOut);
            }
        }
        Ok(session)
    }

    /// TLS from here on. What came before it and was not read would pass for what comes after it: there must be none.
    async fn over_tls(self, server: &Server, access: &Access) -> Result<Self, String> {
        if !self.0.buffer().is_empty() {
            return Err("the server spoke out of turn before TLS".into());
        }
        let name = ServerName::try_from(server.host.clone()).map_err(|_| "no name that a certificate can be for")?;
        let tls = access.tls.connect(name, self.0.into_inner()).await.map_err(|error| words(&error, CA_FILE))?;
        Ok(Self(BufReader::new(Box::new(tls))))
    }

    async fn hello(&mut self, access: &Access) -> Result<Vec<String>, String> {
        Ok(self.expect(&format!("EHLO {}", access.smtp.hello), 250).await?.lines)
    }

    /// None: logged in; else the code of the refusal.
    async fn log_in(&mut self, offered: &[String], user: &str, password: &str) -> Result<Option<String>, String> {
        let offers = |wanted: &str| {
            let mechanisms = offered.iter().filter_map(|line| line.split_once(' '));
            let of_auth = mechanisms.filter(|(word, _)| word.eq_ignore_ascii_case("AUTH"));
            of_auth.flat_map(|(_, words)| words.split(' ')).any(|word| word.eq_ignore_ascii_case(wanted))
        };
        let reply = if offers("PLAIN") {
            let secret = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
            self.ask(&format!("AUTH PLAIN {secret}")).await?
        } else if offers("LOGIN") {
            self.expect("AUTH LOGIN", 334).await?;
            self.expect(&BASE64_STANDARD.encode(user), 334).await?;
            self.ask(&BASE64_STANDARD.encode(password)).await?
        } else {
            return Err("the server offers neither AUTH PLAIN nor AUTH LOGIN".into());
        };
        Ok((reply.code != 235).then(|| reply.table_code()))
    }

    /// Hands a mail over. A reply is the server's last word on it, good or bad.
    pub async fn deliver(&mut self, mail: &Mail, return_path: &str, limits: Limits) -> Result<Word, Failed> {
        let commands = [
            (format!("MAIL FROM:<{return_path}>"), 250),
            (format!("RCPT TO:<{}>", mail.to), 250),
            ("DATA".to_owned(), 354),
        ];
        for (number, (command, wanted)) in commands.iter().enumerate() {
            let reply = match limits.within(self.ask(command)).await {
                Ok(reply) => reply,
                Err(reason) if number == 0 => return Err(Failed::Gone(reason)),
                Err(reason) => return Err(Failed::NotSent(reason)),
            };
            let word = command.split(' ').next().unwrap_or_default();
            match reply.code {
                421 if number == 0 => return Err(Failed::Gone(format!("{} to {word}", reply.table_code()))),
                _ if reply.refuses_login() => {
                    return Err(match reply.code {
                        454 => Failed::NotSent(format!("{} to {word}", reply.table_code())),
                        _ => Failed::LockedOut,
                    });
                }
                // 251: the recipient is elsewhere, and it is forwarded.
                code if code == *wanted || code == 251 && *wanted == 250 => {}
                400.. => return Ok(Word { reply, of_sender: number == 0 }),
                _ => return Err(Failed::NotSent(format!("{} to {word}", reply.table_code()))),
            }
        }
        let body = stuffed(&mail.bytes);
        limits.within(self.write(&body)).await.map_err(Failed::NotSent)?;
        let last = limits.within(async {
            self.write(b".\r\n").await?;
            Reply::read(&mut self.0).await
        });
        let reply = last.await.map_err(Failed::NoAnswer)?;
        match reply.code {
            200..300 | 400.. => Ok(Word { reply, of_sender: false }),
            code => Err(Failed::NoAnswer(format!("{code} to the end of a mail"))),
        }
    }

    /// Forgets what a refused mail has left; false: the connection is of no more use.
    pub async fn reset(&mut self, limits: Limits) -> bool {
        limits.within(self.expect("RSET", 250)).await.is_ok()
    }

    async fn expect(&mut self, command: &str, wanted: u16) -> Result<Reply, String> {
        let reply = self.ask(command).await?;
        match reply.code == wanted {
            true => Ok(reply),
            // A command may be a name or password.
            false => Err(format!("the server answered {}, {wanted} was wanted", reply.table_code())),
        }
    }

    async fn ask(&mut self, command: &str) -> Result<Reply, String> {
        self.write(format!("{command}\r\n").as_bytes()).await?;
        Reply::read(&mut self.0).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.0.write_all(bytes).await.map_err(|error| error.kind().to_string())?;
        self.0.flush().await.map_err(|error| error.kind().to_string())
    }
}

/// A mail as DATA takes it (RFC 5321 §4.5.2): lines end with CR LF and nothing else, a dot at the beginning of one is
/// doubled, so that no line of it is the end.
pub(super) fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(mail.len() + mail.len() / 32);
    let mut rest = mail;
    while !rest.is_empty() {
        let length = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
        let (line, after) = rest.split_at(length);
        if line.first() == Some(&b'.') {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
        stuffed.extend_from_slice(b"\r\n");
        rest = after.strip_prefix(b"\r\n").unwrap_or(after.get(1..).unwrap_or_default());
    }
    stuffed
}
