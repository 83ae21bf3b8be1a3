//! A step for each kind of vendor.

use crate::vendors::push::testing::{APPLES, GOOGLES, NOW_MS, push};
use schemas::{Accepted, Channel, Dispatch, Lane, MessageType};

/// A step that goes to this vendor.
pub(super) fn step(vendor: &str) -> Dispatch {
    let mut dispatch = match vendor {
        "google" => push(&[GOOGLES]),
        "apple" => push(&[APPLES]),
        "relay" => {
            let mut accepted = Accepted { channel: Channel::Em, message_type: MessageType::Em, ..Accepted::default() };
            accepted.recipient.to = Some("haneul.kim@mail.example".into());
            accepted.content.from_email = Some("no-reply@hanbit.example".into());
            accepted.content.title = Some("Order".into());
            accepted.content.message = Some("Your order is ready.".into());
            Dispatch { attempt: 1, accepted, ..Dispatch::default() }
        }
        _ => {
            let (channel, message_type) = match vendor {
                "dealer" | "talk-dealer" => (Channel::At, MessageType::At),
                "rcs-dealer" => (Channel::Rc, MessageType::Rcslms),
                _ => (Channel::Mt, MessageType::Sms),
            };
            let mut accepted = Accepted { channel, message_type, ..Accepted::default() };
            accepted.recipient.country_code = Some("82".into());
            accepted.recipient.phone_number = Some("1012345678".into());
            let content = &mut accepted.content;
            content.callback = Some(if vendor == "rcs-dealer" { "0237001234" } else { "0212345678" }.into());
            content.message = Some("Your order is ready.".into());
            content.template_code = Some("ORDER_01".into());
            match vendor {
                "dealer" | "talk-dealer" => content.sender_key = Some("p".repeat(40)),
                _ => content.title = Some("Order".into()),
            }
            Dispatch { attempt: 1, accepted, ..Dispatch::default() }
        }
    };
    dispatch.accepted.expires_at = NOW_MS + 3_600_000;
    let routed = Dispatch { routed_at: NOW_MS, priority: Lane::Realtime, vendor: vendor.to_owned(), ..dispatch };
    Dispatch { serial_number: format!("{vendor}-0R"), ..routed }
}
