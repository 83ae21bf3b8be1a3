//! What waits for its call: a queue for each endpoint, so that none stands before another.

use super::CallbackSettings;
use crate::log::Place;
use processors::{
    callback::{Batch, Endpoint, Failure, LONGEST_REST_MS, Reply},
    rest::rests,
};
use rustc_hash::FxHashMap;
use schemas::Callback;
use std::{collections::VecDeque, sync::Arc};

/// After so many failures one after the other an endpoint gets one call at a time: what hangs must not take the hands
/// of those that answer.
const FAILING: u32 = 5;
/// Held for such an endpoint at most.
const FAILING_HELD: usize = 8;
/// Replays that wait at an endpoint at most: a replay of a month takes no room from what happens today.
const REPLAYS_HELD: usize = 64;
/// What has not left after so long comes back out of DELAY: its partition's window moves on meanwhile, and with it the
/// reports of others.
const HELD_MS: i64 = 2_000;
/// Bytes of the records in one call: the record that waits for a retry must fit into 1 MB.
const CALL_BYTES: usize = 512 << 10;
/// Part of the newest answer in an endpoint's usual one.
const NEWEST: f64 = 0.2;

/// A record that was read and not called for.
#[derive(Debug, Clone)]
pub struct Held {
    /// Where it stands in the log.
    pub place: Place,
    /// Its offset there.
    pub offset: i64,
    /// Bytes of its value.
    pub bytes: usize,
    /// What is told.
    pub callback: Callback,
    /// Since when it waits, Unix milliseconds.
    pub since_ms: i64,
}

impl Held {
    fn is_replay(&self) -> bool {
        !self.callback.replay.is_empty()
    }
}

/// One endpoint's.
#[derive(Debug)]
pub struct Queue {
    /// Not called for yet: may go together with others.
    fresh: VecDeque<Held>,
    /// Called for before: each goes as it went.
    again: VecDeque<Held>,
    /// What an operator has told once more: each goes as it stands, when nothing else waits.
    replays: VecDeque<Held>,
    in_flight: usize,
    failures: u32,
    /// How long a call usually takes.
    answer_ms: f64,
    rest: Option<Rest>,
    /// When it was last heard to ask for one: what was sent until then tells nothing of how it is afterwards.
    asked_ms: i64,
}

/// An endpoint has asked for no call until then.
#[derive(Debug)]
struct Rest {
    of: Arc<Endpoint>,
    until_ms: i64,
}

impl Rest {
    fn goes_on(&self, now_ms: i64) -> bool {
        rests(self.until_ms, 2 * LONGEST_REST_MS, now_ms)
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            fresh: VecDeque::new(),
            again: VecDeque::new(),
            replays: VecDeque::new(),
            in_flight: 0,
            failures: 0,
            answer_ms: 100.0,
            rest: None,
            asked_ms: i64::MIN,
        }
    }
}

impl Queue {
    fn is_failing(&self) -> bool {
        self.failures >= FAILING
    }

    /// Calls that may be under way.
    fn hands(&self, settings: &CallbackSettings) -> usize {
        if self.is_failing() { 1 } else { settings.endpoint_in_flight }
    }

    /// Records that may wait; one endpoint's leave room for those of others.
    fn room(&self, settings: &CallbackSettings) -> usize {
        if self.is_failing() { FAILING_HELD } else { settings.hold_records / 2 }
    }

    /// Whether another record may wait. Replays take no room from what is none.
    fn has_room(&self, held: &Held, settings: &CallbackSettings) -> bool {
        let room = self.room(settings);
        if held.is_replay() {
            return self.replays.len() < REPLAYS_HELD && self.waiting() < room;
        }
        self.fresh.len() + self.again.len() < room
    }

    fn waiting(&self) -> usize {
        self.fresh.len() + self.again.len() + self.replays.len()
    }

    /// Where a record waits.
    fn place(&mut self, held: &Held) -> &mut VecDeque<Held> {
        match held {
            held if held.is_replay() => &mut self.replays,
            held if held.callback.failed > 0 => &mut self.again,
            _ => &mut self.fresh,
        }
    }

    /// Whether another call may leave.
    pub fn has_hands(&self, settings: &CallbackSettings) -> bool {
        self.in_flight < self.hands(settings)
    }

    /// A call leaves.
    pub fn left(&mut self) {
        self.in_flight += 1;
    }

    /// It did not leave after all.
    pub fn stayed(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// A call ended.
    pub fn ended(&mut self, reply: &Reply, sent_ms: i64, at_ms: i64) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.answer_ms += NEWEST * ((at_ms - sent_ms).max(1) as f64 - self.answer_ms);
        match reply {
            Reply::Status { status: 200..=299, .. } if sent_ms <= self.asked_ms => {}
            Reply::Status { status: 200..=299, .. } => self.failures = 0,
            Reply::Status { .. } | Reply::Failed(_) => self.failures = self.failures.saturating_add(1),
        }
        if matches!(reply, Reply::Failed(Failure::TimedOut)) {
            // Nobody knows how long it would have taken.
            self.failures = self.failures.max(FAILING);
        }
    }

    /// It wants no call until then. What waits goes on one by one: who asked for rest is not met by eight at once.
    pub fn rest(&mut self, of: &Arc<Endpoint>, now_ms: i64, until_ms: i64) {
        let until_ms = self.rest.as_ref().map_or(until_ms, |rest| rest.until_ms.max(until_ms));
        self.rest = Some(Rest { of: Arc::clone(of), until_ms });
        self.asked_ms = now_ms;
        self.failures = self.failures.max(FAILING);
    }

    /// Until when no call leaves. An endpoint that was set or enabled anew has said nothing yet.
    pub fn rests_until_ms(&mut self, endpoint: &Endpoint, now_ms: i64) -> Option<i64> {
        self.rest.take_if(|rest| !rest.goes_on(now_ms) || !rest.of.is_still(endpoint));
        self.rest.as_ref().map(|rest| rest.until_ms)
    }

    /// Whether it rests for longer than a record may wait in memory.
    pub fn rests_long(&mut self, endpoint: &Endpoint, now_ms: i64) -> bool {
        self.rests_until_ms(endpoint, now_ms).is_some_and(|until_ms| until_ms - now_ms > HELD_MS)
    }

    /// Reports that it takes a second.
    pub fn per_second(&self, settings: &CallbackSettings, batch: Option<Batch>) -> f64 {
        let reports = batch.map_or(1.0, |batch| f64::from(batch.reports));
        reports * self.hands(settings) as f64 * 1_000.0 / self.answer_ms
    }

    /// What goes in the next call, if one may leave now.
    pub fn next(&mut self, batch: Option<Batch>, now_ms: i64) -> Option<Vec<Held>> {
        if let Some(held) = self.again.pop_front() {
            return Some(vec![held]);
        }
        self.next_fresh(batch, now_ms).or_else(|| self.replays.pop_front().map(|held| vec![held]))
    }

    fn next_fresh(&mut self, batch: Option<Batch>, now_ms: i64) -> Option<Vec<Held>> {
        let Some(batch) = batch else { return self.fresh.pop_front().map(|held| vec![held]) };
        let mut bytes = 0;
        let fits = |held: &&Held| {
            bytes += held.bytes;
            bytes <= CALL_BYTES
        };
        let count = self.fresh.iter().take(batch.reports as usize).take_while(fits).count();
        let complete = count == batch.reports as usize || count < self.fresh.len();
        let oldest = self.fresh.front()?;
        if !complete && now_ms < due_ms(oldest, batch) {
            return None;
        }
        Some(self.fresh.drain(..count.max(1)).collect())
    }

    /// Takes what has waited for too long.
    pub fn take_late(&mut self, batch: Option<Batch>, now_ms: i64) -> Vec<Held> {
        let patience_ms = HELD_MS + batch.map_or(0, |batch| i64::from(batch.wait_ms));
        let is_late = |held: &Held| held.since_ms + patience_ms <= now_ms;
        let mut late = Vec::new();
        for waiting in [&mut self.again, &mut self.fresh, &mut self.replays] {
            let count = waiting.iter().take_while(|held| is_late(held)).count();
            late.extend(waiting.drain(..count));
        }
        late
    }

    /// Gives back what was taken and could not leave.
    pub fn give_back(&mut self, held: Held) {
        self.place(&held).push_front(held);
    }

    /// Takes everything.
    pub fn take_all(&mut self) -> Vec<Held> {
        self.again.drain(..).chain(self.fresh.drain(..)).chain(self.replays.drain(..)).collect()
    }
}

fn due_ms(held: &Held, batch: Batch) -> i64 {
    held.since_ms + i64::from(batch.wait_ms)
}

/// All endpoints' queues, by service key.
#[derive(Debug, Default)]
pub struct Queues {
    by_key: FxHashMap<String, Queue>,
    /// Whose turn is first.
    order: VecDeque<String>,
    records: usize,
}

/// A record that its queue has no room for.
pub struct Surplus {
    /// The record: the newest of whose queue is longest.
    pub held: Held,
    /// Reports a second that its endpoint takes.
    pub per_second: f64,
}

impl Queues {
    /// Lets a record wait; or says which one has to come back later instead.
    pub fn push(
        &mut self,
        key: &str,
        held: Held,
        batch: Option<Batch>,
        settings: &CallbackSettings,
    ) -> Option<Surplus> {
        let queue = self.queue(key);
        if !queue.has_room(&held, settings) {
            let per_second = queue.per_second(settings, batch);
            return Some(Surplus { held, per_second });
        }
        queue.place(&held).push_back(held);
        self.records += 1;
        if self.records > settings.hold_records { self.newest_of_the_longest(settings) } else { None }
    }

    fn newest_of_the_longest(&mut self, settings: &CallbackSettings) -> Option<Surplus> {
        let queue = self.by_key.values_mut().max_by_key(|queue| queue.waiting())?;
        let held = queue.replays.pop_back().or_else(|| queue.fresh.pop_back()).or_else(|| queue.again.pop_back())?;
        self.records -= 1;
        Some(Surplus { held, per_second: queue.per_second(settings, None) })
    }

    /// The service keys that have a queue, in the order of their turns; the first one's is over with this.
    pub fn turns(&mut self) -> Vec<String> {
        let keys = self.order.iter().cloned().collect();
        self.order.rotate_left(usize::from(!self.order.is_empty()));
        keys
    }

    /// The queue of a service key.
    pub fn queue(&mut self, key: &str) -> &mut Queue {
        if !self.by_key.contains_key(key) {
            self.order.push_back(key.to_owned());
        }
        self.by_key.entry(key.to_owned()).or_default()
    }

    /// So many were taken out of a queue, or given back.
    pub fn taken(&mut self, count: usize) {
        self.records = self.records.saturating_sub(count);
    }

    /// One was given back.
    pub fn given_back(&mut self) {
        self.records += 1;
    }

    /// Forgets queues in which nothing waits, nothing is under way, and nothing is wrong.
    pub fn forget_idle(&mut self) {
        let is_of_use =
            |queue: &Queue| queue.waiting() > 0 || queue.in_flight > 0 || queue.failures > 0 || queue.rest.is_some();
        self.by_key.retain(|_, queue| is_of_use(queue));
        if self.by_key.len() < self.order.len() {
            self.order.retain(|key| self.by_key.contains_key(key));
        }
    }

    /// Records that wait.
    pub fn records(&self) -> usize {
        self.records
    }

    /// Endpoints that rest at this time.
    pub fn resting(&self, now_ms: i64) -> usize {
        let rests = |queue: &&Queue| queue.rest.as_ref().is_some_and(|rest| rest.goes_on(now_ms));
        self.by_key.values().filter(rests).count()
    }

    /// When the first report that waits for others, or for the end of a rest, has waited enough; None: nothing waits.
    pub fn ripe_ms(&self, batch_of: impl Fn(&str) -> Option<Batch>) -> Option<i64> {
        let ripe = |(key, queue): (&String, &Queue)| {
            let rested = queue.rest.as_ref().filter(|_| queue.waiting() > 0).map(|rest| rest.until_ms);
            rested.or_else(|| Some(due_ms(queue.fresh.front()?, batch_of(key)?)))
        };
        self.by_key.iter().filter_map(ripe).min()
    }

    /// Drops what waits.
    pub fn clear_waiting(&mut self) {
        self.by_key.values_mut().for_each(|queue| drop(queue.take_all()));
        self.records = 0;
    }

    /// Drops what waits, and the calls under way, whose answers are of no use. What is known of endpoints stays.
    pub fn clear(&mut self) {
        self.clear_waiting();
        self.by_key.values_mut().for_each(|queue| queue.in_flight = 0);
        self.forget_idle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::Topic;

    const BATCH: Option<Batch> = Some(Batch { reports: 3, wait_ms: 1_000 });

    fn held(offset: i64, failed: i32) -> Held {
        let place = Place { topic: Topic::callback(), partition: 0 };
        let reports = vec![Default::default()];
        let callback = Callback { track_id: offset.to_string(), failed, reports, ..Callback::default() };
        Held { place, offset, bytes: 1_000, callback, since_ms: 0 }
    }

    fn queue(records: impl IntoIterator<Item = Held>) -> Queue {
        let mut queue = Queue::default();
        for held in records {
            queue.place(&held).push_back(held);
        }
        queue
    }

    /// One that a replay brings.
    fn replay(offset: i64, failed: i32) -> Held {
        let mut held = held(offset, failed);
        held.callback.replay = "R1".to_owned();
        held
    }

    fn offsets(call: Option<Vec<Held>>) -> Vec<i64> {
        call.unwrap_or_default().into_iter().map(|held| held.offset).collect()
    }

    #[test]
    fn what_was_called_for_before_goes_as_it_went_and_fresh_ones_fill_a_call() {
        let mut queue = queue([held(1, 0), held(2, 1), held(3, 0), held(4, 0), held(5, 0)]);
        assert_eq!(offsets(queue.next(BATCH, 0)), [2]);
        assert_eq!(offsets(queue.next(BATCH, 0)), [1, 3, 4]);
        assert!(queue.next(BATCH, 999).is_none(), "it waits for others");
        assert_eq!(offsets(queue.next(BATCH, 1_000)), [5]);
    }

    #[test]
    fn a_replay_goes_alone_and_after_everything_else_and_takes_no_room_from_it() {
        let mut queue = queue([replay(1, 0), held(2, 0), replay(3, 1), held(4, 1), held(5, 0), held(6, 0), held(7, 0)]);
        let order: Vec<_> = std::iter::from_fn(|| queue.next(BATCH, 0).map(|call| offsets(Some(call)))).collect();
        assert_eq!(order, [vec![4], vec![2, 5, 6], vec![1], vec![3]], "the last fresh one waits for others");
        let settings = CallbackSettings { hold_records: 1_000, ..CallbackSettings::default() };
        let mut queues = Queues::default();
        for offset in 0..500 {
            let surplus = queues.push("shop", replay(offset, 0), None, &settings).is_some();
            assert_eq!(surplus, offset >= REPLAYS_HELD as i64, "{offset}");
        }
        for offset in 0..500 {
            assert!(queues.push("shop", held(offset, 0), None, &settings).is_none(), "{offset}");
        }
        assert!(queues.push("shop", held(500, 0), None, &settings).is_some());
    }

    #[test]
    fn a_call_holds_no_more_than_a_waiting_record_may() {
        let large = |offset| Held { bytes: CALL_BYTES / 2, ..held(offset, 0) };
        let mut queue = queue([large(1), large(2), large(3)]);
        assert_eq!(offsets(queue.next(BATCH, 0)), [1, 2]);
        let mut huge = self::queue([Held { bytes: 2 * CALL_BYTES, ..held(1, 0) }, held(2, 0)]);
        assert_eq!(offsets(huge.next(BATCH, 0)), [1], "one goes, however large");
    }

    #[test]
    fn an_endpoint_that_fails_gets_one_call_at_a_time_until_it_answers() {
        let settings = CallbackSettings::default();
        let mut queue = Queue::default();
        (0..FAILING).for_each(|_| queue.ended(&Reply::Status { status: 500, retry_after: None }, 0, 1));
        assert_eq!((queue.hands(&settings), queue.room(&settings)), (1, FAILING_HELD));
        queue.ended(&Reply::Status { status: 200, retry_after: None }, 0, 1);
        assert_eq!(queue.hands(&settings), settings.endpoint_in_flight);
        queue.ended(&Reply::Failed(Failure::TimedOut), 0, 15_000);
        assert_eq!(queue.hands(&settings), 1, "one that hangs costs most");
    }

    #[test]
    fn an_endpoint_rests_as_long_as_it_asked_unless_it_is_set_anew() {
        let at = |uri: &str| Arc::new(endpoint(uri));
        let (shop, settings) = (at("https://shop.example/"), CallbackSettings::default());
        let mut queues = Queues::default();
        assert!(queues.push("shop", held(1, 0), None, &settings).is_none());
        let queue = queues.queue("shop");
        assert_eq!((queue.rests_until_ms(&shop, 0), queue.rests_long(&shop, 0)), (None, false));
        queue.rest(&shop, 5, 60_000);
        queue.rest(&shop, 6, 30_000);
        assert_eq!(queue.rests_until_ms(&shop, 0), Some(60_000), "the longest counts");
        assert!(queue.rests_long(&shop, 0) && !queue.rests_long(&shop, 60_000 - HELD_MS));
        // An answer to a call of before ends neither it nor what comes after it.
        let success = Reply::Status { status: 200, retry_after: None };
        queue.ended(&success, 6, 7);
        assert_eq!(queue.hands(&settings), 1);
        assert_eq!((queues.resting(0), queues.ripe_ms(|_| None)), (1, Some(60_000)), "the worker wakes for it");
        assert_eq!(queues.queue("shop").take_all().len(), 1);
        queues.forget_idle();
        assert_eq!((queues.queue("shop").rests_until_ms(&shop, 59_999), queues.resting(60_000)), (Some(60_000), 0));
        assert_eq!(queues.queue("shop").rests_until_ms(&at("https://shop.example/2"), 0), None);
        queues.queue("shop").rest(&shop, 7, 60_000);
        assert_eq!(queues.queue("shop").rests_until_ms(&shop, 60_000), None);
        queues.queue("shop").ended(&success, 7, 60_001);
        assert_eq!(queues.queue("shop").hands(&settings), 1, "it is asked with one call");
        queues.queue("shop").ended(&success, 60_000, 60_002);
        assert_eq!(queues.queue("shop").hands(&settings), settings.endpoint_in_flight, "until one succeeds");
    }

    fn endpoint(uri: &str) -> Endpoint {
        let key = processors::reference::ServiceKey {
            key: "shop".into(),
            callback_uri: Some(uri.into()),
            callback_secrets: vec![format!("whsec_{}", "A".repeat(32)).try_into().unwrap()],
            ..Default::default()
        };
        Endpoint::of(&key).unwrap().unwrap()
    }

    #[test]
    fn a_full_hold_gives_up_the_newest_of_whose_queue_is_longest() {
        let settings = CallbackSettings { hold_records: 10, ..CallbackSettings::default() };
        let mut queues = Queues::default();
        for offset in 0..5 {
            assert!(queues.push("bulk", held(offset, 0), None, &settings).is_none());
        }
        let surplus = queues.push("bulk", held(5, 0), None, &settings).map(|surplus| surplus.held.offset);
        assert_eq!(surplus, Some(5), "half of the hold is for others");
        for offset in 10..15 {
            let key = format!("shop {offset}");
            assert!(queues.push(&key, held(offset, 0), None, &settings).is_none());
        }
        let surplus = queues.push("shop", held(20, 0), None, &settings).map(|surplus| surplus.held.offset);
        assert_eq!((surplus, queues.records()), (Some(4), 10));
    }

    #[test]
    fn what_waits_for_too_long_comes_back_later() {
        let mut queue = queue([held(1, 0), held(2, 1), Held { since_ms: 500, ..held(3, 0) }]);
        assert!(queue.take_late(None, HELD_MS - 1).is_empty());
        assert_eq!(offsets(Some(queue.take_late(None, HELD_MS))), [2, 1]);
        assert!(queue.take_late(BATCH, HELD_MS + 1_000).is_empty(), "the wait for others does not count");
    }
}
