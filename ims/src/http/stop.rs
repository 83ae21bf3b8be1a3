//! Why a request ends without what it asked for.

use super::answer::{Answer, Problem};
use axum::response::{IntoResponse, Response};
use processors::refusal::Refusal;

/// Why it does.
pub enum Stop {
    /// The door refuses.
    Problem(Problem),
    /// What it says is refused.
    Refused(Refusal),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Refused(refusal) => Answer::<()>::from(refusal).into_response(),
        }
    }
}

/// What a handler answers.
pub type Told<D> = Result<Answer<D>, Stop>;
