//! Every attempt as an event for analysis.

use super::{After, LAST_RETRY, Reply};
use schemas::{AnalyzeLog, Lane, LogEvent, Origin, Report, TrackId};

/// A call that ended.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// Which call for its reports, from 1.
    pub number: u32,
    /// What came.
    pub reply: &'a Reply,
    /// When it left, Unix milliseconds; None when that was lost with its process.
    pub sent_at: Option<i64>,
    /// When it ended, Unix milliseconds.
    pub at_ms: i64,
    /// The replay that asked for it; empty for what is told by itself.
    pub replay: &'a str,
    /// Where it went, as [`super::Endpoint::place`] says it; empty when that is not known any more.
    pub endpoint: &'a str,
    /// What follows.
    pub after: After,
}

impl After {
    /// The word in events and their store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "told",
            Self::Again { .. } => "again",
            Self::Disable => "disabled",
            Self::GiveUp => "given_up",
        }
    }

    /// When the next call is due.
    const fn next_ms(self) -> Option<i64> {
        match self {
            Self::Again { due_ms } => Some(due_ms),
            Self::Done | Self::Disable | Self::GiveUp => None,
        }
    }
}

/// What followed from a call that was recorded. Events of an older version told no word of it.
pub fn outcome<'a>(told: &'a str, code: &str, attempt: i32) -> &'a str {
    match code {
        _ if !told.is_empty() => told,
        "410" => After::Disable.as_str(),
        _ if code.len() == 3 && code.starts_with('2') => After::Done.as_str(),
        _ if u32::try_from(attempt).is_ok_and(|attempt| attempt > LAST_RETRY) => After::GiveUp.as_str(),
        _ => After::Again { due_ms: 0 }.as_str(),
    }
}

impl Reply {
    /// The status, or why there is none.
    pub fn word(&self) -> String {
        match self {
            Self::Status { status, .. } => status.to_string(),
            Self::Failed(failure) => failure.as_str().to_owned(),
        }
    }
}

/// The event of a call, for one of its reports. `code` is what the endpoint answered.
pub fn event(report: &Report, attempt: &Attempt<'_>) -> AnalyzeLog {
    AnalyzeLog {
        event: LogEvent::Callback,
        track_id: report.track_id.clone(),
        at: attempt.at_ms,
        username: report.username.clone(),
        service_key: report.service_key.clone(),
        channel: report.channel,
        message_type: report.message_type,
        priority: report.track_id.parse::<TrackId>().map_or(Lane::Realtime, |id| id.api().lane),
        step: report.steps.last().map_or(0, |step| step.step),
        attempt: i32::try_from(attempt.number).unwrap_or(i32::MAX),
        state: report.state,
        origin: Origin::Ims,
        code: attempt.reply.word(),
        ambiguous: matches!(attempt.reply, Reply::Failed(failure) if failure.is_ambiguous()),
        requested_at: report.requested_at,
        sent_at: attempt.sent_at,
        replay: attempt.replay.to_owned(),
        endpoint: attempt.endpoint.to_owned(),
        outcome: attempt.after.as_str().to_owned(),
        next_at: attempt.after.next_ms(),
        ..AnalyzeLog::default()
    }
}
