//! Turns the .avsc files of `avro/` into Rust types with a codec that never builds a generic value.
//!
//! The .avsc files are the contract; nothing about a record is written twice.

#[path = "build/avsc.rs"]
mod avsc;
#[path = "build/rust.rs"]
mod rust;

use std::{
    collections::BTreeSet,
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Borrowing views: (view, record, fields it reads). A view stops reading after its last field.
const VIEWS: &[(&str, &str, &[&str])] = &[(
    "AcceptedView",
    "Accepted",
    &[
        "track_id",
        "username",
        "service_key",
        "message_id",
        "channel",
        "message_type",
        "lane",
        "ad",
        "night_agreed",
        "step",
        "released",
        "send_at",
        "expires_at",
        "requested_at",
    ],
)];

/// Records whose last field is carried on as bytes: (head, record).
const HEADS: &[(&str, &str)] = &[("DispatchHead", "Dispatch")];

/// What ingest reads and writes: records that can borrow their texts from the bytes they were read from.
const LENDING: &[&str] = &["SendRequest", "Accepted"];

/// The record that customers write as JSON.
const FROM_JSON: &str = "SendRequest";

/// The record that benches/codec.rs measures, and what its view reads.
const SAMPLE: &str = "Sample";
const SAMPLE_VIEW: &[&str] = &["track_id", "service_key", "channel", "lane", "requested_at"];

fn main() {
    println!("cargo:rerun-if-changed=avro");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=benches/Sample.avsc");
    let contract = avsc::Contract::read(&["avro"], LENDING);
    let mut code = String::new();
    for name in contract.names() {
        code.push_str(&rust::definition(&contract, name));
    }
    for (view, record, fields) in VIEWS {
        code.push_str(&rust::view(&contract, view, record, fields));
    }
    for (head, record) in HEADS {
        code.push_str(&rust::head(&contract, head, record));
    }
    let mut inside = BTreeSet::new();
    contract.inside(FROM_JSON, &mut inside);
    for name in inside {
        code.push_str(&rust::from_json(&contract, name));
    }
    write("records.rs", &code);
    write("versions.rs", &versions());

    let bench = avsc::Contract::read(&["avro", "benches"], &[]);
    write("sample.rs", &(rust::definition(&bench, SAMPLE) + &rust::view(&bench, "SampleView", SAMPLE, SAMPLE_VIEW)));
}

/// The committed versions of each record.
fn versions() -> String {
    let folder = env::current_dir().expect("cargo sets it").join("avro/versions");
    let entries = fs::read_dir(&folder).expect("the versions are committed");
    let mut records: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    records.sort();
    let mut code = String::from("const VERSIONS: &[(&str, &[&str])] = &[\n");
    for record in records {
        let name = record.file_name().expect("of a record").to_string_lossy().into_owned();
        let versions = (1..).map(|number| record.join(format!("{number}.avsc"))).take_while(|file| file.exists());
        let texts = versions.map(|file| format!("include_str!({file:?}), "));
        writeln!(code, "    ({name:?}, &[{}]),", texts.collect::<String>()).expect("a String takes everything");
    }
    code + "];\n"
}

fn write(file: &str, code: &str) {
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join(file);
    fs::write(out, code).expect("the build folder can be written");
}
