//! The stores that promises are tested on: a file, and a database of its own on the server that `IMS_TEST_MARIADB` names.

#![allow(clippy::print_stderr, reason = "a test that needs a server says that it had none")]

use super::{Connection, Dialect, Location, Record};
use crate::testing::{Script, variable};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::runtime::{Builder, Runtime};

/// A store that nobody else uses and that ends with its test.
pub(crate) struct Store {
    pub(crate) location: Location,
    folder: tempfile::TempDir,
    /// The server's own address, and the name of the database on it.
    database: Option<(Location, String)>,
}

impl Store {
    pub(crate) fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { location: Location::file(folder.path().join("store.db")), folder, database: None }
    }

    /// None where no server is to be had, which is said.
    pub(crate) fn server() -> Option<Self> {
        let Ok(url) = std::env::var("IMS_TEST_MARIADB") else {
            eprintln!("not tested: IMS_TEST_MARIADB names no MariaDB (./test starts one, dev/mariadb too)");
            return None;
        };
        Some(Self::on(&url))
    }

    /// A database of its own on this server.
    pub(crate) fn on(url: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ims_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let server = Location::server(url, None).unwrap();
        run(&server, &format!("CREATE DATABASE {name}"));
        Self {
            location: server.with_database(&name),
            folder: tempfile::tempdir().unwrap(),
            database: Some((server, name)),
        }
    }

    /// A file that ends with the store.
    pub(crate) fn file_beside(&self, what: &str) -> Location {
        Location::file(self.folder.path().join(what))
    }

    /// Every byte that it keeps, or on a server every byte that it would show of this table.
    pub(crate) fn bytes(&self, table: &str) -> Vec<u8> {
        if self.database.is_none() {
            // SQLite's log goes into its file when the last connection is closed, which may be now, and again: then once
            // more.
            let read = || -> std::io::Result<Vec<Vec<u8>>> {
                std::fs::read_dir(self.folder.path())?.map(|file| std::fs::read(file?.path())).collect()
            };
            return (0..100).find_map(|_| read().ok()).expect("all files of the store at one time").concat();
        }
        use sqlx::Row as _;
        let columns = |row: Record| match row {
            Record::MySql(row) => (0..row.len()).flat_map(move |at| {
                let value: Option<Vec<u8>> = row.try_get_unchecked(at).unwrap();
                value.unwrap_or_default()
            }),
            Record::Sqlite(_) => unreachable!("the store is a server"),
        };
        self.rows(&format!("SELECT * FROM {table}")).into_iter().flat_map(columns).collect()
    }

    /// What a statement answers, on a connection of its own.
    pub(crate) fn rows(&self, text: &str) -> Vec<Record> {
        let work = async |mut connection: Connection| connection.query(text).fetch_all().await.unwrap();
        runtime().block_on(async { work(self.location.connect().await.unwrap()).await })
    }

    /// How a file goes about a statement, a line for each of its tables.
    pub(crate) fn plan_of(&self, text: &str, values: &[&str]) -> Vec<String> {
        let plan = self.rows(&format!("EXPLAIN QUERY PLAN {}", filled(text, values)));
        plan.iter().map(|row| row.get("detail").unwrap()).collect()
    }

    /// The index that a statement goes by, as the store itself explains it.
    pub(crate) fn index_of(&self, text: &str, values: &[&str]) -> String {
        match self.location.dialect() {
            Dialect::Sqlite => {
                let lines = self.plan_of(text, values);
                let line = lines.iter().find(|line| line.starts_with("SEARCH")).unwrap_or_else(|| panic!("{lines:?}"));
                match line.split_once(" INDEX ") {
                    Some((_, index)) => index.split(' ').next().unwrap_or_default().to_owned(),
                    None => line.split(' ').find(|word| *word == "PRIMARY").unwrap_or(line).to_owned(),
                }
            }
            Dialect::MySql => {
                let text = filled(text, values);
                let plan = self.rows(&format!("EXPLAIN {text}"));
                let (how, key): (String, Option<String>) = (plan[0].get("type").unwrap(), plan[0].get("key").unwrap());
                assert!(["ref", "range"].contains(&&*how), "{how} for {text}");
                key.unwrap_or_default()
            }
        }
    }

    /// Runs a statement on a connection of its own.
    pub(crate) fn execute(&self, text: &str) {
        run(&self.location, text);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let Some((server, name)) = &self.database else { return };
        runtime().block_on(async {
            // A server that the test has ended has nothing to tidy up.
            if let Ok(mut connection) = server.connect().await {
                let _ = connection.execute(&format!("DROP DATABASE {name}")).await;
            }
        });
    }
}

/// A statement with its values.
fn filled(text: &str, values: &[&str]) -> String {
    values.iter().fold(text.to_owned(), |text, value| text.replacen('?', value, 1))
}

fn run(location: &Location, text: &str) {
    let work = async |mut connection: Connection| connection.execute(text).await.unwrap();
    runtime().block_on(async { work(location.connect().await.unwrap()).await });
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A server of a test's own, which it may kill; ends with the test.
pub(crate) struct Server {
    pub(crate) url: String,
    script: Script,
}

impl Server {
    /// None where no script is to be had, which is said.
    pub(crate) fn start() -> Option<Self> {
        Some(Self::start_with(&[])?.0)
    }

    /// On a disk of so many MB, and where a file on it is found that takes its room.
    pub(crate) fn on_small_disk(megabytes: u32) -> Option<(Self, PathBuf)> {
        let (server, said) = Self::start_with(&["--disk-mb", &megabytes.to_string()])?;
        let root = PathBuf::from(format!("/proc/{}/root", variable(&said, "MARIADB_PID")));
        let folder = server.script.folder().canonicalize().unwrap();
        let ballast = root.join(folder.strip_prefix("/").unwrap()).join("small/ballast");
        Some((server, ballast))
    }

    fn start_with(options: &[&str]) -> Option<(Self, String)> {
        let (script, said) = Script::start("mariadb", options)?;
        Some((Self { url: variable(&said, "MARIADB_URL"), script }, said))
    }

    pub(crate) fn kill_and_restart(&self) {
        self.kill();
        self.restart();
    }

    pub(crate) fn kill(&self) {
        self.script.run("kill", &[]);
    }

    pub(crate) fn restart(&self) {
        self.script.run("restart", &[]);
    }
}

/// Each promise, a function of a `&Store`, as a test on both kinds of store.
macro_rules! on_both {
    ($($promise:ident)*) => {
        mod on_a_file {
            $(#[test] fn $promise() { super::$promise(&$crate::sql::testing::Store::file()); })*
        }
        mod on_mariadb {
            $(#[test] fn $promise() {
                if let Some(store) = $crate::sql::testing::Store::server() {
                    super::$promise(&store);
                }
            })*
        }
    };
}
pub(crate) use on_both;
