//! One customer's bulk and the others.

use super::super::room::POLL_MS;
use super::*;

const BULK: usize = 25_000;

fn left_at(bench: &Bench, serial: &str) -> i64 {
    bench.seen().iter().find(|s| s.serial_number == serial).map(|s| s.at_ms).expect("it left")
}

#[test]
fn a_bulk_of_25_000_delays_another_customers_message_by_less_than_a_second() {
    let mut bench = Bench::new(vec![Vendor { tps: 500, ..vendor("kt") }]).with_delay();
    bench.script(|_, _| Some((20, code("1000"))));
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(BULK, Lane::Mass, "kt", "bulk");
    bench.turns();
    let first = (bench.clock.now_ms(), bench.send(1, Lane::Mass, "kt", "shop").remove(0));
    bench.run(5_000, 10);
    let second = (bench.clock.now_ms(), bench.send(1, Lane::Mass, "kt", "shop").remove(0));
    bench.run(2_000, 10);
    for (at_ms, serial) in [first, second] {
        let waited = left_at(&bench, &serial) - at_ms;
        assert!(waited <= 1_000, "{waited} ms");
    }
}

#[test]
fn a_bulk_is_spilled_although_some_of_it_leaves_at_every_turn() {
    let mut bench = Bench::new(vec![Vendor { tps: 500, ..vendor("kt") }]).with_delay();
    bench.script(|_, _| Some((20, code("1000"))));
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(BULK, Lane::Mass, "kt", "bulk");
    let (at_ms, serial) = (bench.clock.now_ms(), bench.send(1, Lane::Mass, "kt", "shop").remove(0));
    for _ in 0..200 {
        // Two more may leave by the next turn.
        bench.clock.advance(Duration::from_millis(5));
        bench.senders[0].turn(Duration::ZERO).unwrap();
    }
    assert!(left_at(&bench, &serial) - at_ms <= 1_000);
}

#[test]
fn a_spilled_bulk_is_sent_to_its_end_and_the_vendor_never_idles() {
    let mut bench = Bench::new(vec![Vendor { tps: 500, ..vendor("kt") }]).with_delay();
    bench.join(Lane::Mass);
    bench.advance(1_000);
    let mut serials = bench.send(BULK / 2, Lane::Mass, "kt", "bulk");
    // All but what is kept for AUTH.
    let ideal_ms = (BULK / 2) as i64 * 1_000 / 475;
    bench.run(ideal_ms * 11 / 10, 25);
    let mut sent: Vec<_> = bench.seen().into_iter().map(|s| s.serial_number).collect();
    sent.sort_unstable();
    serials.sort_unstable();
    assert_eq!(sent.len(), serials.len(), "in a tenth more than the shortest time");
    assert_eq!(sent, serials, "each once");
    let spills = bench.read::<Delayed>(Ring::ALL.map(Topic::delay)).len();
    assert!(spills < 3 * BULK / 2, "each is spilled about once: {spills} writes");
}

#[test]
fn a_bulk_alone_that_fits_the_hold_is_never_spilled() {
    let mut bench = Bench::new(vec![Vendor { tps: 500, ..vendor("kt") }]);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(bench.settings.hold_records, Lane::Mass, "kt", "bulk");
    bench.run(1_000, 10);
    assert!(bench.delayed().is_empty(), "nobody waits behind it");
}

#[test]
fn two_bulks_share_the_rate() {
    let mut bench = Bench::new(vec![Vendor { tps: 500, ..vendor("kt") }]).with_delay();
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(10_000, Lane::Mass, "kt", "first");
    bench.send(10_000, Lane::Mass, "kt", "second");
    bench.run(5_000, 10);
    let of = |customer: &str| bench.seen().iter().filter(|s| s.customer == customer).count();
    let (first, second) = (of("first"), of("second"));
    assert!(first + second >= 1_900, "{first} + {second}");
    assert!(first.abs_diff(second) <= 400, "{first} and {second}: apart only while the second was not yet seen");
}

#[test]
fn many_small_customers_go_in_the_order_of_their_coming() {
    let mut bench = Bench::new(vec![Vendor { tps: 500, ..vendor("kt") }]);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    for n in 0..4_000 {
        bench.send(1, Lane::Mass, "kt", &format!("shop {n}"));
    }
    bench.run(5_000, 10);
    assert!(bench.delayed().is_empty(), "nobody has more than his part");
    assert!(bench.seen().len() >= 1_900);
}

#[test]
fn a_full_hold_is_read_on_slowly_while_answers_are_to_come_and_not_at_all_after_a_second() {
    let hands = Vendor { max_in_flight: 10, ..vendor("kt") };
    let mut bench = Bench::new(vec![hands]);
    bench.settings = SenderSettings { hold_records: 100, ..bench.settings };
    bench.script(silent);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    for n in 0..1_000 {
        bench.send(1, Lane::Mass, "kt", &format!("customer-{n}"));
    }
    let held = |bench: &Bench| bench.senders[0].hold.records();
    bench.turns();
    let full = held(&bench);
    assert!(full >= 100, "{full}");
    bench.advance(POLL_MS);
    assert_eq!(held(&bench), full + 1);
    bench.run(2_000, POLL_MS);
    let shut = held(&bench);
    assert!((full + 2..=full + 1_000 / POLL_MS as usize).contains(&shut), "{shut}");
    bench.run(2_000, POLL_MS);
    assert_eq!(held(&bench), shut);
    // Each answer lets another one leave.
    let asked = bench.seen();
    bench.say(0, &asked, &code("1000"));
    bench.turns();
    assert_eq!((bench.seen().len(), held(&bench)), (2 * asked.len(), shut - asked.len()));
}
