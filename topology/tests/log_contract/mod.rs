//! What every log must keep, whoever implements it: sentences over `&dyn Log`, run on the log in process and on Kafka.
//!
//! A test file names its fixture once, and each sentence becomes a test of its own:
//!
//! ```ignore
//! mod log_contract;
//! log_contract::contract!(KafkaFixture::shared());
//! ```
//!
//! Nothing sleeps: what must come is polled for, up to the fixture's patience.

pub mod groups;
pub mod member;
pub mod reading;
pub mod transactions;

use schemas::Topic;
use std::time::{Duration, Instant};
use topology::log::{Log, Outgoing};

/// What a log brings along to be tested.
pub trait Fixture: Sync {
    /// The log.
    fn log(&self) -> &dyn Log;

    /// An empty topic of so many partitions, with log-append timestamps, that no other test touches.
    fn topic(&self, partitions: i32) -> Topic;

    /// The name of a stream that no other test uses; its group stands at the start of every partition of `sources`.
    fn group(&self, sources: &[Topic]) -> String;

    /// Makes the next commit of this stream fail before it takes effect, in a way that rewinds: a fenced producer.
    fn fail_next_commit(&self, group: &str);

    /// After this long without a sign of life a member has lost its partitions.
    fn session(&self) -> Duration;

    /// Longest wait for anything that must come; longer than a session.
    fn patience(&self) -> Duration;
}

/// Makes a test of each sentence of the contract. `$fixture` is evaluated once per test.
macro_rules! contract {
    ($fixture:expr) => {
        $crate::log_contract::contract! { $fixture;
            transactions::{
                both_or_neither_become_visible,
                a_rewound_commit_gives_an_assignment_at_the_committed_offsets,
                a_member_that_lost_its_session_commits_nothing,
                a_position_outside_the_assignment_is_a_stop,
                offset_metadata_comes_back,
                metadata_of_4097_is_refused,
                of_a_mark_and_a_commit_the_later_one_counts,
                keys_land_where_java_puts_them,
            }
            groups::{
                a_new_member_takes_over_only_after_release,
                what_is_committed_before_release_is_not_read_again,
                nothing_is_read_between_revoking_and_release,
                nothing_is_committed_after_release,
                a_commit_that_fails_while_partitions_go_is_told_and_then_that_they_go,
                partitions_go_after_a_commit_that_failed,
                one_member_owns_the_same_partition_of_every_source,
                leave_hands_over_at_once,
                a_new_assignment_has_nothing_paused,
                a_partition_that_comes_back_is_not_paused,
                a_member_that_is_in_touch_is_confirmed,
            }
            reading::{
                records_come_in_order_and_within_limits,
                a_waiting_poll_wakes_for_a_record,
                tombstones_and_headers_come_back,
                a_paused_partition_gives_nothing_and_goes_on_after_resume,
                what_is_paused_as_it_is_assigned_is_read_from_its_position_after_resume,
                seek_reads_again,
                a_sink_reads_from_where_it_seeks,
                lag_counts_what_is_not_read,
                a_reader_sees_committed_records_only,
                a_reader_reads_exactly_the_range,
                offset_at_finds_the_first_record_of_a_time,
            }
        }
    };
    ($fixture:expr; $($chapter:ident::{ $($sentence:ident,)+ })+) => {
        $($(
            #[test]
            fn $sentence() {
                let fixture = $fixture;
                $crate::log_contract::$chapter::$sentence(&fixture);
            }
        )+)+
    };
}
pub(crate) use contract;

/// The end of a bounded wait.
pub struct Deadline {
    at: Instant,
    what: &'static str,
}

impl Deadline {
    /// As far off as the fixture's patience reaches.
    pub fn of(fixture: &dyn Fixture, what: &'static str) -> Self {
        Self { at: Instant::now() + fixture.patience(), what }
    }

    /// Ends the test when the wait was too long.
    #[track_caller]
    pub fn check(&self) {
        assert!(Instant::now() < self.at, "gave up waiting: {}", self.what);
    }
}

/// A record with a value, placed by hand.
pub fn outgoing(topic: Topic, partition: i32, value: &str) -> Outgoing {
    Outgoing { topic, partition: Some(partition), key: None, value: Some(value.to_owned().into()), headers: vec![] }
}

/// Appends values to a partition outside of any transaction, so that offsets have no gaps.
pub fn append(fixture: &dyn Fixture, topic: Topic, partition: i32, values: &[&str]) {
    let records: Vec<Outgoing> = values.iter().map(|value| outgoing(topic, partition, value)).collect();
    fixture.log().producer().unwrap().append(&records).unwrap();
}

/// The committed values of a partition, from its start.
pub fn committed(fixture: &dyn Fixture, topic: Topic, partition: i32) -> Vec<String> {
    let place = topology::log::Place { topic, partition };
    let mut reader = fixture.log().reader().unwrap();
    let (start, end) = reader.bounds(place).unwrap();
    let mut values = Vec::new();
    reader.read(place, start, end, &mut |record| values.push(member::text(&record))).unwrap();
    values
}
