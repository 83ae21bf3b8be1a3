//! Requests that unfold to much more than they are: transactions stay small enough to end in time.

use super::stage::Stage;
use schemas::{Accepted, Channel, Lane, Receiver, Topic, examples};
use std::{collections::BTreeSet, time::Duration};
use topology::{
    engine::{Progress, Worker},
    graph::{Role, chain},
    log::memory::{Call, When},
};

/// A mail of half a megabyte to so many, all in one partition.
fn mails(stage: &Stage, id: &str, receivers: usize) {
    let mut request = examples::request("email");
    (request.message_id, request.to, request.html) = (id.to_owned(), None, None);
    request.mapping = [("name".to_owned(), "하늘".to_owned())].into();
    request.message = Some("a".repeat(500_000));
    let receiver = |i| Receiver { to: Some(format!("receiver-{i}@mail.example")), ..Receiver::default() };
    request.receiver_list = (0..receivers).map(receiver).collect();
    stage.driver.append(Topic::api(Lane::Mass), "newsletter", &request).unwrap();
}

/// What every turn of the worker brought into RECV, until it finds nothing to do.
fn transactions(stage: &Stage, worker: &mut dyn Worker) -> Vec<usize> {
    let topic = Topic::recv(Channel::Em, Lane::Mass);
    let count = || stage.driver.records(topic).unwrap().len();
    let (mut brought, mut before) = (Vec::new(), count());
    while worker.turn(Duration::ZERO).unwrap() == Progress::Worked {
        let after = count();
        brought.extend((after > before).then_some(after - before));
        before = after;
    }
    brought
}

#[test]
fn a_batch_that_unfolds_too_far_leaves_in_several_transactions_and_all_of_it_once() {
    let mut stage = Stage::perfect();
    stage.driver.kill(Role::Ingest);
    let workers = stage.driver.parts().workers(&chain().unwrap(), &[Role::Ingest]).unwrap();
    let mut ingest = workers.into_iter().find(|worker| worker.name() == "ingest-MASS").unwrap();
    assert_eq!(transactions(&stage, &mut *ingest), [0; 0]);
    (0..3).for_each(|nth| mails(&stage, &format!("before-{nth}"), 10));
    mails(&stage, "over", 140);
    (0..3).for_each(|nth| mails(&stage, &format!("behind-{nth}"), 10));
    stage.driver.faults().fail("ingest-MASS", Call::Commit, 2, When::Before);
    // Each is 5 MB: the fourth passes 16 MiB. The commit that fails is the second, and what comes again is the rest alone.
    assert_eq!(transactions(&stage, &mut *ingest), [40, 20]);
    let accepted: Vec<Accepted> = stage.driver.decoded([Topic::recv(Channel::Em, Lane::Mass)]).unwrap();
    let ids: BTreeSet<_> = accepted.iter().map(|accepted| &accepted.track_id).collect();
    assert_eq!((accepted.len(), ids.len()), (60, 60));
    assert!(accepted.iter().all(|accepted| !accepted.message_id.starts_with("over")));
    let reports = stage.reports();
    assert_eq!(reports.len(), 140, "each receiver of the one that is too large");
    for report in reports {
        assert!(
            report.message_id.starts_with("over-") && report.code == "1400",
            "{} {}",
            report.message_id,
            report.code
        );
        assert!(report.message.starts_with("receiver_list: got 700"), "{}", report.message);
    }
    let balance = stage.balance();
    assert_eq!((balance.requested, balance.accepted, balance.rejected, &*balance.wrong), (200, 60, 140, &[][..]));
}
