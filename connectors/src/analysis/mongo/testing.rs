//! The replica sets that promises are tested on: the one that `IMS_TEST_MONGODB` names, which all tests share, and sets of
//! a test's own.

#![allow(clippy::print_stderr, reason = "a test that needs a server says that it had none")]

use super::MongoSettings;
use crate::testing::{Script, variable};
use mongodb::Client;
use mongodb::bson::{Document, doc};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

/// A database of a test's own; ends with it.
pub(crate) struct Base {
    pub(crate) url: String,
    pub(crate) name: String,
}

impl Base {
    /// On the shared set; None where there is none, which is said.
    pub(crate) fn shared() -> Option<Self> {
        let Ok(url) = std::env::var("IMS_TEST_MONGODB") else {
            eprintln!("not tested: IMS_TEST_MONGODB names no MongoDB (./test starts one, dev/mongodb too)");
            return None;
        };
        Some(Self::on(&url))
    }

    pub(crate) fn on(url: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ims_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { url: url.into(), name }
    }

    pub(crate) fn settings(&self) -> MongoSettings {
        // Events of the tests are of 2026: they must not be too old for anybody's clock.
        MongoSettings::new(&self.url, &self.name, None).unwrap()
    }

    /// Runs a command past everything that is tested.
    pub(crate) fn command(&self, command: Document) -> Document {
        command_on(&self.url, &self.name, command).unwrap()
    }

    /// Documents of a collection.
    pub(crate) fn count(&self, collection: &str) -> i32 {
        self.command(doc! { "count": collection }).get_i32("n").unwrap()
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        // A set that the test has ended has nothing to tidy up.
        let _ = command_on(&self.url, &self.name, doc! { "dropDatabase": 1 });
    }
}

pub(crate) fn command_on(url: &str, database: &str, command: Document) -> mongodb::error::Result<Document> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async { Client::with_uri_str(url).await?.database(database).run_command(command).await })
}

/// How work ends that is not done yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is given up, and tidies up.
    Dropped,
    /// Nothing more is done, as when the process is killed.
    Killed,
}

/// The future's answer, or None when it has waited `waits` times before.
pub(crate) async fn polled<T>(future: impl Future<Output = T>, waits: usize, end: End) -> Option<T> {
    let mut future = Box::pin(future);
    let mut waited = 0;
    let done = std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if waited == waits => Poll::Ready(None),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    });
    let done = done.await;
    if done.is_none() && end == End::Killed {
        std::mem::forget(future);
    }
    done
}

/// A set of a test's own, whose members it may kill; ends with the test.
pub(crate) struct Servers {
    pub(crate) url: String,
    script: Script,
}

impl Servers {
    /// None where no script is to be had, which is said.
    pub(crate) fn start(nodes: u32) -> Option<Self> {
        Self::start_with(&["--nodes", &nodes.to_string()])
    }

    /// One member that speaks TLS only, by an authority of its own, which its URL names.
    pub(crate) fn with_tls() -> Option<Self> {
        let mut servers = Self::start_with(&["--tls"])?;
        servers.url += &format!("&tls=true&tlsCAFile={}", servers.script.folder().join("ca.crt").display());
        Some(servers)
    }

    fn start_with(options: &[&str]) -> Option<Self> {
        let (script, said) = Script::start("mongodb", options)?;
        Some(Self { url: variable(&said, "MONGODB_URL"), script })
    }

    pub(crate) fn kill(&self, node: usize) {
        self.script.run("kill", &["--node", &node.to_string()]);
    }

    pub(crate) fn restart(&self, node: usize) {
        self.script.run("restart", &["--node", &node.to_string()]);
    }

    /// Runs a command on the primary, past everything that is tested.
    pub(crate) fn command(&self, command: Document) -> Document {
        command_on(&self.url, "admin", command).unwrap()
    }

    /// Which member is the primary, from 1.
    pub(crate) fn primary(&self) -> usize {
        let hello = self.command(doc! { "hello": 1 });
        let (hosts, me) = (hello.get_array("hosts").unwrap(), hello.get("me"));
        1 + hosts.iter().position(|host| Some(host) == me).unwrap()
    }
}
