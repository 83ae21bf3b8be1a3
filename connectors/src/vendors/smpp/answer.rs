//! What a command_status means.

use processors::{
    codes::{Class, Handling, judge},
    ports::Reply,
    reference::CodeTable,
};
use std::time::Duration;

/// ESME_ROK
pub const OK: u32 = 0x00;
/// ESME_RINVBNDSTS
const NOT_BOUND: u32 = 0x04;
/// ESME_RMSGQFUL
pub const QUEUE_FULL: u32 = 0x14;
/// ESME_RTHROTTLED
pub const THROTTLED: u32 = 0x58;
/// ESME_RX_T_APPN: bring it again later.
pub const LATER: u32 = 0x64;

/// What came of a submit. `pause`: how long a sender waits that has sent too much.
pub fn reply(status: u32, pause: Duration) -> Reply {
    match status {
        QUEUE_FULL | THROTTLED => Reply::Throttled(pause),
        status => code(status),
    }
}

/// A status as the carrier's answer.
pub fn code(status: u32) -> Reply {
    let code = format!("0x{status:08X}");
    let text = judge(CodeTable::Smpp, &code).meaning.to_owned();
    Reply::Code { code, text }
}

/// Whether the carrier has it.
pub fn is_taken(reply: &Reply) -> bool {
    matches!(reply, Reply::Code { code, .. } if judge(CodeTable::Smpp, code).class == Class::Done)
}

/// Whether the connection is of no more use.
pub fn is_unbound(status: u32) -> bool {
    status == NOT_BOUND
}

/// Whether another password may help.
pub fn wants_credential(status: u32) -> bool {
    let Reply::Code { code, .. } = code(status) else { return false };
    judge(CodeTable::Smpp, &code).handling == Handling::LockedOut
}
