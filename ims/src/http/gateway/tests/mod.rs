//! A gateway before processes that do as the test says.

mod bounds;
mod goes_through;
mod logged;
mod remembered;
mod spared;
mod stage;
