//! How far a request of many receivers may unfold: each gets a copy of what it says, with its template and its values.

use crate::refusal::Refusal;
use crate::rules::field::top;
use schemas::Lane;

/// Most bytes of the texts that a request unfolds to, its receivers together; and of its messages with the push tokens that
/// are found for its users. They leave ingest in one transaction, with
/// up to 16 MiB before them: in the 12 s that it may last, a broker that takes 7 MB/s is quick enough. That of AUTH
/// may last 4 s and has each message twice, in RECV and in SEND.
pub const fn unfolded_bytes(lane: Lane) -> usize {
    match lane {
        Lane::Auth => 8 << 20,
        Lane::Realtime | Lane::Mass | Lane::Ad => 64 << 20,
    }
}

/// What a request has unfolded to so far.
pub struct Unfolded {
    most: usize,
    count: usize,
    /// Bytes that are said to each receiver before anything is added.
    each: usize,
    made: usize,
    bytes: usize,
    /// Why none of its messages is accepted, as soon as they are too large together.
    pub refusal: Option<Refusal>,
}

impl Unfolded {
    /// For a lane and a count of receivers; `each` is what is said to every one before anything is added, bytes. Nothing
    /// needs to be made of what is too large already.
    pub fn new(lane: Lane, count: usize, each: usize) -> Self {
        let mut this = Self { most: unfolded_bytes(lane), count, each, made: 0, bytes: 0, refusal: None };
        this.hold(count, count.saturating_mul(each));
        this
    }

    /// One more was made, to which its template and its values added bytes.
    pub fn add(&mut self, added: usize) {
        self.made += 1;
        self.bytes += self.each + added;
        self.hold(self.made, self.bytes);
    }

    fn hold(&mut self, made: usize, bytes: usize) {
        if bytes > self.most {
            let Self { count, most, .. } = self;
            let reason = format_args!(
                "got {bytes} bytes in {made} of {count} messages, at most {most} together: send several requests"
            );
            self.refusal = Some(Refusal::bad(&top("receiver_list"), reason));
        }
    }
}
