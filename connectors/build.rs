//! Builds again when a migration is added: `migrate!` embeds a folder that cargo does not watch by itself.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
