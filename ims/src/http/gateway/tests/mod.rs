//! A gateway before processes that do as the test says.

mod bounds;
mod goes_through;
mod remembered;
mod spared;
mod stage;
