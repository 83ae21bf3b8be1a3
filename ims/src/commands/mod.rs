//! One file or folder for each command.

pub mod completions;
pub mod config;
pub mod demo;
pub mod run;
pub mod topology;
