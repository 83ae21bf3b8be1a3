//! The engine: what turns a stream of records and a decision into transactions.

mod account;
mod decode;
mod gate;
mod guard;
mod lag;
mod letter;
mod outputs;
mod pace;
mod runtime;
mod sink;
pub mod status;
mod step;
mod turn;
mod worker;

pub use account::{ACCOUNT_HEADER, Account};
pub use decode::Decoder;
pub use gate::Gate;
pub(crate) use guard::guarded;
pub use guard::{at_a_store, guard};
pub use lag::{LagGauge, unread};
pub use letter::CUT_HEADER;
pub use outputs::{Headline, ORIGIN_HEADER, Outputs, REASON_HEADER, came_back, open_account, origin_of, track_id};
pub use pace::Pace;
pub use runtime::Runtime;
pub use sink::SinkWorker;
pub use status::Restored;
pub use step::{BatchLimits, Step, StepWorker};
pub use turn::{TurnError, settle};
pub use worker::{Halt, Progress, Worker};
