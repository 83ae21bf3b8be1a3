//! The load, made and encoded before the clock starts, so that making it costs the chain nothing. It lies in a file: in
//! memory it would be half of what is measured.

use crate::{assemble::now_ms, load::Load};
use schemas::{Lane, Schemas, Topic};
use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, Read, Write},
    path::Path,
    time::Duration,
};
use topology::log::Outgoing;

/// CPU time of this thread so far: of the one that lets the load in and counts the ends, it is no cost of the chain.
pub fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

/// Requests in the order in which they are sent.
pub struct PreparedLoad {
    file: BufReader<File>,
    /// Requests that were not yet taken.
    left: u64,
    messages: u64,
}

impl PreparedLoad {
    /// Requests for so many messages, less the advertisements: a night holds them, and a bench must not depend on the
    /// hour.
    pub fn prepare(path: &Path, messages: usize) -> anyhow::Result<Self> {
        let schemas = Schemas::embedded();
        let mut file = BufWriter::new(File::create(path)?);
        let mut this = Self { file: BufReader::new(File::open(path)?), left: 0, messages: 0 };
        for wanted in Load::new(1, messages, now_ms()).filter(|wanted| wanted.lane != Lane::Ad) {
            this.messages += wanted.messages() as u64;
            this.left += 1;
            let (key, value) = (wanted.request.message_id.as_bytes(), schemas.encode(&wanted.request));
            let lane = Lane::ALL.iter().position(|lane| *lane == wanted.lane).unwrap_or_default();
            for number in [lane, wanted.messages(), key.len(), value.len()] {
                file.write_all(&(number as u32).to_le_bytes())?;
            }
            file.write_all(key)?;
            file.write_all(&value)?;
        }
        file.flush()?;
        Ok(this)
    }

    /// How many messages they ask for.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// The next requests, `count` at most; how many messages they ask for.
    pub fn next(&mut self, count: usize, into: &mut Vec<Outgoing>) -> anyhow::Result<u64> {
        into.clear();
        let mut messages = 0;
        for _ in 0..self.left.min(count as u64) {
            let [lane, of_request, key, value] = [self.number()?, self.number()?, self.number()?, self.number()?];
            messages += u64::from(of_request);
            into.push(Outgoing {
                topic: Topic::api(Lane::ALL[lane as usize]),
                partition: None,
                key: Some(self.bytes(key)?.into()),
                value: Some(self.bytes(value)?.into()),
                headers: vec![],
            });
        }
        self.left -= into.len() as u64;
        Ok(messages)
    }

    fn number(&mut self) -> std::io::Result<u32> {
        let mut bytes = [0; 4];
        self.file.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn bytes(&mut self, count: u32) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; count as usize];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
