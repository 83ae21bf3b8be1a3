//! One file or folder for each command.

pub mod completions;
pub mod config;
pub mod topology;
