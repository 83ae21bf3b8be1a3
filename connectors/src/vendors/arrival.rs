//! Until when a message may reach its recipient.

use processors::night::Night;
use schemas::{Accepted, Dispatch, Family};

/// Unix milliseconds: its end, or the beginning of a night that it may not come in. What waits at a vendor for a device that
/// is off must not come later. Now, when the night has begun since the sender looked.
pub fn until_ms(dispatch: &Dispatch, night: &Night, now_ms: i64) -> i64 {
    let Accepted { channel, message_type, ad, night_agreed, expires_at, .. } = &dispatch.accepted;
    let family = Family::of(*channel, *message_type);
    if night.until(family, *ad, *night_agreed, now_ms).is_some() {
        return now_ms.min(*expires_at);
    }
    let night_ms = night.last_allowed(family, *ad, *night_agreed, now_ms);
    night_ms.map_or(*expires_at, |night_ms| night_ms.min(*expires_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Channel, MessageType};

    /// 2026-03-11T20:58:00+09:00
    const EVENING_MS: i64 = 1_773_230_280_000;
    const THREE_DAYS_MS: i64 = 3 * 86_400_000;

    fn until(channel: Channel, ad: bool, night_agreed: bool, lives_ms: i64, after_ms: i64) -> i64 {
        let accepted = Accepted {
            channel,
            message_type: if channel == Channel::Em { MessageType::Em } else { MessageType::Sms },
            ad,
            night_agreed,
            expires_at: EVENING_MS + lives_ms,
            ..Accepted::default()
        };
        let dispatch = Dispatch { accepted, ..Dispatch::default() };
        until_ms(&dispatch, &Night::default(), EVENING_MS + after_ms) - EVENING_MS
    }

    #[test]
    fn an_ad_arrives_before_the_night_that_it_may_not_come_in() {
        assert_eq!(until(Channel::Mt, true, false, THREE_DAYS_MS, 0), 119_999, "the last moment before nine");
        assert_eq!(until(Channel::Mt, true, false, 60_000, 0), 60_000, "it ends before");
        assert_eq!(until(Channel::Mt, true, true, THREE_DAYS_MS, 0), THREE_DAYS_MS);
        assert_eq!(until(Channel::Mt, false, false, THREE_DAYS_MS, 0), THREE_DAYS_MS);
        assert_eq!(until(Channel::Em, true, false, THREE_DAYS_MS, 0), THREE_DAYS_MS, "mail has no night");
    }

    #[test]
    fn an_ad_that_meets_the_night_on_its_way_out_is_tried_no_longer() {
        assert_eq!(until(Channel::Mt, true, false, THREE_DAYS_MS, 120_001), 120_001, "not until the next evening");
    }
}
