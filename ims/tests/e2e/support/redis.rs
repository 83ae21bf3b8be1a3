//! A Redis of one test alone, which it may kill.

use super::server::Server;

/// A server that ends with the test.
pub struct Redis(Server);

impl Redis {
    /// Starts it, or None, said once, when ./test did not say where the scripts are.
    pub fn start() -> Option<Self> {
        Server::start("redis", &[], "REDIS_URL").map(Self)
    }

    /// Variables of the environment with which a process keeps its claims here.
    pub fn variables(&self) -> [(&str, &str); 3] {
        [("IMS__STATE__KIND", "redis"), ("IMS__STATE__URL", self.0.address()), ("IMS__STATE__TIMEOUT_MS", "1000")]
    }

    /// kill -9.
    pub fn kill(&self) {
        self.0.run(&["kill"]);
    }

    /// The same server again, with what it held, when it answers.
    pub fn restart(&self) {
        self.0.run(&["restart"]);
    }

    /// The same server again, with nothing of what it held.
    pub fn restart_empty(&self) {
        self.0.run(&["restart", "--empty"]);
    }
}
