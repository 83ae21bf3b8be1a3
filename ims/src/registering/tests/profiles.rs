//! Sender profiles from the token that a customer asks for to what their dealer says of them, against the simulator.

use super::*;
use connectors::reference::Claim;
use processors::{
    center::claim::{Handed, Stage},
    reference::SenderProfile,
};
use std::sync::atomic::{AtomicUsize, Ordering};

const SHOP: &str = "shop";
const PHONE: &str = "01023456789";
const KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

fn by(username: &str) -> By {
    By::named(format!("{username}/2026"), now_ms())
}

fn token(token: &str) -> Handed {
    Handed {
        token: token.into(),
        category_code: "00100010001".into(),
        unsubscribe_phone_number: None,
        unsubscribe_auth_number: None,
    }
}

impl Bench {
    fn profiles(&self, holder: &str) -> Profiles {
        let mut config = self.config.clone();
        // Each turn looks at each.
        config.vendors.get_mut("dealer").unwrap().profiles_every_ms = 1;
        let registrar = open_vendors(&config, self.reference()).registrar(Brings::Profiles).unwrap().unwrap();
        Profiles::new(self.editor(), registrar, holder.into())
    }

    fn ask(&self, channel_id: &str, phone: &str) {
        self.editor().ask_token(&by(SHOP), SHOP, channel_id, phone).unwrap().unwrap();
    }

    fn hand(&self, channel_id: &str, handed: &Handed) {
        self.editor().hand_token(&by(SHOP), SHOP, channel_id, handed).unwrap().unwrap().unwrap();
    }

    fn claim(&self, channel_id: &str) -> Claim {
        self.editor().claims(SHOP, Some(channel_id)).unwrap().remove(0)
    }

    fn stage(&self, channel_id: &str) -> (Stage, String) {
        let Claim { stage, comment, .. } = self.claim(channel_id);
        (stage, comment.unwrap_or_default())
    }

    fn profile(&self, sender_key: &str) -> Option<Arc<SenderProfile>> {
        self.editor().rows(&Which::of([("sender_key", sender_key)])).unwrap().pop()
    }

    fn profile_state(&self, sender_key: &str) -> (Approval, String) {
        let said = self.editor().profiles_at_dealers(&[sender_key.to_owned()]).unwrap().remove(sender_key);
        (self.profile(sender_key).unwrap().state, said.map(|said| said.state).unwrap_or_default())
    }

    /// Lets what waits be due again.
    fn hurry(&self, channel_id: &str) {
        let mut claim = self.claim(channel_id);
        claim.due_at_ms = 0;
        assert!(self.editor().move_claim(&mut claim).unwrap());
    }

    /// Claims a channel and proves it; its sender key.
    fn register(&self, process: &mut Profiles, channel_id: &str, phone: &str) -> String {
        self.ask(channel_id, phone);
        process.turn();
        self.hand(channel_id, &token(&phone[phone.len() - 6..]));
        process.turn();
        assert_eq!(self.stage(channel_id), (Stage::Registered, String::new()));
        self.claim(channel_id).sender_key.unwrap()
    }
}

#[test]
fn whoever_hands_in_kakaos_token_has_the_profile_and_nobody_else() {
    let bench = Bench::new(0);
    let mut process = bench.profiles("a");
    bench.ask("@한빛", PHONE);
    assert_eq!(bench.stage("@한빛").0, Stage::Asked);
    process.turn();
    assert_eq!(bench.stage("@한빛"), (Stage::Sent, String::new()));
    bench.hand("@한빛", &token("000000"));
    process.turn();
    let (stage, comment) = bench.stage("@한빛");
    assert!(stage == Stage::Refused && comment.contains("A213"), "{comment}");
    bench.hand("@한빛", &token("456789"));
    process.turn();
    assert_eq!(bench.stage("@한빛"), (Stage::Registered, String::new()));
    let sender_key = bench.claim("@한빛").sender_key.unwrap();
    let profile = bench.profile(&sender_key).unwrap();
    assert_eq!((&*profile.username, profile.state), (SHOP, Approval::Approved));
    let lines = bench.editor().audit(Some(SHOP), &(0..i64::MAX), None, 9).unwrap();
    let told: Vec<_> = lines.iter().map(|line| (&*line.actor, &*line.kind)).collect();
    assert!(told.contains(&("vendor/dealer", "sender_profiles")), "{told:?}");
    assert!(told.contains(&("shop/2026", "sender_claims")), "{told:?}");
    assert!(lines.iter().all(|line| !format!("{line:?}").contains("456789")), "{lines:?}");
    assert_eq!(bench.profile_state(&sender_key).1, "active", "looked at in the same turn");
    assert!(bench.editor().categories().unwrap().iter().any(|category| category.code == token("").category_code));
    // A profile that another dealer has is none that is gone.
    assert_eq!(bench.profile_state("profile"), (Approval::Approved, "elsewhere".to_owned()));
    process.turn();
    assert_eq!(bench.profile_state("profile").0, Approval::Approved);
    let again = bench.editor().hand_token(&by(SHOP), SHOP, "@한빛", &token("456789")).unwrap().unwrap();
    assert!(again.is_err(), "it is registered already");
}

#[test]
fn what_sleeps_or_is_blocked_at_kakao_sends_no_more_until_it_may() {
    let bench = Bench::new(0);
    let mut process = bench.profiles("a");
    let sleepy = bench.register(&mut process, "@sleepy", PHONE);
    assert_eq!(bench.profile_state(&sleepy), (Approval::Dormant, "dormant".to_owned()));
    assert!(!bench.editor().wake_profile(&by(SHOP), SHOP, "profile").unwrap(), "nobody says that it sleeps");
    assert!(bench.editor().wake_profile(&by(SHOP), SHOP, &sleepy).unwrap());
    process.turn();
    assert_eq!(bench.profile_state(&sleepy), (Approval::Approved, "active".to_owned()));
    let blocked = bench.register(&mut process, "@blocked", "01034567890");
    assert_eq!(bench.profile_state(&blocked), (Approval::Stopped, "blocked".to_owned()));
    let stopped = || {
        let lines = bench.editor().audit(Some(SHOP), &(0..i64::MAX), None, 99).unwrap();
        lines.iter().filter(|line| line.after.as_deref().is_some_and(|after| after.contains("stopped"))).count()
    };
    process.turn();
    assert_eq!(stopped(), 1, "once");
}

#[test]
fn a_token_that_may_have_been_sent_is_asked_for_once() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let bench = Bench::new(0);
    bench.turn_to(&dealer(|asked| {
        ASKED.fetch_add(usize::from(asked.contains("/token ")), Ordering::Relaxed);
        BROKEN
    }));
    bench.ask("@hanbit", PHONE);
    let mut process = bench.profiles("a");
    for _ in 0..3 {
        process.turn();
    }
    let (stage, comment) = bench.stage("@hanbit");
    assert!(stage == Stage::Sent && comment.contains("ask for another"), "{stage:?} {comment}");
    assert_eq!(ASKED.load(Ordering::Relaxed), 1);
    // A process that died while it asked.
    bench.ask("@other", "01034567890");
    let mut claim = bench.claim("@other");
    claim.stage = Stage::Asking;
    assert!(bench.editor().move_claim(&mut claim).unwrap());
    process.turn();
    assert_eq!(bench.stage("@other").0, Stage::Sent);
    assert_eq!(ASKED.load(Ordering::Relaxed), 1, "nobody's phone gets a second one");
}

#[test]
fn a_dealer_that_takes_nothing_is_asked_again_when_it_wants() {
    let bench = Bench::new(0);
    bench.turn_to(&dealer(|_| ("429 Too Many Requests\r\nRetry-After: 7200", "")));
    bench.ask("@hanbit", PHONE);
    assert_eq!(bench.profiles("a").turn(), Duration::from_secs(7_200));
    assert_eq!(bench.stage("@hanbit"), (Stage::Asked, String::new()));
    bench.turn_to("http://127.0.0.1:1");
    let mut process = bench.profiles("a");
    assert_eq!([0; 3].map(|_| process.turn().as_secs()), [60, 120, 240]);
    assert_eq!(bench.stage("@hanbit").0, Stage::Asked, "nothing was sent");
}

const REGISTERED: (&str, &str) = (
    "200 OK",
    r#"{"common":{"authCode":"A000"},"data":{"code":"A000","result":"SUCCESS","kakao":{"senderProfile":{"senderKey":"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk","uuid":"@hanbit"}}}}"#,
);
const NONE_SUCH: (&str, &str) =
    ("400 Bad Request", r#"{"common":{"authCode":"A000"},"data":{"code":"A502","result":"no"}}"#);
const ACTIVE: (&str, &str) = (
    "200 OK",
    r#"{"common":{"authCode":"A000"},"data":{"code":"A000","result":"Success","data":{"kakao":{"senderProfile":{"senderKey":"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk","status":"A","block":false,"dormant":false}}}}}"#,
);

#[test]
fn a_token_whose_answer_was_lost_is_told_again_and_one_that_was_proven_needs_no_dealer() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let bench = Bench::new(0);
    bench.turn_to(&dealer(|asked| match asked {
        _ if !asked.starts_with("POST ") => NONE_SUCH,
        _ if asked.contains("/token ") => TAKEN,
        _ if ASKED.fetch_add(1, Ordering::Relaxed) == 0 => BROKEN,
        _ => REGISTERED,
    }));
    let mut process = bench.profiles("a");
    bench.ask("@hanbit", PHONE);
    process.turn();
    bench.hand("@hanbit", &token("1"));
    process.turn();
    assert_eq!(bench.stage("@hanbit").0, Stage::Handed);
    process.turn();
    assert_eq!(ASKED.load(Ordering::Relaxed), 1, "not at once");
    bench.hurry("@hanbit");
    process.turn();
    assert_eq!(bench.stage("@hanbit").0, Stage::Registered);
    assert_eq!(bench.profile(KEY).unwrap().state, Approval::Approved);

    // Died after the dealer's word was written and before the profile was.
    let bench = Bench::new(0);
    bench.turn_to("http://127.0.0.1:1");
    bench.ask("@hanbit", PHONE);
    bench.hand("@hanbit", &token("1"));
    let mut claim = bench.claim("@hanbit");
    claim.sender_key = Some(KEY.into());
    assert!(bench.editor().move_claim(&mut claim).unwrap());
    bench.profiles("b").turn();
    assert_eq!(bench.stage("@hanbit").0, Stage::Registered);
    assert_eq!(bench.profile(KEY).unwrap().state, Approval::Approved);
}

#[test]
fn a_channel_that_the_dealer_holds_is_no_proof_and_anothers_profile_stays_anothers() {
    let bench = Bench::new(0);
    bench.turn_to(&dealer(|asked| match asked {
        _ if asked.contains("?uuid=%40hanbit ") => REGISTERED,
        _ if asked.contains("/token ") => TAKEN,
        _ => NONE_SUCH,
    }));
    let mut process = bench.profiles("a");
    bench.ask("@hanbit", PHONE);
    process.turn();
    bench.hand("@hanbit", &token("1"));
    process.turn();
    let (stage, comment) = bench.stage("@hanbit");
    assert!(stage == Stage::Refused && comment.contains("holds the channel already"), "{comment}");
    assert_eq!(bench.profile(KEY), None);

    bench.turn_to(&dealer(|asked| if asked.starts_with("POST ") { REGISTERED } else { ACTIVE }));
    let which = Which::of([("sender_key", KEY)]);
    let theirs = SenderProfile { sender_key: KEY.into(), username: "bank".into(), state: Approval::Approved };
    let added = bench.editor().change(&by("bank"), "bank", &which, |rows: &mut Vec<SenderProfile>| {
        rows.push(theirs.clone());
        Ok::<_, ()>(())
    });
    added.unwrap().unwrap();
    bench.hand("@hanbit", &token("2"));
    bench.profiles("a").turn();
    let (stage, comment) = bench.stage("@hanbit");
    assert!(stage == Stage::Refused && comment.contains("somebody else"), "{comment}");
    assert_eq!(bench.profile(KEY).as_deref(), Some(&theirs));
}

#[test]
fn a_profile_that_its_dealer_no_longer_holds_is_stopped() {
    static GONE: AtomicUsize = AtomicUsize::new(0);
    let bench = Bench::new(0);
    bench.turn_to(&dealer(|asked| match (asked.contains(KEY), GONE.load(Ordering::Relaxed)) {
        (true, 0) => ACTIVE,
        (true, 1) => BROKEN,
        _ => NONE_SUCH,
    }));
    let which = Which::of([("sender_key", KEY)]);
    let added = bench.editor().change(&by(SHOP), SHOP, &which, |rows: &mut Vec<SenderProfile>| {
        rows.push(SenderProfile { sender_key: KEY.into(), username: SHOP.into(), state: Approval::Approved });
        Ok::<_, ()>(())
    });
    added.unwrap().unwrap();
    let mut process = bench.profiles("a");
    process.turn();
    assert_eq!(bench.profile_state(KEY), (Approval::Approved, "active".to_owned()));
    GONE.store(1, Ordering::Relaxed);
    process.turn();
    assert_eq!(bench.profile_state(KEY), (Approval::Approved, "active".to_owned()), "nobody said that it is gone");
    GONE.store(2, Ordering::Relaxed);
    process.turn();
    assert_eq!(bench.profile_state(KEY), (Approval::Stopped, "gone".to_owned()));
}

#[test]
fn of_two_processes_one_has_tokens_sent() {
    let bench = Bench::new(0);
    bench.ask("@hanbit", PHONE);
    let (mut first, mut second) = (bench.profiles("a"), bench.profiles("b"));
    assert!(bench.editor().take_turn("/profiles", "a", now_ms(), now_ms() + 60_000).unwrap());
    second.turn();
    assert_eq!(bench.stage("@hanbit").0, Stage::Asked);
    first.turn();
    assert_eq!(bench.stage("@hanbit").0, Stage::Sent);
}
