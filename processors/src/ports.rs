//! What decisions need from outside, as traits: one for each concern, with an embedded and a real backend.

use crate::callback::{Call, Called};
use crate::center::consent::Agreed;
use crate::reference::{OptOut, Reference, Vendor};
use schemas::{Channel, Dispatch, Report, Schemas, Topic, TrackId};
use std::{sync::Arc, time::Duration};

/// A dependency is away: wait and try the same again. Never turns a good record into a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{dependency} is away: {cause}")]
pub struct Away {
    /// Which dependency, as /health/ready names it.
    pub dependency: &'static str,
    /// What it said, without secrets.
    pub cause: String,
}

/// The reference data as it is now. A reload replaces the whole; a batch works on one.
pub trait ReferenceSource: Send + Sync {
    /// The newest reference data; costs no query.
    fn current(&self) -> Arc<Reference>;
}

/// A wish to claim a message_id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Service key and message_id of the customer.
    pub service_key: String,
    /// The customer's own id.
    pub message_id: String,
    /// Who claims: the track_id tells where the request stands, so a record read again recognises itself.
    pub track_id: TrackId,
}

/// What a customer calls a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageName {
    /// Its service key.
    pub service_key: String,
    /// The customer's own id.
    pub message_id: String,
}

/// Message ids that were accepted within the last 24 hours, one namespace per service key.
pub trait Claims: Send {
    /// Claims each id, in order, in one round trip. Answers for each: None when it is now (or was already) this claim's
    /// own, or the track_id that holds it.
    fn claim(&mut self, claims: &[Claim], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away>;

    /// Where they stand when other processes may not see them; None: all of them share these.
    fn of_this_process(&self) -> Option<&'static str> {
        None
    }

    /// Who holds each of these ids, in order, in one round trip; claims none, and says nothing of a moment later.
    fn holders(&mut self, asked: &[MessageName], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away>;
}

/// Recipients who refused the ads of a customer (2080).
pub trait OptOuts: Send {
    /// Which of these refused, in order; one round trip for the batch.
    fn refused(&mut self, asked: &[OptOut]) -> Result<Vec<bool>, Away>;
}

/// Where it is entered who refuses the ads of a customer, when a vendor tells so.
pub trait Refusals: Send {
    /// These refused by a call of a free number; once, however often it is told. `by`: who tells, for the audit. Blocks.
    fn heard(&mut self, outs: &[OptOut], by: &str, at_ms: i64) -> Result<(), Away>;
}

/// Opt-outs that the reference data hold themselves.
pub struct HeldOptOuts(pub Arc<dyn ReferenceSource>);

impl OptOuts for HeldOptOuts {
    fn refused(&mut self, asked: &[OptOut]) -> Result<Vec<bool>, Away> {
        let reference = self.0.current();
        Ok(asked.iter().map(|out| reference.opted_out(out)).collect())
    }
}

/// Whose consent to ads is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedConsent {
    /// The customer.
    pub username: String,
    /// The names of the recipient: who is known by several said all that is said under any of them.
    pub names: Vec<String>,
    /// Where the ad may come out.
    pub channels: Vec<Channel>,
}

/// Recipients who agreed to the ads of a customer.
pub trait Consents: Send {
    /// What these agreed to, in order; one round trip for the batch.
    fn agreed(&mut self, asked: &[AskedConsent]) -> Result<Vec<Agreed>, Away>;
}

/// Consents that the reference data hold themselves.
pub struct HeldConsents(pub Arc<dyn ReferenceSource>);

impl Consents for HeldConsents {
    fn agreed(&mut self, asked: &[AskedConsent]) -> Result<Vec<Agreed>, Away> {
        let reference = self.0.current();
        let of = |asked: &AskedConsent| {
            let named =
                asked.names.iter().map(|name| OptOut { username: asked.username.clone(), recipient: name.clone() });
            let words: Vec<_> = named.flat_map(|of| reference.words(&of).to_vec()).collect();
            Agreed::of(&words, &asked.channels)
        };
        Ok(asked.iter().map(of).collect())
    }
}

/// A file that a message names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamedFile {
    /// Whose it has to be.
    pub username: String,
    /// Its key.
    pub key: String,
    /// What it goes with: MT or EM.
    pub channel: Channel,
}

/// Files that customers uploaded.
pub trait Files: Send {
    /// How many bytes each of these has, in order; None: it is not there. One round trip for the batch.
    fn there(&mut self, asked: &[NamedFile], now_ms: i64) -> Result<Vec<Option<u64>>, Away>;
}

/// Nobody keeps files: what is named is its sender's to find.
pub struct NoFiles;

impl Files for NoFiles {
    fn there(&mut self, asked: &[NamedFile], _: i64) -> Result<Vec<Option<u64>>, Away> {
        Ok(vec![Some(0); asked.len()])
    }
}

/// A user of a customer's app.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AppUser {
    /// The app, by the service key that it sends with.
    pub service_key: String,
    /// Id in the app.
    pub app_user_id: String,
}

/// Most tokens of a user that a push goes to, the newest.
pub const TOKENS_OF_USER: usize = 100;

/// Push tokens that customers registered for the users of their apps.
pub trait PushTokens: Send {
    /// The tokens of these users, in order, the newest first, at most [`TOKENS_OF_USER`] of each; one round trip.
    fn of(&mut self, users: &[AppUser]) -> Result<Vec<Vec<String>>, Away>;
}

/// Nobody registers any.
pub struct NoPushTokens;

impl PushTokens for NoPushTokens {
    fn of(&mut self, users: &[AppUser]) -> Result<Vec<Vec<String>>, Away> {
        Ok(vec![Vec::new(); users.len()])
    }
}

/// Push tokens that the reference data hold themselves.
pub struct HeldPushTokens(pub Arc<dyn ReferenceSource>);

impl PushTokens for HeldPushTokens {
    fn of(&mut self, users: &[AppUser]) -> Result<Vec<Vec<String>>, Away> {
        let reference = self.0.current();
        let newest = |user| reference.push_tokens(user).iter().take(TOKENS_OF_USER).cloned().collect();
        Ok(users.iter().map(newest).collect())
    }
}

/// A push token that its service called dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadToken {
    /// Name of the vendor: what one service does not know, another may.
    pub vendor: String,
    /// The token.
    pub token: String,
    /// What the service said, a code of its table.
    pub code: String,
    /// Since when, Unix milliseconds: a token that was registered later lives.
    pub since_ms: i64,
}

/// Push tokens that are not asked about any more, or mailboxes that are not written to.
pub trait DeadTokens: Send {
    /// Which of these (vendor, token) are dead, in order: what their service said. One round trip for the batch.
    fn known(&mut self, asked: &[(String, String)], now_ms: i64) -> Result<Vec<Option<String>>, Away>;

    /// These are dead; one that is known already stays as it is.
    fn note(&mut self, dead: &[DeadToken], now_ms: i64) -> Result<(), Away>;
}

/// How long a token is taken for dead before its service is asked again: an app that is installed again may get the
/// same one.
pub const DEAD_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long a claim lasts (SPEC §2); retention of API topics must be longer.
pub const CLAIM_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// One request to a vendor, ready to leave.
#[derive(Debug, Clone)]
pub struct Request {
    /// Ties the answer to what its sender holds.
    pub ticket: u64,
    /// The step; `dispatch.serial_number` goes to the vendor.
    pub dispatch: Arc<Dispatch>,
    /// The vendor's settings.
    pub vendor: Arc<Vendor>,
}

/// What came of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The request's ticket.
    pub ticket: u64,
    /// What came.
    pub reply: Reply,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// The kinds of answer a connector can give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The vendor answered with a code of its own table.
    Code {
        /// Code of the vendor's table.
        code: String,
        /// The vendor's words, without personal data.
        text: String,
    },
    /// What the vendor would answer, without a request that could only be refused: a code of its own table. It tells
    /// nothing of how the vendor fares.
    Unasked {
        /// Code of the vendor's table.
        code: String,
        /// Its meaning.
        text: String,
    },
    /// The request never left: refused connection, no route. Safe to repeat.
    NotSent(String),
    /// The request left and no answer came: the vendor may have delivered.
    NoAnswer(String),
    /// Nothing was asked this time: an earlier request may have arrived, and the vendor no longer knows whether it did.
    Forgotten(String),
    /// An earlier request was asked about, in vain: nothing was sent, and whether that one arrived is as open as before. It
    /// tells nothing of how sending fares.
    Undecided(String),
    /// The vendor asks to slow down; safe to repeat after the given time.
    Throttled(Duration),
    /// A push: what came of each token that this vendor was asked about.
    Tokens(Vec<OfToken>),
}

impl Reply {
    /// A code as one that was not asked for.
    pub fn unasked(self) -> Self {
        match self {
            Self::Code { code, text } => Self::Unasked { code, text },
            other => other,
        }
    }

    /// Whether a request left, or part of one.
    pub fn has_left(&self) -> bool {
        match self {
            Self::Unasked { .. } | Self::NotSent(_) | Self::Forgotten(_) | Self::Undecided(_) => false,
            Self::Tokens(replies) => replies.iter().any(|of| of.reply.has_left()),
            Self::Code { .. } | Self::NoAnswer(_) | Self::Throttled(_) => true,
        }
    }
}

/// What came of one token of a push: a request of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfToken {
    /// Its place in `push_tokens`.
    pub place: i32,
    /// What came; never [`Reply::Tokens`].
    pub reply: Reply,
}

/// A vendor's delivery report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Our serial number.
    pub serial_number: String,
    /// Name of the vendor.
    pub vendor: String,
    /// Code of the vendor's table.
    pub code: String,
    /// The vendor's words, without personal data; empty when it gave none.
    pub text: String,
    /// When the vendor says that it happened, Unix milliseconds.
    pub at_ms: i64,
}

/// What a carrier's own id of a message joins: the answer that named it, and the delivery report that names it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Half {
    /// The answer.
    Sent {
        /// Our serial number.
        serial_number: String,
        /// Whether its delivery is the step's: of a message in parts, that of the last alone is.
        last: bool,
    },
    /// The report.
    Reported {
        /// Code of the vendor's table.
        code: String,
        /// When, Unix milliseconds.
        at_ms: i64,
    },
}

/// A half that looks for the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// Name of the vendor.
    pub vendor: String,
    /// Its id of the message.
    pub message_id: String,
    /// The half.
    pub half: Half,
    /// How long it is remembered.
    pub kept: Duration,
}

/// Where vendors' own ids of messages are remembered, for delivery reports that name no other.
pub trait MessageIds: Send {
    /// Notes each half; answers, in order, the other one if it was noted before. An answer takes the place of a report
    /// that came first, a report never that of an answer. One round trip for the batch.
    fn meet(&mut self, meetings: &[Meeting], now_ms: i64) -> Result<Vec<Option<Half>>, Away>;
}

/// The way to the vendors of one role. Submitting never blocks; answers come through `answers` in any order, each
/// ticket once, or never when the process dies.
pub trait Provider: Send {
    /// Launches a request.
    fn submit(&mut self, request: Request);
    /// Takes the answers that are there, waiting up to `wait` for the first.
    fn answers(&mut self, wait: Duration, into: &mut Vec<Answer>);
    /// Messages that the vendor counts for this one: a text in parts is as many.
    fn parts(&self, _dispatch: &Dispatch, _vendor: &Vendor) -> u32 {
        1
    }
}

/// Delivery reports of one role's vendors, from webhooks and pollers.
pub trait Receipts: Send {
    /// Takes the receipts that are there, waiting up to `wait` for the first. Taken receipts may be given again until
    /// `confirm` says they are in the log.
    fn take(&mut self, wait: Duration, into: &mut Vec<Receipt>);
    /// All receipts taken so far are in the log.
    fn confirm(&mut self);
}

/// The way to customers' endpoints. Calling never blocks; answers come through `answers` in any order, each ticket once,
/// or never when the process dies.
pub trait Caller: Send {
    /// Makes a call.
    fn call(&mut self, call: Call);
    /// Takes the answers that are there, waiting up to `wait` for the first.
    fn answers(&mut self, wait: Duration, into: &mut Vec<Called>);
}

/// Notes which reports wait for a further call, so that others can look them up: a copy beside the truth, which is in the
/// log. Noting answers at once and fails nobody; what cannot be noted is dropped, and counted.
pub trait PendingNotes: Send {
    /// Their call failed and is made again.
    fn failed(&mut self, reports: &[Report]);
    /// Their customer knows, or they are called for no more.
    fn ended(&mut self, reports: &[Report]);
}

/// Nobody looks: nothing is noted.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPending;

impl PendingNotes for NoPending {
    fn failed(&mut self, _: &[Report]) {}
    fn ended(&mut self, _: &[Report]) {}
}

/// Where schemas of other writers are looked up: a registry, or nothing.
pub trait SchemaSource: Send + Sync {
    /// The text of a schema by its id; None when there is none now. A missing id is asked for again later.
    ///
    /// `foreign` is the topic of the record that names the id, if producers that are not ours write there: an id may be
    /// garbage, and garbage does not hold up what stands behind it.
    fn schema(&self, id: u32, foreign: Option<Topic>) -> Result<Option<String>, Away>;
}

/// A system without a registry knows its own schemas only, in all their versions.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRegistry;

impl SchemaSource for NoRegistry {
    fn schema(&self, id: u32, _foreign: Option<Topic>) -> Result<Option<String>, Away> {
        Ok(Schemas::version(id).map(str::to_owned))
    }
}

/// A decoded record and where it stands in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged<R> {
    /// Its topic.
    pub topic: Topic,
    /// Its partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// What it says.
    pub record: R,
}

/// How far a batch takes a sink on one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The topic.
    pub topic: Topic,
    /// Its partition.
    pub partition: i32,
    /// The position that the batch was read from, as [`Sink::positions`] or the last move said; None: there was none.
    pub from: Option<i64>,
    /// The next offset to be read.
    pub to: i64,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Rows and positions are stored, both.
    Moved,
    /// Someone else has moved a position since: nothing was stored. Ask for the positions again before going on.
    Stale,
    /// These rows can never be stored, and nothing was: write the others, with the same moves.
    Refused(Vec<Refused>),
}

/// A row that no waiting makes fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its place in the batch.
    pub row: usize,
    /// Why, without the row's own words.
    pub reason: String,
}

/// A database that keeps what a stream brings and, in the same transaction, how far it has read.
///
/// The log knows nothing of these positions: after every assignment the stream seeks where the sink says.
pub trait Sink<R>: Send {
    /// The next offset to be read of each place; None where nothing was ever stored: read from the first record.
    fn positions(&mut self, places: &[(Topic, i32)]) -> Result<Vec<Option<i64>>, Away>;

    /// Stores the batch and moves the positions, both or neither. A position moves only from where the batch was read:
    /// what a stalled process brings after its successor is not counted again.
    fn write(&mut self, batch: &[Logged<R>], moves: &[Move]) -> Result<Written, Away>;
}

impl<R, S: Sink<R> + ?Sized> Sink<R> for Box<S> {
    fn positions(&mut self, places: &[(Topic, i32)]) -> Result<Vec<Option<i64>>, Away> {
        (**self).positions(places)
    }

    fn write(&mut self, batch: &[Logged<R>], moves: &[Move]) -> Result<Written, Away> {
        (**self).write(batch, moves)
    }
}

/// Unix time in milliseconds; moved by hand in tests.
pub trait Clock: Send + Sync {
    /// Now.
    fn now_ms(&self) -> i64;
}
