//! Metrics of the callback role, named once.

crate::metrics::list! {
    /// Calls that ended, by outcome: the HTTP status, or why there was none.
    counter CALLS = "ims_callback_calls_total";
    /// Reports that their customer knows of.
    counter TOLD = "ims_callback_told_total";
    /// Calls that are made again, through DELAY.
    counter RETRIES = "ims_callback_retries_total";
    /// Reports that are called for no more, by reason: given_up after the last retry, disabled, no_endpoint, too_old.
    counter LEFT = "ims_callback_left_total";
    /// Reports that came back later because their endpoint rested, or took fewer than there were.
    counter SPILLED = "ims_callback_spilled_total";
    /// Reports in calls that a replay asked for; a retry counts again.
    counter REPLAYED = "ims_callback_replayed_total";
    /// Endpoints whose last word was 410. The log says which.
    gauge DISABLED = "ims_callback_disabled_endpoints";
    /// Endpoints that have asked by 429 or 503 with Retry-After to be called later, and are not called until then. The log
    /// says which, and `GET …/callback` until when.
    gauge RESTING = "ims_callback_resting_endpoints";
    /// Reports that wait in memory for their call.
    gauge HELD = "ims_callback_held_records";
    /// Calls under way.
    gauge IN_FLIGHT = "ims_callback_in_flight";
    /// Seconds from a call to its end.
    histogram CALL_SECONDS = "ims_callback_call_seconds";
    /// Answers of an older assignment, dropped: their calls are made again.
    counter LATE_ANSWERS = "ims_callback_late_answers_total";
    /// Calls held back because the group had not confirmed this member in time.
    counter UNCONFIRMED = "ims_callback_unconfirmed_total";
}
