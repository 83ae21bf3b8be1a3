//! Threads that others need for as long as they live themselves.

/// Ends whoever needs a thread that has ended, which only a defect does to it: a stream that panics stops its process, and
/// that is started again. To wait for what never comes would look like having nothing to do.
#[track_caller]
pub(crate) fn ended(thread: &str) -> ! {
    panic!("the thread {thread} has ended: a defect, which it told when it did")
}
