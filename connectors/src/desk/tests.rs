//! Redis counts and keeps as memory does.

use super::*;
use crate::redis::{Batch, Redis, key_of, slot_of, testing};
use ::redis::Value;
use processors::access::{Usage, Verdict};
use rand::{Rng, SeedableRng, rngs::SmallRng};

const NOW_MS: i64 = 1_772_377_199_999;
const LEASE: Duration = Duration::from_secs(5);
const DAY_MS: i64 = 24 * 3600 * 1000;

/// A desk of a deployment of its own on each kind of Redis that there is.
fn desks() -> Vec<RedisDesk> {
    let settings = [testing::server(), testing::cluster()];
    let desk = |settings| RedisDesk::new(settings, &testing::deployment()).by_the_time_of_who_asks();
    settings.into_iter().flatten().map(desk).collect()
}

fn repeat(key: u8, contents: u8, mark: u8) -> Repeat {
    Repeat { key: RepeatKey([key; 32]), contents: Contents([contents; 32]), mark: [mark; 16] }
}

/// What keeps answers by key.
enum Repeats {
    Memory(MemoryRepeats),
    Redis(Box<RedisDesk>),
}

impl Repeats {
    fn begin(&mut self, repeat: Repeat, now_ms: i64) -> Begun {
        match self {
            Self::Memory(repeats) => repeats.begin(&repeat, LEASE, now_ms),
            Self::Redis(desk) => match &desk.ask(&[Ask::Begin(repeat, LEASE)], now_ms).unwrap()[..] {
                [Told::Begun(begun)] => begun.clone(),
                other => panic!("{other:?}"),
            },
        }
    }

    fn answer(&mut self, repeat: Repeat, answer: &[u8]) {
        match self {
            Self::Memory(repeats) => repeats.answer(&repeat, answer, NOW_MS),
            Self::Redis(desk) => drop(desk.ask(&[Ask::Answer(repeat, answer.to_vec())], NOW_MS).unwrap()),
        }
    }

    fn leave(&mut self, repeat: Repeat) {
        match self {
            Self::Memory(repeats) => repeats.leave(&repeat),
            Self::Redis(desk) => drop(desk.ask(&[Ask::Leave(repeat)], NOW_MS).unwrap()),
        }
    }
}

fn on_each(test: impl Fn(&mut Repeats)) {
    test(&mut Repeats::Memory(MemoryRepeats::default()));
    desks().into_iter().for_each(|desk| test(&mut Repeats::Redis(Box::new(desk))));
}

#[test]
fn the_same_request_is_told_the_same_and_another_that_it_is_another() {
    on_each(|repeats| {
        assert_eq!(repeats.begin(repeat(1, 1, 1), NOW_MS), Begun::First);
        assert_eq!(repeats.begin(repeat(1, 1, 2), NOW_MS), Begun::UnderWay);
        assert_eq!(repeats.begin(repeat(1, 2, 2), NOW_MS), Begun::Other);
        assert_eq!(repeats.begin(repeat(2, 1, 2), NOW_MS), Begun::First, "another key");
        repeats.answer(repeat(1, 1, 1), b"{\"code\":\"0000\"}");
        assert_eq!(repeats.begin(repeat(1, 1, 3), NOW_MS), Begun::Same(b"{\"code\":\"0000\"}".to_vec()));
        assert_eq!(repeats.begin(repeat(1, 2, 3), NOW_MS), Begun::Other);
    });
}

#[test]
fn what_came_to_nothing_is_first_again() {
    on_each(|repeats| {
        repeats.begin(repeat(1, 1, 1), NOW_MS);
        repeats.leave(repeat(1, 1, 1));
        assert_eq!(repeats.begin(repeat(1, 2, 2), NOW_MS), Begun::First);
        // Who is late leaves what is another's alone.
        repeats.leave(repeat(1, 1, 1));
        repeats.answer(repeat(1, 1, 1), b"late");
        assert_eq!(repeats.begin(repeat(1, 2, 3), NOW_MS), Begun::UnderWay);
    });
}

#[test]
fn a_request_whose_door_died_is_first_again_after_its_lease() {
    let mut repeats = MemoryRepeats::default();
    let lease_ms = LEASE.as_millis() as i64;
    repeats.begin(&repeat(1, 1, 1), LEASE, NOW_MS);
    assert_eq!(repeats.begin(&repeat(1, 1, 2), LEASE, NOW_MS + lease_ms - 1), Begun::UnderWay);
    assert_eq!(repeats.begin(&repeat(1, 1, 2), LEASE, NOW_MS + lease_ms), Begun::First);
    for mut desk in desks() {
        let soon = Duration::from_millis(200);
        desk.ask(&[Ask::Begin(repeat(1, 1, 1), soon)], NOW_MS).unwrap();
        testing::until(|| {
            let told = desk.ask(&[Ask::Begin(repeat(1, 1, 2), soon)], NOW_MS).unwrap();
            (told == [Told::Begun(Begun::First)]).then_some(())
        });
    }
}

/// A day, in the literal of the contract.
#[test]
fn an_answer_is_kept_for_24_hours() {
    let (mut repeats, day_ms) = (MemoryRepeats::default(), 86_400_000);
    repeats.begin(&repeat(1, 1, 1), LEASE, NOW_MS);
    repeats.answer(&repeat(1, 1, 1), b"{}", NOW_MS);
    assert_eq!(repeats.begin(&repeat(1, 1, 2), LEASE, NOW_MS + day_ms - 1), Begun::Same(b"{}".to_vec()));
    assert_eq!(repeats.begin(&repeat(1, 1, 2), LEASE, NOW_MS + day_ms), Begun::First);
    for settings in [testing::server(), testing::cluster()].into_iter().flatten() {
        let (deployment, mut answers) = (testing::deployment(), Vec::new());
        let mut redis = Redis::new(settings.clone());
        let mut desk = Repeats::Redis(Box::new(RedisDesk::new(settings, &deployment)));
        desk.begin(repeat(1, 1, 1), NOW_MS);
        desk.answer(repeat(1, 1, 1), b"{}");
        let (key, mut batch) = (key_of(b'i', &deployment, &[1; 32]), Batch::default());
        batch.push(slot_of(&key), &[b"PTTL", &key]);
        redis.ask(&batch, &mut answers).unwrap();
        let [Value::Int(left_ms)] = answers[..] else { panic!("{answers:?}") };
        assert!((day_ms - 60_000..=day_ms).contains(&left_ms), "{left_ms}");
    }
}

fn take(limits: Limits, using: Use) -> Take {
    Take { username: "hanbit-shop".into(), limits, using, known: 0, unreported: 0 }
}

fn taken(desk: &mut RedisDesk, take: Take, now_ms: i64) -> Taken {
    match &desk.ask(&[Ask::Take(take)], now_ms).unwrap()[..] {
        [Told::Taken(taken)] => *taken,
        other => panic!("{other:?}"),
    }
}

#[test]
fn redis_counts_as_the_rule_does() {
    for mut desk in desks() {
        let mut random = SmallRng::seed_from_u64(1);
        for round in 0..40 {
            let bound = |random: &mut SmallRng, most| random.random_bool(0.8).then(|| random.random_range(1..most));
            let limits = Limits { rate_per_second: bound(&mut random, 200), daily_quota: bound(&mut random, 400) };
            // Some of it goes past a midnight in Korea.
            let midnight = NOW_MS - (NOW_MS + 9 * 3_600_000).rem_euclid(DAY_MS) + DAY_MS;
            let (mut usage, mut now_ms) = (Usage::default(), midnight - 60_000);
            for _ in 0..40 {
                now_ms += random.random_range(0..4_000);
                let receivers = random.random_range(1..40);
                let using = Use { receivers, messages: random.random_range(0..=receivers) };
                let of = Take { username: format!("customer-{round}").into(), ..take(limits, using) };
                assert_eq!(taken(&mut desk, of, now_ms), usage.take(limits, using, now_ms), "{limits:?} {using:?}");
            }
        }
    }
}

#[test]
fn what_a_door_counted_by_itself_is_brought_along_and_what_redis_lost_is_told_again() {
    for mut desk in desks() {
        let limits = Limits { rate_per_second: None, daily_quota: Some(100) };
        let one = take(limits, Use { receivers: 1, messages: 1 });
        // Nothing is there: what the door was told last counts.
        assert_eq!(taken(&mut desk, Take { known: 50, ..one.clone() }, NOW_MS).used, 51);
        // Something is there: it counts alone.
        assert_eq!(taken(&mut desk, Take { known: 90, ..one.clone() }, NOW_MS).used, 52);
        assert_eq!(taken(&mut desk, Take { unreported: 40, ..one.clone() }, NOW_MS).used, 93);
        assert_eq!(taken(&mut desk, Take { unreported: -3, ..one.clone() }, NOW_MS).used, 91);
        let over = taken(&mut desk, Take { unreported: 20, ..one.clone() }, NOW_MS);
        assert_eq!((over.verdict, over.used), (Verdict::OverQuota, 111), "they were sent");
        assert_eq!(taken(&mut desk, one.clone(), NOW_MS + DAY_MS).used, 1);
    }
}

#[test]
fn a_door_whose_clock_is_ahead_locks_nobody_out() {
    let Some(settings) = testing::server() else { return };
    let limits = Limits { rate_per_second: Some(10), daily_quota: Some(100) };
    let one = take(limits, Use { receivers: 1, messages: 1 });
    let used_on_a_day = || {
        let mut desk = RedisDesk::new(settings.clone(), &testing::deployment());
        for ahead_ms in [40 * DAY_MS, 0, 9 * 3_600_000, 0] {
            let told = taken(&mut desk, one.clone(), NOW_MS + ahead_ms);
            assert!(told.verdict == Verdict::Granted && told.missing_us <= 400_000, "{told:?}");
        }
        taken(&mut desk, one.clone(), NOW_MS).used
    };
    // Unless a day of the server's began in between.
    assert!((0..2).any(|_| used_on_a_day() == 5));
}

#[test]
fn many_are_asked_at_once_and_answered_in_order() {
    for mut desk in desks() {
        let limits = Limits { rate_per_second: Some(1), daily_quota: None };
        let of = |n: usize| Take { username: n.to_string().into(), ..take(limits, Use { receivers: 1, messages: 1 }) };
        let asked: Vec<Ask> = (0..500).map(|n| Ask::Take(of(n % 250))).collect();
        let told = desk.ask(&asked, NOW_MS).unwrap();
        let granted = told.iter().map(|told| matches!(told, Told::Taken(taken) if taken.verdict == Verdict::Granted));
        assert!(granted.enumerate().all(|(n, granted)| granted == (n < 250)));
    }
}

#[test]
fn a_redis_that_fills_up_keeps_its_room_for_claims() {
    let Some(servers) = testing::Servers::start(&["--", "--maxmemory", "20mb"]) else { return };
    servers.command(1, &["SETRANGE", "ballast", "16000000", "x"]);
    let mut repeats = Repeats::Redis(Box::new(RedisDesk::new(servers.settings(testing::TIMEOUT), "full")));
    assert_eq!(repeats.begin(repeat(1, 1, 1), NOW_MS), Begun::First);
    repeats.answer(repeat(1, 1, 1), b"{}");
    assert_eq!(repeats.begin(repeat(1, 1, 2), NOW_MS), Begun::First, "it is not kept, nor is it under way");
}

/// The user of docs/state.md.
#[test]
fn a_user_with_the_keys_that_are_documented_may_ask_everything() {
    let Some(servers) = testing::Servers::start(&[]) else { return };
    let documented = include_str!("../../../docs/state.md");
    let words = |from: &str| {
        let (_, after) = documented.split_once(from).unwrap();
        after.split('`').next().unwrap().split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let (commands, keys) = (words("A user of its own needs `"), words("and its keys:\n  `"));
    let user = ["ACL", "SETUSER", "ims", "on", ">word"].map(str::to_owned);
    let user = [user.to_vec(), commands, keys].concat();
    servers.command(1, &user.iter().map(|word| &**word).collect::<Vec<_>>());
    let (_, at) = servers.urls().split_once('@').unwrap();
    let url = format!("redis://ims:word@{at}");
    let settings = crate::redis::RedisSettings::new(&url, testing::TIMEOUT).unwrap();
    let mut desk = RedisDesk::new(settings.clone(), "user");
    let limits = Limits { rate_per_second: Some(9), daily_quota: Some(9) };
    taken(&mut desk, take(limits, Use { receivers: 1, messages: 1 }), NOW_MS);
    let mut repeats = Repeats::Redis(Box::new(desk));
    repeats.begin(repeat(1, 1, 1), NOW_MS);
    repeats.answer(repeat(1, 1, 1), b"{}");
    repeats.leave(repeat(1, 1, 2));
    assert_eq!(repeats.begin(repeat(1, 1, 2), NOW_MS), Begun::Same(b"{}".to_vec()));
}
