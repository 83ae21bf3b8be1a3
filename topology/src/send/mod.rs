//! The senders: they take dispatches, keep the vendors' limits and the customers' turns, launch requests, and note in
//! the log what became of each.

mod hold;
mod window;

pub use hold::{Held, Hold, Returns, Turns};
pub use window::{CAPACITY, Mark, NotAWindow, Window};
