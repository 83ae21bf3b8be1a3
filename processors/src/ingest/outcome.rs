//! What ingest says of a receiver: accepted so far, or refused, with the report that tells so.

use super::recipient::names;
use crate::center::file;
use crate::law::Rule;
use crate::ports::{AppUser, AskedConsent, Claim, NamedFile};
use crate::reference::{OptOut, Reference};
use crate::refusal::{Code, Refusal};
use crate::rules::field::{Field, top};
use crate::rules::room::MESSAGE_BYTES;
use schemas::{AcceptedOf, Channel, FallbackStepOf, MessageType, Report, ReportKind, State, Text, TrackId};

/// Bytes of all images of an MMS: 800 KB (NHN Cloud, of three images; each may have 300 KB).
pub const IMAGES_BYTES: u64 = 800 * 1_024;

/// Longest id or key that a report repeats, characters: a refused one may have any length.
const REPEATED: usize = 64;

/// What became of one receiver.
#[derive(Debug, Clone, PartialEq)]
pub enum Checked<S: Text = String> {
    /// Every rule is kept; its message_id is still to be claimed.
    Candidate(Box<Candidate<S>>),
    /// A rule is broken.
    Refused(Box<Refused>),
}

/// A message that keeps every rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate<S: Text = String> {
    /// Its id.
    pub track_id: TrackId,
    /// What goes to RECV once its message_id is claimed.
    pub accepted: AcceptedOf<S>,
    /// An AUTH claim that was not granted; it goes on as REALTIME and is counted.
    pub demoted: bool,
}

/// A receiver that is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Why, for metrics; the report has the words.
    pub code: Code,
    /// What the customer is told.
    pub report: Report,
}

/// The names under which the recipient of an ad may have refused ads; none of what is no ad.
pub fn opt_outs_of<S: Text>(accepted: &AcceptedOf<S>) -> impl Iterator<Item = OptOut> {
    let AcceptedOf { ad, username, recipient, .. } = accepted;
    let names = ad.then(|| names(recipient)).into_iter().flatten();
    names.map(|recipient| OptOut { username: (**username).to_owned(), recipient })
}

/// Whose consent an ad needs, if its customer keeps consents here.
pub fn consent_of<S: Text>(accepted: &AcceptedOf<S>, reference: &Reference) -> Option<AskedConsent> {
    let AcceptedOf { ad, username, channel, recipient, fallback, .. } = accepted;
    if !ad || !reference.customer(username)?.ads_by_consent {
        return None;
    }
    let mut channels = vec![*channel];
    channels.extend(fallback.iter().filter_map(|step| step.channel.parse::<Channel>().ok()));
    Some(AskedConsent { username: (**username).to_owned(), names: names(recipient).collect(), channels })
}

impl<S: Text> Candidate<S> {
    /// The claim to its message_id.
    pub fn claim(&self) -> Claim {
        Claim {
            service_key: (*self.accepted.service_key).to_owned(),
            message_id: (*self.accepted.message_id).to_owned(),
            track_id: self.track_id,
        }
    }

    /// The names under which its recipient may have refused ads, when it is one: to be looked up before its message_id is
    /// claimed.
    pub fn opt_outs(&self) -> impl Iterator<Item = OptOut> {
        opt_outs_of(&self.accepted)
    }

    /// Whose consent has to be looked up before its message_id is claimed: that of an ad whose customer keeps them here.
    pub fn consent(&self, reference: &Reference) -> Option<AskedConsent> {
        consent_of(&self.accepted, reference)
    }

    /// The end of an ad whose recipient did not agree to ads on one of its channels (2070).
    pub fn without_consent(self, channel: Channel, now_ms: i64) -> Box<Refused> {
        let reason = format!(
            "no consent of this recipient to the ads of {} on {channel} is kept here ({})",
            &*self.accepted.username,
            Rule::Consent
        );
        self.refuse_receiver(Code::AdRule, reason, now_ms)
    }

    /// The uploaded files that it names, each with its place in the list: of a mail, or of an MMS, by itself or in its plan.
    /// A key of another form names an image that was uploaded to the vendor of an MMS: nobody here knows it.
    pub fn files(&self) -> impl Iterator<Item = (usize, NamedFile)> {
        let AcceptedOf { channel, username, content, fallback, .. } = &self.accepted;
        // A text of a plan that is no MMS takes none along.
        let is_mms = |step: &FallbackStepOf<S>| step.message_type.as_deref() == Some(MessageType::Mms.as_str());
        let as_mms = *channel == Channel::Mt || fallback.iter().any(is_mms);
        let as_mail = || *channel == Channel::Em || fallback.iter().any(|step| *step.channel == *Channel::Em.as_str());
        let with = if as_mms { Some(Channel::Mt) } else { as_mail().then_some(Channel::Em) };
        let named = move |key: &S| {
            let channel = with.filter(|with| *with == Channel::Em || file::is_own(key))?;
            Some(NamedFile { username: (**username).to_owned(), key: (**key).to_owned(), channel })
        };
        content.attach_file_list.iter().enumerate().filter_map(move |(place, key)| Some((place, named(key)?)))
    }

    /// The end of a message that names a file which is not there (2040).
    pub fn without_file(self, place: usize, now_ms: i64) -> Box<Refused> {
        let at = Field::REQUEST.entry("attach_file_list", place);
        self.refuse(Refusal::not_registered(&at, "not uploaded, taken out, or uploaded for another channel"), now_ms)
    }

    /// The end of a message whose images are more than an MMS may have (4002).
    pub fn with_large_images(self, bytes: u64, now_ms: i64) -> Box<Refused> {
        let at = top("attach_file_list");
        let reason = format_args!("got {bytes} bytes together, an MMS has at most {IMAGES_BYTES}");
        self.refuse(Refusal::new(Code::Attachment, &at, reason), now_ms)
    }

    /// The user whose registered tokens it goes to: a push, by itself or in its plan, that names none.
    pub fn app_user(&self) -> Option<AppUser> {
        let AcceptedOf { channel, service_key, recipient, fallback, .. } = &self.accepted;
        let pushes = *channel == Channel::Pu || fallback.iter().any(|step| *step.channel == *Channel::Pu.as_str());
        let id = recipient.app_user_id.as_ref().filter(|_| pushes && recipient.push_tokens.is_empty())?;
        Some(AppUser { service_key: (**service_key).to_owned(), app_user_id: (**id).to_owned() })
    }

    /// The end of a push to a user in a lane that waits for nobody, while its tokens cannot be asked for (9998): its
    /// message_id stays free, the same request may be sent again.
    pub fn without_tokens(self, now_ms: i64) -> Box<Refused> {
        let reason = "the user's push tokens cannot be asked for now: send it again, or name them".to_owned();
        self.refuse_receiver(Code::NotConfirmed, reason, now_ms)
    }

    /// The end of a push that would be larger with the tokens of its user than a message may be (2010).
    pub fn with_large_tokens(self, bytes: usize, now_ms: i64) -> Box<Refused> {
        let reason = format!(
            "got {bytes} bytes with the {} push tokens of its user, at most {MESSAGE_BYTES} in a message",
            self.accepted.recipient.push_tokens.len()
        );
        self.refuse_receiver(Code::TooLong, reason, now_ms)
    }

    /// The end of a push of a request to many, whose messages are too large together with the tokens of its users (1400).
    pub fn with_many_tokens(self, most: usize, now_ms: i64) -> Box<Refused> {
        let reason = format_args!(
            "its messages have more than {most} bytes with their users' push tokens, the most together: send several requests"
        );
        self.refuse(Refusal::bad(&top("receiver_list"), reason), now_ms)
    }

    /// The end of an ad whose recipient refused them (2080).
    pub fn opted_out(self, now_ms: i64) -> Box<Refused> {
        let reason = format!("this recipient refused the ads of {} ({})", &*self.accepted.username, Rule::Refusal);
        self.refuse_receiver(Code::OptedOut, reason, now_ms)
    }

    /// The end of an ad in a lane that waits for nobody, while who refused ads cannot be asked (9998): its message_id
    /// stays free, the same request may be sent again.
    pub fn unasked(self, now_ms: i64) -> Box<Refused> {
        let reason =
            "who refused ads, or agreed to them, cannot be asked now: send it again, or as API-AD, which waits"
                .to_owned();
        self.refuse_receiver(Code::NotConfirmed, reason, now_ms)
    }

    fn refuse_receiver(self, code: Code, reason: String, now_ms: i64) -> Box<Refused> {
        let refusal = match self.track_id.api().receiver.checked_sub(1) {
            None => Refusal::new(code, &Field::REQUEST, reason),
            Some(place) => Refusal::new(code, &Field::REQUEST.entry("receiver_list", place.into()), reason),
        };
        self.refuse(refusal, now_ms)
    }

    /// The end of ingest: accepted, or a duplicate (2030) when another message holds its id. The report of a duplicate
    /// has its own track_id and touches nothing of the first one's.
    pub fn settle(self: Box<Self>, holder: Option<TrackId>, now_ms: i64) -> Result<Box<Self>, Box<Refused>> {
        match holder {
            None => Ok(self),
            Some(first) if first == self.track_id => Ok(self),
            Some(first) => Err(self.refuse(duplicate(first), now_ms)),
        }
    }

    /// Refuses it after all.
    pub(super) fn refuse(self, refusal: Refusal, now_ms: i64) -> Box<Refused> {
        let AcceptedOf { username, service_key, message_id, channel, message_type, requested_at, bill_code, .. } =
            self.accepted;
        let track_id = self.track_id;
        let message_type = Some(message_type);
        let identity =
            Identity { track_id, username, service_key, message_id, channel, message_type, requested_at, bill_code };
        identity.refuse(refusal, now_ms)
    }
}

/// The refusal of a message_id that another message has.
pub fn duplicate(first: TrackId) -> Refusal {
    Refusal::new(Code::Duplicate, &top("message_id"), format_args!("used within the last 24 hours, by {first}"))
}

/// What a report needs to know of a request.
#[derive(Debug, Clone)]
pub(super) struct Identity<S> {
    pub track_id: TrackId,
    pub username: S,
    pub service_key: S,
    pub message_id: S,
    pub channel: Channel,
    pub message_type: Option<MessageType>,
    pub requested_at: i64,
    pub bill_code: Option<S>,
}

impl<S: Text> Identity<S> {
    /// The terminal report of a refusal.
    pub fn refuse(self, refusal: Refusal, now_ms: i64) -> Box<Refused> {
        let Refusal { code, message, .. } = refusal;
        let report = Report {
            track_id: self.track_id.to_string(),
            username: self.username.into_string(),
            service_key: clipped(&self.service_key),
            message_id: clipped(&self.message_id),
            channel: self.channel,
            message_type: self.message_type,
            kind: ReportKind::State,
            state: State::Rejected,
            terminal: true,
            origin: code.origin(),
            code: code.as_str().to_owned(),
            message,
            vendor: String::new(),
            vendor_code: String::new(),
            requested_at: self.requested_at,
            sent_at: None,
            reported_at: now_ms,
            steps: Vec::new(),
            bill_code: self.bill_code.map(|code| clipped(&code)),
        };
        Box::new(Refused { code, report })
    }
}

/// Copied when it is clipped: a refusal keeps nothing of a text that may be a megabyte.
fn clipped(text: &str) -> String {
    let end = text.char_indices().nth(REPEATED).map_or(text.len(), |(end, _)| end);
    text[..end].to_owned()
}
