//! Reports once more: to their customers' endpoints, or into a topic outside the chain.

mod called;
mod outside;
#[cfg(test)]
mod tests;

pub use called::Called;
pub use outside::outside;

use super::{
    audit::{self, Brought, Ordered},
    bound::{Bound, range},
    pace::Paced,
};
use bytes::Bytes;
use processors::callback::is_told;
use schemas::{Callback, Report, Schemas, Topic};
use std::sync::Arc;
use topology::{
    engine::{Decoder, Headline, ORIGIN_HEADER, origin_of},
    log::{Log, LogError, Outgoing, Place, Producer, Reader, Record},
};

/// Header of a copy in another topic: the replay that brought it.
pub const REPLAY_HEADER: &str = "ims-replay";

/// Where reports go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// To the endpoint of their service key, once more.
    Callback,
    /// Into this topic, as its name is on Kafka.
    Topic(String),
}

/// Which reports, and where to.
#[derive(Debug, Clone)]
pub struct Order {
    /// REPORT-‹CHANNEL›.
    pub topic: Topic,
    /// Where each partition begins; its oldest record when there is none.
    pub from: Option<Bound>,
    /// Where each partition ends; its newest record when there is none.
    pub to: Option<Bound>,
    /// Of this customer alone.
    pub customer: Option<String>,
    /// Where to.
    pub target: To,
    /// Reports a second at most.
    pub rate: u32,
    /// Bring none.
    pub dry_run: bool,
}

impl Order {
    /// As the audit tells it.
    pub fn ordered(&self) -> Ordered {
        Ordered {
            dry_run: self.dry_run,
            topic: self.topic.to_string(),
            from: self.from.map(audit::text),
            to: self.to.map(audit::text),
            customer: self.customer.clone(),
            target: match &self.target {
                To::Callback => "callback".to_owned(),
                To::Topic(name) => format!("topic {name}"),
            },
            per_second: self.rate,
            ..Ordered::default()
        }
    }
}

/// What reports are read and written with.
pub struct Replay<'r> {
    /// The order.
    pub order: &'r Order,
    /// Names this replay wherever it leaves a mark.
    pub id: &'r str,
    /// Reads reports.
    pub decoder: &'r Decoder,
    /// Who is called; None: nobody knows, and the callback role leaves what it may not tell.
    pub called: Option<Called>,
    /// Frames what is written.
    pub schemas: Arc<Schemas>,
}

/// A part of a partition.
type Part = (Place, i64, i64);

impl Replay<'_> {
    /// What lies between the bounds, by partition.
    pub fn parts(&self, reader: &mut dyn Reader) -> Result<Vec<Part>, LogError> {
        let Order { topic, from, to, .. } = *self.order;
        let partitions = reader.partitions(topic)?;
        if partitions.is_empty() {
            return Err(LogError::Stop(format!("topic {topic} is missing: run `ims topics create`")));
        }
        let mut parts = Vec::new();
        for partition in partitions {
            let place = Place { topic, partition };
            let (from, to) = range(reader, place, from, to)?;
            parts.push((place, from, to));
        }
        Ok(parts)
    }

    /// Brings the reports of these parts, or only counts them. `brought` is right also when it ends with an error; `at`
    /// is told how many offsets are behind, markers of transactions among them.
    pub fn bring(
        &self,
        log: &dyn Log,
        parts: &[Part],
        producer: &mut dyn Producer,
        brought: &mut Brought,
        at: &mut dyn FnMut(u64),
    ) -> anyhow::Result<()> {
        let mut reader = log.reader()?;
        let mut paced = Paced::new((!self.order.dry_run).then_some(producer), self.order.rate);
        let mut behind = 0;
        for (place, from, to) in parts {
            let mut outcome = Ok(());
            let read = reader.read(*place, *from, *to, &mut |record| {
                if outcome.is_ok() {
                    brought.looked_at += 1;
                    let offset = record.offset;
                    outcome = self.take(&record, &mut paced, brought);
                    at(behind + offsets(*from, offset + 1));
                }
            });
            // What could not be brought says more than a reader that met the same trouble.
            outcome.and_then(|()| Ok(read?)).and_then(|()| paced.flush(&mut |customer| add(brought, customer)))?;
            behind += offsets(*from, *to);
            at(behind);
        }
        Ok(())
    }

    /// Brings what a record becomes, or counts why it is left out.
    fn take(&self, record: &Record, paced: &mut Paced<'_, String>, brought: &mut Brought) -> anyhow::Result<()> {
        let mut leave = |reason: &'static str| {
            brought.leave_out(reason, 1);
            Ok(())
        };
        // The headers let most of a range pass undecoded.
        let customer = header(record, Headline::CUSTOMER);
        if let (Some(wanted), Some(is)) = (&self.order.customer, &customer)
            && wanted != is
        {
            return leave("of another customer");
        }
        if self.order.target == To::Callback && header(record, Headline::TERMINAL).is_some_and(|is| is == "false") {
            return leave("no end of a message");
        }
        let report = match self.decoder.decode::<Report>(record.value.as_deref()) {
            Ok(Ok(report)) => report,
            Ok(Err(_)) => return leave("cannot be read"),
            Err(away) => return Err(away.into()),
        };
        if self.order.customer.as_ref().is_some_and(|wanted| *wanted != report.username) {
            return leave("of another customer");
        }
        if self.order.target == To::Callback && !is_told(&report) {
            return leave("nobody is told of it");
        }
        if let (To::Callback, Some(called)) = (&self.order.target, &self.called)
            && let Some(reason) = called.why_not(&report.service_key)
        {
            return leave(reason);
        }
        let customer = report.username.clone();
        paced.push(self.outgoing(record, report), customer, &mut |customer| add(brought, customer))
    }

    fn outgoing(&self, record: &Record, report: Report) -> Outgoing {
        match self.order.target {
            To::Callback => {
                let track_id = report.track_id.clone();
                let key = Some(Bytes::copy_from_slice(track_id.as_bytes()));
                let callback = Callback { track_id, failed: 0, reports: vec![report], replay: self.id.to_owned() };
                let value = Some(self.schemas.encode(&callback).into());
                Outgoing { topic: Topic::callback(), partition: None, key, value, headers: Vec::new() }
            }
            To::Topic(_) => {
                let mut headers = record.headers.clone();
                headers.retain(|(name, _)| name != ORIGIN_HEADER && name != REPLAY_HEADER);
                let (Place { topic, partition }, offset, timestamp_ms) = origin_of(record);
                let origin = format!("{topic}/{partition}/{offset}/{timestamp_ms}");
                headers.push((ORIGIN_HEADER.to_owned(), origin.into()));
                headers.push((REPLAY_HEADER.to_owned(), Bytes::copy_from_slice(self.id.as_bytes())));
                let (key, value) = (record.key.clone(), record.value.clone());
                Outgoing { topic: self.order.topic, partition: None, key, value, headers }
            }
        }
    }
}

/// A report of this customer was brought.
fn add(brought: &mut Brought, customer: String) {
    brought.count += 1;
    *brought.by_customer.entry(customer).or_default() += 1;
}

/// How many offsets a part has.
pub fn offsets(from: i64, to: i64) -> u64 {
    u64::try_from(to - from).unwrap_or(0)
}

fn header(record: &Record, name: &str) -> Option<String> {
    super::letters::header(record, name)
}
