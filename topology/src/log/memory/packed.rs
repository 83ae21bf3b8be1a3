//! Records side by side in one piece of memory: an allocation for each record and each of its headers would cost more
//! time than the copy, and more memory than many a record.

use crate::log::{Headers, LogError, Outgoing};
use bytes::Bytes;
use std::sync::Arc;

/// Where a record's parts lie. Its key comes first, then its value, then its headers: for each the lengths of name and
/// value, then both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Offset less the segment's first one.
    delta: u32,
    start: usize,
    key: Option<u32>,
    value: Option<u32>,
    headers: u32,
}

impl Entry {
    /// Offset less the segment's first one.
    pub(super) fn delta(&self) -> i64 {
        i64::from(self.delta)
    }

    /// Whether it is a tombstone.
    pub(super) fn is_tombstone(&self) -> bool {
        self.value.is_none()
    }

    /// Bytes of its value.
    pub(super) fn value_bytes(&self) -> usize {
        self.value.unwrap_or(0) as usize
    }

    fn value_start(&self) -> usize {
        self.start + self.key.unwrap_or(0) as usize
    }

    fn headers_start(&self) -> usize {
        self.value_start() + self.value_bytes()
    }

    fn end(&self) -> usize {
        self.headers_start() + self.headers as usize
    }
}

/// The records of one transaction for one partition. A clone shares them.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    entries: Arc<[Entry]>,
    data: Bytes,
}

/// Bytes of the two lengths before each header.
const LENGTHS: usize = 8;

impl Packed {
    /// Copies records, in their order.
    pub(super) fn of<'r>(records: impl Iterator<Item = &'r Outgoing> + Clone) -> Result<Self, LogError> {
        let size = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers = |record: &Outgoing| -> usize {
            record.headers.iter().map(|(name, value)| LENGTHS + name.len() + value.len()).sum()
        };
        let all = records.clone().map(|record| size(&record.key) + size(&record.value) + headers(record)).sum();
        let mut data = Vec::with_capacity(all);
        let mut entries = Vec::with_capacity(records.size_hint().0);
        for (record, delta) in records.zip(0..) {
            let start = data.len();
            let mut put = |bytes: &Option<Bytes>| match bytes {
                None => Ok(None),
                Some(bytes) => {
                    data.extend_from_slice(bytes);
                    length(bytes.len()).map(Some)
                }
            };
            let (key, value) = (put(&record.key)?, put(&record.value)?);
            for (name, value) in &record.headers {
                data.extend_from_slice(&length(name.len())?.to_le_bytes());
                data.extend_from_slice(&length(value.len())?.to_le_bytes());
                data.extend_from_slice(name.as_bytes());
                data.extend_from_slice(value);
            }
            entries.push(Entry { delta, start, key, value, headers: length(headers(record))? });
        }
        Ok(Self { entries: entries.into(), data: data.into() })
    }

    /// Its records.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Bytes that it keeps alive.
    pub(super) fn bytes(&self) -> u64 {
        (size_of_val(&*self.entries) + self.data.len()) as u64
    }

    /// The key of a record.
    pub(super) fn key(&self, entry: &Entry) -> Option<&[u8]> {
        entry.key.map(|_| &self.data[entry.start..entry.value_start()])
    }

    /// Key, value and headers of a record, which share the memory.
    pub(super) fn parts(&self, entry: &Entry) -> (Option<Bytes>, Option<Bytes>, Headers) {
        let key = entry.key.map(|_| self.data.slice(entry.start..entry.value_start()));
        let value = entry.value.map(|_| self.data.slice(entry.value_start()..entry.headers_start()));
        let mut headers = Headers::new();
        let (mut at, end) = (entry.headers_start(), entry.end());
        let number = |at: usize| self.data[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
        while at < end {
            let name = at + LENGTHS;
            let value = name + number(at);
            let next = value + number(at + LENGTHS / 2);
            let text = String::from_utf8_lossy(&self.data[name..value]).into_owned();
            headers.push((text, self.data.slice(value..next)));
            at = next;
        }
        (key, value, headers)
    }

    /// Only those records that are to stay, in memory of their own.
    pub(super) fn keep(&self, stays: impl Fn(&Entry) -> bool) -> Self {
        let mut data = Vec::new();
        let kept = self.entries.iter().filter(|entry| stays(entry)).map(|entry| {
            let start = data.len();
            data.extend_from_slice(&self.data[entry.start..entry.end()]);
            Entry { start, ..*entry }
        });
        let entries = kept.collect();
        Self { entries, data: data.into_boxed_slice().into() }
    }
}

fn length(bytes: usize) -> Result<u32, LogError> {
    u32::try_from(bytes).map_err(|_| LogError::Stop(format!("a part of a record of {bytes} bytes: 4 GB is the most")))
}
