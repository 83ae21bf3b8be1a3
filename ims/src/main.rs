//! IMS, the integration messaging system.

mod config;

fn main() {
    let _ = config::load(None, std::env::vars());
}
