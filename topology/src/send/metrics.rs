//! Metrics of the senders, named once. Names follow Prometheus: unit at the end, `_total` for counters.

crate::metrics::list! {
    /// Requests in flight, by vendor.
    gauge IN_FLIGHT = "ims_send_in_flight";
    /// Breaker, by vendor: 0 closed, 1 half open, 2 open.
    gauge BREAKER = "ims_send_breaker_state";
    /// 1 while a vendor refuses our key, account or address, by vendor.
    gauge LOCKED_OUT = "ims_send_locked_out";
    /// 1 while requests to a vendor do not leave, or are not answered, by vendor.
    gauge UNREACHED = "ims_send_unreached";
    /// Profiles, numbers and templates that a vendor refuses, by vendor and kind.
    gauge STOPPED = "ims_send_stopped";
    /// Calls taken from a vendor's rate, by vendor and lane.
    counter CALLS = "ims_send_calls_total";
    /// Records marked as started, by stream.
    counter STARTED = "ims_send_started_total";
    /// What messages cost that vendors took, by vendor and family, thousandths of a won, by the prices of their rows.
    counter COST = "ims_send_cost_krw_thousandths_total";
    /// Steps that ended, by vendor and class of the code.
    counter DONE = "ims_send_done_total";
    /// Dispatches that go round again, by vendor and why.
    counter RETRIES = "ims_send_retries_total";
    /// Requests whose end is unknown, by vendor.
    counter AMBIGUOUS = "ims_send_ambiguous_total";
    /// Records spilled into DELAY to let others pass, by stream.
    counter SPILLED = "ims_send_spilled_total";
    /// Dispatches handed to another vendor because theirs is down, by vendor.
    counter REROUTED = "ims_send_rerouted_total";
    /// Records held, by stream.
    gauge HELD = "ims_send_held_records";
    /// Seconds from a request to its answer, by vendor.
    histogram ANSWER_SECONDS = "ims_send_answer_seconds";
    /// Answers of an older assignment, dropped, by stream.
    counter LATE_ANSWERS = "ims_send_late_answers_total";
    /// Requests held back because the group had not confirmed this member in time, by stream.
    counter UNCONFIRMED = "ims_send_unconfirmed_total";
    /// Receipts, by worker, vendor, class of the code and what became of them.
    counter RECEIPTS = "ims_receipts_total";
}
