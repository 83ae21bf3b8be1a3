//! Dead push tokens that are remembered by this process alone.

use processors::ports::{Away, DEAD_FOR, DeadToken, DeadTokens};
use rustc_hash::FxHashMap;

/// Tokens that are remembered, some 30 MB; then all are forgotten, and their services say it again.
const MOST: usize = 100_000;

/// For who keeps no tokens in a store.
#[derive(Debug, Default)]
pub struct MemoryDeadTokens(FxHashMap<(String, String), (String, i64)>);

impl DeadTokens for MemoryDeadTokens {
    fn known(&mut self, asked: &[(String, String)], now_ms: i64) -> Result<Vec<Option<String>>, Away> {
        let lasts = |noted_ms: i64| now_ms - noted_ms < DEAD_FOR.as_millis() as i64;
        let known = |asked| self.0.get(asked).filter(|(_, noted_ms)| lasts(*noted_ms)).map(|(code, _)| code.clone());
        Ok(asked.iter().map(known).collect())
    }

    fn note(&mut self, dead: &[DeadToken], now_ms: i64) -> Result<(), Away> {
        if self.0.len() + dead.len() > MOST {
            self.0.clear();
        }
        for DeadToken { vendor, token, code, .. } in dead {
            self.0.insert((vendor.clone(), token.clone()), (code.clone(), now_ms));
        }
        Ok(())
    }
}
