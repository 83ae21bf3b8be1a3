//! A process of `ims run`, which ends with the test.

use super::{Deployment, PATIENCE, until};
use schemas::Lane;
use std::{
    fs::File,
    io::{Read, Write},
    net::TcpStream,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

/// How the file ends in which a process notes what its vendors saw.
pub const REQUESTS: &str = "-requests.jsonl";

/// Every role from a request to its report; the stores read along and change nothing.
pub const CHAIN: &str = "ingest,router,kakao,text,rcs,push,email,outcome,delay";

/// Names of the streams that these roles have on these lanes.
pub fn streams(roles: &str, lanes: &[Lane]) -> Vec<String> {
    let of_role = |role: &str| lanes.iter().map(|lane| format!("{role}-{lane}")).collect::<Vec<_>>();
    roles.split(',').filter(|role| *role != "delay").flat_map(of_role).collect()
}

/// The store file of a deployment's process.
pub fn store_of(deployment: &Deployment, instance: &str) -> PathBuf {
    store(&deployment.file(""), instance)
}

fn store(directory: &Path, instance: &str) -> PathBuf {
    directory.join(format!("{instance}-store.sqlite"))
}

/// The process.
pub struct Process {
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    pub(super) fn start(mut command: Command, directory: &Path, instance: &str, listen: &str) -> Self {
        let file = |kind: &str| directory.join(format!("{instance}-{kind}"));
        let mut log = file("0.log");
        let mut number = 0;
        while log.exists() {
            number += 1;
            log = file(&format!("{number}.log"));
        }
        let sets = [
            ("deployment.instance", instance.to_owned()),
            ("simulator.request_log", directory.join(format!("{instance}{REQUESTS}")).display().to_string()),
            ("state.file", file("state.sqlite").display().to_string()),
            ("store.file", store(directory, instance).display().to_string()),
            ("admin.listen", "127.0.0.1:0".to_owned()),
            ("http.listen", listen.to_owned()),
        ];
        for (key, value) in sets {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        let out = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out);
        Self { child: command.spawn().unwrap(), log, ended: None }
    }

    /// What it wrote.
    pub fn written(&self) -> String {
        let mut text = Vec::new();
        File::open(&self.log).unwrap().read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Where its HTTP door is.
    pub fn door(&self) -> Option<String> {
        self.address_of("\"HTTP door\"")
    }

    /// Where its admin port is.
    pub fn admin(&self) -> Option<String> {
        self.address_of("admin port:")
    }

    fn address_of(&self, what: &str) -> Option<String> {
        let written = self.written();
        let line = written.lines().find(|line| line.contains(what))?;
        Some(line.split("\"address\":\"").nth(1)?.split('"').next()?.to_owned())
    }

    /// The page at this path of the admin port, with its status; nothing as long as none answers.
    pub fn page(&self, path: &str) -> Option<String> {
        let address = self.admin()?;
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: ims\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Waits until each of its streams works.
    #[track_caller]
    pub fn until_ready(&mut self) {
        until("/health/ready answers 200", PATIENCE, || {
            if let Some(ended) = self.has_ended() {
                panic!("it ended, {ended}:\n{}", self.written());
            }
            self.page("/health/ready").filter(|page| page.starts_with("HTTP/1.1 200"))
        });
    }

    /// Waits until each of these streams was given its partitions.
    #[track_caller]
    pub fn until_owns(&mut self, streams: &[String]) {
        until(&format!("{streams:?} are assigned"), PATIENCE, || {
            let written = self.written();
            let assigned = |stream: &String| {
                let stream = format!("\"stream\":\"{stream}\"");
                written.lines().any(|line| line.contains("\"message\":\"assigned\"") && line.contains(&stream))
            };
            streams.iter().all(assigned).then_some(())
        });
    }

    /// Sends a signal.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success(), "kill -{signal}: {sent}");
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap();
        }
        self.ended
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        until(&format!("the end of {}", self.log.display()), PATIENCE, || self.has_ended())
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.signal("KILL");
        assert_eq!(self.end().signal(), Some(9));
    }

    /// SIGTERM, and the end of what is in flight.
    #[track_caller]
    pub fn stop(&mut self) {
        self.signal("TERM");
        let ended = self.end();
        assert!(ended.success(), "{ended}:\n{}", self.written());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.has_ended().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let written = self.written();
            let tail: Vec<&str> = written.lines().rev().take(3).collect();
            eprintln!("--- the end of {}", self.log.display());
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}
