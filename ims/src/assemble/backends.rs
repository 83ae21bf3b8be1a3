//! What a process keeps and asks, as it is configured.

use crate::{
    assemble::SystemClock,
    config::{Config, ReferenceKind, StateKind},
    stores::{self, AnalysisStore, Stores},
};
use connectors::{
    callback::{CallerSettings, HttpCaller, System},
    cipher::Cipher,
    claims::{Doubts, MemoryClaims, RedisClaims, SqliteClaims},
    pending::{Notes, RedisPending},
    redis::RedisSettings,
    reference::{Reloaded, SqlConsents, SqlFiles, SqlOptOuts, SqlPushTokens},
    simulator::Simulator,
    sql::{Location, SqlSink, StoreError},
    vendors::{Serve, Vendors},
};
use processors::ports::{
    Away, Caller, Claim, Claims, Consents, Files, HeldConsents, HeldOptOuts, HeldPushTokens, MessageName, NoFiles,
    NoPending, OptOuts, PendingNotes, Provider, PushTokens, Receipts, ReferenceSource, Sink,
};
use schemas::{AnalyzeLog, History, Lane, Report, TrackId};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use topology::{assembly::Backends, graph::Role};

/// Claims that every ingest stream of the process shares.
#[derive(Clone, Default)]
pub struct SharedClaims(Arc<Mutex<MemoryClaims>>);

impl Claims for SharedClaims {
    fn claim(&mut self, claims: &[Claim], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).claim(claims, now_ms)
    }

    fn holders(&mut self, asked: &[MessageName], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).holders(asked, now_ms)
    }
}

/// Whether this process knows all claims of the last 24 hours.
pub static DOUBTS: Doubts = Doubts::none();

/// Where claims are kept.
pub(super) enum State {
    Memory(SharedClaims),
    File(PathBuf),
    /// With the deployment, which keeps its keys apart from those of others.
    Redis(Box<RedisSettings>, String),
}

impl State {
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        Ok(match config.state.kind {
            StateKind::Memory => Self::Memory(SharedClaims::default()),
            StateKind::Sqlite => Self::File(config.state.file.clone()),
            StateKind::Redis => Self::Redis(Box::new(stores::redis(&config.state)?), config.deployment.name.clone()),
        })
    }
}

/// The backends of one process, as configured.
pub(super) struct Configured {
    pub(super) reference: Arc<dyn Reloaded>,
    pub(super) reference_kind: ReferenceKind,
    pub(super) state: State,
    pub(super) stores: Stores,
    pub(super) analysis: AnalysisStore,
    pub(super) cipher: Arc<Cipher>,
    pub(super) simulator: Arc<Simulator>,
    pub(super) vendors: Vendors,
    pub(super) webhooks: Serve,
    pub(super) caller: CallerSettings,
}

fn away(dependency: &'static str) -> impl Fn(StoreError) -> Away {
    move |error| error.away(dependency)
}

impl Configured {
    /// What stands with the reference data: held with those of a file, or opened in their store.
    fn of_reference<T: ?Sized>(
        &self,
        held: impl FnOnce(Arc<dyn ReferenceSource>) -> Box<T>,
        open: impl FnOnce(&Location, Arc<Cipher>) -> Result<Box<T>, StoreError>,
    ) -> Result<Box<T>, Away> {
        match self.reference_kind {
            ReferenceKind::File => Ok(held(Arc::<dyn Reloaded>::clone(&self.reference))),
            ReferenceKind::Sql => {
                let opened = self.stores.reference().and_then(|at| open(&at, Arc::clone(&self.cipher)));
                opened.map_err(away("reference store"))
            }
        }
    }
}

impl Backends for Configured {
    fn claims(&self) -> Result<Box<dyn Claims>, Away> {
        Ok(match &self.state {
            State::File(path) => Box::new(SqliteClaims::open(path).map_err(away("state"))?),
            State::Memory(claims) => Box::new(claims.clone()),
            State::Redis(settings, deployment) => {
                Box::new(RedisClaims::new(settings.as_ref().clone(), deployment, &DOUBTS))
            }
        })
    }

    fn files(&self) -> Result<Box<dyn Files>, Away> {
        self.of_reference::<dyn Files>(|_| Box::new(NoFiles), |at, _| Ok(Box::new(SqlFiles::open(at)?)))
    }

    fn push_tokens(&self) -> Result<Box<dyn PushTokens>, Away> {
        self.of_reference::<dyn PushTokens>(
            |held| Box::new(HeldPushTokens(held)),
            |at, cipher| Ok(Box::new(SqlPushTokens::open(at, cipher)?)),
        )
    }

    fn opt_outs(&self) -> Result<Box<dyn OptOuts>, Away> {
        self.of_reference::<dyn OptOuts>(
            |held| Box::new(HeldOptOuts(held)),
            |at, cipher| Ok(Box::new(SqlOptOuts::open(at, cipher)?)),
        )
    }

    fn consents(&self) -> Result<Box<dyn Consents>, Away> {
        self.of_reference::<dyn Consents>(
            |held| Box::new(HeldConsents(held)),
            |at, cipher| Ok(Box::new(SqlConsents::open(at, cipher)?)),
        )
    }

    fn provider(&self, _role: Role, _lane: Lane) -> Result<Box<dyn Provider>, Away> {
        Ok(self.vendors.provider(self.simulator.provider()))
    }

    fn receipts(&self) -> Result<Box<dyn Receipts>, Away> {
        let receipts = self.vendors.receipts(self.simulator.receipts(), Arc::clone(&self.webhooks));
        receipts.map_err(|e| Away { dependency: "thread of delivery reports", cause: e.to_string() })
    }

    fn caller(&self) -> Result<Box<dyn Caller>, Away> {
        let caller = HttpCaller::open(self.caller.clone(), Arc::new(SystemClock), Arc::new(System));
        Ok(Box::new(caller.map_err(|e| Away { dependency: "callback thread", cause: e.to_string() })?))
    }

    fn pending(&self) -> Result<Box<dyn PendingNotes>, Away> {
        let State::Redis(settings, _) = &self.state else { return Ok(Box::new(NoPending)) };
        let notes = Notes::start(Box::new(RedisPending::new(settings.as_ref().clone())));
        Ok(Box::new(notes.map_err(|e| Away { dependency: "thread of pending reports", cause: e.to_string() })?))
    }

    fn history(&self) -> Result<Box<dyn Sink<History>>, Away> {
        let sink = self.stores.history().and_then(|at| SqlSink::history(&at, Arc::clone(&self.cipher)));
        Ok(Box::new(sink.map_err(away("history store"))?))
    }

    fn reports(&self) -> Result<Box<dyn Sink<Report>>, Away> {
        let sink = self.stores.reports().and_then(|at| SqlSink::reports(&at));
        Ok(Box::new(sink.map_err(away("report store"))?))
    }

    fn analysis(&self) -> Result<Box<dyn Sink<AnalyzeLog>>, Away> {
        self.analysis.sink()
    }
}
