//! A MongoDB of one test alone, which it may kill.

use super::server::Server;

/// A replica set of one member that ends with the test.
pub struct MongoDb(Server);

impl MongoDb {
    /// Starts it, or None, said once, when ./test did not say where the scripts are.
    pub fn start() -> Option<Self> {
        Server::start("mongodb", &[], "MONGODB_URL").map(Self)
    }

    /// Variables of the environment with which a process keeps its analysis here.
    pub fn variables(&self) -> [(&str, &str); 2] {
        [("IMS__ANALYSIS__KIND", "mongodb"), ("IMS__ANALYSIS__URL", self.0.address())]
    }

    /// Its password, which nobody is to read.
    pub fn password(&self) -> &str {
        self.0.address().split(['@', ':']).nth(2).expect("a password")
    }

    /// kill -9.
    pub fn kill(&self) {
        self.0.run(&["kill"]);
    }

    /// The same member again, with what it held, when it is the primary.
    pub fn restart(&self) {
        self.0.run(&["restart"]);
    }
}
