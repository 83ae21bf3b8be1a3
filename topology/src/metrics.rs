//! Every metric of the engine, named once. Names follow Prometheus: unit at the end, `_total` for counters.

/// Makes the constant of each metric and a function that describes them all: one text for code and /metrics.
macro_rules! list {
    ($($(#[doc = $text:literal])+ $kind:ident $constant:ident = $name:literal;)+) => {
        $($(#[doc = $text])+ pub const $constant: &str = $name;)+

        /// Tells the recorder what each metric of this list means.
        pub(crate) fn describe_list() {
            $($crate::metrics::list!(@$kind $constant, concat!($($text),+).trim());)+
        }
    };
    (@counter $name:expr, $text:expr) => { ::metrics::describe_counter!($name, $text) };
    (@gauge $name:expr, $text:expr) => { ::metrics::describe_gauge!($name, $text) };
    (@histogram $name:expr, $text:expr) => { ::metrics::describe_histogram!($name, $text) };
}
pub(crate) use list;

/// Tells the recorder what every metric means, those of senders and callbacks too.
pub fn describe() {
    describe_list();
    crate::send::metrics::describe_list();
    crate::callback::metrics::describe_list();
}

list! {
    /// Records taken and committed, by stream.
    counter RECORDS = "ims_records_total";
    /// Seconds from a record's timestamp in its topic to the commit of the step that took it, by stream. One observation a
    /// batch, of its oldest record: quantiles are those of batches, and above those of records.
    histogram STEP_SECONDS = "ims_step_seconds";
    /// Records that became dead letters, by source topic. Look at the reason header, mend, `ims replay`.
    counter DEAD_LETTERS = "ims_dead_letters_total";
    /// 1 while a stream works, 0 while it waits for a log, store or registry that is away, or restores its state.
    gauge READY = "ims_stream_ready";
    /// Records that a stream has yet to do, by stream: not read, and of senders and callbacks also those that are held or under
    /// way. In offsets: the end less what is committed, less the done bits beside it.
    gauge LAG = "ims_lag_records";
    /// Refusals of ingest, by code.
    counter REFUSED = "ims_refused_total";
    /// AUTH claims that were not granted and went on as REALTIME.
    counter AUTH_DEMOTED = "ims_auth_demoted_total";
    /// Waiting records that are due and not yet let go, by stream.
    gauge OVERDUE = "ims_overdue_records";
    /// Messages that outcome keeps open, by lane.
    gauge OPEN = "ims_open_messages";
    /// Terminal reports, by channel and state.
    counter TERMINAL = "ims_terminal_reports_total";
    /// Changes of reference data, by result: taken, refused.
    counter REFERENCE_RELOADS = "ims_reference_reloads_total";
    /// Seconds since the reference data in force was read.
    gauge REFERENCE_AGE = "ims_reference_age_seconds";
    /// Seconds for which a change of reference data is refused and older data is in force; 0: it is not.
    gauge REFERENCE_STALE = "ims_reference_stale_seconds";
    /// 1 while this process goes on with less because Redis is away or too full; /health/ready says with what.
    gauge REDIS_AWAY = "ims_redis_away";
    /// Routing groups whose own topics Kafka refuses: their messages go over the topics of all, with their priority.
    gauge GROUPS_REFUSED = "ims_routing_groups_refused";
    /// Rows deleted from the stores because they were older than they are kept (store.retention_days).
    counter PURGED = "ims_purged_rows_total";
    /// Anomalies that last, by kind (FAILURES, LATENCY), vendor and channel; every analyzer tells all of them.
    gauge ANOMALIES_OPEN = "ims_anomalies_open";
    /// Anomalies that this process saw first, by kind and event: began, ended.
    counter ANOMALIES = "ims_anomalies_total";
    /// Activities that were not watched for anomalies, because 100,000 series of vendor, channel and customer are.
    counter UNWATCHED = "ims_anomalies_unwatched_total";
}
