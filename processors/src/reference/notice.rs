//! How a customer has those told again who agreed to its ads (정보통신망법 제50조 ⑧, 시행령 제62조의3).

use super::{
    Consent, Customer,
    check::{LONGEST_NAME, LONGEST_NUMBER},
};
use crate::{center::consent::Kind, korea::day_of, rules::ads::LABEL};
use schemas::{Channel, MessageType, SendRequest};
use serde::{Deserialize, Serialize};

/// A notice as a customer words it. Three things have to be in it: who sends it, that and on which day it was agreed to, and how
/// to keep that or take it back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentNotice {
    /// What it is sent with, one of the customer's.
    pub service_key: String,
    /// AT, MT, PU or EM.
    pub channel: Channel,
    /// AT; SMS or LMS; PU; EM.
    pub message_type: MessageType,
    /// Sender key (AT), sender number (MT) or address (EM); of a push none.
    #[serde(default)]
    pub sender: String,
    /// A template of the customer, in the place of a text; AT needs one.
    #[serde(default)]
    pub template_code: Option<String>,
    /// Title of a text or push, subject of a mail.
    #[serde(default)]
    pub title: Option<String>,
    /// Text, in which `#{date}` is the day of consent, `#{what}` what was agreed to and `#{sender}` the customer's name.
    #[serde(default)]
    pub message: Option<String>,
}

/// Longest title, characters: that of a mail.
const LONGEST_TITLE: usize = 255;
/// Longest message, characters: every process holds it. A longer mail is a template.
const LONGEST_MESSAGE: usize = 10_000;

/// A day as people in Korea read it.
fn day(ms: i64) -> String {
    let day = day_of(ms);
    format!("{}년 {}월 {}일", day.year(), day.month(), day.day())
}

impl ConsentNotice {
    /// What is wrong with it by itself.
    pub fn mistakes(&self) -> Vec<String> {
        let Self { service_key, channel, message_type, sender, template_code, title, message } = self;
        let mut wrong = Vec::new();
        let goes = matches!(
            (channel, message_type),
            (Channel::At, MessageType::At)
                | (Channel::Mt, MessageType::Sms | MessageType::Lms)
                | (Channel::Pu, MessageType::Pu)
                | (Channel::Em, MessageType::Em)
        );
        if !goes {
            wrong.push("channel and message_type must be AT and AT, MT and SMS or LMS, PU and PU, or EM and EM".into());
        }
        if service_key.is_empty() {
            wrong.push("service_key is missing".into());
        }
        if sender.is_empty() != (*channel == Channel::Pu) {
            wrong.push("sender is the sender key (AT), number (MT) or address (EM), and left out of a push".into());
        }
        if template_code.is_none() && (message.is_none() || *channel == Channel::At) {
            wrong.push("template_code or, but for AT, message is needed".into());
        }
        if *channel == Channel::Em && template_code.is_none() && title.is_none() {
            wrong.push("a mail needs a title".into());
        }
        let bounds = [
            ("sender", Some(sender), LONGEST_NUMBER),
            ("template_code", template_code.as_ref(), LONGEST_NAME),
            ("title", title.as_ref(), LONGEST_TITLE),
            ("message", message.as_ref(), LONGEST_MESSAGE),
        ];
        for (name, text, most) in bounds {
            let got = text.map_or(0, |text| text.chars().count());
            if got > most {
                wrong.push(format!("{name} has {got} characters, at most {most}"));
            }
        }
        for text in [message, title].into_iter().flatten().filter(|text| text.starts_with(LABEL)) {
            wrong.push(format!(
                "a notice is no ad: {:?} begins with {LABEL}",
                text.chars().take(20).collect::<String>()
            ));
        }
        if message.as_ref().is_some_and(|message| !message.contains("#{date}")) {
            wrong.push("message must tell the day of consent: write #{date} where it stands".into());
        }
        wrong
    }

    /// Whether its channel reaches a recipient: a number of Korea, a user of the customer's app, or an address.
    pub fn reaches(&self, consent: &Consent) -> bool {
        let Consent { recipient, app_user, .. } = consent;
        match self.channel {
            Channel::Pu => *app_user,
            Channel::Em => !app_user && recipient.contains('@'),
            Channel::At | Channel::Ft | Channel::Bt | Channel::Mt | Channel::Rc => {
                !app_user && recipient.starts_with("82") && recipient.bytes().all(|byte| byte.is_ascii_digit())
            }
        }
    }

    /// The request for one consent, which is no ad.
    pub fn request(&self, customer: &Customer, consent: &Consent, message_id: String) -> SendRequest {
        let name = if customer.name.is_empty() { &customer.username } else { &customer.name };
        let what = match consent.kind {
            Kind::Ad => "광고성 정보 수신",
            Kind::Night => "야간 광고성 정보 수신",
        };
        let values = [("sender", name.clone()), ("date", day(consent.word().consented_ms)), ("what", what.to_owned())];
        let some = |on: Channel| (self.channel == on).then(|| self.sender.clone());
        let recipient = &consent.recipient;
        SendRequest {
            service_key: self.service_key.clone(),
            message_id,
            channel: self.channel.to_string(),
            message_type: self.message_type.to_string(),
            sender_key: some(Channel::At),
            callback: some(Channel::Mt),
            from_email: some(Channel::Em),
            from_name: (self.channel == Channel::Em).then(|| name.clone()),
            template_code: self.template_code.clone(),
            title: self.title.clone(),
            message: self.message.clone(),
            ad_flag: (self.channel != Channel::At).then(|| "N".to_owned()),
            mapping: values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            phone_number: matches!(self.channel, Channel::At | Channel::Mt).then(|| format!("+{recipient}")),
            app_user_id: (self.channel == Channel::Pu).then(|| recipient.clone()),
            to: (self.channel == Channel::Em).then(|| recipient.clone()),
            ..SendRequest::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ingest::{Checked, Received, Settings, check},
        reference::{Reference, Seed},
    };
    use schemas::{Api, Lane, examples::seed};

    fn notice(channel: Channel, message_type: MessageType, sender: &str) -> ConsentNotice {
        ConsentNotice {
            service_key: seed::SERVICE_KEY.into(),
            channel,
            message_type,
            sender: sender.into(),
            message: Some("#{sender}: #{date} #{what}에 동의하셨습니다. 철회: 080-123-4567".into()),
            ..ConsentNotice::default()
        }
    }

    fn consent(recipient: &str, app_user: bool) -> Consent {
        Consent {
            username: seed::USERNAME.into(),
            recipient: recipient.into(),
            app_user,
            channel: None,
            kind: Kind::Night,
            // 2024-02-29 00:30 in Seoul, the day before in UTC.
            consented_at: "2024-02-28T15:30:00Z".parse().unwrap(),
            withdrawn_at: None,
            noticed_at: None,
        }
    }

    #[test]
    fn a_notice_reaches_who_its_channel_reaches() {
        let text = notice(Channel::Mt, MessageType::Lms, "0234567890");
        let (push, mail) = (notice(Channel::Pu, MessageType::Pu, ""), notice(Channel::Em, MessageType::Em, "a@b.kr"));
        let of = |recipient, app_user| {
            let consent = consent(recipient, app_user);
            [&text, &push, &mail].map(|notice| notice.reaches(&consent))
        };
        assert_eq!(of("821012345678", false), [true, false, false]);
        assert_eq!(of("821012345678", true), [false, true, false], "a user whose id looks like a number");
        assert_eq!(of("hana@example.com", false), [false, false, true]);
        assert_eq!(of("14155550123", false), [false, false, false], "where its country code ends is not known");
    }

    #[test]
    fn a_notice_tells_who_what_and_which_day_and_is_no_ad() {
        let customer = Customer { username: "hanbit-shop".into(), name: "한빛상점".into(), ..Customer::default() };
        let request = notice(Channel::Mt, MessageType::Lms, "0234567890").request(
            &customer,
            &consent("821012345678", false),
            "CN-1".into(),
        );
        let value = |name: &str| request.mapping.get(name).map(String::as_str);
        assert_eq!(
            [value("sender"), value("date"), value("what")],
            [Some("한빛상점"), Some("2024년 2월 29일"), Some("야간 광고성 정보 수신")]
        );
        assert_eq!((request.ad_flag.as_deref(), request.phone_number.as_deref()), (Some("N"), Some("+821012345678")));
    }

    #[test]
    fn ingest_takes_a_notice_by_text_to_a_number_of_korea() {
        let demo: Seed = schemas_seed();
        let number = demo.sender_numbers.iter().find(|n| n.channel == Channel::Mt).unwrap().number.clone();
        let reference = Reference::new(demo).unwrap();
        let customer = reference.customer(seed::USERNAME).unwrap();
        let request = notice(Channel::Mt, MessageType::Lms, &number).request(
            customer,
            &consent("821012345678", false),
            "CN-1".into(),
        );
        let api = Api { cluster: 0, lane: Lane::Mass, partition: 0, offset: 0, receiver: 0 };
        let received = Received { api, timestamp_ms: seed::NOW_MS, value_bytes: 500 };
        let checked = check(request, &received, &reference, seed::NOW_MS, &Settings::default()).unwrap();
        let [Checked::Candidate(candidate)] = &checked[..] else { panic!("{checked:?}") };
        assert!(!candidate.accepted.ad);
        assert_eq!(
            candidate.accepted.content.message.as_deref(),
            Some("한빛상점: 2024년 2월 29일 야간 광고성 정보 수신에 동의하셨습니다. 철회: 080-123-4567")
        );
    }

    fn schemas_seed() -> Seed {
        let customer = Customer { username: seed::USERNAME.into(), name: "한빛상점".into(), ..Customer::default() };
        let key = crate::reference::ServiceKey {
            key: seed::SERVICE_KEY.into(),
            username: seed::USERNAME.into(),
            active: true,
            ..Default::default()
        };
        let number = crate::reference::SenderNumber {
            number: "0234567890".into(),
            username: seed::USERNAME.into(),
            channel: Channel::Mt,
            state: Default::default(),
        };
        Seed { customers: vec![customer], service_keys: vec![key], sender_numbers: vec![number], ..Seed::default() }
    }

    #[test]
    fn what_is_wrong_with_a_notice_is_told_at_once() {
        let good = notice(Channel::Mt, MessageType::Lms, "0234567890");
        assert_eq!(good.mistakes(), [] as [String; 0]);
        let told = |change: &dyn Fn(&mut ConsentNotice)| {
            let mut changed = good.clone();
            change(&mut changed);
            changed.mistakes().join("; ")
        };
        assert!(told(&|n| n.message_type = MessageType::Em).contains("channel and message_type"));
        assert!(told(&|n| n.sender.clear()).contains("sender"));
        assert!(told(&|n| n.message = None).contains("template_code"));
        assert!(told(&|n| n.message = Some("동의하셨습니다".into())).contains("#{date}"));
        assert!(told(&|n| n.title = Some("(광고) 안내".into())).contains("no ad"));
        assert!(told(&|n| n.message = Some("#{date}".repeat(2_000))).contains("message has 14000 characters"));
        assert!(told(&|n| n.title = Some("가".repeat(256))).contains("title has 256 characters"));
        assert!(told(&|n| n.sender = "0".repeat(321)).contains("sender has 321 characters"));
        assert!(told(&|n| n.template_code = Some("T".repeat(65))).contains("template_code has 65 characters"));
        let push = |n: &mut ConsentNotice| (n.channel, n.message_type) = (Channel::Pu, MessageType::Pu);
        assert!(told(&push).contains("left out of a push"));
    }
}
