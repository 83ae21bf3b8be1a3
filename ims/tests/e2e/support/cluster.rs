//! Brokers of one test alone, which it may kill.

use super::server::Server;

/// Brokers that end with the test.
pub struct Cluster(Server);

impl Cluster {
    /// Starts them, or None, said once, when ./test did not say where the scripts are.
    pub fn start(brokers: usize) -> Option<Self> {
        Server::start("kafka", &["--brokers", &brokers.to_string()], "KAFKA_BOOTSTRAP").map(Self)
    }

    /// Bootstrap servers.
    pub fn bootstrap(&self) -> &str {
        self.0.address()
    }

    /// kill -9.
    pub fn kill(&self, broker: usize) {
        self.0.run(&["kill", "--broker", &broker.to_string()]);
    }

    /// The same broker again, when it answers.
    pub fn restart(&self, broker: usize) {
        self.0.run(&["restart", "--broker", &broker.to_string()]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.keep_files();
            eprintln!("what the brokers wrote: {}", self.0.directory().display());
        }
    }
}
