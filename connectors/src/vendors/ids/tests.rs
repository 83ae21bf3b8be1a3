//! What both stores of ids promise.

use super::{MemoryMessageIds, RedisMessageIds};
use crate::redis::testing;
use processors::ports::{Half, Meeting, MessageIds};
use std::time::Duration;

fn sent(serial_number: &str, last: bool) -> Half {
    Half::Sent { serial_number: serial_number.into(), last }
}

fn reported(code: &str, at_ms: i64) -> Half {
    Half::Reported { code: code.into(), at_ms }
}

fn meeting(vendor: &str, id: &str, half: Half) -> Meeting {
    Meeting { vendor: vendor.into(), message_id: id.into(), half, kept: Duration::from_secs(60) }
}

fn keep_their_promises(ids: &mut dyn MessageIds) {
    let mut meet = |meetings: &[Meeting]| ids.meet(meetings, 0).unwrap();
    let of = |id: &str, half: Half| meeting("carrier", id, half);
    let (first, part) = (sent("T1-0R", true), sent("T2-0R", false));
    assert_eq!(meet(&[of("1", first.clone()), of("2", part.clone())]), [None, None]);
    // Twice, and out of order.
    let both = [of("2", reported("UNDELIV.001", 5)), of("1", reported("DELIVRD.000", 6))];
    for _ in 0..2 {
        assert_eq!(meet(&both), [Some(part.clone()), Some(first.clone())]);
    }
    // Before its answer: the first of two is told, once.
    let early = reported("DELIVRD.000", 7);
    assert_eq!(meet(&[of("3", early.clone()), of("3", reported("UNDELIV.001", 8))]), [None, None]);
    assert_eq!(meet(&[of("3", first.clone())]), [Some(early)]);
    assert_eq!(meet(&[of("3", first.clone())]), [None]);
    assert_eq!(meet(&[of("3", reported("UNDELIV.001", 9))]), [Some(first.clone())]);
    // The same id of another carrier is another message.
    assert_eq!(meet(&[meeting("other", "1", reported("DELIVRD", 1))]), [None]);
    assert_eq!(meet(&[of("1", reported("DELIVRD", 1))]), [Some(first)]);
}

#[test]
fn both_halves_meet_whichever_comes_first() {
    keep_their_promises(&mut MemoryMessageIds::default());
}

#[test]
fn processes_that_share_a_redis_know_each_others_messages() {
    let Some(settings) = testing::server() else { return };
    let deployment = testing::deployment();
    let open = |deployment: &str| RedisMessageIds::new(settings.clone(), deployment);
    keep_their_promises(&mut open(&deployment));
    let known = open(&deployment).meet(&[meeting("carrier", "2", reported("DELIVRD", 1))], 0).unwrap();
    assert_eq!(known, [Some(sent("T2-0R", false))], "another process");
    let foreign = open(&testing::deployment()).meet(&[meeting("carrier", "2", reported("DELIVRD", 1))], 0).unwrap();
    assert_eq!(foreign, [None], "another deployment");
}

#[test]
fn an_id_is_forgotten_after_its_time() {
    let mut ids = MemoryMessageIds::default();
    ids.meet(&[meeting("carrier", "1", sent("T1-0R", true))], 0).unwrap();
    let late = meeting("carrier", "1", reported("DELIVRD", 1));
    assert_eq!(ids.meet(std::slice::from_ref(&late), 59_999).unwrap(), [Some(sent("T1-0R", true))]);
    assert_eq!(ids.meet(&[late], 60_000).unwrap(), [None]);
}
