//! The servers that promises are tested on: those that `IMS_TEST_REDIS` and `IMS_TEST_REDIS_CLUSTER` name, which all
//! tests share, and servers of a test's own.

#![allow(clippy::print_stderr, reason = "a test that needs a server says that it had none")]

use super::RedisSettings;
use crate::claims::Doubts;
use crate::testing::{Script, variables};
use ::redis::Value;
use std::collections::HashMap;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Long enough for a machine that does much else, short enough to wait for in a test.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

fn shared(variable: &str) -> Option<RedisSettings> {
    let Ok(urls) = std::env::var(variable) else {
        eprintln!("not tested: {variable} names no Redis (./test starts one, dev/redis too)");
        return None;
    };
    Some(RedisSettings::new(&urls, TIMEOUT).unwrap())
}

/// The shared server; None where there is none, which is said.
pub(crate) fn server() -> Option<RedisSettings> {
    shared("IMS_TEST_REDIS")
}

/// The shared cluster; None where there is none, which is said.
pub(crate) fn cluster() -> Option<RedisSettings> {
    shared("IMS_TEST_REDIS_CLUSTER")
}

/// A deployment that nobody else has: its keys are its own, and there are none yet.
pub(crate) fn deployment() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The doubts of one test.
pub(crate) fn doubts() -> &'static Doubts {
    Box::leak(Box::default())
}

/// Tries again and again, as the engine does, until it succeeds; panics when that takes too long.
#[track_caller]
pub(crate) fn until<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(done) = attempt() {
            return done;
        }
        assert!(Instant::now() < deadline, "not within a minute");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Servers of a test's own, which it may kill; they end with the test.
pub(crate) struct Servers {
    script: Script,
    told: HashMap<String, String>,
}

impl Servers {
    /// None where no script is to be had, which is said.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let (script, said) = Script::start("redis", arguments)?;
        let mut servers = Self { script, told: HashMap::new() };
        servers.hear(&said);
        Some(servers)
    }

    pub(crate) fn kill(&mut self, node: usize) {
        self.run("kill", &["--node", &node.to_string()]);
    }

    /// The same server again, when it answers.
    pub(crate) fn restart(&mut self, node: usize) {
        self.run("restart", &["--node", &node.to_string()]);
    }

    /// The same without what it held.
    pub(crate) fn restart_empty(&mut self, node: usize) {
        self.run("restart", &["--node", &node.to_string(), "--empty"]);
    }

    /// Stops a server in its tracks (STOP), or lets it go on (CONT).
    pub(crate) fn signal(&self, node: usize, signal: &str) {
        let pid = &self.told[&format!("REDIS_{node}_PID")];
        assert!(Command::new("kill").args([&format!("-{signal}"), pid]).status().unwrap().success());
    }

    pub(crate) fn told(&self, key: &str) -> &str {
        self.told.get(key).map_or("", String::as_str)
    }

    pub(crate) fn urls(&self) -> &str {
        let one = self.told("REDIS_URL");
        if one.is_empty() { self.told("REDIS_CLUSTER_URLS") } else { one }
    }

    pub(crate) fn settings(&self, timeout: Duration) -> RedisSettings {
        RedisSettings::new(self.urls(), timeout).unwrap()
    }

    /// Runs a command on one of them, past everything that is tested.
    pub(crate) fn command(&self, node: usize, words: &[&str]) -> Value {
        let url = self.urls().split(',').nth(node - 1).unwrap();
        let mut connection = ::redis::Client::open(url).unwrap().get_connection().unwrap();
        let (name, arguments) = words.split_first().unwrap();
        ::redis::cmd(name).arg(arguments).query(&mut connection).unwrap()
    }

    fn run(&mut self, command: &str, arguments: &[&str]) {
        let said = self.script.run(command, arguments);
        self.hear(&said);
    }

    /// A server that was started again has another process.
    fn hear(&mut self, said: &str) {
        self.told.extend(variables(said).map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
