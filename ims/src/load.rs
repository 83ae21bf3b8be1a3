//! A realistic mixed load: every channel and lane, templates, ads, many receivers, scheduled messages, fallbacks, and
//! the mistakes that customers make. The same seed gives the same load.

use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use schemas::{Lane, SendRequest, examples};

/// A request, its lane, and how many messages it asks for.
pub struct Wanted {
    /// The API topic.
    pub lane: Lane,
    /// The request.
    pub request: SendRequest,
}

impl Wanted {
    /// Receivers of the request.
    pub fn messages(&self) -> usize {
        self.request.receiver_list.len().max(1)
    }
}

/// What a day's traffic is made of: example, lane, share in a thousand.
const MIX: &[(&str, u32)] = &[
    ("at", 270),
    ("at_otp", 60),
    ("sms_otp", 40),
    ("at_items", 30),
    ("ai", 40),
    ("ft", 20),
    ("fi", 10),
    ("fw", 10),
    ("bt_text", 30),
    ("bt_image", 15),
    ("bt_wide", 10),
    ("bt_wide_item_list", 10),
    ("bt_carousel_feed", 10),
    ("bt_premium_video", 5),
    ("bt_commerce", 10),
    ("bt_carousel_commerce", 5),
    ("bt_catalog", 5),
    ("sms", 80),
    ("sms_many", 5),
    ("lms", 60),
    ("lms_ad", 60),
    ("lms_scheduled", 15),
    ("mms", 20),
    ("rcssms", 20),
    ("rcslms", 15),
    ("rcsmms", 10),
    ("rcstmpl", 15),
    ("push", 60),
    ("push_ad", 20),
    ("email", 30),
    ("email_ad", 10),
];

const NAMES: &[&str] =
    &["김하늘", "이도윤", "박서연", "최민준", "정예준", "한지민", "오세훈", "윤가온", "강다온", "임하람"];

/// Receivers of the requests for many.
const MANY: usize = 100;
/// Of a thousand requests: mistakes, and ids that were used before.
const MISTAKES: u32 = 15;
const REPEATED: u32 = 8;

/// Makes requests for as many messages as are wanted.
pub struct Load {
    random: SmallRng,
    now_ms: i64,
    left: usize,
    number: u32,
    last: Option<(Lane, SendRequest)>,
}

impl Load {
    /// A load of `messages`, asked for at `now_ms`.
    pub fn new(seed: u64, messages: usize, now_ms: i64) -> Self {
        Self { random: SmallRng::seed_from_u64(seed), now_ms, left: messages, number: 0, last: None }
    }

    fn example(&mut self) -> &'static str {
        let total: u32 = MIX.iter().map(|(_, share)| share).sum();
        let mut at = self.random.random_range(0..total);
        for (name, share) in MIX {
            match at.checked_sub(*share) {
                Some(rest) => at = rest,
                None => return name,
            }
        }
        MIX[0].0
    }

    fn phone(&mut self) -> String {
        format!("010{:08}", self.random.random_range(20_000_000..99_999_999))
    }

    fn fresh(&mut self, name: &'static str) -> (Lane, SendRequest) {
        let mut request = examples::request(name);
        let lane = examples::REQUESTS.iter().find(|e| e.name == name).map_or(Lane::Realtime, |e| e.lane);
        request.message_id = format!("D{:07}", self.number);
        if request.phone_number.is_some() {
            request.phone_number = Some(self.phone());
        }
        if let Some(who) = request.mapping.get_mut("name") {
            *who = (*NAMES.choose(&mut self.random).unwrap_or(&NAMES[0])).to_owned();
        }
        if request.send_at.is_some() {
            request.send_at = Some(self.now_ms + self.random.random_range(2_000..6_000));
            request.expires_at = Some(self.now_ms + 3_600_000);
        }
        if let Some(first) = request.receiver_list.first().cloned() {
            request.receiver_list = (0..MANY.min(self.left.max(1)))
                .map(|_| schemas::Receiver { message_id: None, phone_number: Some(self.phone()), ..first.clone() })
                .collect();
        }
        (lane, request)
    }

    /// One of the mistakes that customers make.
    fn spoil(&mut self, request: &mut SendRequest) {
        match self.random.random_range(0..6) {
            0 => request.service_key = "X".repeat(40),
            1 => request.message_type = "FAX".to_owned(),
            2 => request.message = Some("가".repeat(30_000)),
            3 => request.message_id = "가나다라".repeat(9),
            4 => request.send_at = Some(self.now_ms + 90 * 24 * 3_600_000),
            _ => request.expires_at = Some(self.now_ms - 3_600_000),
        }
    }
}

impl Iterator for Load {
    type Item = Wanted;

    fn next(&mut self) -> Option<Wanted> {
        if self.left == 0 {
            return None;
        }
        self.number += 1;
        let chance = self.random.random_range(0..1_000);
        let (lane, request) = match &self.last {
            Some(last) if chance < REPEATED => last.clone(),
            _ => {
                let name = self.example();
                let (lane, mut request) = self.fresh(name);
                if (REPEATED..REPEATED + MISTAKES).contains(&chance) {
                    self.spoil(&mut request);
                }
                (lane, request)
            }
        };
        self.last = Some((lane, request.clone()));
        let wanted = Wanted { lane, request };
        self.left = self.left.saturating_sub(wanted.messages());
        Some(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_asks_for_exactly_as_many_messages_as_wanted_and_repeats_itself() {
        let count = |seed| Load::new(seed, 20_000, 0).map(|w| w.messages()).sum::<usize>();
        assert_eq!(count(1), 20_000);
        let ids =
            |seed| Load::new(seed, 500, 0).map(|w| (w.request.message_id, w.request.phone_number)).collect::<Vec<_>>();
        assert_eq!(ids(7), ids(7));
        assert_ne!(ids(7), ids(8));
    }

    #[test]
    fn every_example_stands_in_the_mix() {
        for example in examples::REQUESTS {
            assert!(MIX.iter().any(|(name, share)| *name == example.name && *share > 0), "{}", example.name);
        }
    }
}
