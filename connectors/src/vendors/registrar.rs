//! The dealer that templates or sender profiles are registered at: asked and told one thing at a time, by who waits for it.

use super::{
    Access, Vendors,
    bizgo::Bizgo,
    http::{Client, Failed},
    settings::Brings,
};
use processors::{
    center::{
        claim::{Category, Handed, Standing},
        registering::{Held, Next},
    },
    ports::Clock,
    reference::{Protocol, Template, Vendor},
};
use serde_json::{Map, Value};
use std::{future::Future, io, sync::Arc, time::Duration};
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

/// A template as it is to stand at its dealer.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'t> {
    /// The template.
    pub template: &'t Template,
    /// Whether its `sender_key` is a group's.
    pub of_group: bool,
}

impl<'t> Wanted<'t> {
    /// What it is registered under.
    pub(super) fn sender_key(&self) -> &'t str {
        self.template.sender_key.as_deref().unwrap_or_default()
    }
}

/// Whether a channel of KakaoTalk stands at a dealer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Under this sender key.
    There(String),
    /// The dealer says that it does not.
    Absent,
    /// It says neither.
    Unclear,
}

/// Why a dealer was not asked or told. Said without keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// There is nobody, or the answer is no word on what was asked about: all of them wait, for as long as the dealer says.
    Away {
        /// The reason.
        reason: String,
        /// How long the dealer asks to wait.
        wait: Option<Duration>,
    },
    /// The dealer broke or did not answer in time: it may be what was asked about, or all. One may be passed over.
    Failed(String),
    /// The dealer does not take this so, or publishes no way to say it: others go on.
    Refused(String),
}

impl Trouble {
    pub(super) fn away(reason: impl Into<String>) -> Self {
        Self::Away { reason: reason.into(), wait: None }
    }

    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }

    /// The dealer asks to wait, and may have said for how long.
    pub(super) fn throttled(reason: String, asked_ms: Option<i64>) -> Self {
        let wait = asked_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        Self::Away { reason, wait }
    }
}

impl From<Failed> for Trouble {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NotSent(reason) => Self::away(reason),
            Failed::NoAnswer(reason) => Self::Failed(reason),
        }
    }
}

/// The dealer that the configuration says something is registered at.
pub struct Registrar {
    vendors: Vendors,
    name: String,
    brings: Brings,
    runtime: Runtime,
}

/// Calls of one turn, which share connections.
pub struct Visit<'r> {
    registrar: &'r Registrar,
    access: &'r Access,
    vendor: Arc<Vendor>,
    client: Client,
}

impl Vendors {
    /// The dealer that these are registered at; None: they are registered elsewhere, and operators say what became of
    /// them.
    pub fn registrar(&self, brings: Brings) -> io::Result<Option<Registrar>> {
        let named = self.access.iter().find(|(_, access)| access.settings.every_ms(brings) > 0);
        let Some((name, _)) = named else { return Ok(None) };
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Some(Registrar { vendors: self.clone(), name: name.clone(), brings, runtime }))
    }

    /// What keeps these from being registered, with the remedy.
    pub(super) fn registers_nothing(&self, brings: Brings, wires: &[Arc<Vendor>]) -> Option<String> {
        let (name, _) = self.access.iter().find(|(_, access)| access.settings.every_ms(brings) > 0)?;
        let of_kind = |vendor: &Arc<Vendor>| vendor.families.iter().any(|family| brings.families().contains(family));
        let registers =
            |vendor: &Arc<Vendor>| vendor.name == *name && vendor.protocol == Protocol::Bizgo && of_kind(vendor);
        (!wires.iter().any(registers)).then(|| {
            let (setting, what) = (brings.setting(), brings.word());
            let families: Vec<&str> = brings.families().iter().map(|family| family.as_str()).collect();
            format!(
                "vendors.{name}.{setting}: vendor {name} registers no {what}: set it for one with protocol = \"bizgo\" \
                 and {} among its families",
                families.join(" or ")
            )
        })
    }
}

impl Registrar {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From one turn to the next.
    pub fn every(&self) -> Duration {
        let settings = self.vendors.access.get(&self.name).map(|access| &access.settings);
        Duration::from_millis(settings.map_or(0, |settings| u64::from(settings.every_ms(self.brings))))
    }

    /// Longest time of a call.
    pub fn patience(&self) -> Duration {
        let settings = self.vendors.access.get(&self.name).map(|access| &access.settings);
        settings.map_or(Duration::ZERO, |settings| settings.poll_timeout())
    }

    /// Whether this process has a part of the calls that the dealer allows to all of us.
    pub fn has_part(&self) -> bool {
        self.vendors.wire(&self.name).is_none_or(|vendor| (self.vendors.part)(&vendor) > 0.0)
    }

    /// Begins a turn. The error is the reason with its remedy.
    pub fn visit(&self) -> Result<Visit<'_>, String> {
        let vendor = self
            .vendors
            .wire(&self.name)
            .ok_or_else(|| format!("there is no vendor {:?} in the reference data", self.name))?;
        if let Some(lack) = self.vendors.lacks(&vendor) {
            return Err(lack);
        }
        let access = self.vendors.access.get(&self.name).ok_or("the vendor has no key")?;
        let client = access.settings.client(&vendor)?;
        Ok(Visit { registrar: self, access, vendor, client })
    }
}

impl Visit<'_> {
    /// A template as it stands there; None: it does not.
    pub fn template(&self, wanted: &Wanted<'_>) -> Result<Option<Held>, Trouble> {
        self.call(self.bizgo().template(wanted, self.clock()))
    }

    /// Does what is due for a template.
    pub fn tell(&self, due: Next, wanted: &Wanted<'_>) -> Result<(), Trouble> {
        self.call(self.bizgo().tell_template(due, wanted, self.clock()))
    }

    /// Deletes a template. One that is not there may be refused, and is deleted.
    pub fn delete(&self, sender_key: &str, code: &str) -> Result<(), Trouble> {
        let deleted = self.call(self.bizgo().delete_template(sender_key, code, self.clock()));
        let Err(Trouble::Refused(_)) = &deleted else { return deleted };
        let lacks = self.call(self.bizgo().lacks_template(sender_key, code, self.clock()))?;
        if lacks { Ok(()) } else { deleted }
    }

    fn clock(&self) -> &dyn Clock {
        &*self.registrar.vendors.clock
    }

    /// Has Kakao send a token to the phone of a channel's manager. One that failed may have been sent.
    pub fn ask_token(&self, channel_id: &str, phone: &str) -> Result<(), Trouble> {
        self.call(self.bizgo().ask_token(channel_id, phone, self.clock()))
    }

    /// Registers a channel with its token; the sender key that Kakao gives for it.
    pub fn register_profile(&self, channel_id: &str, phone: &str, handed: &Handed) -> Result<String, Trouble> {
        self.call(self.bizgo().register_profile(channel_id, phone, handed, self.clock()))
    }

    /// Whether a channel stands there.
    pub fn channel(&self, channel_id: &str) -> Result<Seen, Trouble> {
        self.call(self.bizgo().channel(channel_id, self.clock()))
    }

    /// How a sender profile stands there, and what is to be told of it; None: it does not.
    pub fn profile(&self, sender_key: &str) -> Result<Option<(Standing, Option<String>)>, Trouble> {
        self.call(self.bizgo().profile(sender_key, self.clock()))
    }

    /// Wakes a sender profile that sleeps.
    pub fn recover_profile(&self, sender_key: &str) -> Result<(), Trouble> {
        self.call(self.bizgo().recover_profile(sender_key, self.clock()))
    }

    /// What channels may be about.
    pub fn categories(&self) -> Result<Vec<Category>, Trouble> {
        self.call(self.bizgo().categories(self.clock()))
    }

    fn bizgo(&self) -> Bizgo<'_> {
        Bizgo { client: &self.client, access: self.access, vendor: &self.vendor }
    }

    /// Makes a call when it is its turn among all that are no sends. It waits no longer than the call may take: meanwhile this
    /// process keeps others from asking.
    fn call<T>(&self, call: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        self.registrar.runtime.block_on(async {
            let latest = Instant::now() + self.registrar.patience();
            if !self.access.pace.turn_by(latest, || (self.registrar.vendors.part)(&self.vendor)).await {
                return Err(Trouble::away("this process has no call left of calls_per_second"));
            }
            call.await
        })
    }
}

/// A key or code where it may stand in an address.
pub(super) fn part_of_path(text: &str) -> Result<&str, Trouble> {
    let fits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b));
    // Dots alone are a way through folders.
    let fits = fits && text.bytes().any(|b| b != b'.');
    if fits { Ok(text) } else { Err(Trouble::refused("its sender_key or code can stand in no address")) }
}

/// Kakao's word for what buttons make a template.
pub(super) fn message_type(template: &Template) -> &'static str {
    let buttons = template.attachment.as_ref().map_or(&[][..], |hung| &hung.button);
    if buttons.iter().any(|button| button.r#type == "AC") { "AD" } else { "BA" }
}

/// Kakao's word for what a template shows above its text.
pub(super) fn emphasized(template: &Template) -> &'static str {
    let hung = template.attachment.as_ref();
    let items = hung.is_some_and(|hung| hung.item.is_some() || hung.item_highlight.is_some());
    let image = hung.is_some_and(|hung| hung.image.is_some());
    match (items || template.header.is_some(), image, template.title.is_some()) {
        (true, ..) => "ITEM_LIST",
        (false, true, _) => "IMAGE",
        (false, false, true) => "TEXT",
        (false, false, false) => "NONE",
    }
}

/// Of what is said, these fields alone, and nothing that is empty.
pub(super) fn only(said: &Value, fields: &[&str]) -> Value {
    match said {
        Value::Object(parts) => {
            let kept = parts.iter().filter(|(name, _)| fields.contains(&name.as_str()));
            let kept = kept.map(|(name, part)| (name.clone(), only(part, fields))).filter(|(_, part)| !part.is_null());
            let kept: Map<String, Value> = kept.collect();
            if kept.is_empty() { Value::Null } else { kept.into() }
        }
        Value::Array(rows) if rows.is_empty() => Value::Null,
        Value::Array(rows) => rows.iter().map(|row| only(row, fields)).collect(),
        Value::String(text) if text.is_empty() => Value::Null,
        Value::String(text) => text.replace("\r\n", "\n").into(),
        other => other.clone(),
    }
}
