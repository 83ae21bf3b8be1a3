//! Carriers on their bad days: what has left, what has not, and what becomes of the others.

use super::{Bench, Nobody, centre::Centre, code, long, serve, smpp, text, until};
use crate::testing::Lines;
use crate::vendors::{
    ids::{Ids, MemoryMessageIds},
    smpp::{Access, Reception, SmppSettings},
};
use processors::ports::{Away, Half, Meeting, MessageIds, Reply, Request};
use std::{
    net::{Ipv4Addr, TcpListener},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

fn status(status: u32) -> Reply {
    let centre = Centre::doing(move |line, submit, _| line.refuse(submit, status));
    Bench::new(&centre.url).reply(text("T1-0R", "a"))
}

#[test]
fn a_refusal_is_its_code_and_too_much_is_a_pause() {
    for refused in [0x01, 0x08, 0x0A, 0x0B, 0x45, 0x58 + 0x400] {
        assert_eq!(code(&status(refused)), format!("0x{refused:08X}"));
    }
    for throttled in [0x14, 0x58] {
        assert_eq!(status(throttled), Reply::Throttled(Duration::from_millis(50)));
    }
}

#[test]
fn nothing_has_left_without_a_connection() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let mut bench = Bench::new(&format!("smpp://{nobody}"));
    for _ in 0..2 {
        let reply = bench.reply(text("T1-0R", "a"));
        assert!(matches!(&reply, Reply::NotSent(_)), "{reply:?}");
    }
    // It takes connections and says nothing.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("smpp://{}", silent.local_addr().unwrap());
    let reply = Bench::with(&url, 600, smpp()).reply(text("T1-0R", "a"));
    assert!(matches!(&reply, Reply::NotSent(_)), "{reply:?}");
}

#[test]
fn a_carrier_that_does_not_let_us_in_says_so_and_is_not_asked_by_each_message() {
    let centre = Centre::binding(|_| 0x0E, |_, _, _| {});
    let mut bench = Bench::new(&centre.url);
    (0..20).for_each(|ticket| bench.submit(ticket, text("T1-0R", "a")));
    assert!(bench.all(20).iter().all(|answer| code(&answer.reply) == "0x0000000E"));
    assert_eq!((centre.seen(9).len(), centre.submits().len()), (1, 0));
    assert_eq!(centre.seen(9)[0].body, b"ims\0secret\0\0\x34\0\0\0");
}

#[test]
fn a_refused_bind_of_receipts_is_told_once_for_each_cause_and_once_that_it_is_over() {
    let binds = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&binds);
    let centre = Centre::binding(
        move |_: &super::centre::Pdu| [0x0D, 0x0D, 0x0F, 0x0F, 0x00][counted.fetch_add(1, Ordering::SeqCst).min(4)],
        |_, _, _| {},
    );
    let (_password, key_file) = super::file("secret\n");
    let settings = crate::vendors::VendorSettings { key_file, ..Default::default() };
    let reception = Reception {
        vendor: Arc::new(super::vendor(&centre.url, 5_000)),
        access: Access::open("carrier", &settings, &smpp()).unwrap(),
        ids: Arc::new(Ids::new(Box::<MemoryMessageIds>::default(), Arc::new(super::Then))),
        clock: Arc::new(super::Then),
    };
    let lines = Lines::of("vendors::smpp");
    let _guard = tracing::subscriber::set_default(lines.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let told = || lines.told();
    runtime.block_on(async {
        let receiving = tokio::spawn(reception.run(std::sync::mpsc::channel().0));
        let deadline = Instant::now() + super::PATIENCE;
        while !told().iter().any(|line| line.contains("bound again")) {
            assert!(Instant::now() < deadline, "{:?}", told());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        receiving.abort();
    });
    let told = told();
    assert_eq!(binds.load(Ordering::SeqCst), 5);
    let of = |part: &str| told.iter().filter(|line| line.contains(part)).count();
    assert_eq!(
        (of("no receipts come"), of("0x0000000D"), of("0x0000000F"), of("bound again")),
        (2, 1, 1, 1),
        "{told:?}"
    );
}

#[test]
fn it_is_asked_again_after_a_while() {
    let binds = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&binds);
    let refusing = move |_: &super::centre::Pdu| if counted.fetch_add(1, Ordering::SeqCst) == 0 { 0x0D } else { 0 };
    let centre = Centre::binding(refusing, |line, submit, _| line.accept(submit, "id"));
    let mut bench = Bench::new(&centre.url);
    until("never let in", || code(&bench.reply(text("T1-0R", "a"))) == "0x00000000");
    assert_eq!(binds.load(Ordering::SeqCst), 2);
}

#[test]
fn what_left_before_the_connection_was_cut_is_in_doubt() {
    let centre = Centre::doing(|line, _, number| {
        if number == 3 {
            line.cut();
        }
    });
    let mut bench = Bench::new(&centre.url);
    (0..3).for_each(|ticket| bench.submit(ticket, text(&format!("T{ticket}-0R"), "a")));
    let answers = bench.all(3);
    assert!(answers.iter().all(|answer| matches!(answer.reply, Reply::NoAnswer(_))), "{answers:?}");
    assert_eq!(centre.submits().len(), 3, "none was sent twice");
}

#[test]
fn a_carrier_that_does_not_answer_leaves_a_doubt_and_the_others_alone() {
    let centre = Centre::doing(|line, submit, number| {
        if number != 1 {
            line.accept(submit, "id");
        }
    });
    let mut bench = Bench::with(&centre.url, 400, SmppSettings { window: 1, ..smpp() });
    let first = bench.reply(text("T1-0R", "a"));
    assert!(matches!(&first, Reply::NoAnswer(_)), "{first:?}");
    assert_eq!(code(&bench.reply(text("T2-0R", "a"))), "0x00000000", "the window is free again");
}

#[test]
fn a_connection_that_the_carrier_left_is_replaced_unseen() {
    let centre = Centre::kind();
    let mut bench = Bench::new(&centre.url);
    for leave in [true, false] {
        assert_eq!(code(&bench.reply(text("T1-0R", "a"))), "0x00000000");
        let line = centre.lines()[0].clone();
        if leave {
            line.write(6, 0, 9, &[]);
            until("its leave is not answered", || !centre.seen(0x8000_0006).is_empty());
        } else {
            line.cut();
        }
        until("the connection stays", || centre.lines().is_empty());
    }
    until("no other connection", || {
        let reply = bench.reply(text("T2-0R", "a"));
        assert!(!matches!(&reply, Reply::NotSent(_)), "{reply:?}");
        matches!(&reply, Reply::Code { .. })
    });
}

#[test]
fn the_window_is_never_exceeded() {
    let open = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, highest) = (Arc::clone(&open), Arc::clone(&most));
    let centre = Centre::doing(move |line, submit, number| {
        let held = now.fetch_add(1, Ordering::SeqCst) + 1;
        highest.fetch_max(held, Ordering::SeqCst);
        let (line, submit, now) = (line.clone(), submit.clone(), Arc::clone(&now));
        std::thread::spawn(move || {
            std::thread::park_timeout(Duration::from_millis(20));
            now.fetch_sub(1, Ordering::SeqCst);
            line.accept(&submit, &format!("id-{number}"));
        });
    });
    let mut bench = Bench::with(&centre.url, 20_000, SmppSettings { window: 4, ..smpp() });
    (0..60).for_each(|ticket| bench.submit(ticket, text(&format!("T{ticket}-0R"), "a")));
    let answers = bench.all(60);
    assert!(answers.iter().all(|answer| code(&answer.reply) == "0x00000000"));
    assert_eq!(most.load(Ordering::SeqCst), 4);
}

#[test]
fn a_refused_first_part_keeps_the_others_here() {
    let centre = Centre::doing(|line, submit, _| line.refuse(submit, 0x0B));
    assert_eq!(code(&Bench::new(&centre.url).reply(long("T1-0R"))), "0x0000000B");
    assert_eq!(centre.submits().len(), 1);
}

#[test]
fn a_throttled_part_is_brought_again_and_a_refused_one_leaves_a_doubt() {
    let throttling = Centre::doing(|line, submit, number| match number {
        2 => line.refuse(submit, 0x58),
        _ => line.accept(submit, &format!("id-{number}")),
    });
    assert_eq!(code(&Bench::new(&throttling.url).reply(long("T1-0R"))), "0x00000000");
    let mut numbers: Vec<u8> = throttling.submits().iter().map(|pdu| pdu.submit().short[5]).collect();
    numbers.sort_unstable();
    assert_eq!((numbers.len(), numbers[0], numbers[3]), (4, 1, 3));

    let refusing = Centre::doing(|line, submit, number| match number {
        2 => line.refuse(submit, 0x0B),
        _ => line.accept(submit, &format!("id-{number}")),
    });
    let reply = Bench::new(&refusing.url).reply(long("T1-0R"));
    assert!(matches!(&reply, Reply::NoAnswer(_)), "{reply:?}");
}

#[test]
fn both_sides_ask_whether_the_other_is_there() {
    let centre = Centre::kind();
    let mut bench = Bench::with(&centre.url, 5_000, SmppSettings { enquire_link_s: 1, ..smpp() });
    bench.reply(text("T1-0R", "a"));
    centre.lines()[0].write(0x15, 0, 77, &[]);
    until("our answer", || centre.seen(0x8000_0015).iter().any(|pdu| pdu.sequence == 77));
    until("our question", || !centre.seen(0x15).is_empty());
}

#[test]
fn each_lane_is_bound_apart_and_takes_its_leave_at_the_end() {
    let centre = Centre::kind();
    let mut bench = Bench::with(&centre.url, 5_000, SmppSettings { separate_binds: true, ..smpp() });
    let receipts = bench.receipts();
    until("nobody receives", || centre.seen(1).len() == 1);
    bench.reply(text("T1-0A", "a"));
    let mut auth = bench.provider.replace(bench.vendors.provider(Box::new(super::Nobody)));
    bench.reply(text("T2-0M", "a"));
    assert_eq!((centre.seen(2).len(), centre.seen(9).len()), (2, 0));
    drop((auth.take(), bench.provider.take()));
    until("both are unbound when their senders have ended", || centre.seen(6).len() == 2);
    drop(receipts);
    until("the third", || centre.lines().is_empty());
}

#[test]
fn ten_thousand_go_through_a_window_of_a_hundred() {
    let centre = Centre::kind();
    let mut bench = Bench::with(&centre.url, 60_000, SmppSettings { window: 100, ..smpp() });
    let begun = Instant::now();
    (0..10_000).for_each(|ticket| bench.submit(ticket, text(&format!("T{ticket}-0R"), "a")));
    let mut tickets: Vec<u64> = bench.all(10_000).into_iter().map(|answer| answer.ticket).collect();
    tickets.sort_unstable();
    assert!(tickets.into_iter().eq(0..10_000), "each is answered once");
    tracing::info!(took = ?begun.elapsed(), "ten thousand submits");
}

/// A store of ids that makes this program panic.
struct Panics;

impl MessageIds for Panics {
    fn meet(&mut self, _: &[Meeting], _: i64) -> Result<Vec<Option<Half>>, Away> {
        panic!("on purpose")
    }
}

#[test]
fn who_sends_and_who_takes_receipts_end_with_the_store_of_ids() {
    let centre = Centre::kind();
    let bench = Bench::new(&centre.url);
    let vendors = bench.vendors.clone().matching(Box::new(Panics));
    let mut receipts = vendors.receipts(Box::new(Nobody), serve()).unwrap();
    let mut provider = vendors.provider(Box::new(Nobody));
    let dispatch = Arc::new(text("T1-0R", "a"));
    provider.submit(Request { ticket: 1, dispatch, vendor: Arc::clone(&bench.vendor) });
    let panics = |work: &mut dyn FnMut()| catch_unwind(AssertUnwindSafe(work)).is_err();
    until("who sends goes on", || panics(&mut || provider.answers(Duration::ZERO, &mut Vec::new())));
    until("who takes receipts goes on", || panics(&mut || receipts.take(Duration::ZERO, &mut Vec::new())));
}
