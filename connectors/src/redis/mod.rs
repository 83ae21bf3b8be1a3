//! Redis 7, one server or a cluster, behind a blocking face: batches of commands, one round trip each, all nodes asked
//! at the same time.
//!
//! The crate brings connections, TLS and the protocol. Batches are sent here and not by its pipelines because those wait
//! for every answer anew: a server that hangs holds a thousand commands for a thousand times its time-out
//! (docs/adr/0010-claims-in-redis.md).

mod batch;
mod client;
mod key;
mod room;
mod settings;
mod slots;

pub use batch::Batch;
pub use client::Redis;
pub use key::{KEY_BYTES, key_of};
pub use room::Room;
pub use settings::{RedisSettings, RedisSettingsError};
pub use slots::{SLOTS, slot_of};

/// What /health/ready calls it.
pub const NAME: &str = "redis";

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
