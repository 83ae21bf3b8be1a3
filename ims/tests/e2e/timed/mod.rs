//! What is promised in time, one test after the other. They stand side by side in the order of names, so that the
//! others, which share the machine, wait for them once.

mod caps;
pub mod groups;
mod membership;
mod overtaking;
mod reload;
mod schedules;
mod takeover;
