//! Flows through the whole chain, on the in-process log, with a clock that is moved.

mod bounds;
mod callbacks;
mod consents;
mod delays;
mod ends;
mod measures;
mod refusals;
mod replays;
mod stage;
mod unreadable;
