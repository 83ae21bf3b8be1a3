use super::*;
use connectors::redis::RedisSettings;
use processors::access::Verdict;
use std::sync::atomic::{AtomicI64, Ordering};

const NOW_MS: i64 = 1_772_377_199_000;
const DAY: i64 = 24 * 3_600_000;

struct At(AtomicI64);

impl Clock for At {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

fn name() -> Arc<str> {
    "hanbit-shop".into()
}

fn of(messages: u32) -> Use {
    Use { receivers: messages, messages }
}

fn limits(rate: u32, quota: u32) -> Limits {
    let some = |bound| (bound > 0).then_some(bound);
    Limits { rate_per_second: some(rate), daily_quota: some(quota) }
}

#[test]
fn what_a_door_counted_by_itself_is_reported_once_and_only_on_its_day() {
    let (own, limits) = (Own::default(), limits(0, 1_000));
    own.take(&name(), limits, of(5), NOW_MS);
    own.give_back(&name(), 2, NOW_MS);
    assert_eq!(own.to_report(&name(), NOW_MS), (0, 3));
    assert_eq!(own.to_report(&name(), NOW_MS), (3, 0));
    own.put_back(&name(), 3, NOW_MS);
    assert_eq!(own.to_report(&name(), NOW_MS), (0, 3), "it was not heard");
    // The others know of 90 more; meanwhile this door let in 4.
    own.take(&name(), limits, of(4), NOW_MS);
    let told = Taken { verdict: Verdict::Granted, missing_us: 0, used: 94 };
    own.reported(&name(), limits, told, NOW_MS);
    assert_eq!(own.to_report(&name(), NOW_MS), (94, 4));
    own.take(&name(), limits, of(7), NOW_MS);
    assert_eq!(own.to_report(&name(), NOW_MS + DAY), (0, 0), "a new day");
    // What is late of the day before changes nothing of the new one.
    own.give_back(&name(), 7, NOW_MS);
    own.put_back(&name(), 3, NOW_MS);
    own.reported(&name(), limits, told, NOW_MS);
    assert_eq!(own.to_report(&name(), NOW_MS + DAY), (0, 0));
}

#[test]
fn a_door_whose_clock_was_ahead_counts_today() {
    let (own, limits) = (Own::default(), limits(0, 1_000));
    own.take(&name(), limits, of(5), NOW_MS + 40 * DAY);
    assert_eq!(own.to_report(&name(), NOW_MS), (0, 5));
    own.put_back(&name(), 5, NOW_MS);
    assert_eq!(own.to_report(&name(), NOW_MS), (0, 5), "it was not heard, and its day still is");
    assert_eq!(own.to_report(&name(), NOW_MS + DAY), (0, 0), "tomorrow is another day");
}

#[tokio::test]
async fn who_is_over_its_rate_is_refused_unseen_until_one_message_would_be_let_in() {
    let clock = Arc::new(At(AtomicI64::new(NOW_MS)));
    let (desk, limits) = (Desk::alone(clock.clone()), limits(10, 0));
    assert_eq!(desk.refused(&name(), limits), None);
    assert_eq!(desk.take(&name(), limits, of(15),).await.verdict, Verdict::Granted);
    assert_eq!(desk.refused(&name(), limits), None, "nobody was refused yet");
    assert_eq!(desk.take(&name(), limits, of(1)).await.verdict, Verdict::OverRate { wait_ms: 600 });
    clock.0.store(NOW_MS + 599, Ordering::SeqCst);
    let refused = desk.refused(&name(), limits).unwrap();
    assert_eq!((refused.verdict, refused.rate_left(10)), (Verdict::OverRate { wait_ms: 1 }, 0));
    clock.0.store(NOW_MS + 600, Ordering::SeqCst);
    assert_eq!(desk.refused(&name(), limits), None);
    assert_eq!(desk.take(&name(), limits, of(1)).await.verdict, Verdict::Granted);
}

/// Doors on the Redis that all tests share, each with a clock; none where there is none.
fn doors() -> Option<[Desk; 2]> {
    let url = std::env::var("IMS_TEST_REDIS").ok()?;
    let deployment = format!("desk-{}-{:?}", std::process::id(), std::thread::current().id());
    Some([(); 2].map(|()| {
        let settings = RedisSettings::new(&url, Duration::from_secs(30)).unwrap();
        let clock = Arc::new(At(AtomicI64::new(NOW_MS)));
        Desk::with(RedisDesk::new(settings, &deployment).by_the_time_of_who_asks(), clock).unwrap()
    }))
}

#[tokio::test]
async fn doors_that_share_a_redis_share_rate_quota_and_answers() {
    let Some([one, two]) = doors() else { return };
    let limits = limits(100, 120);
    assert_eq!(one.take(&name(), limits, of(60)).await.verdict, Verdict::Granted);
    assert!(matches!(two.take(&name(), limits, of(60)).await.verdict, Verdict::OverRate { .. }));
    let quota = Limits { rate_per_second: None, ..limits };
    assert_eq!(two.take(&name(), quota, of(60)).await.verdict, Verdict::Granted);
    assert_eq!(one.take(&name(), quota, of(1)).await.verdict, Verdict::OverQuota);
    // What came to nothing at one may be sent by the other.
    two.give_back(&name(), quota, 10, NOW_MS);
    // What is asked after it finds it done.
    two.take(&name(), quota, of(0)).await;
    assert_eq!(one.take(&name(), quota, of(10)).await.verdict, Verdict::Granted);
    assert_eq!(two.take(&name(), quota, of(1)).await.verdict, Verdict::OverQuota);
    let repeat = |mark| Repeat {
        key: processors::access::RepeatKey([1; 32]),
        contents: processors::access::Contents([2; 32]),
        mark: [mark; 16],
    };
    let lease = Duration::from_secs(5);
    assert_eq!(one.begin(repeat(1), lease).await, Begun::First);
    assert_eq!(two.begin(repeat(2), lease).await, Begun::UnderWay);
    one.answer(repeat(1), b"{}".to_vec()).await;
    assert_eq!(two.begin(repeat(2), lease).await, Begun::Same(b"{}".to_vec()));
    // Who is told to wait by Redis is refused unseen from then on, as without it.
    let (other, limits): (Arc<str>, _) = ("dure-bank".into(), self::limits(10, 0));
    assert_eq!(one.take(&other, limits, of(10)).await.verdict, Verdict::Granted);
    assert_eq!((one.refused(&other, limits), two.refused(&other, limits)), (None, None));
    let told = two.take(&other, limits, of(1)).await;
    assert_eq!(told.verdict, Verdict::OverRate { wait_ms: 100 });
    assert_eq!(two.refused(&other, limits).map(|taken| taken.verdict), Some(told.verdict));
    // As it is after Redis was away.
    let alone = |mark| Repeat { key: processors::access::RepeatKey([3; 32]), ..repeat(mark) };
    one.own.repeats().begin(&alone(1), lease, NOW_MS);
    assert_eq!(one.begin(alone(2), lease).await, Begun::UnderWay);
    one.own.repeats().answer(&alone(1), b"{}", NOW_MS);
    assert_eq!(one.begin(alone(2), lease).await, Begun::Same(b"{}".to_vec()), "what it answered by itself it knows");
    let over = |mark| Repeat { key: processors::access::RepeatKey([4; 32]), ..repeat(mark) };
    one.own.repeats().begin(&over(1), lease, NOW_MS);
    one.answer(over(1), b"{}".to_vec()).await;
    assert_eq!(one.begin(over(2), lease).await, Begun::Same(b"{}".to_vec()), "Redis has heard the answer");
}

#[tokio::test]
async fn a_door_whose_redis_is_away_goes_by_what_it_knows() {
    // Nothing listens there.
    let settings = RedisSettings::new("redis://127.0.0.1:1", Duration::from_millis(100)).unwrap();
    let desk = Desk::with(RedisDesk::new(settings, "away"), Arc::new(At(AtomicI64::new(NOW_MS)))).unwrap();
    let limits = limits(0, 2);
    let taken = [desk.take(&name(), limits, of(2)).await, desk.take(&name(), limits, of(1)).await];
    assert_eq!(taken.map(|taken| taken.verdict), [Verdict::Granted, Verdict::OverQuota]);
    let repeat = Repeat {
        key: processors::access::RepeatKey([1; 32]),
        contents: processors::access::Contents([2; 32]),
        mark: [1; 16],
    };
    assert_eq!(desk.begin(repeat, Duration::from_secs(5)).await, Begun::First);
    desk.answer(repeat, b"{}".to_vec()).await;
    assert_eq!(
        desk.begin(Repeat { mark: [2; 16], ..repeat }, Duration::from_secs(5)).await,
        Begun::Same(b"{}".to_vec())
    );
}
