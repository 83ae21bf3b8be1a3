//! Tells those again who agreed to ads, every two years from the day of their consent (정보통신망법 제50조 ⑧), beside the
//! streams of the store (docs/center.md).

use crate::{beside::Beside, request};
use connectors::{
    cipher::Cipher,
    reference::{By, DueNotice, Editor, MOST_COUNTED},
    reports::ReportReader,
};
use jiff::civil::Date;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use processors::{
    ingest::{Checked, Received, Settings, check},
    korea::{DAY_MS, clock, day_of, days_since_1970},
    law::Law,
    ports::{AppUser, Away, Clock, PushTokens, ReferenceSource},
    reference::{ConsentNotice, Customer, Reference},
    rules::ads::LABEL,
};
use schemas::{Api, Lane, Schemas, Topic};
use serde::Serialize;
use std::{io, sync::Arc, time::Duration};
use topology::log::{Outgoing, Producer};

/// How long a store or a log that is away is left alone.
const REST: Duration = Duration::from_secs(60);
/// How long is waited at most before the clock is asked again.
const LONGEST: Duration = Duration::from_secs(3600);
/// After how long a notice that a process began, and did not note, is told by another: under the same message_id.
const STALE_MS: i64 = 600_000;
/// Consents of one question, and of one append.
const PAGE: u32 = 200;
/// Who it is in the audit.
pub const ACTOR: &str = "ims/notices";
/// Where the requests go: nobody waits for them.
const LANE: Lane = Lane::Mass;

/// Consents that were told again.
const TOLD: &str = "ims_consent_notices_total";
/// Consents whose day has come and that could not be told.
const DUE: &str = "ims_consent_notices_due";

/// Tells the recorder what its metrics mean.
pub fn describe_metrics() {
    describe_counter!(TOLD, "Consents to ads that were told again.");
    describe_gauge!(
        DUE,
        "Consents to ads that are to be told again (정보통신망법 제50조 ⑧) and were not: `ims consent due` says whose."
    );
}

/// Where requests are appended; opened when there is one.
pub type Opens = Box<dyn FnMut() -> anyhow::Result<Box<dyn Producer>> + Send>;

/// What it tells with. Several processes may: each consent is begun by one, and has one message_id for its day.
pub struct Notices {
    /// The consents.
    pub editor: Editor,
    /// What became of a request whose process died.
    pub reports: ReportReader,
    /// Which users a push reaches.
    pub tokens: Box<dyn PushTokens>,
    /// Names consents without saying whose.
    pub cipher: Arc<Cipher>,
    /// Customers, and what they may send.
    pub reference: Arc<dyn ReferenceSource>,
    /// The way in.
    pub opens: Opens,
    /// Of the records.
    pub schemas: Arc<Schemas>,
    /// Nights, and how many years.
    pub law: Law,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Whether consents are told or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Do {
    /// Told.
    Tell,
    /// Looked at: nothing is changed but when they are due, which is reckoned.
    Look,
}

/// What became of a customer's consents whose day has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OfCustomer {
    /// The customer.
    pub username: String,
    /// How many there are.
    pub due: u64,
    /// Of these: told now, or to be told.
    pub told: u64,
    /// No notice of the customer reaches them.
    pub unreached: u64,
    /// The request would be refused.
    pub refused: u64,
    /// Another process is telling them.
    pub elsewhere: u64,
    /// Why they cannot be told, of the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a look came to.
#[derive(Debug)]
pub struct Looked {
    /// Customers of whose consents some are due.
    pub customers: Vec<OfCustomer>,
    /// What kept it from looking at some customers, of the first.
    pub away: Option<Away>,
}

/// One that can be told.
struct Ready {
    due: DueNotice,
    service_key: String,
    message_id: String,
    record: Outgoing,
    /// Whose registered tokens it goes to.
    user: Option<AppUser>,
}

/// Tells once a day, where there are consents that can be changed.
pub fn begin(notices: Option<Notices>, hour: u8) -> io::Result<Option<Beside>> {
    let mut done = None;
    notices.map(|mut notices| Beside::start("notices", move || turn(&mut notices, hour, &mut done))).transpose()
}

/// One look; how long to wait before the next.
fn turn(notices: &mut Notices, hour: u8, done: &mut Option<Date>) -> Duration {
    let now_ms = notices.clock.now_ms();
    let today = day_of(now_ms);
    let (_, of_day_ms) = clock(now_ms);
    let begins_ms = i64::from(hour) * 3_600_000;
    let passed = of_day_ms >= begins_ms;
    if !passed || *done == Some(today) || !notices.law.night.is_day(now_ms) {
        let left_ms = begins_ms - of_day_ms + if passed { DAY_MS } else { 0 };
        return Duration::from_millis(left_ms.unsigned_abs()).min(LONGEST);
    }
    match notices.look(Do::Tell) {
        Ok(Looked { customers: all, away }) => {
            all.iter().for_each(tell_operators);
            gauge!(DUE).set(all.iter().map(|of| of.unreached + of.refused).sum::<u64>() as f64);
            if away.is_some() {
                return REST;
            }
            if all.iter().any(|of| of.elsewhere > 0) {
                // Whoever began them may have died.
                return Duration::from_millis(STALE_MS.unsigned_abs());
            }
            *done = Some(today);
            LONGEST
        }
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "consents cannot be told again now: trying again in a minute");
            REST
        }
    }
}

fn tell_operators(of: &OfCustomer) {
    let OfCustomer { username, due, told, unreached, refused, reason, .. } = of;
    if unreached + refused > 0 {
        let reason = reason.as_deref().unwrap_or_default();
        tracing::warn!(username, due, told, unreached, refused, reason, "consents are to be told again and are not");
    } else if *told > 0 {
        tracing::info!(username, told, "consents were told again");
    }
}

impl Notices {
    /// Looks at every customer's consents whose day has come, and tells them. Those of before that were missed are told
    /// too. It ends with the day: what is left is told on the next. A customer whose rows cannot be read holds up no other.
    pub fn look(&mut self, what: Do) -> anyhow::Result<Looked> {
        let now_ms = self.clock.now_ms();
        let reference = self.reference.current();
        let mut customers: Vec<_> = reference.customers().cloned().collect();
        customers.sort_unstable_by(|a, b| a.username.cmp(&b.username));
        let years = self.law.notice_years(now_ms);
        let today = i64::from(days_since_1970(day_of(now_ms)));
        let mut looked = Looked { customers: Vec::new(), away: None };
        let mut producer = None;
        for customer in customers {
            match self.of_customer(what, &customer, &reference, years, today, &mut producer) {
                Ok(of) if of.due > 0 => looked.customers.push(of),
                Ok(_) => {}
                Err(error) => {
                    let away: Away = error.downcast()?;
                    let (username, error) = (&customer.username, away.to_string());
                    tracing::warn!(username, error, "consents of a customer cannot be told again now");
                    looked.away.get_or_insert(away);
                }
            }
        }
        Ok(looked)
    }

    fn of_customer(
        &mut self,
        what: Do,
        customer: &Customer,
        reference: &Reference,
        years: u8,
        today: i64,
        producer: &mut Option<Box<dyn Producer>>,
    ) -> anyhow::Result<OfCustomer> {
        let username = &customer.username;
        let mut of = OfCustomer { username: username.clone(), ..OfCustomer::default() };
        while self.editor.reckon_notices(username, years)? > 0 {}
        if customer.consent_notices.is_empty() {
            of.due = self.editor.due_notices_of(username, years, today)?;
            of.unreached = of.due;
            let more = if of.due > u64::from(MOST_COUNTED) { ", and these are not all" } else { "" };
            of.reason = Some(format!("the customer has no consent_notices{more}"));
            return Ok(of);
        }
        let mut behind: Option<DueNotice> = None;
        while what == Do::Look || self.law.night.is_day(self.clock.now_ms()) {
            // A look may take hours: marks of its beginning would be stale.
            let now_ms = self.clock.now_ms();
            let page = self.editor.due_notices(username, years, today, behind.as_ref(), PAGE)?;
            let ended = page.len() < PAGE as usize;
            behind = page.last().cloned();
            of.due += page.len() as u64;
            let ready = self.ready(page, customer, reference, now_ms, &mut of)?;
            match what {
                Do::Look => of.told += ready.len() as u64,
                Do::Tell => self.tell(ready, years, now_ms, producer, &mut of)?,
            }
            if ended {
                break;
            }
        }
        Ok(of)
    }

    /// Those that a notice of the customer reaches, whose request ingest would take.
    fn ready(
        &mut self,
        page: Vec<DueNotice>,
        customer: &Customer,
        reference: &Reference,
        now_ms: i64,
        of: &mut OfCustomer,
    ) -> anyhow::Result<Vec<Ready>> {
        let mut ready = Vec::new();
        for due in page {
            let Some(notice) = customer.consent_notices.iter().find(|notice| notice.reaches(&due.consent)) else {
                of.unreached += 1;
                of.reason
                    .get_or_insert_with(|| "none of the customer's consent_notices reaches some recipients".to_owned());
                continue;
            };
            match self.request(due, notice, customer, reference, now_ms) {
                Ok(one) => ready.push(one),
                Err(reason) => {
                    of.refused += 1;
                    of.reason.get_or_insert(reason);
                }
            }
        }
        // A push that finds no token ends without anybody who read it.
        let users: Vec<AppUser> = ready.iter().filter_map(|one: &Ready| one.user.clone()).collect();
        let mut tokens = self.tokens.of(&users)?.into_iter();
        let all = ready.len();
        ready.retain(|one| one.user.is_none() || tokens.next().is_some_and(|tokens| !tokens.is_empty()));
        if ready.len() < all {
            of.unreached += (all - ready.len()) as u64;
            of.reason.get_or_insert_with(|| "some users have no registered push tokens".to_owned());
        }
        Ok(ready)
    }

    fn request(
        &self,
        due: DueNotice,
        notice: &ConsentNotice,
        customer: &Customer,
        reference: &Reference,
        now_ms: i64,
    ) -> Result<Ready, String> {
        let message_id = due.message_id(&self.cipher);
        let request = notice.request(customer, &due.consent, message_id.clone());
        let record = request::record(&request, Topic::api(LANE), &self.schemas).map_err(|error| error.to_string())?;
        if reference.service_key(&notice.service_key).is_none_or(|(_, of)| of.username != customer.username) {
            return Err("service_key: unknown".to_owned());
        }
        let api = Api { cluster: 0, lane: LANE, partition: 0, offset: 0, receiver: 0 };
        let value_bytes = record.value.as_ref().map_or(0, |value| value.len());
        let received = Received { api, timestamp_ms: now_ms, value_bytes };
        let checked = check(request, &received, reference, now_ms, &Settings::default());
        let mut user = None;
        for one in checked.map_err(|refusal| refusal.to_string())? {
            match one {
                Checked::Refused(refused) => return Err(format!("{} {}", refused.report.code, refused.report.message)),
                // It would wait for consents and nights, and is none by law.
                Checked::Candidate(one) if one.accepted.ad => return Err(format!("it is an ad: begins with {LABEL}")),
                Checked::Candidate(one) => user = one.app_user(),
            }
        }
        Ok(Ready { due, service_key: notice.service_key.clone(), message_id, record, user })
    }

    /// Appends the requests of those that no other process is telling, and notes them when all in-sync replicas have them.
    fn tell(
        &mut self,
        ready: Vec<Ready>,
        years: u8,
        now_ms: i64,
        producer: &mut Option<Box<dyn Producer>>,
        of: &mut OfCustomer,
    ) -> anyhow::Result<()> {
        let (mut told, mut records) = (Vec::new(), Vec::new());
        for Ready { due, service_key, message_id, record, .. } in ready {
            if !self.editor.begin_notice(&due, now_ms, now_ms - STALE_MS)? {
                of.elsewhere += 1;
                continue;
            }
            // Who began it before may have sent it: within a day its message_id says so to ingest, later its report does here.
            let sent = match due.begun_ms {
                Some(_) => self.reports.current(&of.username, &service_key, &message_id)?.is_some(),
                None => false,
            };
            if !sent {
                records.push(record);
            }
            told.push(due);
        }
        if told.is_empty() {
            return Ok(());
        }
        if !records.is_empty() {
            let producer = match producer {
                Some(producer) => producer,
                None => producer.insert((self.opens)()?),
            };
            producer.append(&records)?;
        }
        let by = By::named(ACTOR, now_ms);
        let noted = self.editor.noticed(&by, &of.username, years, &told)?;
        counter!(TOLD).increment(noted);
        of.told += noted;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
