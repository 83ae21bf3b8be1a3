//! Brings what customers claim as their sender profiles to the dealer that registers them at Kakao, and looks how each profile
//! stands there.

use super::{HELD, REST, Stop, pause::Pause};
use crate::assemble::now_ms;
use connectors::{
    reference::{AtDealer, By, Claim, DueClaim, Editor, LookedAt},
    vendors::{PROFILES, Registrar, Seen, Trouble, Visit},
};
use metrics::counter;
use processors::{
    center::{
        claim::{HOLDS_MS, REMEMBERED_MS, Stage, Standing},
        sender_group,
    },
    ports::Away,
    reference::Approval,
    rules::field::top,
};
use std::time::{Duration, Instant};

/// How often the store is asked whether a customer waits: a person with a phone does.
const WISHES: Duration = Duration::from_secs(2);
/// Rows of one question.
const PAGE: u32 = 300;
/// Calls for one row.
const CALLS: u32 = 2;
/// How long a token waits whose dealer broke over it, milliseconds.
const AGAIN_MS: i64 = 60_000;
/// Whose turn it is: vendors have no such name.
const TURN: &str = "/profiles";

/// How long what channels may be about is taken to be so, and how long it is not asked for again when it is not told.
const CATEGORIES: Duration = Duration::from_secs(86_400);

/// What is said where nobody knows whether a token was sent.
const PERHAPS: &str = "whether a token was sent is not known: ask for another if none comes";
/// What is said where a token was wanted too long ago for anybody to wait for it.
const AWAY_FOR_LONG: &str = "the dealer was away for a day: ask for another token";
/// What is said of a token that no dealer took in its time.
const TOO_OLD: &str = "the dealer did not take it within seven days: ask for another token";
/// What is said of a channel that the dealer refuses and holds.
const HELD_THERE: &str = "the dealer holds the channel already: an operator who knows whose it is sees to it";

/// Where sender profiles are registered. Several processes may want to: one at a time does.
pub struct Profiles {
    editor: Editor,
    registrar: Registrar,
    /// This process, among those that want to.
    holder: String,
    pause: Pause,
    /// When the dealer was asked last what channels may be about.
    categories: Option<Instant>,
}

impl Profiles {
    /// Of this store, at this dealer. `holder` tells this process from the others.
    pub fn new(editor: Editor, registrar: Registrar, holder: String) -> Self {
        Self { editor, registrar, holder, pause: Pause::default(), categories: None }
    }

    /// One turn; how long to wait before the next.
    pub(super) fn turn(&mut self) -> Duration {
        let (vendor, every) = (self.registrar.name().to_owned(), self.registrar.every());
        match self.go_round() {
            Ok(()) => {
                self.pause.end();
                every.min(WISHES)
            }
            Err(Stop::Store(error)) => {
                tracing::warn!(%error, vendor, "profiles cannot be brought to their dealer now: trying again in a minute");
                REST
            }
            Err(Stop::Dealer { reason, wait }) => {
                counter!(PROFILES, "vendor" => vendor.clone(), "outcome" => "failed").increment(1);
                let wait = self.pause.longer(REST, wait);
                tracing::warn!(vendor, reason, again_s = wait.as_secs(), "sender profiles wait for their dealer");
                wait
            }
        }
    }

    fn go_round(&mut self) -> Result<(), Stop> {
        let Self { editor, registrar, holder, categories, .. } = self;
        let (registrar, holder) = (&*registrar, &*holder);
        let held = HELD + registrar.patience() * 2 * CALLS;
        let mut turn = move |editor: &mut Editor| {
            let now_ms = now_ms();
            editor.take_turn(TURN, holder, now_ms, now_ms + held.as_millis() as i64)
        };
        let are_old = categories.is_none_or(|asked| asked.elapsed() >= CATEGORIES);
        if !registrar.has_part() || !(are_old || is_due(editor, registrar)?) || !turn(editor)? {
            return Ok(());
        }
        editor.forget_claims(now_ms())?;
        let visit = registrar.visit().map_err(|reason| Stop::Dealer { reason, wait: None })?;
        let mut round = Round { editor, visit, registrar, failed: false, turn: &mut turn };
        round.go()?;
        if are_old {
            *categories = Some(Instant::now());
            round.learn_categories()?;
        }
        Ok(())
    }
}

/// Whether there is anything to ask the dealer.
fn is_due(editor: &mut Editor, registrar: &Registrar) -> Result<bool, Away> {
    let now_ms = now_ms();
    for stage in [Stage::Asked, Stage::Asking, Stage::Handed] {
        if !editor.due_claims(stage, now_ms, 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(!editor.to_look_at(registrar.name(), "", looked_before(registrar, now_ms), 1)?.is_empty())
}

fn looked_before(registrar: &Registrar, now_ms: i64) -> i64 {
    now_ms - registrar.every().as_millis() as i64
}

/// A round.
struct Round<'r, T> {
    editor: &'r mut Editor,
    visit: Visit<'r>,
    registrar: &'r Registrar,
    /// Whether the dealer broke over the one before.
    failed: bool,
    /// Whether it is still this process that asks.
    turn: T,
}

impl<T: FnMut(&mut Editor) -> Result<bool, Away>> Round<'_, T> {
    /// Goes over all; ends early when it is another process's turn.
    fn go(&mut self) -> Result<(), Stop> {
        // Who wrote that it asks, and nothing after, is gone: what became of it nobody knows.
        for DueClaim { mut claim, .. } in self.editor.due_claims(Stage::Asking, now_ms(), PAGE)? {
            self.write(&mut claim, Stage::Sent, Some(PERHAPS.to_owned()))?;
        }
        for due in self.editor.due_claims(Stage::Asked, now_ms(), PAGE)? {
            if !(self.turn)(self.editor)? {
                return Ok(());
            }
            self.ask_token(due)?;
        }
        for due in self.editor.due_claims(Stage::Handed, now_ms(), PAGE)? {
            if !(self.turn)(self.editor)? {
                return Ok(());
            }
            self.register(due)?;
        }
        let until_ms = looked_before(self.registrar, now_ms());
        let mut behind = String::new();
        loop {
            let page = self.editor.to_look_at(self.registrar.name(), &behind, until_ms, PAGE)?;
            for looked_at in &page {
                if !(self.turn)(self.editor)? {
                    return Ok(());
                }
                self.look_at(looked_at)?;
            }
            let Some(last) = page.last() else { return Ok(()) };
            behind.clone_from(&last.profile.sender_key);
        }
    }

    /// Keeps what channels may be about: customers choose of it.
    fn learn_categories(&mut self) -> Result<(), Stop> {
        let vendor = self.registrar.name();
        match self.visit.categories() {
            Ok(categories) => Ok(self.editor.keep_categories(vendor, &categories)?),
            Err(Trouble::Refused(reason) | Trouble::Failed(reason)) => {
                tracing::warn!(vendor, reason, "a dealer does not tell the categories of channels");
                Ok(())
            }
            Err(Trouble::Away { reason, wait }) => Err(Stop::Dealer { reason, wait }),
        }
    }

    /// Has a token sent, once: whoever wants another asks for it.
    fn ask_token(&mut self, DueClaim { mut claim, phone, .. }: DueClaim) -> Result<(), Stop> {
        let asked_ms = claim.noted_at_ms;
        if now_ms() - asked_ms > REMEMBERED_MS {
            return self.refuse(&mut claim, AWAY_FOR_LONG.to_owned());
        }
        // Written before: a process that dies now has no second token sent.
        if !self.write(&mut claim, Stage::Asking, None)? {
            return Ok(());
        }
        match self.visit.ask_token(&claim.channel_id, &phone) {
            Ok(()) => {
                self.failed = false;
                self.count("asked");
                self.write(&mut claim, Stage::Sent, None)?;
            }
            Err(Trouble::Refused(reason)) => {
                self.failed = false;
                self.refuse(&mut claim, reason)?;
            }
            Err(Trouble::Failed(reason)) => {
                self.write(&mut claim, Stage::Sent, Some(PERHAPS.to_owned()))?;
                self.broke(&claim.username, &claim.channel_id, reason)?;
            }
            // It was not taken.
            Err(Trouble::Away { reason, wait }) => {
                (claim.stage, claim.noted_at_ms) = (Stage::Asked, asked_ms);
                self.editor.move_claim(&mut claim)?;
                return Err(Stop::Dealer { reason, wait });
            }
        }
        Ok(())
    }

    /// Registers a channel with the token that was handed in. What the dealer gives for a token is proof, and nothing else: that
    /// a channel stands there is none.
    fn register(&mut self, due: DueClaim) -> Result<(), Stop> {
        let DueClaim { mut claim, phone, handed } = due;
        let sender_key = match (claim.sender_key.clone(), handed) {
            (Some(sender_key), _) => sender_key,
            (None, None) => return self.refuse(&mut claim, TOO_OLD.to_owned()),
            (None, Some(_)) if now_ms() - claim.noted_at_ms > HOLDS_MS => {
                return self.refuse(&mut claim, TOO_OLD.to_owned());
            }
            (None, Some(handed)) => match self.visit.register_profile(&claim.channel_id, &phone, &handed) {
                Ok(sender_key) => sender_key,
                Err(Trouble::Refused(reason)) => return self.not_taken(&mut claim, reason),
                Err(Trouble::Failed(reason)) => {
                    // The token is told again: it gets the same profile.
                    claim.due_at_ms = now_ms() + AGAIN_MS;
                    self.editor.move_claim(&mut claim)?;
                    return self.broke(&claim.username.clone(), &claim.channel_id.clone(), reason);
                }
                Err(Trouble::Away { reason, wait }) => return Err(Stop::Dealer { reason, wait }),
            },
        };
        self.failed = false;
        if sender_group::key(&top("sender_key"), &sender_key).is_err() {
            return self.refuse(&mut claim, "what the dealer gave for it is no sender key".to_owned());
        }
        claim.sender_key = Some(sender_key.clone());
        // Written before: the token may be good for once.
        let kept = self.editor.move_claim(&mut claim)?;
        let proven = self.editor.prove_profile(&self.by(), &claim.username, &sender_key)?;
        let customer = &*claim.username;
        match proven {
            Ok(state) => {
                tracing::info!(customer, channel = claim.channel_id, sender_key, "a sender profile was registered");
                self.count("registered");
                let stopped = (state == Approval::Stopped).then(|| "an operator has stopped it here".to_owned());
                if kept {
                    self.write(&mut claim, Stage::Registered, stopped)?;
                }
            }
            Err(reason) => {
                let vendor = self.registrar.name();
                tracing::warn!(
                    vendor,
                    customer,
                    channel = claim.channel_id,
                    sender_key,
                    reason,
                    "a token proves a sender profile that cannot be its customer's here: see whose it is"
                );
                if kept {
                    self.refuse(&mut claim, reason)?;
                }
            }
        }
        Ok(())
    }

    /// The dealer refuses a token; where it holds the channel, an operator may know why.
    fn not_taken(&mut self, claim: &mut Claim, reason: String) -> Result<(), Stop> {
        self.failed = false;
        match self.visit.channel(&claim.channel_id) {
            Ok(Seen::There(sender_key)) => {
                let (vendor, customer, channel) = (self.registrar.name(), &*claim.username, &*claim.channel_id);
                tracing::warn!(
                    vendor,
                    customer,
                    channel,
                    sender_key,
                    reason,
                    "a dealer refuses a token for a channel that it holds: register and approve the sender profile if it is this customer's"
                );
                self.refuse(claim, format!("{reason}; {HELD_THERE}"))
            }
            Ok(Seen::Absent | Seen::Unclear) | Err(_) => self.refuse(claim, reason),
        }
    }

    /// Looks how a profile stands; wakes it first, if that is wanted.
    fn look_at(&mut self, looked_at: &LookedAt) -> Result<(), Stop> {
        let LookedAt { profile, before, recover } = looked_at;
        let stood = before.as_deref().unwrap_or(Standing::Unclear.word());
        let mut refused = None;
        if *recover {
            match self.visit.recover_profile(&profile.sender_key) {
                Ok(()) => {}
                Err(Trouble::Refused(reason)) => refused = Some(format!("it is not woken: {reason}")),
                Err(Trouble::Failed(reason)) => {
                    self.note(&profile.sender_key, stood, Some(format!("it is not woken: {reason}")))?;
                    return self.broke(&profile.username, &profile.sender_key, reason);
                }
                Err(Trouble::Away { reason, wait }) => return Err(Stop::Dealer { reason, wait }),
            }
        }
        let was_there = ![Standing::Elsewhere.word(), Standing::Unclear.word()].contains(&stood);
        let (standing, comment) = match self.visit.profile(&profile.sender_key) {
            Ok(Some(told)) => told,
            // Whoever was never seen there may be registered at another dealer.
            Ok(None) if was_there => (Standing::Gone, None),
            Ok(None) => (Standing::Elsewhere, None),
            Err(Trouble::Refused(reason)) => {
                self.failed = false;
                return Ok(self.note(&profile.sender_key, stood, Some(reason))?);
            }
            Err(Trouble::Failed(reason)) => {
                self.note(&profile.sender_key, stood, Some(reason.clone()))?;
                return self.broke(&profile.username, &profile.sender_key, reason);
            }
            Err(Trouble::Away { reason, wait }) => return Err(Stop::Dealer { reason, wait }),
        };
        self.failed = false;
        if let Some(to) = standing.makes_of(profile.state)
            && self.editor.settle_profile(&self.by(), profile, to)?
        {
            let (vendor, customer, sender_key) = (self.registrar.name(), &*profile.username, &*profile.sender_key);
            let standing = standing.word();
            if to == Approval::Approved {
                self.count("woken");
                tracing::info!(vendor, customer, sender_key, "a sender profile was woken");
            } else {
                self.count(if to == Approval::Dormant { "dormant" } else { "stopped" });
                tracing::warn!(
                    vendor,
                    customer,
                    sender_key,
                    standing,
                    "a sender profile sends no more: see to it at Kakao, then say approved"
                );
            }
        }
        Ok(self.note(&profile.sender_key, standing.word(), refused.or(comment))?)
    }

    fn note(&mut self, sender_key: &str, state: &str, comment: Option<String>) -> Result<(), Away> {
        let vendor = self.registrar.name().to_owned();
        let said = AtDealer { vendor, state: state.to_owned(), comment, noted_at_ms: now_ms() };
        self.editor.note_profile(sender_key, &said)
    }

    /// The dealer broke: it may be over this one, and the next is tried. Over two in a row it may be the dealer.
    fn broke(&mut self, customer: &str, about: &str, reason: String) -> Result<(), Stop> {
        tracing::warn!(
            vendor = self.registrar.name(),
            customer,
            about,
            reason,
            "a dealer breaks over a sender profile"
        );
        if std::mem::replace(&mut self.failed, true) {
            return Err(Stop::Dealer { reason, wait: None });
        }
        self.count("failed");
        Ok(())
    }

    fn refuse(&mut self, claim: &mut Claim, reason: String) -> Result<(), Stop> {
        self.count("refused");
        self.write(claim, Stage::Refused, Some(reason))?;
        Ok(())
    }

    /// Writes how far a claim is; whether nobody changed it meanwhile.
    fn write(&mut self, claim: &mut Claim, stage: Stage, comment: Option<String>) -> Result<bool, Away> {
        (claim.stage, claim.comment, claim.noted_at_ms) = (stage, comment, now_ms());
        self.editor.move_claim(claim)
    }

    fn by(&self) -> By {
        By::named(format!("vendor/{}", self.registrar.name()), now_ms())
    }

    fn count(&self, outcome: &'static str) {
        counter!(PROFILES, "vendor" => self.registrar.name().to_owned(), "outcome" => outcome).increment(1);
    }
}
