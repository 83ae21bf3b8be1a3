//! Asks a running process at its admin port.

use crate::{config::Config, exit::usage};
use anyhow::{Context, bail};
use processors::ports::Away;
use serde_json::Value;
use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

/// A process that is alive answers at once, whatever its streams wait for.
const PATIENCE: Duration = Duration::from_secs(3);
/// More than any page of ours.
const LONGEST_PAGE: u64 = 1 << 20;

/// What the `ims run` of this configuration answers, with one of these statuses.
pub fn answer(config: &Config, method: &str, path: &str, statuses: &[&str]) -> anyhow::Result<(String, Value)> {
    let listen = &config.admin.listen;
    if listen.is_empty() {
        return Err(usage("admin.listen is empty: this process has no port that could be asked"));
    }
    let page = ask(listen, method, path)
        .map_err(|error| Away { dependency: "ims run", cause: format!("{listen}: {error}") })?;
    let (head, body) = page.split_once("\r\n\r\n").unwrap_or((&page, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    if !statuses.contains(&status) {
        bail!("{listen} (admin.listen) is no admin port of ims, or of another version: it answers {status:?}");
    }
    let page = serde_json::from_str(body).with_context(|| format!("what {listen} (admin.listen) answers"))?;
    Ok((status.to_owned(), page))
}

/// A page of an admin port, with its head.
pub fn ask(listen: &str, method: &str, path: &str) -> io::Result<String> {
    let address = listen.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // HTTP/1.0: the answer comes in one piece and ends with the connection.
    stream.write_all(format!("{method} {path} HTTP/1.0\r\nHost: {listen}\r\n\r\n").as_bytes())?;
    let mut page = String::new();
    stream.take(LONGEST_PAGE).read_to_string(&mut page)?;
    Ok(page)
}
