//! Servers that refuse, hang and cut: what is known of the mail afterwards.

use super::{Bench, VendorSettings, code, email, plain, secure, with};
use processors::{
    codes::{Handling, judge},
    ports::Reply,
    reference::CodeTable,
};
use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Barrier, Mutex},
    time::{Duration, Instant},
};

/// What a server does when it has read a command, or the end of a mail (`.`), or when somebody connects (empty).
#[derive(Clone, Copy)]
pub(super) enum Act {
    Say(&'static str),
    SayBytes(&'static [u8]),
    Hang,
    Cut,
}

/// A server, and what it has read: commands, and lines of mails.
pub(super) struct Server {
    pub url: String,
    heard: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    /// What it does for a command on a connection, counted from 1; else it is friendly.
    pub fn doing(then: impl Fn(&str, usize) -> Option<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let (heard, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let (then, shared) = (Arc::new(then), (Arc::clone(&heard), Arc::clone(&connections)));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (heard, connections) = shared.clone();
                let number = {
                    let mut connections = connections.lock().unwrap();
                    *connections += 1;
                    *connections
                };
                let then = Arc::clone(&then);
                std::thread::spawn(move || serve(stream.unwrap(), &heard, |command| then(command, number)));
            }
        });
        Self { url, heard, connections }
    }

    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

fn serve(stream: TcpStream, heard: &Mutex<Vec<String>>, then: impl Fn(&str) -> Option<Act>) {
    let mut writing = stream.try_clone().unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut line = String::new();
    let mut in_mail = false;
    loop {
        if !in_mail || line == "." {
            let friendly = match line.split([' ', ':']).next().unwrap_or_default() {
                "" => "220 ready\r\n",
                "EHLO" => "250-test\r\n250-AUTH PLAIN\r\n250 ENHANCEDSTATUSCODES\r\n",
                "DATA" => "354 go on\r\n",
                "AUTH" => "235 2.7.0 welcome\r\n",
                _ => "250 2.0.0 fine\r\n",
            };
            in_mail = false;
            match then(&line).unwrap_or(Act::Say(friendly)) {
                Act::Say(text) => {
                    in_mail = line == "DATA" && text.starts_with("354");
                    if writing.write_all(text.as_bytes()).is_err() {
                        return;
                    }
                }
                Act::SayBytes(bytes) => drop(writing.write_all(bytes)),
                // Reads on, and says nothing.
                Act::Hang => {}
                Act::Cut => drop(writing.shutdown(std::net::Shutdown::Both)),
            }
        }
        let Some(Ok(next)) = lines.next() else { return };
        heard.lock().unwrap().push(next.clone());
        line = next;
    }
}

/// One act for the command that begins so.
fn at(beginning: &'static str, act: Act) -> impl Fn(&str, usize) -> Option<Act> {
    move |command, _| {
        let meant = if beginning.is_empty() { command.is_empty() } else { command.starts_with(beginning) };
        meant.then_some(act)
    }
}

fn quick() -> VendorSettings {
    VendorSettings { connect_ms: 400, first_byte_ms: 400, ..with(plain()) }
}

fn reply(server: &Server) -> Reply {
    Bench::new(&server.url, quick()).reply(email("T1-0R", "a@b.example"))
}

#[test]
fn a_mail_goes_from_hello_to_its_end_and_the_connection_is_used_again() {
    let server = Server::doing(|_, _| None);
    let mut bench = Bench::new(&server.url, with(plain()));
    for serial in ["T1-0R", "T2-0R"] {
        assert_eq!(code(&bench.reply(email(serial, "a@b.example"))), "2.0.0");
    }
    let heard = server.heard();
    let commands: Vec<&str> =
        heard.iter().map(String::as_str).filter(|line| line.starts_with(char::is_uppercase)).collect();
    assert_eq!(commands[..3], ["EHLO ims.example.kr", "MAIL FROM:<no-reply@hanbit.example>", "RCPT TO:<a@b.example>"]);
    assert_eq!((server.connections(), heard.iter().filter(|line| *line == ".").count()), (1, 2));
    for id in ["Message-ID: <T1-0R@hanbit.example>", "Message-ID: <T2-0R@hanbit.example>"] {
        assert!(heard.iter().any(|line| line == id), "{id}");
    }
}

#[test]
fn who_does_not_let_us_begin_was_sent_nothing() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let refused = Bench::new(&format!("smtp://{closed}"), quick()).reply(email("T1-0R", "a@b.example"));
    assert!(matches!(refused, Reply::NotSent(_)), "{refused:?}");
    for (beginning, act) in [
        ("", Act::Say("554 5.3.2 no\r\n")),
        ("", Act::Say("421 4.3.2 later\r\n")),
        ("", Act::Say("SSH-2.0-OpenSSH\r\n")),
        ("", Act::Cut),
        ("", Act::Hang),
        ("EHLO", Act::Say("502 what\r\n")),
        ("EHLO", Act::Hang),
        ("MAIL", Act::Hang),
        ("RCPT", Act::Cut),
        ("RCPT", Act::Say("354 what\r\n")),
        ("DATA", Act::Hang),
        ("DATA", Act::Say("250 what\r\n")),
    ] {
        let server = Server::doing(at(beginning, act));
        let reply = reply(&server);
        assert!(matches!(reply, Reply::NotSent(_)), "{beginning}: {reply:?}");
        assert!(!server.heard().iter().any(|line| line == "."), "{beginning}");
    }
}

#[test]
fn a_refusal_is_the_servers_code_wherever_it_comes() {
    for (beginning, said, wanted) in [
        ("MAIL", "451 4.7.1 greylisted\r\n", "4.7.1"),
        ("RCPT", "550 5.1.1 <a@b.example> unknown\r\n", "5.1.1"),
        ("RCPT", "452 4.2.2 full\r\n", "4.2.2"),
        ("RCPT", "550 unknown\r\n", "550"),
        ("RCPT", "421 4.7.0 too fast\r\n", "4.7.0"),
        ("DATA", "554 5.5.1 no\r\n", "5.5.1"),
        (".", "552 5.3.4 too big\r\n", "5.3.4"),
        (".", "554-5.7.1 spam\r\n554 5.7.1 more\r\n", "5.7.1"),
        (".", "421 4.3.2 closing\r\n", "4.3.2"),
    ] {
        assert_eq!(code(&reply(&Server::doing(at(beginning, Act::Say(said))))), wanted, "{beginning} {said}");
    }
}

#[test]
fn what_is_lost_after_the_end_of_a_mail_is_in_doubt() {
    for act in [Act::Cut, Act::Hang, Act::Say("hello\r\n"), Act::Say("250-half"), Act::Say("354 what\r\n")] {
        let server = Server::doing(at(".", act));
        let reply = reply(&server);
        assert!(matches!(reply, Reply::NoAnswer(_)), "{reply:?}");
        assert_eq!(server.heard().iter().filter(|line| *line == ".").count(), 1, "never sent again by itself");
    }
}

#[test]
fn a_reply_is_its_digits_whatever_its_words_are_written_in() {
    // 성공 and 실패 in EUC-KR.
    for (said, wanted) in
        [(&b"250 2.0.0 \xbc\xba\xb0\xf8\r\n"[..], "2.0.0"), (b"552 5.3.4 \xbd\xc7\xc6\xd0\r\n", "5.3.4")]
    {
        assert_eq!(code(&reply(&Server::doing(at(".", Act::SayBytes(said))))), wanted);
    }
}

#[test]
fn a_refused_recipient_costs_the_next_one_no_connection() {
    let server = Server::doing(at("RCPT TO:<nobody@", Act::Say("550 5.1.1 unknown\r\n")));
    let mut bench = Bench::new(&server.url, with(plain()));
    assert_eq!(code(&bench.reply(email("T1-0R", "nobody@b.example"))), "5.1.1");
    assert_eq!(code(&bench.reply(email("T2-0R", "a@b.example"))), "2.0.0");
    assert!(server.heard().iter().any(|line| line == "RSET"));
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_kept_connection_that_the_server_has_closed_is_replaced() {
    for closing in [Act::Cut, Act::Say("421 4.4.2 idle too long\r\n")] {
        let mails = Mutex::new(0);
        let server = Server::doing(move |command, connection| {
            let mut mails = mails.lock().unwrap();
            *mails += usize::from(command.starts_with("MAIL"));
            (command.starts_with("MAIL") && connection == 1 && *mails == 2).then_some(closing)
        });
        let mut bench = Bench::new(&server.url, with(plain()));
        for serial in ["T1-0R", "T2-0R"] {
            assert_eq!(code(&bench.reply(email(serial, "a@b.example"))), "2.0.0");
        }
        assert_eq!(server.connections(), 2);
    }
}

#[test]
fn a_server_without_starttls_hears_neither_password_nor_mail() {
    let server = Server::doing(|_, _| None);
    let (_kept, key_file) = super::file("geheim-password\n");
    let settings = VendorSettings { key_file, ..with(crate::vendors::SmtpSettings { user: "ims".into(), ..secure() }) };
    let reply = Bench::new(&server.url, settings).reply(email("T1-0R", "a@b.example"));
    assert_eq!(reply, Reply::NotSent("the server offers no STARTTLS".into()));
    assert_eq!(server.heard(), ["EHLO ims.example.kr"]);
}

#[test]
fn what_is_said_before_tls_never_passes_for_what_comes_after() {
    let server = Server::doing(|command, _| match command {
        command if command.starts_with("EHLO") => Some(Act::Say("250 STARTTLS\r\n")),
        "STARTTLS" => Some(Act::Say("220 go on\r\n250 2.0.0 made up\r\n")),
        _ => None,
    });
    let reply = Bench::new(&server.url, with(secure())).reply(email("T1-0R", "a@b.example"));
    assert_eq!(reply, Reply::NotSent("the server spoke out of turn before TLS".into()));
}

#[test]
fn a_server_that_wants_a_login_locks_us_out_and_one_that_cannot_look_it_up_now_does_not() {
    let wants = Server::doing(at("MAIL", Act::Say("530 5.7.0 log in first\r\n")));
    let told = reply(&wants);
    assert_eq!(judge(CodeTable::Smtp, code(&told)).handling, Handling::LockedOut, "{told:?}");
    let server = Server::doing(at("AUTH", Act::Say("454 4.7.0 later\r\n")));
    let (_kept, key_file) = super::file("a-password\n");
    let smtp = crate::vendors::SmtpSettings { user: "ims".into(), ..plain() };
    let mut bench = Bench::new(&server.url, VendorSettings { key_file, ..with(smtp) });
    let told = bench.reply(email("T1-0R", "a@b.example"));
    assert!(matches!(&told, Reply::NotSent(reason) if reason.contains("4.7.0") || reason.contains("454")), "{told:?}");
}

#[test]
fn a_refused_login_sends_nothing_and_reads_the_password_again() {
    let server = Server::doing(|command, connection| {
        (command.starts_with("AUTH") && connection == 1).then_some(Act::Say("535 5.7.8 no\r\n"))
    });
    let (kept, key_file) = super::file("first-password\n");
    let smtp = crate::vendors::SmtpSettings { user: "ims".into(), ..plain() };
    let mut bench = Bench::new(&server.url, VendorSettings { key_file, ..with(smtp) });
    std::fs::write(kept.path(), "second-password\n").unwrap();
    let refused = bench.reply(email("T1-0R", "a@b.example"));
    // Which sender and breaker are told once, whoever refuses.
    assert_eq!(judge(CodeTable::Smtp, code(&refused)).handling, Handling::LockedOut);
    assert_eq!(code(&bench.reply(email("T1-0R", "a@b.example"))), "2.0.0");
    let heard = server.heard();
    let logins: Vec<&String> = heard.iter().filter(|line| line.starts_with("AUTH")).collect();
    // base64 of NUL ims NUL and the password.
    assert_eq!(logins, ["AUTH PLAIN AGltcwBmaXJzdC1wYXNzd29yZA==", "AUTH PLAIN AGltcwBzZWNvbmQtcGFzc3dvcmQ="]);
}

#[test]
fn mails_wait_together_and_connections_are_used_again() {
    let together = Arc::new(Barrier::new(10));
    let server = Server::doing(move |command, _| {
        if command == "." {
            together.wait();
        }
        None
    });
    let mut bench = Bench::new(&server.url, with(plain()));
    for round in 0..3 {
        (1..=10).for_each(|ticket| bench.submit(ticket, email(&format!("T{round}{ticket}-0R"), "a@b.example")));
        let (begun, mut answers) = (Instant::now(), Vec::new());
        while answers.len() < 10 {
            assert!(begun.elapsed() < super::PATIENCE, "{}", answers.len());
            bench.provider.answers(Duration::from_secs(1), &mut answers);
        }
        assert!(answers.iter().all(|answer| code(&answer.reply) == "2.0.0"));
    }
    assert_eq!(server.connections(), 10);
}
