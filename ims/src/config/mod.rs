//! The configuration: the embedded default, a file over it, the environment over both.

mod layers;
mod model;
mod named;

pub use layers::{ConfigErrors, DEFAULT, VARIABLES, load};
pub use model::*;
