//! Each kind of rows in its table.

mod customers;
mod families;
mod routing;
mod senders;
mod vendors;
