//! A database of one test alone, on the MariaDB that all tests share.

use super::Deployment;
use connectors::{
    history::HistoryTable,
    sql::{Database, Location, Record, Table as _},
};
use std::{cell::RefCell, time::SystemTime};

/// It ends with the test.
pub struct MariaDb {
    name: String,
    url: String,
    key_file: String,
    server: RefCell<Database>,
    database: RefCell<Database>,
}

impl MariaDb {
    /// Makes it, or None, said once, when ./test did not start a server.
    pub fn start(deployment: &Deployment) -> Option<Self> {
        let Ok(url) = std::env::var("IMS_TEST_MARIADB") else {
            eprintln!("IMS_TEST_MARIADB is not set: not tested (./test starts a server)");
            return None;
        };
        let location = Location::server(&url, None).unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros();
        let name = format!("ims_e2e_{now:x}");
        let mut server = Database::connect(&location, &HistoryTable::SCHEMA).unwrap();
        server.run(async |connection| connection.execute(&format!("CREATE DATABASE {name}")).await).unwrap();
        let database = Database::connect(&location.with_database(&name), &HistoryTable::SCHEMA).unwrap();
        let key_file = deployment.file("store.key");
        std::fs::write(&key_file, "0123456789abcdef".repeat(4)).unwrap();
        let (before, _) = url.rsplit_once('/').unwrap();
        Some(Self {
            url: format!("{before}/{name}"),
            name,
            key_file: key_file.display().to_string(),
            server: RefCell::new(server),
            database: RefCell::new(database),
        })
    }

    /// Variables of the environment with which a process keeps all that is relational here, reference data too.
    pub fn variables(&self) -> [(&str, &str); 3] {
        [("IMS__STORE__URL", &self.url), ("IMS__STORE__KEY_FILE", &self.key_file), ("IMS__REFERENCE__KIND", "sql")]
    }

    /// Runs a statement.
    pub fn execute(&self, text: &str) {
        self.database.borrow_mut().run(async |connection| connection.execute(text).await).unwrap();
    }

    /// The rows that a statement finds.
    pub fn rows(&self, text: &str) -> Vec<Record> {
        self.database.borrow_mut().run(async |connection| connection.query(text).once().fetch_all().await).unwrap()
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> usize {
        self.rows(&format!("SELECT COUNT(*) AS n FROM {table}"))[0].get::<i64>("n").unwrap() as usize
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE {}", self.name);
        let _ = self.server.borrow_mut().run(async |connection| connection.execute(&drop).await);
    }
}
