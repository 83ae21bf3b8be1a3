//! Metrics of the senders, named once. Names follow Prometheus: unit at the end, `_total` for counters.

/// Requests in flight, by vendor.
pub const IN_FLIGHT: &str = "ims_send_in_flight";
/// Breaker, by vendor: 0 closed, 1 trying, 2 open.
pub const BREAKER: &str = "ims_send_breaker_state";
/// Calls taken from a vendor's rate, by vendor and lane.
pub const RATE_USED: &str = "ims_send_calls_total";
/// Records marked as started, by stream.
pub const STARTED: &str = "ims_send_started_total";
/// Steps that ended, by vendor and class of the code.
pub const DONE: &str = "ims_send_done_total";
/// Dispatches that go round again, by vendor and why.
pub const RETRIES: &str = "ims_send_retries_total";
/// Requests whose end is unknown, by vendor.
pub const AMBIGUOUS: &str = "ims_send_ambiguous_total";
/// Records spilled into DELAY to let others pass, by stream.
pub const SPILLED: &str = "ims_send_spilled_total";
/// Dispatches handed to another vendor because theirs is down, by vendor.
pub const REROUTED: &str = "ims_send_rerouted_total";
/// Records held, by stream.
pub const HELD: &str = "ims_send_held_records";
/// Seconds from a request to its answer, by vendor.
pub const ANSWER_SECONDS: &str = "ims_send_answer_seconds";
/// Answers of an older assignment, dropped, by stream.
pub const LATE_ANSWERS: &str = "ims_send_late_answers_total";
/// Held records dropped because the group had not confirmed this member in time, by stream.
pub const UNCONFIRMED: &str = "ims_send_unconfirmed_total";
/// Receipts, by role and what became of them.
pub const RECEIPTS: &str = "ims_receipts_total";
