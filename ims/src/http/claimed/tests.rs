use super::*;
use crate::http::{
    asking::AWAY_MS,
    tests::{Moved, PATIENCE},
};
use crossbeam_channel::bounded;
use processors::ports::{Away, Claim};
use schemas::{Api, Lane};
use std::sync::Mutex;

/// Of each id its number holds it, and every look is noted. Waits, if it may, before it answers.
struct Numbers {
    looks: Arc<Mutex<Vec<usize>>>,
    wait: Option<Receiver<()>>,
}

fn track(number: u64) -> TrackId {
    TrackId::new(1, Api { cluster: 0, lane: Lane::Mass, partition: 0, offset: number, receiver: 0 })
}

impl Claims for Numbers {
    fn claim(&mut self, _: &[Claim], _: i64) -> Result<Vec<Option<TrackId>>, Away> {
        panic!("a look claims nothing")
    }

    fn holders(&mut self, asked: &[MessageName], _: i64) -> Result<Vec<Option<TrackId>>, Away> {
        self.looks.lock().unwrap().push(asked.len());
        if let Some(wait) = &self.wait {
            // A test that has ended lets all go.
            let _ = wait.recv();
        }
        Ok(asked.iter().map(|name| name.message_id.parse().ok().map(track)).collect())
    }
}

fn claimed(wait: Option<Receiver<()>>) -> (Claimed, Arc<Mutex<Vec<usize>>>, Arc<Moved>) {
    let (looks, clock) = (Arc::default(), Arc::new(Moved::at(0)));
    let claims = Numbers { looks: Arc::clone(&looks), wait };
    (Claimed::start(Some(Box::new(claims)), clock.clone()).unwrap(), looks, clock)
}

#[tokio::test]
async fn each_is_told_of_its_own_ids_and_those_who_wait_share_a_look() {
    let (go_on, wait) = bounded(2);
    let (claimed, looks, _) = claimed(Some(wait));
    let seen = async {
        while looks.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let ask = |ids: &[&str]| claimed.holders("k", ids.iter().map(|id| (*id).to_owned()).collect());
    let others = async {
        tokio::time::timeout(PATIENCE, seen).await.unwrap();
        // Asked in this order: the look that is under way ends after both are waiting.
        let go_on = async { (0..2).for_each(|_| go_on.send(()).unwrap()) };
        tokio::join!(ask(&["2", "none", "3"]), ask(&["4"]), go_on)
    };
    let (one, (two, three, _)) = tokio::join!(ask(&["1"]), others);
    assert_eq!((one, three), (vec![Some(track(1))], vec![Some(track(4))]));
    assert_eq!(two, [Some(track(2)), None, Some(track(3))]);
    assert_eq!(*looks.lock().unwrap(), [1, 4]);
}

#[tokio::test]
async fn a_look_that_takes_long_is_not_waited_for_and_nobody_looks_for_a_while() {
    let (go_on, wait) = bounded(2);
    let (claimed, looks, clock) = claimed(Some(wait));
    assert_eq!(claimed.holder("k", "1").await, None);
    clock.move_to(AWAY_MS - 1);
    assert_eq!(claimed.holder("k", "2").await, None);
    assert_eq!(looks.lock().unwrap().len(), 1, "it was not asked again");
    (0..2).for_each(|_| go_on.send(()).unwrap());
    clock.move_to(AWAY_MS);
    assert_eq!(claimed.holder("k", "3").await, Some(track(3)));
}

#[tokio::test]
async fn where_no_claims_can_be_seen_nobody_holds_anything() {
    let claimed = Claimed::start(None, Arc::new(Moved::at(0))).unwrap();
    assert_eq!(claimed.holders("k", vec!["1".into(), "2".into()]).await, [None, None]);
}
