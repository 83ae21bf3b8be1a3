//! The log on Apache Kafka: what it promises, and what becomes of it when processes and brokers die.

mod appends;
mod away;
mod contract;
mod groups;
mod input;
mod kill;
#[path = "../log_contract/mod.rs"]
mod log_contract;
mod quiet;
mod restores;
mod stops;
mod support;
mod topics;
mod unknown;
mod window;
