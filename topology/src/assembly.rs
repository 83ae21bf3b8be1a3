//! Puts a worker behind each node of the graph, with the backends that a deployment gives it.

use crate::{
    callback::{CallbackParts, CallbackSettings, CallbackWorker},
    engine::{BatchLimits, Decoder, Outputs, SinkWorker, StepWorker, Worker},
    graph::{GroupStream, Node, Role, Topology},
    log::{Log, LogError, Offsets, StreamSpec},
    send::{Allowance, ReceiptsWorker, Sender, SenderParts, SenderSettings},
    steps::{DelayWorker, Ingest, Outcome, Route, Stores, Wanted},
};
use processors::{
    ingest,
    night::Night,
    outcome::Patience,
    ports::{
        Away, Caller, Claims, Clock, Consents, Files, NoFiles, NoPending, OptOuts, PendingNotes, Provider, PushTokens,
        Receipts, ReferenceSource, SchemaSource, Sink,
    },
    retry::Paces,
    ring::Rings,
};
use schemas::{AnalyzeLog, History, Lane, Report, Schemas, Topic};
use std::sync::Arc;

/// The backends of a deployment: one concern each, embedded or real.
pub trait Backends: Send + Sync {
    /// Message ids in use.
    fn claims(&self) -> Result<Box<dyn Claims>, Away>;
    /// Recipients who refused ads.
    fn opt_outs(&self) -> Result<Box<dyn OptOuts>, Away>;
    /// Recipients who agreed to ads.
    fn consents(&self) -> Result<Box<dyn Consents>, Away>;
    /// Files that customers uploaded.
    fn files(&self) -> Result<Box<dyn Files>, Away> {
        Ok(Box::new(NoFiles))
    }
    /// Push tokens of the users of apps.
    fn push_tokens(&self) -> Result<Box<dyn PushTokens>, Away>;
    /// The way to the vendors of a sender role on one lane.
    fn provider(&self, role: Role, lane: Lane) -> Result<Box<dyn Provider>, Away>;
    /// Delivery reports of the vendors.
    fn receipts(&self) -> Result<Box<dyn Receipts>, Away>;
    /// The way to customers' endpoints.
    fn caller(&self) -> Result<Box<dyn Caller>, Away>;
    /// Who notes reports that wait for a further call.
    fn pending(&self) -> Result<Box<dyn PendingNotes>, Away> {
        Ok(Box::new(NoPending))
    }
    /// History and statistics.
    fn history(&self) -> Result<Box<dyn Sink<History>>, Away>;
    /// Newest report of each message.
    fn reports(&self) -> Result<Box<dyn Sink<Report>>, Away>;
    /// Events and counters.
    fn analysis(&self) -> Result<Box<dyn Sink<AnalyzeLog>>, Away>;
}

/// Everything that workers share.
pub struct Parts {
    /// The log.
    pub log: Arc<dyn Log>,
    /// Number of its cluster, part of every track_id.
    pub cluster: u8,
    /// Schema ids.
    pub schemas: Arc<Schemas>,
    /// Where unknown schema ids are looked up.
    pub schema_source: Arc<dyn SchemaSource>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Reference data.
    pub reference: Arc<dyn ReferenceSource>,
    /// Night windows.
    pub night: Night,
    /// Delay rings.
    pub rings: Arc<Rings>,
    /// Ingest's settings.
    pub ingest: ingest::Settings,
    /// How long outcome keeps what it cannot place.
    pub patience: Patience,
    /// The vendors' limits, shared by all senders of the process.
    pub allowance: Arc<Allowance>,
    /// Waits between the requests of a step.
    pub paces: Paces,
    /// Bounds of a sender's read-ahead.
    pub sender: SenderSettings,
    /// Bounds of the callback role.
    pub callback: CallbackSettings,
    /// Bounds of a batch.
    pub limits: BatchLimits,
    /// Backends.
    pub backends: Box<dyn Backends>,
}

/// Why a worker could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// The log said no.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A backend is away.
    #[error(transparent)]
    Away(#[from] Away),
}

impl Parts {
    /// Reads what stands in the log.
    pub fn decoder(&self) -> Decoder {
        Decoder::new(Arc::clone(&self.schemas), Arc::clone(&self.schema_source))
    }

    /// The workers of some roles: one for each of their nodes, and the receipts of their vendors.
    pub fn workers(&self, topology: &Topology, roles: &[Role]) -> Result<Vec<Box<dyn Worker>>, AssemblyError> {
        let mut workers = topology.of_roles(roles).map(|node| self.worker(node)).collect::<Result<Vec<_>, _>>()?;
        if roles.iter().any(|role| Role::SENDERS.contains(role)) {
            workers.push(self.receipts()?);
        }
        Ok(workers)
    }

    /// The worker that brings delivery reports into RESULT.
    fn receipts(&self) -> Result<Box<dyn Worker>, AssemblyError> {
        let (reference, clock) = (Arc::clone(&self.reference), Arc::clone(&self.clock));
        let out = Outputs::new(Arc::clone(&self.schemas));
        let (receipts, allowance) = (self.backends.receipts()?, Arc::clone(&self.allowance));
        Ok(Box::new(ReceiptsWorker::new(
            "receipts".to_owned(),
            &*self.log,
            receipts,
            reference,
            clock,
            allowance,
            out,
        )?))
    }

    /// The worker of a routing group's topics.
    pub fn group_worker(&self, stream: &GroupStream) -> Result<Box<dyn Worker>, AssemblyError> {
        let spec = StreamSpec {
            name: stream.name.clone(),
            sources: stream.sources.clone(),
            offsets: Offsets::Log,
            urgent: stream.lane == Lane::Auth,
            produces: true,
        };
        self.sender(stream.role, stream.lane, spec)
    }

    fn sender(&self, role: Role, lane: Lane, spec: StreamSpec) -> Result<Box<dyn Worker>, AssemblyError> {
        let parts = SenderParts {
            lane,
            provider: self.backends.provider(role, lane)?,
            clock: Arc::clone(&self.clock),
            reference: Arc::clone(&self.reference),
            night: self.night.clone(),
            paces: self.paces,
            rings: Arc::clone(&self.rings),
            allowance: Arc::clone(&self.allowance),
            decoder: self.decoder(),
            out: Outputs::new(Arc::clone(&self.schemas)),
            settings: self.sender,
        };
        Ok(Box::new(Sender::new(&*self.log, spec, parts)?))
    }

    /// The worker of a node.
    pub fn worker(&self, node: &Node) -> Result<Box<dyn Worker>, AssemblyError> {
        let log = &*self.log;
        let spec = StreamSpec {
            name: node.name(),
            sources: node.sources.clone(),
            offsets: if node.store.is_some() { Offsets::Sink } else { Offsets::Log },
            urgent: node.urgent(),
            produces: node.store.is_none(),
        };
        let lane = node.lane.unwrap_or(Lane::Realtime);
        let decoder = self.decoder();
        let out = Outputs::new(Arc::clone(&self.schemas));
        let clock = Arc::clone(&self.clock);
        let reference = Arc::clone(&self.reference);
        let (limits, rings) = (self.limits, Arc::clone(&self.rings));
        let rows = self.limits.records;
        Ok(match node.role {
            Role::Ingest => {
                let route = Route::new(self.decoder(), Arc::clone(&reference), self.night.clone());
                let stores = Stores::new(self.backends.opt_outs()?, self.backends.consents()?);
                let stores = stores.with_files(self.backends.files()?);
                let (stores, claims) = (stores.with_push_tokens(self.backends.push_tokens()?), self.backends.claims()?);
                let decoder = decoder.of_foreign(Topic::api(lane));
                let step = Ingest::new(self.cluster, decoder, reference, stores, claims, self.ingest, route);
                Box::new(StepWorker::new(log, spec, clock, limits, out, step)?)
            }
            Role::Router => {
                let step = Route::new(decoder, reference, self.night.clone());
                // An ad is of no other priority, so what comes back of one comes back there.
                let step = match lane {
                    Lane::Ad => step.asking(Wanted::new(self.backends.opt_outs()?, self.backends.consents()?)),
                    Lane::Auth | Lane::Realtime | Lane::Mass => step,
                };
                Box::new(StepWorker::new(log, spec, clock, limits, out, step)?)
            }
            Role::Outcome => {
                let step = Outcome::new(lane, decoder, rings, reference, self.night.clone(), self.patience);
                Box::new(StepWorker::new(log, spec, clock, limits, out, step)?)
            }
            Role::Kakao | Role::Text | Role::Rcs | Role::Push | Role::Email => self.sender(node.role, lane, spec)?,
            Role::Delay => Box::new(DelayWorker::new(log, spec, clock, rings, decoder, out)?),
            Role::Callback => {
                let parts = CallbackParts {
                    caller: self.backends.caller()?,
                    pending: self.backends.pending()?,
                    clock,
                    reference,
                    rings,
                    decoder,
                    out,
                    settings: self.callback,
                };
                Box::new(CallbackWorker::new(log, spec, parts)?)
            }
            Role::Store => Box::new(SinkWorker::new(log, spec, clock, rows, decoder, out, self.backends.history()?)?),
            Role::Reports => Box::new(SinkWorker::new(log, spec, clock, rows, decoder, out, self.backends.reports()?)?),
            Role::Analyzer => {
                Box::new(SinkWorker::new(log, spec, clock, rows, decoder, out, self.backends.analysis()?)?)
            }
        })
    }
}
