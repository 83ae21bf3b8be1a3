//! The states of what somebody must approve: templates, sender numbers, sender profiles; and who may move them.

use crate::{
    reference::Approval,
    refusal::{Code, Refusal},
    rules::field::Field,
};

/// Moves a state as an operator says. Registering and changing by a customer begin at `requested`.
///
/// | from \ to | approved | rejected | stopped | dormant |
/// |---|---|---|---|---|
/// | requested | inspected | inspected | – | – |
/// | approved | – | – | stopped | unused for a year |
/// | rejected | – | – | – | – |
/// | stopped | goes on | – | – | – |
/// | dormant | woken | – | stopped | – |
///
/// What was rejected is changed by its customer, and inspected again.
pub fn moved(at: &Field<'_>, from: Approval, to: Approval) -> Result<Approval, Refusal> {
    use Approval::{Approved, Dormant, Rejected, Requested, Stopped};
    let next: &[Approval] = match from {
        Requested => &[Approved, Rejected],
        Approved => &[Stopped, Dormant],
        Rejected => &[],
        Stopped => &[Approved],
        Dormant => &[Approved, Stopped],
    };
    // Who says it twice is not wrong.
    if from == to || next.contains(&to) {
        return Ok(to);
    }
    let words: Vec<&str> = next.iter().map(|state| word(*state)).collect();
    let allowed = if words.is_empty() { "only its customer's change".to_owned() } else { words.join(" or ") };
    Err(Refusal::new(Code::WrongState, at, format_args!("after {} comes {allowed}, not {}", word(from), word(to))))
}

/// The word of a state.
pub const fn word(state: Approval) -> &'static str {
    match state {
        Approval::Requested => "requested",
        Approval::Approved => "approved",
        Approval::Rejected => "rejected",
        Approval::Stopped => "stopped",
        Approval::Dormant => "dormant",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::field::top;

    #[test]
    fn a_state_moves_along_its_table_and_not_otherwise() {
        use Approval::*;
        let all = [Requested, Approved, Rejected, Stopped, Dormant];
        let legal = [
            (Requested, Approved),
            (Requested, Rejected),
            (Approved, Stopped),
            (Approved, Dormant),
            (Stopped, Approved),
            (Dormant, Approved),
            (Dormant, Stopped),
        ];
        for (from, to) in all.into_iter().flat_map(|from| all.map(|to| (from, to))) {
            let allowed = from == to || legal.contains(&(from, to));
            assert_eq!(moved(&top("state"), from, to).is_ok(), allowed, "{from:?} to {to:?}");
            assert_eq!(serde_json::to_value(from).unwrap(), word(from));
        }
        let refused = moved(&top("state"), Rejected, Approved).unwrap_err();
        assert_eq!(refused.message, "state: after rejected comes only its customer's change, not approved");
    }
}
