//! Ads that are on their way when the night begins.

use crate::support::{CHAIN, Deployment, PATIENCE, load::request, now_ms, simulator, until};
use processors::korea::clock;
use schemas::{Channel, Family, Lane, Report, State, Topic};
use std::collections::HashSet;

/// What the one vendor of texts takes a second: far less than is on its way.
const TPS: usize = 100;
const ADS: usize = 10_000;
/// More that come when it is night.
const LATE: usize = 100;
/// Between "now" and the beginning of the night, milliseconds: for a start, and some seconds of sending.
const EVENING_MS: i64 = 20_000;
const NIGHT_MS: i64 = 3_600_000;
/// How long a request may take from the last look at the clock to its vendor's record of it, on a machine full of tests.
const ON_THE_WAY_MS: i64 = 250;

/// A second of the Korean day, as the law names it.
fn of_day(at_ms: i64) -> String {
    let seconds = clock(at_ms).1 / 1_000;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[test]
fn ads_that_the_rate_keeps_until_the_night_are_held_and_none_leaves_in_it() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(5)) else { return };
    deployment.vendor_instead_of(
        &["text"],
        &format!(
            "name = \"text-one\"\nfamilies = [\"SMS\", \"LMS\", \"MMS\"]\ncodes = \"text\"\nweight = 1\ntps = {TPS}\n\
             in_doubt = \"receipt\"\nreceipts = true\n"
        ),
    );
    let ads =
        |count: usize| -> Vec<_> { (0..count).map(|_| deployment.record(Lane::Ad, &request("lms_ad"))).collect() };
    ads(ADS).chunks(2_000).for_each(|part| deployment.append(part));
    let night_ms = (now_ms() + EVENING_MS) / 1_000 * 1_000;
    let window = format!("{{ from = \"{}\", until = \"{}\" }}", of_day(night_ms), of_day(night_ms + NIGHT_MS));
    let law =
        format!("[{{ since = \"1970-01-01\", night = {{ kakao = {window}, others = {window} }}, notice_years = 2 }}]");
    // Notices go out by day: whenever this test runs, twelve hours from its night.
    let notice_hour = ((clock(night_ms).1 / 3_600_000 + 12) % 24).to_string();
    let mut process =
        deployment.run_with("one", CHAIN, &[("IMS__ADS__LAW", &law), ("IMS__ADS__NOTICE_HOUR", &notice_hour)]);
    until("the night begins", PATIENCE, || (now_ms() >= night_ms).then_some(()));
    let late = ads(LATE);
    deployment.append(&late);

    let reports = until("each ad has ended or is held", PATIENCE, || {
        let reports: Vec<Report> = deployment.decoded([Topic::report(Channel::Mt)]);
        let told: HashSet<_> =
            reports.iter().filter(|r| r.terminal || r.state == State::Held).map(|r| &r.track_id).collect();
        let balance = deployment.balance();
        let held = reports.iter().filter(|report| report.state == State::Held).count() as u64;
        (told.len() == ADS + LATE && balance.at_the_door == 0 && balance.waiting == held).then_some(reports)
    });
    let ended: Vec<_> = reports.iter().filter(|report| report.terminal).collect();
    let held: Vec<_> = reports.iter().filter(|report| report.state == State::Held).collect();
    let requests = deployment.requests();
    eprintln!("{} ads left before the night, {} are held in it", ended.len(), held.len());
    assert!(ended.len() >= TPS, "the night came before the evening: {} left", ended.len());
    assert!(held.len() > ADS / 2, "the rate kept too few for the night: {}", held.len());
    let after = ended.iter().filter(|report| report.sent_at.is_none_or(|at| at >= night_ms)).count();
    assert_eq!(after, 0, "ads that left in the night");
    let last_ms = requests.iter().map(|request| request.at_ms).max().unwrap_or(night_ms) - night_ms;
    assert!(last_ms < ON_THE_WAY_MS, "the vendor saw a request {last_ms} ms into the night");
    assert_eq!(requests.len(), ended.len(), "requests of ads that have not ended");
    assert!(ended.iter().all(|report| report.state == State::Delivered));

    let late_ids: HashSet<_> = late.into_iter().filter_map(|record| record.key).collect();
    let senders = deployment.records([Topic::send(Family::Lms, Lane::Ad)]);
    let routed: HashSet<_> = senders.into_iter().filter_map(|record| record.key).collect();
    let late: Vec<_> = held.iter().filter(|report| late_ids.contains(report.message_id.as_bytes())).collect();
    assert_eq!(late.len(), LATE);
    assert!(
        late.iter().all(|report| !routed.contains(report.track_id.as_bytes())),
        "the router sent ads into the night"
    );

    let balance = deployment.balance();
    assert!(balance.balances(), "{balance:?}");
    assert_eq!((balance.requested, balance.accepted), ((ADS + LATE) as u64, (ADS + LATE) as u64));
    assert_eq!((balance.waiting, balance.ended["delivered"]), (held.len() as u64, ended.len() as u64));
    process.stop();
}
