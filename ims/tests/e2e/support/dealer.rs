//! A dealer whose vendors answer over HTTP, in a process of its own.

use super::{Deployment, PATIENCE, Process, until};
use std::net::Ipv4Addr;

/// What `ims.toml` says of it, beside how it behaves.
pub const SETTINGS: &str = "[vendors.dealer]\nkey_file = \"dealer.key\"\npoll_ms = 200\n";

impl Deployment {
    /// Lets the processes that start from now on send 알림톡 and text through the dealer at this address alone.
    pub fn deal_at(&self, url: &str) {
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/seed/demo.toml");
        let mut data: toml::Table = std::fs::read_to_string(demo).unwrap().parse().unwrap();
        let vendors = data["vendors"].as_array_mut().unwrap();
        vendors.retain(|vendor| {
            let name = vendor["name"].as_str().unwrap();
            !name.starts_with("talk") && !name.starts_with("text")
        });
        let dealer = format!(
            "name = \"dealer\"\nfamilies = [\"AT\", \"SMS\", \"LMS\", \"MMS\"]\ncodes = \"bizgo\"\nweight = 1\n\
             tps = 2000\ntimeout_ms = 2000\nreceipts = true\nin_doubt = \"repeat\"\nprotocol = \"bizgo\"\n\
             url = \"{url}\"\n"
        );
        vendors.push(toml::Value::Table(dealer.parse().unwrap()));
        std::fs::write(self.file("reference.toml"), data.to_string()).unwrap();
        std::fs::write(self.file("dealer.key"), "e2e-dealer-key\n").unwrap();
    }

    /// Starts the dealer, and lets the processes that start from now on deal with it. A port of 0 is any that is free;
    /// its port comes with it.
    #[track_caller]
    pub fn dealer(&self, port: u16) -> (Process, u16) {
        if port == 0 {
            self.deal_at("http://127.0.0.1:1");
        }
        let (process, port) = self.behind_a_port("dealer", port);
        self.deal_at(&format!("http://127.0.0.1:{port}"));
        (process, port)
    }

    /// Starts the vendors that speak a protocol, behind a port of theirs, which comes with them.
    #[track_caller]
    pub fn behind_a_port(&self, instance: &str, port: u16) -> (Process, u16) {
        let listen = format!("{}:{port}", Ipv4Addr::LOCALHOST);
        let command = self.command(&["simulate", "--listen", &listen, "--json"]);
        let mut process = Process::start(command, &self.file(""), instance, "127.0.0.1:0");
        let port = until("the vendors listen", PATIENCE, || {
            if let Some(ended) = process.has_ended() {
                panic!("they ended, {ended}:\n{}", process.written());
            }
            let written = process.written();
            written.split("\"listening\": \"127.0.0.1:").nth(1)?.split('"').next()?.parse().ok()
        });
        (process, port)
    }
}
