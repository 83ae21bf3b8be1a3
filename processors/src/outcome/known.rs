//! What is known of a message when something becomes of it, and the records that say so.

use super::Desk;
use schemas::{
    Accepted, AnalyzeLog, Channel, Dispatch, Family, History, LogEvent, Origin, Report, ReportKind, State, StepReport,
    StepResult,
};

/// The message behind a result. Late receipts and records that cannot be read have none.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    track_id: &'a str,
    pub accepted: Option<&'a Accepted>,
    dispatch: Option<&'a Dispatch>,
    desk: &'a Desk<'a>,
}

/// What became of a step.
#[derive(Clone, Copy)]
pub struct Ending<'a> {
    pub state: State,
    pub origin: Origin,
    pub code: &'a str,
    pub message: &'a str,
    pub fallback_allowed: bool,
    pub step: i32,
    pub serial_number: &'a str,
    pub vendor: &'a str,
    pub vendor_code: &'a str,
    pub attempts: i32,
    pub sent_at: Option<i64>,
    pub ambiguous: bool,
}

impl<'a> Ending<'a> {
    /// What `news` says; what it leaves out stands in the result that opened the step.
    pub fn of(news: &'a StepResult, opened: Option<&'a StepResult>) -> Self {
        let or = |own: &'a str, opened: Option<&'a String>| if own.is_empty() { opened.map_or("", |s| s) } else { own };
        Self {
            state: news.state,
            origin: news.origin,
            code: &news.code,
            message: &news.message,
            fallback_allowed: news.fallback_allowed,
            step: news.step,
            serial_number: or(&news.serial_number, opened.map(|o| &o.serial_number)),
            vendor: or(&news.vendor, opened.map(|o| &o.vendor)),
            vendor_code: or(&news.vendor_code, opened.map(|o| &o.vendor_code)),
            attempts: news.attempt.max(opened.map_or(0, |o| o.attempt)),
            sent_at: news.sent_at.or(opened.and_then(|o| o.sent_at)),
            ambiguous: news.ambiguous || opened.is_some_and(|o| o.ambiguous),
        }
    }
}

impl<'a> Known<'a> {
    /// What the first of these results knows that carries the message.
    pub fn of(news: &'a StepResult, opened: Option<&'a StepResult>, desk: &'a Desk<'a>) -> Self {
        let carriers = || [Some(news), opened].into_iter().flatten();
        let dispatch = carriers().find_map(|result| result.dispatch.as_deref());
        let accepted = dispatch
            .map(|dispatch| &dispatch.accepted)
            .or_else(|| carriers().find_map(|result| result.accepted.as_deref()));
        Self { track_id: &news.track_id, accepted, dispatch, desk }
    }

    /// Whether the vendor that was asked reports what becomes of a message.
    pub fn is_reported(&self) -> bool {
        self.dispatch.is_some_and(|dispatch| {
            let family = Family::of(dispatch.accepted.channel, dispatch.accepted.message_type);
            self.desk.rules.reference.vendor(family, &dispatch.vendor).is_some_and(|vendor| vendor.receipts)
        })
    }

    /// Channel of the request: where its reports go. Of a message that is not known, its vendor's channel at least.
    fn requested_channel(&self, vendor: &str) -> Channel {
        self.accepted.map_or_else(|| self.step_channel(vendor), |accepted| accepted.requested_channel)
    }

    fn step_channel(&self, vendor: &str) -> Channel {
        let takes = |family: &Family| self.desk.rules.reference.vendor(*family, vendor).is_some();
        match self.accepted {
            Some(accepted) => accepted.channel,
            None => Family::ALL.into_iter().find(takes).map_or(self.desk.channel, Family::channel),
        }
    }

    /// The step as a line of the message's trail; none when the message is not known.
    pub fn step_report(&self, ending: &Ending<'_>) -> Option<StepReport> {
        let accepted = self.accepted?;
        Some(StepReport {
            step: accepted.step,
            channel: accepted.channel,
            message_type: accepted.message_type,
            state: ending.state,
            origin: ending.origin,
            code: ending.code.into(),
            vendor: ending.vendor.into(),
            vendor_code: ending.vendor_code.into(),
            serial_number: ending.serial_number.into(),
            attempts: ending.attempts,
            sent_at: ending.sent_at,
            reported_at: self.desk.now_ms,
        })
    }

    /// What the customer is told about the message's state. The end of one that was revived has been told.
    pub fn report(&self, ending: &Ending<'_>, terminal: bool) -> Report {
        if self.accepted.is_some_and(|accepted| accepted.revived) {
            return self.late_report(ending);
        }
        let trail = self.accepted.into_iter().flat_map(|accepted| accepted.trail.iter().cloned());
        let steps = trail.chain(self.step_report(ending)).collect();
        Report { terminal, steps, ..self.bare_report(ending, ReportKind::State) }
    }

    /// What the customer is told about news that change nothing.
    pub fn late_report(&self, ending: &Ending<'_>) -> Report {
        self.bare_report(ending, ReportKind::Late)
    }

    fn bare_report(&self, ending: &Ending<'_>, kind: ReportKind) -> Report {
        let text = |of: fn(&Accepted) -> &String| self.accepted.map(of).cloned().unwrap_or_default();
        Report {
            track_id: self.track_id.into(),
            username: text(|a| &a.username),
            service_key: text(|a| &a.service_key),
            message_id: text(|a| &a.message_id),
            channel: self.requested_channel(ending.vendor),
            message_type: self.accepted.map(|a| a.message_type),
            kind,
            state: ending.state,
            terminal: false,
            origin: ending.origin,
            code: ending.code.into(),
            message: ending.message.into(),
            vendor: ending.vendor.into(),
            vendor_code: ending.vendor_code.into(),
            requested_at: self.accepted.map_or(0, |a| a.requested_at),
            sent_at: ending.sent_at,
            reported_at: self.desk.now_ms,
            steps: Vec::new(),
            bill_code: self.accepted.and_then(|a| a.bill_code.clone()),
        }
    }

    /// The row of history; none when the message is not known.
    pub fn history(&self, ending: &Ending<'_>, last_step: bool) -> Option<History> {
        let accepted = self.accepted?;
        Some(History {
            track_id: accepted.track_id.clone(),
            serial_number: ending.serial_number.into(),
            step: accepted.step,
            last_step,
            username: accepted.username.clone(),
            service_key: accepted.service_key.clone(),
            message_id: accepted.message_id.clone(),
            requested_channel: accepted.requested_channel,
            requested_type: accepted.requested_type,
            channel: accepted.channel,
            message_type: accepted.message_type,
            priority: self.desk.lane,
            state: ending.state,
            origin: ending.origin,
            code: ending.code.into(),
            vendor: ending.vendor.into(),
            vendor_code: ending.vendor_code.into(),
            attempts: ending.attempts,
            recipient: accepted.recipient.clone(),
            title: accepted.content.title.clone(),
            message: accepted.content.message.clone(),
            received_at: accepted.requested_at,
            distribution_at: self.dispatch.map(|dispatch| dispatch.routed_at),
            sent_at: ending.sent_at,
            report_at: self.desk.now_ms,
            source: accepted.source,
            bill_code: accepted.bill_code.clone(),
            template_code: accepted.content.template_code.clone(),
        })
    }

    /// One event for analysis.
    pub fn log(&self, event: LogEvent, ending: &Ending<'_>) -> AnalyzeLog {
        let text = |of: fn(&Accepted) -> &String| self.accepted.map(of).cloned().unwrap_or_default();
        AnalyzeLog {
            event,
            track_id: self.track_id.into(),
            at: self.desk.now_ms,
            username: text(|a| &a.username),
            service_key: text(|a| &a.service_key),
            channel: self.step_channel(ending.vendor),
            message_type: self.accepted.map(|a| a.message_type),
            priority: self.desk.lane,
            step: self.accepted.map_or(ending.step, |a| a.step),
            attempt: ending.attempts,
            vendor: ending.vendor.into(),
            state: ending.state,
            origin: ending.origin,
            code: ending.code.into(),
            vendor_code: ending.vendor_code.into(),
            ambiguous: ending.ambiguous,
            requested_at: self.accepted.map_or(0, |a| a.requested_at),
            accepted_at: self.accepted.map(|a| a.accepted_at),
            routed_at: self.dispatch.map(|dispatch| dispatch.routed_at),
            sent_at: ending.sent_at,
            ..AnalyzeLog::default()
        }
    }
}
