//! A Redis of one test alone, which it may kill.

use super::server::Server;
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

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

    /// Takes away all that it holds while it runs.
    pub fn flush(&self) {
        // redis://USER:PASSWORD@HOST:PORT
        let (user, address) = self.0.address().trim_start_matches("redis://").split_once('@').unwrap();
        let (user, password) = user.split_once(':').unwrap();
        let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
        stream.get_mut().write_all(format!("AUTH {user} {password}\r\nFLUSHALL\r\n").as_bytes()).unwrap();
        for _ in 0..2 {
            let mut answer = String::new();
            stream.read_line(&mut answer).unwrap();
            assert_eq!(answer.trim(), "+OK");
        }
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
