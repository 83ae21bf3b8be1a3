//! The few calls of librdkafka that the rdkafka crate does not wrap.
#![allow(unsafe_code)]

use crate::log::Headers;
use bytes::Bytes;
use rdkafka::{
    TopicPartitionList,
    bindings::{
        rd_kafka_consumer_group_metadata, rd_kafka_consumer_group_metadata_destroy,
        rd_kafka_consumer_group_metadata_generation_id, rd_kafka_consumer_group_metadata_member_id,
        rd_kafka_event_destroy, rd_kafka_event_log, rd_kafka_flush, rd_kafka_get_watermark_offsets,
        rd_kafka_header_cnt, rd_kafka_header_get_all, rd_kafka_message_headers, rd_kafka_queue_destroy,
        rd_kafka_queue_new, rd_kafka_queue_poll, rd_kafka_queue_t, rd_kafka_set_log_queue,
    },
    client::{Client, ClientContext},
    config::RDKafkaLogLevel,
    error::RDKafkaErrorCode,
    message::BorrowedMessage,
    types::RDKafkaRespErr,
};
use std::{
    ffi::{CStr, CString, c_void},
    ptr, slice,
    time::Duration,
};

/// Who a consumer is in its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Counts the group's assignments.
    pub generation: i32,
    /// Given by the broker, new with each joining.
    pub member: String,
}

impl Membership {
    /// Whether the broker would check it: a commit without a member passes into an empty group.
    pub fn is_real(&self) -> bool {
        self.generation >= 0 && !self.member.is_empty()
    }
}

/// Who this consumer is now. None when it has no group.
pub fn membership<C: ClientContext>(client: &Client<C>) -> Option<Membership> {
    // SAFETY: the client outlives the call; the metadata is ours until it is destroyed, and its member id is a C
    // string that lives as long as it.
    unsafe {
        let metadata = rd_kafka_consumer_group_metadata(client.native_ptr());
        if metadata.is_null() {
            return None;
        }
        let generation = rd_kafka_consumer_group_metadata_generation_id(metadata);
        let member = rd_kafka_consumer_group_metadata_member_id(metadata);
        let member =
            if member.is_null() { String::new() } else { CStr::from_ptr(member).to_string_lossy().into_owned() };
        rd_kafka_consumer_group_metadata_destroy(metadata);
        Some(Membership { generation, member })
    }
}

/// Waits until everything handed to a producer is acknowledged or has failed; false when the time was too short.
///
/// The crate's own flush looks every 100 ms; this one wakes with the last acknowledgement, and lets nothing linger.
/// Failures are events that the caller must poll for, or the count never falls to zero.
pub fn flush<C: ClientContext>(client: &Client<C>, within: Duration) -> bool {
    // SAFETY: the client outlives the call.
    let code = unsafe { rd_kafka_flush(client.native_ptr(), within.as_millis() as i32) };
    code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
}

/// The offset after the last record that all in-sync replicas have, those of open transactions too, as of the last fetch;
/// None before one.
pub fn high_watermark<C: ClientContext>(client: &Client<C>, topic: &str, partition: i32) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client outlives the call, which writes the two numbers and keeps no pointer.
    let code =
        unsafe { rd_kafka_get_watermark_offsets(client.native_ptr(), topic.as_ptr(), partition, &mut low, &mut high) };
    (code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// Where the lines of a consumer wait to be heard: beside its records, so that they are heard without taking one.
pub struct Lines(*mut rd_kafka_queue_t);

// SAFETY: librdkafka's queues may be used from any thread.
unsafe impl Send for Lines {}
// SAFETY: as before.
unsafe impl Sync for Lines {}

impl Lines {
    /// The lines of this client from now on. To be dropped before it.
    pub fn of<C: ClientContext>(client: &Client<C>) -> Self {
        // SAFETY: the client outlives both calls. It keeps a hold of its own on the queue that it is given.
        unsafe {
            let queue = rd_kafka_queue_new(client.native_ptr());
            rd_kafka_set_log_queue(client.native_ptr(), queue);
            Self(queue)
        }
    }

    /// Tells the client's context what waits. A line that says what happened before an answer waits when that is here.
    pub fn hear<C: ClientContext>(&self, client: &Client<C>) {
        loop {
            // SAFETY: the queue is there until the drop; an event is ours until it is destroyed, and its texts are C
            // strings that live as long as it. No other events come to this queue.
            unsafe {
                let event = rd_kafka_queue_poll(self.0, 0);
                if event.is_null() {
                    return;
                }
                let (mut facility, mut line, mut level) = (ptr::null(), ptr::null(), 0);
                if rd_kafka_event_log(event, &mut facility, &mut line, &mut level) == 0 {
                    let text = |at| CStr::from_ptr(at).to_string_lossy();
                    client.context().log(level_of(level), &text(facility), &text(line));
                }
                rd_kafka_event_destroy(event);
            }
        }
    }
}

/// syslog's levels.
fn level_of(level: i32) -> RDKafkaLogLevel {
    use RDKafkaLogLevel as Level;
    match level {
        ..=2 => Level::Critical,
        3 => Level::Error,
        4 => Level::Warning,
        5 => Level::Notice,
        6 => Level::Info,
        7.. => Level::Debug,
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // SAFETY: it is ours, and not used again.
        unsafe { rd_kafka_queue_destroy(self.0) }
    }
}

/// An entry of a list of partitions.
#[derive(Debug)]
pub struct Entry {
    /// Name on the cluster.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset; negative ones are words: none is committed.
    pub offset: i64,
    /// What was committed beside it. Whoever else wrote it need not have kept to UTF-8.
    pub metadata: String,
    /// What the broker says about this partition alone.
    pub error: Option<RDKafkaErrorCode>,
}

/// The entries of a list. The crate's own way to metadata panics on bytes that are not UTF-8.
pub fn entries(list: &TopicPartitionList) -> Vec<Entry> {
    // SAFETY: the list is borrowed for the whole call and holds `cnt` entries; topic is a C string, metadata is
    // `metadata_size` bytes or null.
    unsafe {
        let list = &*list.ptr();
        let count = usize::try_from(list.cnt).unwrap_or(0);
        let raw = if count == 0 { &[] } else { slice::from_raw_parts(list.elems, count) };
        raw.iter()
            .map(|entry| Entry {
                topic: CStr::from_ptr(entry.topic).to_string_lossy().into_owned(),
                partition: entry.partition,
                offset: entry.offset,
                metadata: String::from_utf8_lossy(bytes_at(entry.metadata, entry.metadata_size)).into_owned(),
                error: (entry.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| entry.err.into()),
            })
            .collect()
    }
}

/// The headers of a consumed record. The crate's own way panics on names that are not UTF-8, which anybody may write.
pub fn headers(message: &BorrowedMessage<'_>) -> Headers {
    let mut list = ptr::null_mut();
    let mut found = Headers::new();
    // SAFETY: the message is borrowed for the whole call; the list belongs to it; name is a C string and value is
    // `size` bytes or null, both as long as the list lives.
    unsafe {
        if rd_kafka_message_headers(message.ptr(), &mut list) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return found;
        }
        let count = rd_kafka_header_cnt(list);
        found.reserve_exact(count);
        for index in 0..count {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            let code = rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut size);
            if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                break;
            }
            let name = CStr::from_ptr(name).to_string_lossy().into_owned();
            found.push((name, Bytes::copy_from_slice(bytes_at(value, size))));
        }
    }
    found
}

/// # Safety
/// `at` is null or points to `size` bytes that live and do not change for `'a`.
unsafe fn bytes_at<'a>(at: *const c_void, size: usize) -> &'a [u8] {
    if at.is_null() || size == 0 {
        return &[];
    }
    // SAFETY: as the caller promised.
    unsafe { slice::from_raw_parts(at.cast(), size) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::{Offset, bindings::rd_kafka_mem_malloc};

    #[test]
    fn metadata_that_is_no_text_is_read_as_well_as_it_goes() {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("API-AUTH", 3, Offset::Offset(7)).unwrap();
        let bytes = [0xff, b'!'];
        // SAFETY: the list has one entry, and frees what it is given with the allocator that it comes from.
        unsafe {
            let entry = &mut *(*list.ptr()).elems;
            entry.metadata = rd_kafka_mem_malloc(ptr::null_mut(), bytes.len());
            ptr::copy_nonoverlapping(bytes.as_ptr(), entry.metadata.cast(), bytes.len());
            entry.metadata_size = bytes.len();
        }
        let [entry] = &entries(&list)[..] else { panic!("one entry") };
        assert_eq!((entry.topic.as_str(), entry.partition, entry.offset), ("API-AUTH", 3, 7));
        assert_eq!(entry.metadata, "\u{fffd}!");
        assert_eq!(entries(&TopicPartitionList::new()).len(), 0);
    }
}
