//! What a vendor refused for good: sender profiles, numbers and templates. Nothing more of them is asked of it, but for
//! one message now and then, which tells whether it was mended.

use crate::codes::{Class, Handling, Row};
use crate::rest::rests;
use rustc_hash::{FxHashMap, FxHasher};
use schemas::{Channel, Dispatch, Family, Lane};
use serde::Serialize;
use std::{
    collections::VecDeque,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// How often one message of what is stopped goes out all the same, milliseconds.
pub const TRIAL_EVERY_MS: i64 = 5 * 60_000;
/// Messages that reports are awaited for and whose senders are known still; more are as those of another process.
const MOST_AWAITED: usize = 100_000;

/// What of a message a vendor may stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A sender key of KakaoTalk.
    Profile,
    /// A sender number, or a chatbot of RCS.
    Number,
    /// A template of one of these.
    Template,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Profile, Self::Number, Self::Template];

    /// The word for metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Number => "number",
            Self::Template => "template",
        }
    }
}

/// One profile, number or template, as one family uses it. What is refused of an ad may be right for information.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Subject {
    family: Family,
    ad: bool,
    kind: Kind,
    name: String,
}

/// Of a message, what may be stopped: its sender, and its template behind the sender's name.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    sender: Option<Subject>,
    template: Option<Subject>,
}

#[derive(Debug)]
struct Stop {
    code: String,
    text: String,
    since_ms: i64,
    /// From when on a message may go out as a trial, Unix milliseconds.
    trial_ms: i64,
    /// A delivery report said so: answers do not know it.
    reported: bool,
    kept_back: u64,
}

/// What is stopped at a vendor, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// The vendor.
    pub vendor: String,
    /// The family that it is stopped for.
    pub family: &'static str,
    /// For ads; else for all others.
    pub ad: bool,
    /// What it is.
    pub kind: Kind,
    /// Sender key or number; of a template with a / and its code behind it.
    pub name: String,
    /// The vendor's code.
    pub code: String,
    /// Its words.
    pub text: String,
    /// Since when, Unix milliseconds.
    pub since_ms: i64,
    /// From when on the next message goes out as a trial, Unix milliseconds.
    pub trial_ms: i64,
    /// Messages that were not sent because of it.
    pub kept_back: u64,
}

/// What the operator is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A vendor refuses one of these from now on.
    Stopped(Stopped),
    /// It takes it again.
    Mended(Stopped),
}

/// What became of a message, for those who may be stopped by it.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'a> {
    /// The row of its code.
    pub row: &'static Row,
    /// Its code.
    pub code: &'a str,
    /// The vendor's words.
    pub text: &'a str,
    /// When, Unix milliseconds.
    pub now_ms: i64,
}

/// What is stopped, by vendor: a stop at one says nothing of another.
#[derive(Debug, Default)]
pub struct Stops {
    vendors: FxHashMap<String, FxHashMap<Subject, Stop>>,
    /// Senders of messages whose reports are awaited, and when each left; by a hash of the serial number.
    awaited: FxHashMap<u64, (Arc<Named>, i64)>,
    /// The same, the oldest first.
    order: VecDeque<u64>,
    /// Each of these once.
    named: FxHashMap<u64, Arc<Named>>,
}

impl Stops {
    /// The code and words with which a vendor refused what this message is of; None: it may leave, because nothing is
    /// stopped, or as a trial. Codes (AUTH) always leave: they are few, and each is a trial. So does what is in doubt:
    /// only the vendor can end the doubt.
    pub fn refusal(&mut self, vendor: &str, dispatch: &Dispatch, now_ms: i64) -> Option<(String, String)> {
        let stops = self.vendors.get_mut(vendor).filter(|stops| !stops.is_empty())?;
        if dispatch.priority == Lane::Auth || dispatch.in_doubt {
            return None;
        }
        let named = Named::of(dispatch);
        named.each().find_map(|subject| {
            let stop = stops.get_mut(subject).filter(|stop| rests(stop.trial_ms, TRIAL_EVERY_MS, now_ms))?;
            stop.kept_back += 1;
            Some((stop.code.clone(), stop.text.clone()))
        })
    }

    /// A message leaves: of what is stopped no other does for a while. `reports`: its delivery report may tell more.
    pub fn leaves(&mut self, vendor: &str, dispatch: &Dispatch, reports: bool, now_ms: i64) {
        if let Some(stops) = self.vendors.get_mut(vendor).filter(|stops| !stops.is_empty()) {
            let named = Named::of(dispatch);
            for subject in named.each() {
                if let Some(stop) = stops.get_mut(subject) {
                    stop.trial_ms = now_ms + TRIAL_EVERY_MS;
                }
            }
        }
        if reports {
            self.awaits(dispatch, now_ms);
        }
    }

    /// A vendor answered a message that left at `sent_ms`.
    pub fn answered(&mut self, vendor: &str, dispatch: &Dispatch, sent_ms: i64, heard: Heard<'_>) -> Option<News> {
        let known = self.vendors.get(vendor).is_some_and(|stops| !stops.is_empty());
        (known || refuses(heard.row).is_some())
            .then(|| self.heard(vendor, &Named::of(dispatch), sent_ms, false, heard))
            .flatten()
    }

    /// A vendor reported the end of a message of this process.
    pub fn reported(&mut self, vendor: &str, serial_number: &str, heard: Heard<'_>) -> Option<News> {
        let (named, sent_ms) = self.awaited.remove(&hash(&serial_number))?;
        self.heard(vendor, &named, sent_ms, true, heard)
    }

    /// Lets go what is stopped at a vendor, all or of one name; how many were.
    pub fn clear(&mut self, vendor: &str, name: Option<&str>) -> usize {
        let Some(stops) = self.vendors.get_mut(vendor) else { return 0 };
        let before = stops.len();
        stops.retain(|subject, _| name.is_some_and(|name| subject.name != name));
        before - stops.len()
    }

    /// What is stopped, in order.
    pub fn list(&self) -> Vec<Stopped> {
        let of = |(vendor, stops): (&String, &FxHashMap<Subject, Stop>)| {
            stops.iter().map(|(subject, stop)| stop.shown(vendor, subject)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = self.vendors.iter().flat_map(of).collect();
        let place = |s: &Stopped| (s.vendor.clone(), s.kind, s.name.clone(), s.family, s.ad);
        all.sort_by_key(place);
        all
    }

    /// How many of a kind are stopped at a vendor.
    pub fn count(&self, vendor: &str, kind: Kind) -> usize {
        self.vendors.get(vendor).map_or(0, |stops| stops.keys().filter(|subject| subject.kind == kind).count())
    }

    fn heard(&mut self, vendor: &str, named: &Named, sent_ms: i64, reported: bool, heard: Heard<'_>) -> Option<News> {
        let Heard { row, code, text, now_ms } = heard;
        let refused = match refuses(row) {
            Some(Handling::Template) => named.template.as_ref(),
            Some(_) => named.sender.as_ref(),
            None => None,
        };
        if let Some(subject) = refused {
            let stops = self.vendors.entry(vendor.to_owned()).or_default();
            if let Some(stop) = stops.get_mut(subject) {
                stop.trial_ms = now_ms + TRIAL_EVERY_MS;
                return None;
            }
            let stop = Stop {
                code: code.chars().take(40).collect(),
                text: text.chars().take(200).collect(),
                since_ms: now_ms,
                trial_ms: now_ms + TRIAL_EVERY_MS,
                reported,
                kept_back: 0,
            };
            let shown = stop.shown(vendor, subject);
            stops.insert(subject.clone(), stop);
            return Some(News::Stopped(shown));
        }
        let stops = self.vendors.get_mut(vendor)?;
        let mut mended = None;
        for subject in named.each() {
            // What left before the stop says nothing of it, and an answer nothing of what only a report tells.
            let Some(stop) = stops.get_mut(subject).filter(|stop| stop.reported == reported && sent_ms > stop.since_ms)
            else {
                continue;
            };
            if row.class == Class::Done {
                mended = stops.remove(subject).map(|stop| News::Mended(stop.shown(vendor, subject)));
            } else {
                // The trial was of no use for a reason of its own: the next message is one.
                stop.trial_ms = now_ms;
            }
        }
        mended
    }

    fn awaits(&mut self, dispatch: &Dispatch, now_ms: i64) {
        let content = &dispatch.accepted.content;
        let (_, sender) = sender(dispatch);
        let key = hash(&(family(dispatch), dispatch.accepted.ad, sender, &content.template_code));
        let named = Arc::clone(self.named.entry(key).or_insert_with(|| Arc::new(Named::of(dispatch))));
        let serial = hash(&&*dispatch.serial_number);
        if self.awaited.insert(serial, (named, now_ms)).is_none() {
            self.order.push_back(serial);
        }
        if self.order.len() > MOST_AWAITED {
            self.order.pop_front().and_then(|oldest| self.awaited.remove(&oldest));
        }
        if self.named.len() > MOST_AWAITED {
            self.named.clear();
        }
    }
}

/// Whether a code stops more than its message: what of it, or None.
fn refuses(row: &Row) -> Option<Handling> {
    let stops = matches!(row.handling, Handling::Sender | Handling::Template | Handling::Spam);
    (row.class == Class::Block && stops).then_some(row.handling)
}

fn family(dispatch: &Dispatch) -> Family {
    Family::of(dispatch.accepted.channel, dispatch.accepted.message_type)
}

/// Who sends it. A text that follows an 알림톡 has a sender key still, and is its number's.
fn sender(dispatch: &Dispatch) -> (Kind, Option<&String>) {
    let content = &dispatch.accepted.content;
    match dispatch.accepted.channel {
        Channel::At | Channel::Ft | Channel::Bt => (Kind::Profile, content.sender_key.as_ref()),
        Channel::Mt | Channel::Rc => (Kind::Number, content.callback.as_ref()),
        Channel::Pu | Channel::Em => (Kind::Number, None),
    }
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    of.hash(&mut hasher);
    hasher.finish()
}

impl Named {
    fn of(dispatch: &Dispatch) -> Self {
        let (content, ad, family) = (&dispatch.accepted.content, dispatch.accepted.ad, family(dispatch));
        let (kind, name) = sender(dispatch);
        let subject = |kind, name| Subject { family, ad, kind, name };
        let behind = |code: &String| format!("{}/{code}", name.map_or("", |name| name));
        Self {
            sender: name.map(|name| subject(kind, name.clone())),
            template: content.template_code.as_ref().map(|code| subject(Kind::Template, behind(code))),
        }
    }

    fn each(&self) -> impl Iterator<Item = &Subject> {
        self.sender.iter().chain(&self.template)
    }
}

impl Stop {
    fn shown(&self, vendor: &str, subject: &Subject) -> Stopped {
        Stopped {
            vendor: vendor.to_owned(),
            family: subject.family.as_str(),
            ad: subject.ad,
            kind: subject.kind,
            name: subject.name.clone(),
            code: self.code.clone(),
            text: self.text.clone(),
            since_ms: self.since_ms,
            trial_ms: self.trial_ms,
            kept_back: self.kept_back,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::judge;
    use crate::fixtures::{NOON, message};
    use crate::reference::CodeTable;
    use schemas::{Accepted, MessageType};

    const LATER: i64 = NOON + TRIAL_EVERY_MS;

    fn talk(sender_key: &str, template: &str) -> Dispatch {
        let mut accepted = message(Channel::At, MessageType::At, Lane::Mass);
        accepted.content.sender_key = Some(sender_key.into());
        accepted.content.template_code = Some(template.into());
        of(accepted, Lane::Mass)
    }

    fn of(accepted: Accepted, priority: Lane) -> Dispatch {
        Dispatch { serial_number: format!("{priority}"), priority, accepted, ..Dispatch::default() }
    }

    fn code(code: &str, now_ms: i64) -> Heard<'_> {
        Heard { row: judge(CodeTable::Kakao, code), code, text: "blocked", now_ms }
    }

    fn refused(stops: &mut Stops, dispatch: &Dispatch, now_ms: i64) -> bool {
        stops.refusal("dealer", dispatch, now_ms).is_some()
    }

    fn stopped(by: &str) -> Stops {
        let mut stops = Stops::default();
        let news = stops.answered("dealer", &talk("P1", "T1"), NOON, code(by, NOON));
        assert!(matches!(news, Some(News::Stopped(_))));
        stops
    }

    #[test]
    fn a_profile_that_is_refused_stops_its_own_messages_at_that_vendor_and_no_others() {
        let mut stops = stopped("1021");
        let said = stops.refusal("dealer", &talk("P1", "T2"), NOON + 1);
        assert_eq!(said, Some(("1021".into(), "blocked".into())));
        assert!(!refused(&mut stops, &talk("P2", "T1"), NOON + 1));
        assert!(stops.refusal("other", &talk("P1", "T1"), NOON + 1).is_none());
        assert_eq!((stops.count("dealer", Kind::Profile), stops.count("dealer", Kind::Template)), (1, 0));
        let again = stops.answered("dealer", &talk("P1", "T1"), NOON, code("1021", NOON + 2));
        assert_eq!(again, None, "told once");
    }

    #[test]
    fn a_template_that_is_refused_stops_no_other_of_its_profile_and_none_of_another_profile() {
        let mut stops = stopped("3015");
        assert!(refused(&mut stops, &talk("P1", "T1"), NOON + 1));
        assert!(!refused(&mut stops, &talk("P1", "T2"), NOON + 1));
        assert!(!refused(&mut stops, &talk("P2", "T1"), NOON + 1));
        assert_eq!(stops.list()[0].name, "P1/T1");
    }

    #[test]
    fn a_text_is_its_numbers_whatever_profile_it_has_from_the_step_before() {
        let mut accepted = message(Channel::Mt, MessageType::Sms, Lane::Mass);
        accepted.content.sender_key = Some("P1".into());
        accepted.content.callback = Some("0215881588".into());
        let text = of(accepted, Lane::Mass);
        let heard = Heard { row: judge(CodeTable::Text, "3019"), code: "3019", text: "", now_ms: NOON };
        let mut stops = Stops::default();
        stops.answered("dealer", &text, NOON, heard);
        assert_eq!((stops.list()[0].kind, &*stops.list()[0].name), (Kind::Number, "0215881588"));
        let mut other = text.clone();
        other.accepted.content.callback = Some("0215880000".into());
        assert!(refused(&mut stops, &text, NOON + 1) && !refused(&mut stops, &other, NOON + 1));
    }

    #[test]
    fn what_is_refused_of_one_message_stops_nothing() {
        for harmless in ["3016", "3018", "9999", "1002", "0000", "7777"] {
            let mut stops = Stops::default();
            assert_eq!(stops.answered("dealer", &talk("P1", "T1"), NOON, code(harmless, NOON)), None);
            assert!(!refused(&mut stops, &talk("P1", "T1"), NOON + 1), "{harmless}");
        }
    }

    #[test]
    fn codes_of_auth_and_what_is_in_doubt_are_never_kept_back() {
        let mut stops = stopped("1021");
        let auth = of(talk("P1", "T1").accepted, Lane::Auth);
        let in_doubt = Dispatch { in_doubt: true, ..talk("P1", "T1") };
        assert!(!refused(&mut stops, &auth, NOON + 1) && !refused(&mut stops, &in_doubt, NOON + 1));
        let news = stops.answered("dealer", &auth, NOON + 1, code("0000", NOON + 2));
        assert!(matches!(news, Some(News::Mended(_))), "and mend what is stopped");
        assert!(!refused(&mut stops, &talk("P1", "T1"), NOON + 3));
    }

    #[test]
    fn an_ad_that_is_refused_stops_no_information() {
        let mut ad = talk("P1", "T1");
        ad.accepted.ad = true;
        let mut stops = Stops::default();
        stops.answered("dealer", &ad, NOON, code("1021", NOON));
        assert!(refused(&mut stops, &ad, NOON + 1) && !refused(&mut stops, &talk("P1", "T1"), NOON + 1));
    }

    #[test]
    fn one_message_every_five_minutes_tries_and_mends() {
        let (mut stops, talk) = (stopped("1021"), talk("P1", "T1"));
        assert!(refused(&mut stops, &talk, LATER - 1) && !refused(&mut stops, &talk, LATER));
        stops.leaves("dealer", &talk, false, LATER);
        assert!(refused(&mut stops, &talk, LATER + 1), "one");
        assert_eq!(stops.answered("dealer", &talk, LATER, code("3018", LATER + 2)), None);
        assert!(!refused(&mut stops, &talk, LATER + 2), "that one told nothing of the profile");
        stops.leaves("dealer", &talk, false, LATER + 3);
        stops.answered("dealer", &talk, LATER + 3, code("1021", LATER + 4));
        assert!(refused(&mut stops, &talk, LATER + 4 + TRIAL_EVERY_MS - 1));
        let sent_ms = LATER + 5 + TRIAL_EVERY_MS;
        let news = stops.answered("dealer", &talk, sent_ms, code("0000", sent_ms));
        let Some(News::Mended(mended)) = news else { panic!("{news:?}") };
        assert_eq!((mended.kept_back, mended.since_ms), (3, NOON));
        assert!(!refused(&mut stops, &talk, sent_ms) && stops.list().is_empty());
    }

    #[test]
    fn what_left_before_the_stop_does_not_mend_it() {
        let (mut stops, talk) = (stopped("1021"), talk("P1", "T1"));
        assert_eq!(stops.answered("dealer", &talk, NOON - 1, code("0000", NOON + 1)), None);
        assert!(refused(&mut stops, &talk, NOON + 2));
    }

    #[test]
    fn a_report_stops_too_and_then_only_a_report_mends() {
        let (mut stops, talk) = (Stops::default(), talk("P1", "T1"));
        stops.leaves("dealer", &talk, true, NOON);
        let news = stops.reported("dealer", &talk.serial_number, code("1021", NOON + 1));
        assert!(matches!(news, Some(News::Stopped(_))));
        assert!(refused(&mut stops, &talk, NOON + 2));
        stops.leaves("dealer", &talk, true, LATER + 1);
        assert_eq!(stops.answered("dealer", &talk, LATER + 1, code("0000", LATER + 2)), None, "it was only accepted");
        assert!(refused(&mut stops, &talk, LATER + 3));
        let news = stops.reported("dealer", &talk.serial_number, code("0000", LATER + 4));
        assert!(matches!(news, Some(News::Mended(_))));
        assert_eq!(stops.reported("dealer", "nobody's", code("1021", NOON)), None);
    }

    #[test]
    fn an_operator_lets_one_go_or_all() {
        let mut stops = stopped("1021");
        stops.answered("dealer", &talk("P2", "T1"), NOON, code("1021", NOON));
        assert_eq!((stops.clear("dealer", Some("P2")), stops.clear("other", None)), (1, 0));
        assert!(refused(&mut stops, &talk("P1", "T1"), NOON + 1) && !refused(&mut stops, &talk("P2", "T1"), NOON + 1));
        assert_eq!((stops.clear("dealer", None), stops.list().len()), (1, 0));
    }

    #[test]
    fn only_so_many_are_remembered_for_their_reports() {
        let mut stops = Stops::default();
        for nth in 0..MOST_AWAITED + 10 {
            let talk = Dispatch { serial_number: nth.to_string(), ..talk("P1", "T1") };
            stops.leaves("dealer", &talk, true, NOON);
        }
        assert_eq!((stops.awaited.len(), stops.named.len()), (MOST_AWAITED, 1));
        assert_eq!(stops.reported("dealer", "3", code("1021", NOON)), None);
        assert!(stops.reported("dealer", "17", code("1021", NOON)).is_some());
    }
}
