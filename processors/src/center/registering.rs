//! Registering a template of KakaoTalk at the dealer that brings it to Kakao: what is due next follows from what stands
//! there alone, so that a repeated call, a lost answer or a process that died in between does no harm (docs/adr/0036).

/// How far a template is at its dealer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inspection {
    /// It stands there, and nobody was asked to inspect it.
    Registered,
    /// It is being inspected.
    Requested,
    /// Kakao takes it.
    Approved,
    /// Kakao does not take it as it is.
    Rejected,
}

impl Inspection {
    /// The word of it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// A template as it stands at its dealer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// How far it is.
    pub inspection: Inspection,
    /// Whether it says there what it says here.
    pub same: bool,
    /// What was said of its inspection.
    pub comment: Option<String>,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// To tell the dealer of it.
    Register,
    /// To tell the dealer what it says now.
    Change,
    /// To ask for its inspection.
    Request,
    /// To take back that it be inspected, because it says something else now.
    Withdraw,
    /// Nothing, before it is inspected.
    Wait,
    /// Its messages may be sent.
    Approved,
    /// Its customer must change it.
    Rejected,
    /// Its customer must register it under another code: what was approved under this one says something else, and stays.
    Taken,
}

/// What is due for a template that waits here.
pub fn next(held: Option<&Held>) -> Next {
    let Some(Held { inspection, same, .. }) = held else { return Next::Register };
    match (inspection, same) {
        (Inspection::Registered, true) => Next::Request,
        (Inspection::Registered | Inspection::Rejected, false) => Next::Change,
        (Inspection::Requested, true) => Next::Wait,
        (Inspection::Requested, false) => Next::Withdraw,
        (Inspection::Approved, true) => Next::Approved,
        (Inspection::Approved, false) => Next::Taken,
        (Inspection::Rejected, true) => Next::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dealer, and what becomes of what it holds when it is told the next thing.
    fn told(held: Option<Held>) -> (Next, Option<Held>) {
        let due = next(held.as_ref());
        let held = |inspection| Some(Held { inspection, same: true, comment: None });
        let after = match due {
            Next::Register | Next::Change => held(Inspection::Registered),
            Next::Request => held(Inspection::Requested),
            Next::Withdraw => Some(Held { inspection: Inspection::Registered, same: false, comment: None }),
            Next::Wait | Next::Approved | Next::Rejected | Next::Taken => None,
        };
        (due, after)
    }

    #[test]
    fn wherever_it_stands_a_template_comes_to_its_inspection_or_its_verdict() {
        use Inspection::*;
        let all = [Registered, Requested, Approved, Rejected];
        let some = all.into_iter().flat_map(|inspection| [true, false].map(|same| Some((inspection, same))));
        for begun in some.chain([None]) {
            let mut held = begun.map(|(inspection, same)| Held { inspection, same, comment: None });
            let mut calls = Vec::new();
            let end = loop {
                match told(held.clone()) {
                    (due, Some(after)) => {
                        calls.push(due);
                        held = Some(after);
                    }
                    (due, None) => break due,
                }
            };
            let (way, verdict) = match begun {
                None => (vec![Next::Register, Next::Request], Next::Wait),
                Some((Registered, true)) => (vec![Next::Request], Next::Wait),
                Some((Registered | Rejected, false)) => (vec![Next::Change, Next::Request], Next::Wait),
                Some((Requested, true)) => (vec![], Next::Wait),
                Some((Requested, false)) => (vec![Next::Withdraw, Next::Change, Next::Request], Next::Wait),
                Some((Approved, same)) => (vec![], if same { Next::Approved } else { Next::Taken }),
                Some((Rejected, true)) => (vec![], Next::Rejected),
            };
            assert_eq!((calls, end), (way, verdict), "{begun:?}");
        }
    }
}
