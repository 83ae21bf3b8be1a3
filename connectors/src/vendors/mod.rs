//! The vendors that are spoken to over a wire: a folder for each protocol, and what all of them share.
//!
//! A vendor's row in the reference data says which protocol it speaks and where (`processors::reference::Protocol`); the
//! configuration gives it a key by its name ([`VendorSettings`]). A vendor without a protocol is answered for by the
//! simulator in this process.

mod apns;
mod arrival;
mod asked;
mod bizgo;
mod brands;
#[cfg(test)]
mod contract;
mod fcm;
mod http;
mod ids;
mod images;
mod judged;
mod jwt;
mod key;
mod nhn;
mod pace;
mod provider;
mod push;
mod receipts;
mod refused;
mod registrar;
mod settings;
mod smpp;
mod smtp;
#[cfg(test)]
mod testing;
mod unreached;
mod webhook;

pub use apns::ApnsSettings;
pub use fcm::FcmSettings;
pub(crate) use http::{Client, Times};
pub use ids::RedisMessageIds;
pub use images::{Uploaded, Use};
pub(crate) use key::read as read_key;
pub use nhn::NhnSettings;
pub use pace::Part;
pub use push::{MemoryDeadTokens, TOKENS};
pub use receipts::Serve;
pub use registrar::{Registrar, Seen, Trouble, Visit, Wanted};
pub use settings::{Brings, ResponseMethod, VendorSettings, VendorsError};
pub use smpp::{REPORTS, SmppSettings};
pub use smtp::{SmtpSettings, mailbox};
pub use webhook::WEBHOOKS;

use crate::{files::FileStore, tls, watched};
use asked::Asked;
use brands::Brands;
use ids::{Ids, MemoryMessageIds};
use key::Key;
use pace::Pace;
use processors::{
    night::Night,
    ports::{Clock, DeadTokens, MessageIds, Provider, Receipts, ReferenceSource, Refusals},
    reference::{CodeTable, InDoubt, OptOut, Protocol, Reference, Vendor},
};
use refused::Refused;
use schemas::Family;
use smtp::BOUNCES;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Once},
};
use tokio::sync::oneshot;

/// Polls of delivery reports, by vendor and outcome: batch, empty, failed.
pub const POLLS: &str = "ims_vendor_polls_total";

/// Rows of vendors' results that cannot be read, by vendor.
pub const UNREAD: &str = "ims_vendor_results_unread_total";

/// What became of templates at the dealer that registers them, by vendor and outcome: told, approved, rejected, deleted,
/// refused, failed.
pub const TEMPLATES: &str = "ims_vendor_templates_total";

/// What became of sender profiles at the dealer that registers them, by vendor and outcome: asked, registered, refused,
/// dormant, stopped, woken, failed.
pub const PROFILES: &str = "ims_vendor_profiles_total";

/// Mailboxes that were not written to or not looked up, by outcome: skipped, unchecked.
pub const SUPPRESSED: &str = "ims_mail_suppressed_total";

/// What mailboxes that are not written to any more are known under, whatever server said so.
pub(crate) const MAILBOXES: &str = "EMAIL";

/// Tells the recorder what the metrics mean.
pub fn describe_metrics() {
    metrics::describe_counter!(POLLS, "Polls of vendors' delivery reports, by vendor and outcome.");
    metrics::describe_counter!(UNREAD, "Rows of vendors' results that cannot be read, by vendor.");
    metrics::describe_counter!(TEMPLATES, "Templates at the dealer that registers them, by vendor and outcome.");
    metrics::describe_counter!(PROFILES, "Sender profiles at the dealer that registers them, by vendor and outcome.");
    metrics::describe_counter!(
        TOKENS,
        "Push tokens that were removed, skipped or not looked up, by vendor and outcome."
    );
    metrics::describe_counter!(REPORTS, "Delivery receipts of carriers over SMPP, by vendor and outcome.");
    metrics::describe_counter!(SUPPRESSED, "Mailboxes that were not written to, or not looked up, by outcome.");
    metrics::describe_counter!(BOUNCES, "Mails that came back, by vendor and outcome.");
    metrics::describe_counter!(WEBHOOKS, "Calls of vendors' webhooks, by vendor and outcome.");
}

/// What a process knows of a vendor besides its row.
#[derive(Debug, Clone)]
struct Access {
    settings: VendorSettings,
    key: Arc<Key>,
    /// What the vendor signs its reports with; None: they are polled.
    webhook: Option<Arc<Key>>,
    pace: Arc<Pace>,
    brands: Arc<Brands>,
    /// What was uploaded to it.
    images: Arc<images::Images>,
}

/// A vendor, and what it and its customer share: what a simulator of it must know.
#[derive(Clone)]
pub struct Shared {
    /// Its row.
    pub vendor: Arc<Vendor>,
    /// What its customer is known by: its key, project, topic, system id or user; empty: a mail server without a login.
    pub key: String,
    /// What else: the app key of a product of NHN Cloud; empty: nothing.
    pub app_key: String,
    /// The password at a mail server.
    pub password: String,
    /// Folder that mails come back to; None: none.
    pub bounces: Option<PathBuf>,
    /// What it signs its reports with; None: they are polled.
    pub webhook_secret: Option<String>,
}

/// The vendors that the configuration has keys or settings for.
#[derive(Clone)]
pub struct Vendors {
    access: Arc<BTreeMap<String, Access>>,
    /// Settings that cannot work, keys that cannot be read: only who reaches vendors minds.
    wrong: Arc<[String]>,
    mail: Arc<BTreeMap<String, Arc<smtp::Access>>>,
    google: Arc<BTreeMap<String, Arc<fcm::Access>>>,
    apple: Arc<BTreeMap<String, Arc<apns::Access>>>,
    carriers: Arc<BTreeMap<String, Arc<smpp::Access>>>,
    dead_tokens: Arc<push::Desk>,
    /// What messages may have with them; None: nothing.
    files: Option<FileStore>,
    message_ids: Arc<Ids>,
    /// Those that take no mail.
    dead_mailboxes: Arc<push::Desk>,
    /// Where webhooks are received; empty: nowhere.
    listen: Arc<str>,
    part: Part,
    reference: Arc<dyn ReferenceSource>,
    clock: Arc<dyn Clock>,
    night: Arc<Night>,
    /// Where refusals are entered; None: nowhere.
    refusals: Option<Arc<Asked<Refused>>>,
}

/// Keeps the way to a vendor, or what is wrong with it.
fn keep<A>(kept: &mut BTreeMap<String, A>, name: &str, opened: Result<A, Vec<String>>, wrong: &mut Vec<String>) {
    match opened {
        Ok(access) => drop(kept.insert(name.to_owned(), access)),
        Err(reasons) => wrong.extend(reasons),
    }
}

impl Vendors {
    /// Reads the keys.
    pub fn open(
        settings: &BTreeMap<String, VendorSettings>,
        listen: &str,
        reference: Arc<dyn ReferenceSource>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mut wrong = Vec::new();
        let (mut access, mut mail) = (BTreeMap::new(), BTreeMap::new());
        let (mut google, mut apple, mut carriers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (name, settings) in settings {
            wrong.extend(settings.mistakes(name));
            if let Some(of_google) = &settings.fcm {
                keep(&mut google, name, fcm::Access::open(name, settings, of_google), &mut wrong);
                continue;
            }
            if let Some(of_apple) = &settings.apns {
                keep(&mut apple, name, apns::Access::open(name, settings, of_apple), &mut wrong);
                continue;
            }
            if let Some(of_mail) = &settings.smtp {
                keep(&mut mail, name, smtp::Access::open(name, settings, of_mail), &mut wrong);
                continue;
            }
            if let Some(of_carrier) = &settings.smpp {
                keep(&mut carriers, name, smpp::Access::open(name, settings, of_carrier), &mut wrong);
                continue;
            }
            if let Some(of_nhn) = &settings.nhn {
                let customers = reference.current();
                wrong.extend(of_nhn.unknown(name, &|username| customers.customer(username).is_some()));
            }
            let mut read = |what: &str, path: &Path| match Key::read(path) {
                Ok(key) => Some(Arc::new(key)),
                Err(reason) => {
                    wrong.push(format!("vendors.{name}.{what} {path:?}: {reason}"));
                    None
                }
            };
            let by_webhook = !settings.webhook_secret_file.as_os_str().is_empty();
            let key = read("key_file", &settings.key_file);
            let webhook = by_webhook.then(|| read("webhook_secret_file", &settings.webhook_secret_file)).flatten();
            if by_webhook && listen.is_empty() {
                wrong
                    .push(format!("vendors.{name}.webhook_secret_file is set and nobody listens: set webhooks.listen"));
            }
            let brands = Brands::read(&settings.rcs_brands_file).map_err(|reason| {
                wrong.push(format!("vendors.{name}.rcs_brands_file {:?}: {reason}", settings.rcs_brands_file));
            });
            if let (Some(key), Ok(brands)) = (key, brands) {
                let brands = Arc::new(brands);
                let pace = Arc::new(Pace::new(settings.calls_per_second));
                let (settings, images) = (settings.clone(), Arc::default());
                access.insert(name.clone(), Access { settings, key, webhook, pace, brands, images });
            }
        }
        wrong.extend(Brings::ALL.into_iter().filter_map(|brings| settings::registrars(brings, settings)));
        let (dead_tokens, dead_mailboxes) = (Box::<MemoryDeadTokens>::default(), Box::<MemoryDeadTokens>::default());
        let message_ids = Box::new(MemoryMessageIds::default());
        Self {
            access: Arc::new(access),
            mail: Arc::new(mail),
            google: Arc::new(google),
            apple: Arc::new(apple),
            carriers: Arc::new(carriers),
            dead_tokens: Arc::new(push::Desk::new(dead_tokens, Arc::clone(&clock), TOKENS)),
            dead_mailboxes: Arc::new(push::Desk::new(dead_mailboxes, Arc::clone(&clock), SUPPRESSED)),
            files: None,
            message_ids: Arc::new(Ids::new(message_ids, Arc::clone(&clock))),
            wrong: wrong.into(),
            listen: listen.into(),
            // Alone, until it is told of others.
            part: Arc::new(|_| 1.0),
            reference,
            clock,
            night: Arc::default(),
            refusals: None,
        }
    }

    /// The same where it is entered who refuses ads at a vendor.
    pub fn telling(self, refusals: Box<dyn Refusals>) -> Self {
        let refusals = Asked::new(refusals, Arc::clone(&self.clock));
        Self { refusals: Some(Arc::new(refusals)), ..self }
    }

    /// Enters who refused ads at a vendor; false: it could not be entered, and may be told again.
    async fn heard(&self, vendor: &Vendor, outs: Vec<OptOut>, at_ms: i64) -> bool {
        static SAID: Once = Once::new();
        let Some(refusals) = &self.refusals else {
            SAID.call_once(|| {
                tracing::error!(
                    vendor = vendor.name,
                    "who refuses ads at vendors cannot be entered into a file: add the opt-outs there"
                );
            });
            return true;
        };
        let reference = self.reference.current();
        let (outs, nobodys): (Vec<_>, Vec<_>) =
            outs.into_iter().partition(|out| reference.customer(&out.username).is_some());
        if let Some(OptOut { username, .. }) = nobodys.first() {
            tracing::error!(
                vendor = vendor.name,
                username,
                refusals = nobodys.len(),
                "somebody refused the ads of a customer that the reference data do not have: look at unsubscribe_numbers"
            );
        }
        let all_are_known = nobodys.is_empty();
        if outs.is_empty() {
            return all_are_known;
        }
        let (entered, told) = oneshot::channel();
        refusals.ask(Refused { outs, by: format!("vendor/{}", vendor.name), at_ms, entered });
        told.await.is_ok() && all_are_known
    }

    /// The same where ads may not arrive at these hours.
    pub fn by_night(self, night: Night) -> Self {
        Self { night: Arc::new(night), ..self }
    }

    /// Panics when the thread of a store has ended: requests or reports would wait for its answers for ever.
    fn must_work(&self) {
        self.dead_tokens.must_work();
        self.dead_mailboxes.must_work();
        self.message_ids.must_work();
        if let Some(refusals) = &self.refusals {
            refusals.must_work();
        }
    }

    /// Whether some of them are push services.
    pub fn push(&self) -> bool {
        !self.google.is_empty() || !self.apple.is_empty()
    }

    /// The same where dead push tokens are remembered by others than this process.
    pub fn remembering(self, dead_tokens: Box<dyn DeadTokens>) -> Self {
        let dead_tokens = Arc::new(push::Desk::new(dead_tokens, Arc::clone(&self.clock), TOKENS));
        Self { dead_tokens, ..self }
    }

    /// The same with the files that customers uploaded: senders read what a message names in `attach_file_list`.
    pub fn with_files(self, files: FileStore) -> Self {
        Self { files: Some(files), ..self }
    }

    /// Where senders read files.
    pub fn files(&self) -> Option<&FileStore> {
        self.files.as_ref()
    }

    /// Whether reports of some of them name messages by the vendor's own ids.
    pub fn name_ids(&self) -> bool {
        let by_id = |access: &Access| access.settings.nhn.is_some() && access.webhook.is_none();
        !self.carriers.is_empty() || self.access.values().any(by_id)
    }

    /// The same where vendors' own ids of messages are remembered by others than this process.
    pub fn matching(self, message_ids: Box<dyn MessageIds>) -> Self {
        let message_ids = Arc::new(Ids::new(message_ids, Arc::clone(&self.clock)));
        Self { message_ids, ..self }
    }

    /// Whether some of them are mail servers.
    pub fn mail(&self) -> bool {
        !self.mail.is_empty()
    }

    /// The same where mailboxes that take no mail are remembered by others than this process.
    pub fn suppressing(self, mailboxes: Box<dyn DeadTokens>) -> Self {
        let dead_mailboxes = Arc::new(push::Desk::new(mailboxes, Arc::clone(&self.clock), SUPPRESSED));
        Self { dead_mailboxes, ..self }
    }

    /// The same in a process that has this part of what vendors allow to all of us.
    pub fn sharing(self, part: Part) -> Self {
        Self { part, ..self }
    }

    /// Refused with every mistake at once: settings that cannot work, keys that cannot be read.
    pub fn can_be_used(&self) -> Result<(), VendorsError> {
        if self.wrong.is_empty() { Ok(()) } else { Err(VendorsError(self.wrong.to_vec())) }
    }

    /// Refuses besides when a vendor of the reference data that speaks a protocol has no key or no settings, or settings that do
    /// not fit its row. Asked by who sends.
    pub fn all_have_keys(&self) -> Result<(), VendorsError> {
        self.can_be_used()?;
        let wires = wires(&self.reference.current());
        let mut told: Vec<String> = wires.iter().filter_map(|vendor| self.lacks(vendor)).collect();
        told.extend(Brings::ALL.into_iter().filter_map(|brings| self.registers_nothing(brings, &wires)));
        if told.is_empty() { Ok(()) } else { Err(VendorsError(told)) }
    }

    /// A vendor that speaks a protocol, by its name.
    fn wire(&self, name: &str) -> Option<Arc<Vendor>> {
        wires(&self.reference.current()).into_iter().find(|vendor| vendor.name == name)
    }

    /// What keeps a vendor from being reached, with the remedy.
    fn lacks(&self, vendor: &Vendor) -> Option<String> {
        let (name, url) = (&vendor.name, &vendor.url);
        let dealer = self.access.get(name).filter(|_| matches!(vendor.protocol, Protocol::Bizgo | Protocol::Nhn));
        if dealer.is_some_and(|access| !access.settings.ca_file.as_os_str().is_empty() && !url.starts_with("https:")) {
            return Some(format!(
                "vendor {name}, {url}, is spoken to without TLS: write https://, or no [vendors.{name}] ca_file"
            ));
        }
        match (vendor.protocol, self.mail.get(name)) {
            (Protocol::Smtp, Some(access)) => access.mistake(vendor),
            (Protocol::Smtp, None) => Some(format!(
                "vendor {name}, {url}, has no settings: write [vendors.{name}.smtp] with this host's hello"
            )),
            (Protocol::Fcm, _) => (!self.google.contains_key(name)).then(|| {
                format!("vendor {name}, {url}, has no settings: write [vendors.{name}.fcm] with service_account_file")
            }),
            (Protocol::Apns, _) => (!self.apple.contains_key(name)).then(|| {
                format!(
                    "vendor {name}, {url}, has no settings: write [vendors.{name}.apns] with key_file, key_id, team_id \
                     and topic"
                )
            }),
            (Protocol::Smpp, _) => match self.carriers.get(name) {
                Some(access) => access.mistake(vendor),
                None => Some(format!(
                    "vendor {name}, {url}, has no settings: write [vendors.{name}.smpp] with system_id, and key_file"
                )),
            },
            (Protocol::Nhn, _) if self.access.get(name).is_some_and(|access| access.settings.nhn.is_none()) => {
                Some(format!("vendor {name}, {url}, has no app key: write [vendors.{name}.nhn] with app_key"))
            }
            (Protocol::Nhn, _)
                if vendor.in_doubt == InDoubt::Receipt
                    && self.access.get(name).is_some_and(|access| nhn::names_ids(vendor, access)) =>
            {
                Some(format!(
                    "vendor {name}, {url}, lists results by an id that a message in doubt has not got: set in_doubt = \
                     \"repeat\", or [vendors.{name}] webhook_secret_file and /nhn/{name} at webhooks.listen in NHN \
                     Cloud's console"
                ))
            }
            (Protocol::Simulated | Protocol::Bizgo | Protocol::Nhn, _) => {
                (!self.access.contains_key(name)).then(|| {
                    format!("vendor {name}, {url}, has no key: name a file that holds it in [vendors.{name}] key_file")
                })
            }
        }
    }

    /// A way to all vendors with connections of its own; `simulated` answers for those without a protocol.
    pub fn provider(&self, simulated: Box<dyn Provider>) -> Box<dyn Provider> {
        Box::new(provider::Wires::new(self.clone(), simulated))
    }

    /// The delivery reports of all vendors; `serve` serves the port that some bring them to.
    pub fn receipts(&self, simulated: Box<dyn Receipts>, serve: Serve) -> std::io::Result<Box<dyn Receipts>> {
        Ok(Box::new(receipts::Polled::start(self.clone(), simulated, serve)?))
    }

    /// Uploads an image to a vendor; the error is the reason with its remedy.
    pub fn upload(&self, name: &str, what: Use, file_name: &str, image: &[u8]) -> Result<Uploaded, String> {
        let vendor = self
            .wire(name)
            .filter(|vendor| matches!(vendor.protocol, Protocol::Bizgo | Protocol::Nhn))
            .ok_or_else(|| {
                format!("there is no vendor {name:?} that takes images: name one with protocol = \"bizgo\" or \"nhn\"")
            })?;
        if vendor.protocol == Protocol::Nhn && (what, vendor.codes) != (Use::Mms, CodeTable::NhnSms) {
            return Err(format!("vendor {name:?} takes images for MMS alone, with codes = \"nhn-sms\""));
        }
        if let Some(lack) = self.lacks(&vendor) {
            return Err(lack);
        }
        let access = self.access.get(name).ok_or("the vendor has no key")?;
        let client = access.settings.client(&vendor)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let uploaded = runtime.block_on(async {
            access.pace.turn(|| (self.part)(&vendor)).await;
            let (client, vendor) = (&client, &*vendor);
            match vendor.protocol {
                Protocol::Nhn => {
                    nhn::Nhn { client, access, vendor, ids: &self.message_ids }.upload(file_name, image).await
                }
                _ => bizgo::Bizgo { client, access, vendor }.upload(what, file_name, image).await,
            }
        });
        runtime.shutdown_background();
        uploaded
    }

    /// Each vendor that speaks a protocol and has a key or settings.
    pub fn shared(&self) -> Vec<Shared> {
        let known = |vendor: Arc<Vendor>| {
            let mut shared = Shared {
                vendor: Arc::clone(&vendor),
                key: String::new(),
                app_key: String::new(),
                password: String::new(),
                bounces: None,
                webhook_secret: None,
            };
            shared.key = match vendor.protocol {
                Protocol::Fcm => self.google.get(&vendor.name)?.account.current().project_id.clone(),
                Protocol::Apns => self.apple.get(&vendor.name)?.apns.topic.clone(),
                Protocol::Smpp => self.carriers.get(&vendor.name)?.smpp.system_id.clone(),
                Protocol::Smtp => {
                    let access = self.mail.get(&vendor.name)?;
                    shared.password = access.password.as_ref().map(|password| password.reveal()).unwrap_or_default();
                    shared.bounces = Some(access.smtp.bounces.clone()).filter(|folder| !folder.as_os_str().is_empty());
                    access.smtp.user.clone()
                }
                Protocol::Simulated | Protocol::Bizgo | Protocol::Nhn => {
                    let access = self.access.get(&vendor.name)?;
                    shared.webhook_secret = access.webhook.as_ref().map(|secret| secret.reveal());
                    shared.app_key = access.settings.nhn.as_ref().map(|nhn| nhn.app_key.clone()).unwrap_or_default();
                    access.key.reveal()
                }
            };
            Some(shared)
        };
        wires(&self.reference.current()).into_iter().filter_map(known).collect()
    }
}

/// The vendors that speak a protocol, each once.
fn wires(reference: &Reference) -> Vec<Arc<Vendor>> {
    let mut found: BTreeMap<&str, &Arc<Vendor>> = BTreeMap::new();
    for vendor in Family::ALL.into_iter().flat_map(|family| reference.vendors(family)) {
        if vendor.protocol.is_wire() {
            found.insert(&vendor.name, vendor);
        }
    }
    found.into_values().cloned().collect()
}
