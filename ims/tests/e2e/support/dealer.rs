//! Vendors that are reached over a wire, in a process of their own: a dealer over HTTP, a carrier over SMPP, a mail server.

use super::{Deployment, PATIENCE, Process, until};
use std::net::Ipv4Addr;

/// What `ims.toml` says of it, beside how it behaves.
pub const SETTINGS: &str = "[vendors.dealer]\nkey_file = \"dealer.key\"\npoll_ms = 200\n";

/// What a dealer allows.
pub struct Dealer {
    /// Messages a second.
    pub tps: u32,
    /// Requests in flight.
    pub max_in_flight: usize,
    /// Time of a request.
    pub timeout_ms: u32,
}

impl Default for Dealer {
    fn default() -> Self {
        Self { tps: 2_000, max_in_flight: 1_000, timeout_ms: 2_000 }
    }
}

impl Deployment {
    /// Lets the processes that start from now on send 알림톡 and text through the dealer at this address alone.
    fn deal(&self, Dealer { tps, max_in_flight, timeout_ms }: &Dealer, url: &str) {
        self.vendor_instead_of(
            &["talk", "text"],
            &format!(
                "name = \"dealer\"\nfamilies = [\"AT\", \"SMS\", \"LMS\", \"MMS\"]\ncodes = \"bizgo\"\nweight = 1\n\
                 tps = {tps}\nmax_in_flight = {max_in_flight}\ntimeout_ms = {timeout_ms}\nreceipts = true\n\
                 in_doubt = \"repeat\"\nprotocol = \"bizgo\"\nurl = \"{url}\"\n"
            ),
        );
        std::fs::write(self.file("dealer.key"), "e2e-dealer-key\n").unwrap();
    }

    /// Lets the processes that start from now on know this vendor, and none of the demo's whose names begin so.
    pub fn vendor_instead_of(&self, gone: &[&str], row: &str) {
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/seed/demo.toml");
        let mut data: toml::Table = std::fs::read_to_string(demo).unwrap().parse().unwrap();
        let vendors = data["vendors"].as_array_mut().unwrap();
        vendors.retain(|vendor| !gone.iter().any(|gone| vendor["name"].as_str().unwrap().starts_with(gone)));
        vendors.push(toml::Value::Table(row.parse().unwrap()));
        std::fs::write(self.file("reference.toml"), data.to_string()).unwrap();
    }

    /// Starts the dealer, and lets the processes that start from now on deal with it. A port of 0 is any that is free;
    /// its port comes with it.
    #[track_caller]
    pub fn dealer(&self, port: u16) -> (Process, u16) {
        self.dealer_of(&Dealer::default(), port)
    }

    /// The same of another dealer.
    #[track_caller]
    pub fn dealer_of(&self, dealer: &Dealer, port: u16) -> (Process, u16) {
        if port == 0 {
            self.deal(dealer, "http://127.0.0.1:1");
        }
        let (process, port) = self.behind_a_port("dealer", port);
        self.deal(dealer, &format!("http://127.0.0.1:{port}"));
        (process, port)
    }

    /// Starts a carrier, and lets the processes that start from now on send text by it alone.
    #[track_caller]
    pub fn carrier(&self) -> Process {
        let text_by = |url: &str| {
            let row = "name = \"carrier\"\nfamilies = [\"SMS\", \"LMS\"]\ncodes = \"smpp\"\nweight = 1\ntps = 200\n\
                       receipts = true\nin_doubt = \"uncertain\"\nprotocol = \"smpp\"\n";
            self.vendor_instead_of(&["text"], &format!("{row}url = \"{url}\"\n"));
        };
        std::fs::write(self.file("carrier.password"), "e2e-pass\n").unwrap();
        text_by("smpp://127.0.0.1:1");
        let (process, port) = self.listening("carrier", "--smpp", "smpp", 0);
        text_by(&format!("smpp://127.0.0.1:{port}"));
        process
    }

    /// Starts a mail server, and lets the processes that start from now on send mails by it alone.
    #[track_caller]
    pub fn mail_server(&self) -> Process {
        let mail_by = |url: &str| {
            let row = "name = \"relay\"\nfamilies = [\"EMAIL\"]\ncodes = \"smtp\"\nweight = 1\ntps = 200\n\
                       max_in_flight = 20\ntimeout_ms = 3000\nin_doubt = \"uncertain\"\nprotocol = \"smtp\"\n";
            self.vendor_instead_of(&["smtp"], &format!("{row}url = \"{url}\"\n"));
        };
        std::fs::write(self.file("relay.password"), "e2e-pass\n").unwrap();
        mail_by("smtp://127.0.0.1:1");
        let (process, port) = self.listening("relay", "--smtp", "smtp", 0);
        mail_by(&format!("smtp://127.0.0.1:{port}"));
        process
    }

    /// Starts the vendors that speak a protocol, behind a port of theirs, which comes with them.
    #[track_caller]
    pub fn behind_a_port(&self, instance: &str, port: u16) -> (Process, u16) {
        self.listening(instance, "--listen", "listening", port)
    }

    #[track_caller]
    fn listening(&self, instance: &str, option: &str, told_as: &str, port: u16) -> (Process, u16) {
        let listen = format!("{}:{port}", Ipv4Addr::LOCALHOST);
        let command = self.command(&["simulate", option, &listen, "--json"]);
        let mut process = Process::start(command, &self.file(""), instance, "127.0.0.1:0");
        let port = until("the vendors listen", PATIENCE, || {
            if let Some(ended) = process.has_ended() {
                panic!("they ended, {ended}:\n{}", process.written());
            }
            let written = process.written();
            written.split(&format!("\"{told_as}\": \"127.0.0.1:")).nth(1)?.split('"').next()?.parse().ok()
        });
        (process, port)
    }
}
