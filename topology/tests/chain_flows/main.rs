//! Flows through the whole chain, on the in-process log, with a clock that is moved.

mod delays;
mod ends;
mod stage;
