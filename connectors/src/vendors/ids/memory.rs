//! Ids in memory: a restart forgets them, and then a receipt is known as nobody's.

use processors::ports::{Away, Half, Meeting, MessageIds};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;

/// Ids at most; beyond, the oldest go.
const MOST: usize = 2_000_000;

/// Ids of this process.
#[derive(Debug, Default)]
pub struct MemoryMessageIds {
    held: FxHashMap<Key, Held>,
    /// Keys by when they were first noted, oldest first.
    order: VecDeque<Key>,
}

type Key = (String, String);

#[derive(Debug)]
struct Held {
    half: Half,
    until_ms: i64,
}

impl MessageIds for MemoryMessageIds {
    fn meet(&mut self, meetings: &[Meeting], now_ms: i64) -> Result<Vec<Option<Half>>, Away> {
        Ok(meetings.iter().map(|meeting| self.one(meeting, now_ms)).collect())
    }
}

impl MemoryMessageIds {
    fn one(&mut self, meeting: &Meeting, now_ms: i64) -> Option<Half> {
        let key = (meeting.vendor.clone(), meeting.message_id.clone());
        let until_ms = now_ms + meeting.kept.as_millis() as i64;
        let known = self.held.get(&key).filter(|held| now_ms < held.until_ms).map(|held| held.half.clone());
        let sent = matches!(meeting.half, Half::Sent { .. });
        if sent || known.is_none() {
            if self.held.insert(key.clone(), Held { half: meeting.half.clone(), until_ms }).is_none() {
                self.order.push_back(key);
            }
            self.forget(now_ms);
        }
        known.filter(|known| matches!(known, Half::Sent { .. }) != sent)
    }

    fn forget(&mut self, now_ms: i64) {
        while let Some(oldest) = self.order.front() {
            let over = self.held.len() > MOST || self.held.get(oldest).is_none_or(|held| held.until_ms <= now_ms);
            if !over {
                return;
            }
            if let Some(oldest) = self.order.pop_front() {
                self.held.remove(&oldest);
            }
        }
    }
}
