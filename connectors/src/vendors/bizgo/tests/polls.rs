//! Polls of reports: how often they come.

use super::{Bench, DEALER, Nobody, PATIENCE, serve};
use crate::vendors::testing::{Server, answer};
use processors::ports::Receipts;
use std::{
    io::Write,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

/// A batch whenever it is asked.
const BATCH: &str = r#"{"common":{"authCode":"A000","authResult":"Success"},"data":{"code":"A000","result":"Success","data":{"reportId":"r1","report":[{"msgKey":"k","reportCode":"10000","ref":"S-0R"}]}}}"#;

#[test]
fn polls_and_acknowledgements_of_two_processes_stay_within_what_the_vendor_allows() {
    const CALLS: usize = 12;
    let (called, calls) = mpsc::channel();
    let server = Server::doing(move |stream, _| {
        let _ = called.send(Instant::now());
        let _ = stream.write_all(answer("200 OK", "", BATCH).as_bytes());
    });
    let process = |part: f64| {
        let bench = Bench::of(&DEALER, &server.url);
        bench.vendors.clone().sharing(Arc::new(move |_| part)).receipts(Box::new(Nobody), serve()).unwrap()
    };
    let mut processes: Vec<Box<dyn Receipts>> = vec![process(0.5), process(0.5)];
    let (mut times, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while times.len() < CALLS {
        for receipts in &mut processes {
            receipts.take(Duration::from_millis(10), &mut Vec::new());
            receipts.confirm();
        }
        times.extend(calls.try_iter());
        assert!(Instant::now() < deadline, "{} calls", times.len());
    }
    // Two begin together; after that five come a second. A tenth is left to the machine's clock and threads.
    let took = times[CALLS - 1] - times[0];
    let least = Duration::from_millis(200) * (CALLS as u32 - 2);
    assert!(took >= least * 9 / 10, "{CALLS} calls within {took:?}, not {least:?}");
}
