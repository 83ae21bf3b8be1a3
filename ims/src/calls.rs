//! A call of a customer's endpoint as it is told, to its customer and to operators alike.

use crate::moment::iso;
use connectors::analysis::Call;
use serde::Serialize;
use utoipa::ToSchema;

/// One call for a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CallbackCall)]
pub struct CallTold {
    /// When it ended.
    pub at: String,
    /// When it left; null when that was lost with its process.
    #[schema(required = true)]
    pub sent_at: Option<String>,
    /// How long it took, milliseconds.
    #[schema(required = true)]
    pub took_ms: Option<i64>,
    /// Where it went: scheme, host and port; null when that is not known.
    #[schema(required = true)]
    pub endpoint: Option<String>,
    /// Which call, from 1; a replay begins anew.
    pub attempt: i32,
    /// The status that the endpoint answered.
    #[schema(required = true)]
    pub status: Option<u16>,
    /// Why there is none: forbidden_address, unresolved, unreachable, broken, timed_out, lost.
    #[schema(required = true)]
    pub failure: Option<String>,
    /// What followed: told, the customer knows; again, it is called once more; given_up, that was the last call; disabled,
    /// the endpoint is called no more.
    pub outcome: String,
    /// When it is called again, at the earliest.
    #[schema(required = true)]
    pub next_at: Option<String>,
    /// The replay that asked for it; null for what is told by itself.
    #[schema(required = true)]
    pub replay: Option<String>,
}

impl From<Call> for CallTold {
    fn from(call: Call) -> Self {
        let Call { endpoint, attempt, code, sent_at, at, outcome, next_at, replay, .. } = call;
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        let status = code.parse().ok();
        Self {
            at: iso(at),
            sent_at: sent_at.map(iso),
            took_ms: sent_at.map(|sent_at| (at - sent_at).max(0)),
            endpoint: said(endpoint),
            attempt,
            failure: status.is_none().then_some(code),
            status,
            outcome,
            next_at: next_at.map(iso),
            replay: said(replay),
        }
    }
}
