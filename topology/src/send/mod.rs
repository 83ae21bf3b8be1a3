//! The senders: they take dispatches, keep the vendors' limits and the customers' turns, launch requests, and note in
//! the log what became of each.

mod allowance;
mod hold;
pub mod metrics;
mod receipts;
mod sender;
mod settings;
mod window;
mod windows;

pub use allowance::{Admission, Allowance, Aside, How, Slot, Stands};
pub use hold::{Held, Hold, Returns, Turns};
pub use processors::breaker::BreakerSettings;
pub use receipts::{ReceiptsWorker, UNMATCHED, Unmatched};
use schemas::{Family, Topic, topics::Kind};
pub(crate) use sender::Since;
pub use sender::{Sender, SenderParts};
pub use settings::SenderSettings;
pub use window::{CAPACITY, Mark, NotAWindow, Window};
pub(crate) use windows::Windows;

/// The family of a SEND topic, of all or of a routing group.
pub(crate) fn family_of(topic: Topic) -> Option<Family> {
    match topic.kind() {
        Kind::Send(family, _) | Kind::Group(family, _) => Some(family),
        _ => None,
    }
}
