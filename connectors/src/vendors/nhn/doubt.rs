//! A message in doubt is looked for in the vendor's list of what was sent, by its serial number.

use super::{
    MOST_ANSWER, Nhn, Sent,
    answer::{self, Refused},
    report::Page,
    request,
};
use crate::vendors::{
    http::{Answered, Failed},
    images::Desk,
    judged,
};
use hyper::{Method, body::Bytes};
use processors::{
    codes::{Handling, judge},
    ports::{Clock, Reply},
};
use schemas::Dispatch;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How far from our clock the vendor's may be.
const APART_MS: i64 = 3_600_000;
/// Between two looks: a request is queued before it is listed.
const PAUSE: Duration = Duration::from_secs(1);

impl Nhn<'_> {
    /// Asks whether a message in doubt was sent. Nothing is sent: what is not listed may be queued still.
    pub(super) async fn ask_about(&self, dispatch: &Dispatch, desk: &Desk<'_>) -> Reply {
        match self.look_for(dispatch, desk, Instant::now() + self.total()).await {
            Ok(Some(id)) => {
                if !id.is_empty() {
                    self.remember(id, dispatch).await;
                }
                judged::code(self.vendor.codes, "0".into(), None)
            }
            Ok(None) => Reply::Forgotten("the vendor does not list this message".into()),
            Err(reply) => reply,
        }
    }

    /// The vendor's id of a message, looked for until then; None: it is not listed. The error is what it means for one in
    /// doubt.
    pub(super) async fn look_for(
        &self,
        dispatch: &Dispatch,
        desk: &Desk<'_>,
        until: Instant,
    ) -> Result<Option<String>, Reply> {
        let (from_ms, to_ms) = (dispatch.routed_at - APART_MS, desk.clock.now_ms() + APART_MS);
        let path = format!(
            "{}?startCreateDate={}&endCreateDate={}&recipientGroupingKey={}&pageNum=1&pageSize=1",
            request::list_of(self.product(), dispatch),
            self.product().time(from_ms),
            self.product().time(to_ms),
            dispatch.serial_number
        );
        let mut looked = false;
        loop {
            // A look needs time too.
            let latest = until - PAUSE.min(self.total() / 2);
            if !self.access.pace.turn_by(latest, || (desk.part)(self.vendor)).await {
                let none = Reply::Undecided("no turn among the calls that are no sends".into());
                return if looked { Ok(None) } else { Err(none) };
            }
            let page = self.look(&path, until.saturating_duration_since(Instant::now()), desk.clock).await?;
            looked = true;
            match page.id_of(&dispatch.serial_number) {
                None if Instant::now() + 2 * PAUSE < until => sleep(PAUSE).await,
                found => return Ok(found),
            }
        }
    }

    /// One look. The list may fail while sends are taken, so only what holds for every request counts against them.
    async fn look(&self, path: &str, left: Duration, clock: &dyn Clock) -> Result<Page, Reply> {
        let key = self.access.key.header();
        let sent = Sent { path, body: Bytes::new(), repeat: None };
        let answered = self.call(Method::GET, sent, &key, MOST_ANSWER, left).await;
        let Answered { status, retry_after, body, .. } = answered.map_err(|failed| match failed {
            Failed::NotSent(reason) => Reply::NotSent(reason),
            Failed::NoAnswer(reason) => Reply::Undecided(reason),
        })?;
        if status == 429 {
            return Err(judged::throttled(retry_after.as_deref(), clock.now_ms()));
        }
        answer::read(status, &body).map_err(|refused| match refused {
            Refused::Unread(reason) => Reply::Undecided(reason),
            Refused::Code(code) => {
                self.renew(&code, &key);
                let row = judge(self.vendor.codes, &code);
                if row.handling == Handling::LockedOut && status < 500 {
                    return judged::code(self.vendor.codes, code, None);
                }
                Reply::Undecided(format!("HTTP {status}, {code}: {}", row.meaning))
            }
        })
    }
}
