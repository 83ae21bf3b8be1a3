//! Every metric the engine keeps, named once. Names follow Prometheus: unit at the end, `_total` for counters.

/// Records taken and committed, by stream.
pub const RECORDS: &str = "ims_records_total";
/// Seconds from a record's timestamp in its topic to the commit of the step that took it, oldest of each batch, by stream.
pub const STEP_SECONDS: &str = "ims_step_seconds";
/// Records that became dead letters, by source topic. Look at the reason header, mend, `ims replay`.
pub const DEAD_LETTERS: &str = "ims_dead_letters_total";
/// 1 while a stream works, 0 while it waits for a log, store or registry that is away.
pub const READY: &str = "ims_stream_ready";
/// Records not yet read, by stream.
pub const LAG: &str = "ims_lag_records";
/// Refusals of ingest, by code.
pub const REFUSED: &str = "ims_refused_total";
/// AUTH claims that were not granted and went on as REALTIME.
pub const AUTH_DEMOTED: &str = "ims_auth_demoted_total";
/// Waiting records that are due and not yet let go, by stream.
pub const OVERDUE: &str = "ims_overdue_records";
/// Messages that outcome keeps open, by lane.
pub const OPEN: &str = "ims_open_messages";
/// Terminal reports, by channel and state.
pub const TERMINAL: &str = "ims_terminal_reports_total";
