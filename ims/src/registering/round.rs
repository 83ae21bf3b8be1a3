//! One round over the templates that wait, and those that a dealer holds and nobody here has any more.

use super::{
    Stop,
    refusals::{Name, Refusals},
};
use crate::assemble::now_ms;
use connectors::{
    reference::{AtDealer, By, Editor, Leftover, Waiting},
    vendors::{TEMPLATES, Trouble, Visit, Wanted},
};
use metrics::counter;
use processors::{
    center::registering::{Held, Next, next},
    ports::Away,
    reference::{Approval, Template},
};
use rustc_hash::FxHashSet;
use schemas::Channel;
use std::{sync::Arc, time::Duration};

/// Whose templates dealers register.
const CHANNEL: Channel = Channel::At;
/// Templates of one question.
const PAGE: u32 = 300;
/// Looks at a template in one turn: it may have to be withdrawn, changed and requested, and is looked at after each.
pub const LOOKS: u32 = 4;

/// What is said of an approved template that says something else at its dealer.
const TAKEN: &str = "under this code something else was approved, and stays: register another template_code";
/// What is said of a template that never stands there as it was told.
const ANOTHER: &str = "it does not stand there as it was told: compare it in the dealer's console";

/// A round.
pub struct Round<'r, T> {
    pub editor: &'r mut Editor,
    pub visit: Visit<'r>,
    pub vendor: &'r str,
    pub every: Duration,
    pub refusals: &'r mut Refusals,
    /// Whether the dealer broke over the template before.
    pub failed: bool,
    /// Whether it is still this process that asks.
    pub turn: T,
}

/// Whether there is anything to ask the dealer.
pub fn is_due(editor: &mut Editor, vendor: &str) -> Result<bool, Away> {
    Ok(!editor.waiting(CHANNEL, ("", ""), 1)?.is_empty()
        || !editor.leftovers(CHANNEL, vendor, ("", "", ""), 1)?.is_empty())
}

impl<T: FnMut(&mut Editor) -> Result<bool, Away>> Round<'_, T> {
    /// Goes over all; ends early when it is another process's turn.
    pub fn go(mut self) -> Result<(), Stop> {
        let mut seen = FxHashSet::default();
        let mut behind = Name::default();
        loop {
            let page = self.editor.leftovers(CHANNEL, self.vendor, (&behind.0, &behind.1, &behind.2), PAGE)?;
            for gone in &page {
                let name = (gone.username.clone(), gone.code.clone(), gone.sender_key.clone());
                if !self.refusals.rests(&name, None, now_ms()) {
                    if !(self.turn)(self.editor)? {
                        return Ok(());
                    }
                    self.remove(gone, &name)?;
                }
                behind.clone_from(&name);
                seen.insert(name);
            }
            if page.is_empty() {
                break;
            }
        }
        let (mut username, mut code) = (String::new(), String::new());
        loop {
            let page = self.editor.waiting(CHANNEL, (&username, &code), PAGE)?;
            for waiting in &page {
                let name = name(&waiting.template);
                if !self.refusals.rests(&name, Some(&waiting.template), now_ms()) {
                    if !(self.turn)(self.editor)? {
                        return Ok(());
                    }
                    self.bring(waiting, &name)?;
                }
                seen.insert(name);
            }
            let Some(last) = page.last() else { break };
            (username, code) = (last.template.username.clone(), last.template.code.clone());
        }
        self.refusals.keep(&seen);
        Ok(())
    }

    /// Does for a template what is due.
    fn bring(&mut self, Waiting { template, of_group }: &Waiting, name: &Name) -> Result<(), Stop> {
        match self.settled(&Wanted { template, of_group: *of_group })? {
            Ok(()) => {
                self.failed = false;
                self.refusals.clear(name);
            }
            Err(Left::Failed(reason)) => self.pass_over(name, Some(template), reason)?,
            Err(Left::Refused(reason)) => {
                self.failed = false;
                self.note(template, "refused", Some(reason.clone()))?;
                if self.refusals.note(name, Some(template), &reason, self.every, now_ms()) {
                    self.count("refused");
                    tracing::warn!(
                        vendor = self.vendor,
                        customer = template.username,
                        template = template.code,
                        reason,
                        "a dealer refuses a template: change it, or register it in the dealer's console and say approved"
                    );
                }
            }
        }
        Ok(())
    }

    /// The dealer broke over a template: it may be that template, and the next is tried. Over two in a row it may be the dealer.
    fn pass_over(&mut self, name: &Name, template: Option<&Arc<Template>>, reason: String) -> Result<(), Stop> {
        self.refusals.note(name, template, &reason, self.every, now_ms());
        let (customer, code, _) = name;
        tracing::warn!(vendor = self.vendor, customer, template = code, reason, "a dealer breaks over a template");
        if std::mem::replace(&mut self.failed, true) {
            return Err(Stop::Dealer { reason, wait: None });
        }
        self.count("failed");
        Ok(())
    }

    /// Brings a template as far as it gets now; the error is why not.
    fn settled(&mut self, wanted: &Wanted<'_>) -> Result<Result<(), Left>, Stop> {
        for _ in 0..LOOKS {
            let held = match asked(self.visit.template(wanted))? {
                Ok(held) => held,
                Err(left) => return Ok(Err(left)),
            };
            let due = next(held.as_ref());
            if let Some(Held { inspection, comment, .. }) = held {
                let comment = if due == Next::Taken { Some(TAKEN.to_owned()) } else { comment };
                self.note(wanted.template, inspection.word(), comment)?;
            }
            let to = match due {
                Next::Wait => return Ok(Ok(())),
                Next::Approved => Approval::Approved,
                Next::Rejected | Next::Taken => Approval::Rejected,
                Next::Register | Next::Change | Next::Request | Next::Withdraw => {
                    if let Err(left) = asked(self.visit.tell(due, wanted))? {
                        return Ok(Err(left));
                    }
                    self.count("told");
                    continue;
                }
            };
            self.settle(wanted.template, to)?;
            return Ok(Ok(()));
        }
        Ok(Err(Left::Refused(ANOTHER.to_owned())))
    }

    fn settle(&mut self, template: &Template, to: Approval) -> Result<(), Stop> {
        let by = By::named(format!("vendor/{}", self.vendor), now_ms());
        if self.editor.settle(&by, template, to)? {
            let word = processors::center::inspection::word(to);
            self.count(word);
            let Template { username, code, .. } = template;
            tracing::info!(vendor = self.vendor, customer = username, template = code, "a template was {word}");
        }
        Ok(())
    }

    /// Deletes what nobody has any more.
    fn remove(&mut self, gone: &Leftover, name: &Name) -> Result<(), Stop> {
        let deleted = asked(self.visit.delete(&gone.sender_key, &gone.code))?;
        if let Err(Left::Failed(reason)) = deleted {
            return self.pass_over(name, None, reason);
        }
        self.failed = false;
        let Err(Left::Refused(reason)) = deleted else {
            self.refusals.clear(name);
            self.count("deleted");
            return Ok(self.editor.forget_leftover(gone)?);
        };
        if self.refusals.note(name, None, &reason, self.every, now_ms()) {
            self.count("refused");
            tracing::warn!(
                vendor = self.vendor,
                customer = gone.username,
                template = gone.code,
                reason,
                "a dealer keeps a template that was taken out here: delete it in the dealer's console"
            );
        }
        Ok(())
    }

    fn note(&mut self, template: &Template, state: &str, comment: Option<String>) -> Result<(), Away> {
        let vendor = self.vendor.to_owned();
        let said = AtDealer { vendor, state: state.to_owned(), comment, noted_at_ms: now_ms() };
        self.editor.note_at_dealer(template, &said)
    }

    fn count(&self, outcome: &'static str) {
        counter!(TEMPLATES, "vendor" => self.vendor.to_owned(), "outcome" => outcome).increment(1);
    }
}

fn name(template: &Template) -> Name {
    (template.username.clone(), template.code.clone(), template.sender_key.clone().unwrap_or_default())
}

/// Why a template stays as it is while others go on.
enum Left {
    /// The dealer does not take it.
    Refused(String),
    /// The dealer broke.
    Failed(String),
}

/// What a call gave, or why the template that it was about is left.
fn asked<V>(called: Result<V, Trouble>) -> Result<Result<V, Left>, Stop> {
    match called {
        Ok(told) => Ok(Ok(told)),
        Err(Trouble::Refused(reason)) => Ok(Err(Left::Refused(reason))),
        Err(Trouble::Failed(reason)) => Ok(Err(Left::Failed(reason))),
        Err(Trouble::Away { reason, wait }) => Err(Stop::Dealer { reason, wait }),
    }
}
