//! Days that are generated from a seed: normal ones, and ones on which something happens.

use super::*;
use crate::histogram::bucket_of;
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use std::collections::BTreeMap;

const MINUTE_MS: i64 = 60_000;
const DAY: i64 = 24 * 60;
/// 00:00 in Korea.
const START_MS: i64 = 1_772_377_200_000;

/// How a customer is by itself.
#[derive(Debug, Clone)]
struct Customer {
    series: Series,
    /// Requests of a minute by day.
    rate: f64,
    /// The share that fails.
    failing: f64,
    /// The median duration, milliseconds.
    median_ms: f64,
}

impl Customer {
    fn new(name: &str, rate: f64, failing: f64) -> Self {
        let series = Series { vendor: "kakao-a".into(), channel: Channel::At, username: name.into() };
        Self { series, rate, failing, median_ms: 400.0 }
    }
}

/// Draws what happens.
struct Chance(SmallRng);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    fn normal(&mut self) -> f64 {
        let (u, v): (f64, f64) = (1.0 - self.0.random::<f64>(), self.0.random());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// Around 1, hardly ever below half or above twice at a spread of 0.3.
    fn noise(&mut self, spread: f64) -> f64 {
        (spread * self.normal() - spread * spread / 2.0).exp()
    }

    fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal()).max(0.0) as u64;
        }
        let (least, mut product) = ((-mean).exp(), self.0.random::<f64>());
        let mut count = 0;
        while product > least {
            product *= self.0.random::<f64>();
            count += 1;
        }
        count
    }

    fn of(&mut self, n: u64, share: f64) -> u64 {
        if n <= 100 {
            return (0..n).filter(|_| self.0.random::<f64>() < share).count() as u64;
        }
        self.poisson(n as f64 * share).min(n)
    }

    /// What a customer's requests come to: as many as these, in a time in which so many fail and take so long.
    fn activity(&mut self, customer: &Customer, requests: u64, failing: f64, slower: f64) -> Activity {
        let failing = (failing * self.noise(0.3)).min(1.0);
        let slower = slower * self.noise(0.2);
        let drawn = requests.min(20);
        let mut durations: BTreeMap<i64, i64> = BTreeMap::new();
        for at in 0..drawn {
            let ms = customer.median_ms * slower * (0.6 * self.normal()).exp();
            let weight = requests / drawn + u64::from(at < requests % drawn);
            *durations.entry(bucket_of(ms as i64)).or_default() += weight as i64;
        }
        let failures = self.of(requests, failing);
        Activity { series: customer.series.clone(), requests, failures, durations: durations.into_iter().collect() }
    }
}

/// How busy a minute of the day is: next to nothing at four in the morning, most at three in the afternoon.
fn busy(minute: i64) -> f64 {
    let hour = minute as f64 / 60.0;
    0.03 + 0.97 * (0.5 - 0.5 * ((hour - 3.0) / 24.0 * std::f64::consts::TAU).cos()).powi(2)
}

/// A store of anomalies, and the watch that fills it.
#[derive(Default)]
struct Watched {
    watch: Watch,
    anomalies: Vec<Anomaly>,
}

impl Watched {
    fn judge(&mut self, now_ms: i64) {
        for news in self.watch.judge(now_ms, &self.anomalies) {
            let same = |known: &Anomaly| {
                (known.kind, &known.series, known.opened_ms) == (news.kind, &news.series, news.opened_ms)
            };
            match self.anomalies.iter().position(same) {
                Some(at) => self.anomalies[at] = news,
                None => self.anomalies.push(news),
            }
        }
    }

    /// A day of one customer at an even rate, judged every quarter of a minute as it goes; `happens` tells the share
    /// that fails and how much slower it is at a second.
    fn lives(
        &mut self,
        customer: &Customer,
        seed: u64,
        seconds: std::ops::Range<i64>,
        happens: impl Fn(i64) -> (f64, f64),
    ) {
        let mut chance = Chance::new(seed);
        let mut running = Vec::new();
        for second in seconds {
            let (failing, slower) = happens(second);
            let requests = chance.poisson(customer.rate / 60.0);
            if requests > 0 {
                running.push(chance.activity(customer, requests, failing, slower));
            }
            let now_ms = START_MS + (second + 1) * 1_000;
            if (second + 1) % 15 == 0 {
                let minute_ms = START_MS + second / 60 * MINUTE_MS;
                self.watch.take(minute_ms, &[sum(&running, customer)]);
                self.judge(now_ms);
            }
            if (second + 1) % 60 == 0 {
                running.clear();
            }
        }
    }

    fn first(&self, kind: Kind, username: &str) -> Option<&Anomaly> {
        self.anomalies.iter().find(|anomaly| anomaly.kind == kind && anomaly.series.username == username)
    }
}

fn sum(parts: &[Activity], customer: &Customer) -> Activity {
    let mut durations: BTreeMap<i64, i64> = BTreeMap::new();
    parts.iter().flat_map(|part| &part.durations).for_each(|(bucket, n)| *durations.entry(*bucket).or_default() += n);
    Activity {
        series: customer.series.clone(),
        requests: parts.iter().map(|part| part.requests).sum(),
        failures: parts.iter().map(|part| part.failures).sum(),
        durations: durations.into_iter().collect(),
    }
}

/// Customers as they are: a few of them large, most small, each with failures of its own.
fn customers(count: usize, chance: &mut Chance) -> Vec<Customer> {
    (0..count)
        .map(|rank| {
            let mut customer = Customer::new(&format!("c{rank}"), 600.0 / (1.0 + rank as f64), 0.0);
            customer.failing = (0.02 * chance.noise(0.8)).min(0.25);
            customer.median_ms *= chance.noise(0.3);
            let vendor = ["kakao-a", "kakao-b", "kakao-c"][rank % 3];
            customer.series.vendor = vendor.into();
            customer
        })
        .collect()
}

/// A day of all of them.
fn normal_day(seed: u64, count: usize) -> (Watched, u64) {
    let mut chance = Chance::new(seed);
    let customers = customers(count, &mut chance);
    // The small ones are drawn one by one, so that a minute costs what happens in it.
    let large = customers.iter().take_while(|customer| customer.rate > 0.5).count();
    let small: f64 = customers[large..].iter().map(|customer| customer.rate).sum();
    let cumulated: Vec<f64> = customers[large..]
        .iter()
        .scan(0.0, |sum, customer| {
            *sum += customer.rate;
            Some(*sum)
        })
        .collect();
    let (mut watched, mut requests) = (Watched::default(), 0);
    for minute in 0..DAY {
        let busy = busy(minute);
        let mut met: BTreeMap<usize, u64> = BTreeMap::new();
        for (at, customer) in customers[..large].iter().enumerate() {
            let rate = customer.rate * busy * chance.noise(0.4);
            met.insert(at, chance.poisson(rate));
        }
        for _ in 0..chance.poisson(small * busy) {
            let point = chance.0.random::<f64>() * small;
            let at = large + cumulated.partition_point(|sum| *sum < point).min(cumulated.len() - 1);
            *met.entry(at).or_default() += 1;
        }
        // Now and then one sends a list of thousands.
        for _ in 0..chance.poisson(0.2 * busy) {
            let at = chance.0.random_range(0..customers.len());
            *met.entry(at).or_default() += chance.0.random_range(500..25_000);
        }
        let met = met.into_iter().filter(|(_, n)| *n > 0);
        let activities: Vec<_> =
            met.map(|(at, n)| chance.activity(&customers[at], n, customers[at].failing, 1.0)).collect();
        requests += activities.iter().map(|activity| activity.requests).sum::<u64>();
        let minute_ms = START_MS + minute * MINUTE_MS;
        watched.watch.take(minute_ms, &activities);
        watched.judge(minute_ms + MINUTE_MS - 1);
    }
    (watched, requests)
}

#[test]
fn a_normal_day_of_ten_thousand_customers_has_no_anomaly() {
    for seed in [1, 2, 3] {
        let (watched, requests) = normal_day(seed, 10_000);
        assert!(requests > 1_000_000, "{requests} are no day");
        assert_eq!(watched.anomalies, [], "seed {seed}");
        assert_eq!(watched.watch.unwatched(), 0);
    }
}

#[test]
fn the_day_that_has_no_anomaly_would_show_one() {
    let (mut watched, _) = normal_day(4, 1_000);
    let mut chance = Chance::new(5);
    let customers = customers(1_000, &mut Chance::new(4));
    // The day after, in the afternoon, one vendor fails a third for everybody.
    for minute in DAY..DAY + 3 {
        let hit = |customer: &Customer| if customer.series.vendor == "kakao-b" { 0.33 } else { customer.failing };
        let some = customers.iter().take(300);
        let activities: Vec<_> = some.map(|customer| chance.activity(customer, 3, hit(customer), 1.0)).collect();
        let minute_ms = START_MS + minute * MINUTE_MS;
        watched.watch.take(minute_ms, &activities);
        watched.judge(minute_ms + MINUTE_MS - 1);
    }
    let seen: Vec<_> = watched.anomalies.iter().map(|anomaly| (anomaly.kind, anomaly.series.clone())).collect();
    let vendor = Series { vendor: "kakao-b".into(), channel: Channel::At, username: String::new() };
    assert!(seen.contains(&(Kind::Failures, vendor)), "{seen:?}");
    assert!(seen.iter().all(|(_, series)| series.vendor == "kakao-b"), "{seen:?}");
}

#[test]
fn a_jump_to_thirty_percent_failures_is_seen_within_two_minutes_wherever_in_a_minute_it_begins() {
    for (rate, usual) in [(100.0, 0.0), (100.0, 0.03), (200.0, 0.05), (5_000.0, 0.05)] {
        for seed in 0..12 {
            let customer = Customer::new("c", rate, usual);
            let jump = 3_600 + 5 * seed as i64;
            let mut watched = Watched::default();
            let failing = |second| if second >= jump { (0.30, 1.0) } else { (usual, 1.0) };
            watched.lives(&customer, seed, 0..jump + 120, failing);
            let seen = watched.first(Kind::Failures, "c");
            let is_seen = seen.is_some_and(|seen| seen.opened_ms >= START_MS + jump / 60 * MINUTE_MS);
            assert!(is_seen, "{rate} a minute, {usual}, seed {seed}: {seen:?}");
            assert!(watched.first(Kind::Latency, "c").is_none());
        }
    }
}

#[test]
fn a_vendor_that_becomes_four_times_slower_is_seen_within_two_minutes() {
    for seed in 0..12 {
        let customer = Customer::new("c", 120.0, 0.02);
        let jump = 3_600 + 5 * seed as i64;
        let mut watched = Watched::default();
        watched.lives(&customer, seed, 0..jump + 120, |second| (0.02, if second >= jump { 4.0 } else { 1.0 }));
        let seen = watched.first(Kind::Latency, "c").expect("it is slow");
        // 95 % of e^(0.6 normal) are below 2.7 medians, which is 1.1 seconds; buckets are a quarter of an octave wide.
        assert!((950..=1_500).contains(&seen.slow_ms.unwrap()), "{seen:?}");
        assert!(watched.first(Kind::Failures, "c").is_none());
    }
}

#[test]
fn it_ends_when_it_is_over_and_comes_again_as_another() {
    let customer = Customer::new("c", 120.0, 0.02);
    let mut watched = Watched::default();
    let bad = |second: i64| (3_600..4_500).contains(&second) || (6_000..6_600).contains(&second);
    watched.lives(&customer, 7, 0..9_000, |second| (if bad(second) { 0.4 } else { 0.02 }, 1.0));
    let of = |username: &str| -> Vec<_> {
        let all = watched.anomalies.iter().filter(|anomaly| anomaly.series.username == username);
        all.map(|anomaly| ((anomaly.opened_ms - START_MS) / 1_000, anomaly.closed_ms.map(|at| (at - START_MS) / 1_000)))
            .collect()
    };
    let [(first, Some(first_end)), (second, Some(second_end))] = of("c")[..] else { panic!("{:?}", of("c")) };
    assert!((3_600..3_720).contains(&first) && (6_000..6_120).contains(&second), "{first} {second}");
    // Near the norm for five minutes, which may begin with what little was left of it.
    assert!((4_500 + 180..4_500 + 480).contains(&first_end), "{first_end}");
    assert!((6_600 + 180..6_600 + 480).contains(&second_end), "{second_end}");
}

#[test]
fn what_lasts_for_a_day_is_the_norm() {
    let customer = Customer::new("c", 20.0, 0.02);
    let mut watched = Watched::default();
    watched.lives(&customer, 8, 0..30 * 3_600, |second| (if second >= 3_600 { 0.4 } else { 0.02 }, 1.0));
    let of_customer: Vec<_> = watched.anomalies.iter().filter(|anomaly| anomaly.series.username == "c").collect();
    let [one] = of_customer[..] else { panic!("{of_customer:?}") };
    assert_eq!(one.closed_ms.map(|closed_ms| closed_ms - one.opened_ms), Some(DAY * MINUTE_MS));
}

#[test]
fn silence_ends_it_too() {
    let customer = Customer::new("c", 120.0, 0.02);
    let mut watched = Watched::default();
    watched.lives(&customer, 9, 0..3_900, |second| (if second >= 3_600 { 0.4 } else { 0.02 }, 1.0));
    assert!(watched.first(Kind::Failures, "c").is_some_and(|anomaly| anomaly.closed_ms.is_none()));
    watched.judge(START_MS + 3_900_000 + 10 * MINUTE_MS);
    assert!(watched.first(Kind::Failures, "c").is_some_and(|anomaly| anomaly.closed_ms.is_none()));
    watched.judge(START_MS + 3_900_000 + 16 * MINUTE_MS);
    assert!(watched.first(Kind::Failures, "c").unwrap().closed_ms.is_some());
    // A watch that begins later knows nothing of it, and ends it all the same.
    let open = Anomaly { closed_ms: None, ..watched.anomalies[0].clone() };
    let news = Watch::default().judge(START_MS + DAY * MINUTE_MS, std::slice::from_ref(&open));
    assert_eq!(news.len(), 1);
}

#[test]
fn small_volumes_are_no_anomaly_whatever_they_do() {
    // Three an hour all day, then nine failures in a row.
    let mut watched = Watched::default();
    let customer = Customer::new("c", 0.05, 0.0);
    let one = |failures: u64| Activity {
        series: customer.series.clone(),
        requests: failures.max(1),
        failures,
        durations: vec![],
    };
    for minute in (0..DAY).step_by(20) {
        watched.watch.take(START_MS + minute * MINUTE_MS, &[one(0)]);
        watched.judge(START_MS + minute * MINUTE_MS + 1);
    }
    watched.watch.take(START_MS + DAY * MINUTE_MS, &[one(9)]);
    watched.judge(START_MS + DAY * MINUTE_MS + 1);
    assert_eq!(watched.anomalies, []);
    // A customer that nobody knows yet fails altogether: it has no norm of its own.
    let stranger = Series { username: "new".into(), ..customer.series.clone() };
    let all = Activity { series: stranger, requests: 50, failures: 50, durations: vec![] };
    watched.watch.take(START_MS + (DAY + 1) * MINUTE_MS, &[all]);
    watched.judge(START_MS + (DAY + 1) * MINUTE_MS + 1);
    assert!(watched.first(Kind::Failures, "new").is_none());
}

#[test]
fn watches_that_begin_at_other_times_agree_on_what_is_stored() {
    let customer = Customer::new("c", 120.0, 0.02);
    let minute = |minute: i64, failing: f64| {
        let mut chance = Chance::new(minute as u64);
        (START_MS + minute * MINUTE_MS, [chance.activity(&customer, 120, failing, 1.0)])
    };
    let (mut first, mut second) = (Watch::default(), Watch::default());
    for (at_ms, activity) in (0..200).map(|at| minute(at, 0.02)) {
        first.take(at_ms, &activity);
        first.judge(at_ms, &[]);
    }
    // The second begins late, from the sums of the hours and the last minutes.
    for hour in 0..3 {
        let parts: Vec<_> = (0..60).flat_map(|at| minute(hour * 60 + at, 0.02).1).collect();
        let span = START_MS + hour * 60 * MINUTE_MS..START_MS + (hour + 1) * 60 * MINUTE_MS;
        second.learn(span, &[sum(&parts, &customer)]);
    }
    (186..200).map(|at| minute(at, 0.02)).for_each(|(at_ms, activity)| second.take(at_ms, &activity));
    let (at_ms, activity) = minute(200, 0.4);
    let seen = [&mut first, &mut second].map(|watch| {
        watch.take(at_ms, &activity);
        let mut news = watch.judge(at_ms + 30_000, &[]);
        news.sort_by(|a, b| a.series.cmp(&b.series));
        news.into_iter().map(|anomaly| (anomaly.kind, anomaly.series, anomaly.opened_ms)).collect::<Vec<_>>()
    });
    assert!(!seen[0].is_empty(), "{seen:?}");
    assert_eq!(seen[0], seen[1]);
    let known = first.judge(at_ms + 30_000, &[]);
    assert_eq!(known.len(), seen[0].len());
    assert_eq!(second.judge(at_ms + 45_000, &known), [], "what is stored is not seen again");
}
