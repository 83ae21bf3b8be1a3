//! The chain as data: built by one function, checked, described, run.

mod builder;
mod chain;
mod describe;
mod groups;
mod role;

pub use builder::{Builder, Node, Topology, WiringErrors};
pub use chain::chain;
pub use groups::GroupStream;
pub use role::Role;
