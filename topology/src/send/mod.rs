//! The senders: they take dispatches, keep the vendors' limits and the customers' turns, launch requests, and note in
//! the log what became of each.

mod window;

pub use window::{CAPACITY, Mark, NotAWindow, Window};
