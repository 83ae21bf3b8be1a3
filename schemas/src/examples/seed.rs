//! The constants that the examples share with the reference data of demo and tests: one customer, all it registered.

use crate::records::{Channel, MessageType};
use crate::words::Family;

/// The customer.
pub const USERNAME: &str = "hanbit-shop";
/// Its service key.
pub const SERVICE_KEY: &str = "IMSDEMO0SERVICEKEY0000000000000000000001";
/// Its Kakao sender profile.
pub const SENDER_KEY: &str = "5f0c2b7e9d1a4c3e8b6f7a0d2c4e6f8091a3b5c7";
/// Its registered sender numbers: a landline, and the number of its customer centre.
pub const SENDER_NUMBERS: [&str; 2] = ["0212345678", "15881234"];
/// Its free opt-out number, and how texts show it.
pub const OPT_OUT_NUMBER: &str = "0801234567";
/// [`OPT_OUT_NUMBER`] as it stands in texts.
pub const OPT_OUT_SHOWN: &str = "080-123-4567";
/// Its RCS chat room (chatbot id).
pub const CHATBOT_ID: &str = "0237001234";
/// Its email sender address.
pub const FROM_EMAIL: &str = "no-reply@hanbit.example";
/// A push token as FCM issues them.
pub const PUSH_TOKEN: &str =
    "dK8fJ2mQTxu0vN5cRw7yLa:APA91bH3kT9zQm4Xv2Lr8sYpW6nEoJc1uFbGd5iKa7hRtM0xVqZyN3wPlCeSjUfBgOvIkDmA2rT6sH8nXyQ4";
/// A user of its app whose tokens it registered.
pub const APP_USER_ID: &str = "hanbit-user-20394";
/// Tokens of this user, the newest first.
pub const USER_TOKENS: [&str; 2] = [
    "cB7pQ1xWSk2tHn0eVz5mRj:APA91bF8gUy3Lw6KdTq9oZsXc4NvJr2MhPi7aEbYl5GtCk1WfOuD0xRz",
    "eT4kZ9bPQm6aXs1fVh8wGn:APA91bC2rWv7Yq0JdLx5NzKt3FoUi8MgHe6SbPa1RcTl9EkDwQjXy4Z",
];
/// Keys of the files it uploaded: an MMS image, an email attachment.
pub const FILE_KEYS: [&str; 2] = ["FILE20260311BIRTHDAY01", "FILE20260311STATEMENT01"];
/// Timestamp of the example requests: 2026-03-11T10:30:00.120+09:00. At this time all of them are valid.
pub const NOW_MS: i64 = 1_773_192_600_120;

/// A template that the customer registered and that is approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// Its code; for RCS the messagebase id.
    pub code: &'static str,
    /// Channel that it is for.
    pub channel: Channel,
    /// Type that it is for.
    pub message_type: MessageType,
    /// Its text with `#{name}` where a value goes; None where the messagebase leaves the text free.
    pub message: Option<&'static str>,
    /// It carries authentication codes: its messages may claim AUTH.
    pub auth: bool,
}

/// All templates of the examples.
pub const TEMPLATES: &[Template] = &[
    Template {
        code: "ORDER_DONE_01",
        channel: Channel::At,
        message_type: MessageType::At,
        message: Some(
            "[한빛상점] 주문이 완료되었습니다.\n\n#{name}님, 주문해 주셔서 감사합니다.\n\n▶ 주문번호: #{order_no}\n\
             ▶ 상품명: #{item}\n▶ 결제금액: #{amount}원\n\n배송이 시작되면 다시 알려 드리겠습니다.",
        ),
        auth: false,
    },
    Template {
        code: "AUTH_OTP_01",
        channel: Channel::At,
        message_type: MessageType::At,
        message: Some("[한빛상점] 인증번호는 #{code}입니다.\n3분 안에 입력해 주세요. 누구에게도 알려 주지 마세요."),
        auth: true,
    },
    Template {
        code: "RESERVE_DONE_01",
        channel: Channel::At,
        message_type: MessageType::At,
        message: Some(
            "[한빛상점] #{name}님의 방문 수령 예약을 알려 드립니다. 준비가 끝나면 매장에서 바로 받으실 수 있습니다.",
        ),
        auth: false,
    },
    Template {
        code: "SHIP_START_01",
        channel: Channel::At,
        message_type: MessageType::Ai,
        message: Some(
            "[한빛상점] 배송이 시작되었습니다.\n\n#{name}님의 상품을 보내 드렸습니다.\n\n▶ 택배사: #{carrier}\n\
             ▶ 운송장번호: #{waybill}",
        ),
        auth: false,
    },
    Template {
        code: "UBR.HANBIT-ORDER01",
        channel: Channel::Rc,
        message_type: MessageType::Rcstmpl,
        message: Some("주문번호 #{order_no}의 결제가 완료되었습니다."),
        auth: false,
    },
    messagebase("SS000000", MessageType::Rcssms),
    messagebase("SL000000", MessageType::Rcslms),
    messagebase("SMwThM00", MessageType::Rcsmms),
];

const fn messagebase(code: &'static str, message_type: MessageType) -> Template {
    Template { code, channel: Channel::Rc, message_type, message: None, auth: false }
}

/// A vendor for each send family, as the examples name them.
pub const fn vendor(family: Family) -> &'static str {
    match family {
        Family::At | Family::Ft | Family::Bt => "talk-one",
        Family::Sms | Family::Lms | Family::Mms => "text-one",
        Family::Rcs => "rcs-one",
        Family::Push => "fcm",
        Family::Email => "smtp",
    }
}
