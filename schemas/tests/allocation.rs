//! A claimed length is never allocated: counted by the allocator itself, hence a program of its own.

use schemas::avro::put_long;
use schemas::{Attachment, Avro, Input, Schemas, SendRequest, StepResult, examples};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The largest single allocation since it was set to 0, bytes.
static LARGEST: AtomicUsize = AtomicUsize::new(0);

struct Watching;

#[expect(unsafe_code, reason = "there is no safe way to watch the allocator")]
// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// The largest allocation that `work` makes, bytes.
fn largest_during(work: impl FnOnce()) -> usize {
    LARGEST.store(0, Relaxed);
    work();
    LARGEST.load(Relaxed)
}

#[test]
fn a_claimed_length_is_never_allocated() {
    let request = {
        let mut out = Vec::new();
        examples::request("sms_many").encode(&mut out);
        out
    };
    let older = {
        let mut schema: serde_json::Value = serde_json::from_str(<SendRequest as schemas::Record>::SCHEMA).unwrap();
        schema["fields"].as_array_mut().unwrap().pop();
        schema.to_string()
    };
    const FOREIGN: u32 = 4_711;
    let schemas = Schemas::embedded();
    schemas.learn(FOREIGN, &older).unwrap();
    let mut huge = Vec::new();
    put_long(&mut huge, 1 << 40);

    // A number of a terabyte over every place of the record: somewhere it is a length or a count.
    let worst = largest_during(|| {
        for at in 0..request.len() {
            let datum = [&request[..at], &huge, &request[at..]].concat();
            let _ = SendRequest::decode(&mut Input::new(&datum));
            let _ = SendRequest::skip(&mut Input::new(&datum));
            let _ = StepResult::decode(&mut Input::new(&datum));
            let _ = schemas.decode::<SendRequest>(&[&[0], &FOREIGN.to_be_bytes()[..], &datum].concat());
        }
    });
    assert!(worst > request.len() && worst < 16 * 1024, "{worst} bytes at once for a record of {}", request.len());

    // As many buttons as there are bytes left, 360 bytes each in memory, and the first one is none.
    let mut buttons = Vec::new();
    put_long(&mut buttons, 10_000);
    buttons.resize(buttons.len() + 10_000, 0xff);
    let worst = largest_during(|| assert!(Attachment::decode(&mut Input::new(&buttons)).is_err()));
    assert!(worst > 0 && worst < 16 * 1024, "{worst} bytes at once for a button that is none");
}
