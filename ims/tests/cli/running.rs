//! Programs that run: simulated vendors, the demo, an admin port.

use super::{AWAY, DONE, FAILED, USAGE, code, command, ims, told};
use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

#[test]
fn simulated_vendors_answer_steps_of_standard_input_the_same_for_the_same_seed() {
    let simulate = |seed: &str| {
        let mut child = command(&["simulate", "-", "--json", "--seed", seed])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        (0..50).for_each(|n| writeln!(stdin, r#"{{"vendor":"text-one","serial_number":"S-{n}"}}"#).unwrap());
        writeln!(stdin, r#"{{"vendor":"nobody","serial_number":"S"}}"#).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), FAILED, "a line was refused: {}", told(&output));
        assert!(told(&output).contains(r#"{"line":51,"#), "{}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let answers = simulate("7");
    assert_eq!(answers.lines().count(), 50);
    for line in answers.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["vendor"], "text-one");
    }
    assert_eq!(simulate("7"), answers);
    assert_ne!(simulate("8"), answers);
    assert_eq!(code(&ims(&["simulate", "--vendor", "nobody"])), USAGE);
    let wrong = ims(&["simulate", "--set", "simulator.every_vendor.no_answer_share=2"]);
    assert!(code(&wrong) == USAGE && told(&wrong).contains("a share is between 0 and 1"), "{}", told(&wrong));
}

#[test]
fn the_health_of_nobody_and_of_somebody_else_is_told() {
    let nobody = ims(&["health", "--set", "admin.listen=127.0.0.1:1"]);
    assert!(code(&nobody) == AWAY && told(&nobody).contains("127.0.0.1:1"), "{}", told(&nobody));
    assert_eq!(code(&ims(&["health", "--set", "admin.listen="])), USAGE);
    let (listen, answering) = answers_once("HTTP/1.0 404 Not Found\r\n\r\n");
    let other = ims(&["health", "--set", &listen]);
    answering.join().unwrap();
    assert!(code(&other) == FAILED && told(&other).contains("no admin port of ims"), "{}", told(&other));
}

/// An admin port that answers one question so: its setting, and what was asked.
fn answers_once(page: &'static str) -> (String, JoinHandle<String>) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("admin.listen={}", port.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = port.accept().unwrap();
        // All of the request is read, or closing would reset the connection.
        let mut read = [0; 1024];
        let bytes = std::io::Read::read(&mut stream, &mut read).unwrap();
        write!(stream, "{page}").unwrap();
        String::from_utf8_lossy(&read[..bytes]).into_owned()
    });
    (listen, answering)
}

#[test]
fn nothing_that_is_let_go_is_a_failure_and_of_a_vendor_that_there_is_not_a_mistake() {
    let let_go = |vendor: &str| {
        let (listen, answering) = answers_once("HTTP/1.1 200 OK\r\n\r\n{\"let_go\":0}");
        let output = ims(&["vendor", "let-go", vendor, "0215881588", "--set", &listen]);
        let asked = answering.join().unwrap();
        assert!(asked.starts_with(&format!("POST /vendors/let-go?vendor={vendor}&name=0215881588 ")), "{asked}");
        output
    };
    let (known, unknown) = (let_go("text-one"), let_go("nobody"));
    assert!(code(&known) == FAILED && known.stdout == b"0 let go\n", "{}", told(&known));
    let told = told(&unknown);
    assert!(code(&unknown) == USAGE && told.contains("there is no vendor \"nobody\": there are "), "{told}");
}

/// A process that ends with its test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Served {
    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap().success());
    }
}

/// Lines as they come.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (to, lines) = channel();
    std::thread::spawn(move || {
        BufReader::new(from).lines().map_while(Result::ok).for_each(|line| drop(to.send(line)));
    });
    lines
}

/// The next line that says it.
fn until_said(lines: &Receiver<String>, said: &str) -> String {
    loop {
        let line = lines.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("{said:?} is not said"));
        if line.contains(said) {
            return line;
        }
    }
}

#[test]
fn a_second_signal_ends_at_once_what_has_its_time_after_the_first() {
    for (signal, exit) in [("-TERM", 143), ("-INT", 130)] {
        let sets = ["admin.listen=", "http.listen=127.0.0.1:0", "http.drain_ms=20000", "http.headers_within_ms=60000"];
        let mut demo = command(&["demo", "--serve", "--messages", "20"]);
        demo.args(sets.iter().flat_map(|set| ["--set", set]));
        let mut demo = Served(demo.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let notes = lines(demo.0.stderr.take().unwrap());
        let line = until_said(&notes, "serving until Ctrl-C: http://");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
        let asked = || {
            let mut stream = TcpStream::connect(&address).unwrap();
            write!(stream, "GET /docs HTTP/1.1\r\nhost: ims\r\nconnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        assert!(!asked().contains("x-ims-closing"));
        // Somebody who is connected keeps the door open.
        let _connected = TcpStream::connect(&address).unwrap();
        demo.signal(signal);
        let deadline = Instant::now() + Duration::from_secs(60);
        while !asked().contains("x-ims-closing: true") {
            assert!(Instant::now() < deadline, "it goes on as if nobody had told it");
        }
        assert!(demo.0.try_wait().unwrap().is_none(), "it has its time");
        demo.signal(signal);
        assert_eq!(demo.0.wait().unwrap().code(), Some(exit), "{signal}");
    }
}

#[test]
fn the_demo_tells_what_it_has_found_before_it_serves() {
    let sets = ["--set", "admin.listen=127.0.0.1:0", "--set", "http.listen=127.0.0.1:0"];
    let mut demo = command(&["demo", "--serve", "--messages", "200"]);
    let mut demo = Served(demo.args(sets).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let (results, notes) = (lines(demo.0.stdout.take().unwrap()), lines(demo.0.stderr.take().unwrap()));
    until_said(&notes, "serving until Ctrl-C: http://127.0.0.1:");
    until_said(&results, "The books balance");
    assert!(demo.0.try_wait().unwrap().is_none(), "it serves");
    demo.signal("-TERM");
    assert_eq!(demo.0.wait().unwrap().code(), Some(DONE));
    let rest: Vec<String> = results.iter().collect();
    assert!(!rest.iter().any(|line| line.contains("books")), "told once: {rest:?}");
}

#[test]
fn vendors_are_listed_though_no_process_tells_how_they_stand() {
    let output = ims(&["vendor", "list", "--json", "--set", "admin.listen=127.0.0.1:1"]);
    assert_eq!(code(&output), DONE, "{}", told(&output));
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(list[0]["name"].is_string() && list[0]["now"].is_null(), "{list}");
    assert!(told(&output).contains("how they stand now is not known"), "{}", told(&output));
}
